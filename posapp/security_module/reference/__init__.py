"""The reference module: a process of its own that holds the vending keys (test keys only).

`engine.py` decides, `store.py` remembers, `server.py` answers; the till imports none of them.
"""
