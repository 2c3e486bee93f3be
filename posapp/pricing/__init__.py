"""Tariff packs and what a sale costs under them: pure functions in integers and Decimal.

`pack` loads and checks a pack, `components` are its parts, `quote` prices a sale both ways.
"""
