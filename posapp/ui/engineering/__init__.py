"""Tokens that are no sale: work on a meter, and units nobody pays for."""
