"""What a module may forget, so that its store stays small: what head office has and nobody asks.

A till restored from a backup asks for its latest answers; a TID that lies in the window in which
one may be proposed is remembered, whatever was acknowledged.
"""

from __future__ import annotations

from posapp.security_module.reference.books import Books
from posapp.security_module.reference.issue import Policy

ANSWERS_KEPT = 4096  # more than any till makes between two backups
ENTRIES_KEPT = 4096  # acknowledged ones, should head office have to go back to a backup itself
AT_ONCE = 200  # in one transaction between two requests: some milliseconds
_MINUTE_MS = 60_000
_MARGIN_MS = 24 * 60 * _MINUTE_MS


def tidy(books: Books, policy: Policy) -> bool:
    """Forget some of what may be forgotten; whether there may be more of it.

    The moment that counts is head office's newest word and not our clock, which may have been
    false: no clock that the module will ever believe proposes older TIDs again.
    """
    standing = books.standing()
    before = standing.acknowledged_no - ENTRIES_KEPT
    forgotten = books.forget_audit(before, AT_ONCE) if before > 1 else 0
    upto = min(standing.issues_acknowledged, books.issue_count() - ANSWERS_KEPT)
    before_ms = standing.last_word_ms - policy.behind * _MINUTE_MS - _MARGIN_MS
    answers = books.forget_issues(upto, before_ms, AT_ONCE) if upto > 0 else 0
    return max(forgotten, answers) == AT_ONCE
