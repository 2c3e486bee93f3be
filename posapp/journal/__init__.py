"""The truth of a till: facts, in order, hash-chained, the head signed. Append only.

`facts` says what can be written, `chain` how entries hang together, `verify` reads it back.
"""
