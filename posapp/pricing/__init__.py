"""Tariff packs and what a sale costs under them: pure functions in integers and exact decimals.

`pack` reads and proves a pack, `components` are its parts, `cost` adds and inverts, `quote` sells.
"""
