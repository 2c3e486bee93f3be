"""The sell page: find, quote, tender, token."""
