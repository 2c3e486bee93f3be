"""The till's encrypted store: journal, what is projected from it, and what head office sent.

Start with `store` (open, write, read); `schema` says what the tables mean.
"""
