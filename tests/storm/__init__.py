"""The long fault storms: hours of kills, cut lines and empty paper, by seed.

`python -m tests.storm [NAME...]`; short forms of each are in the ordinary tests.
"""
