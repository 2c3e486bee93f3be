"""Closing a shift: blind count, compare, reason, slip."""
