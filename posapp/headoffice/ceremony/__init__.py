"""The offline key ceremony: a sealed file that two officers open together, and what leaves it.

Nothing that serves tills may load this package; a test looks at every import.
"""
