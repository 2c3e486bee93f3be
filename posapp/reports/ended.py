"""Why a sale ended without a token, in the few words that fit beside its number."""

from __future__ import annotations

from posapp.reports.words import Words


def why_no_token(code: str, say: Words) -> str:
    """The words for the code that the journal keeps; a code of later software as it is."""
    return say.or_else(f"ended.{code.lower()}", "ended.other", code=code)
