"""Encrypted SQLite through SQLAlchemy Core: engines, settings, migrations, locks.

Start with `engine.open_sqlcipher`; used by the till's store, head office and the module.
"""
