"""Security modules: the till's manager, the line, the drivers, and a reference module process.

Start with `manager.py` (the till's side) and `reference/engine.py` (the module's rules).
"""
