"""Every number that ended without a token says why, on paper and on the screen."""

from __future__ import annotations

import pytest

from posapp.reports.ended import why_no_token
from posapp.reports.words import words
from posapp.services.issue import _REFUSALS
from posapp.services.print_claim import REASON as CLAIM
from posapp.services.settle_audit import NOT_MADE
from posapp.services.shift import SHIFT_ENDED
from posapp.store.projections import SETTLED, VOIDED
from posapp.ui import messages

ENDED = sorted({*_REFUSALS, "MODULE_ABSENT", "MODULE_BUSY", "WRONG_MODULE", NOT_MADE, VOIDED})
HELD = (CLAIM, SHIFT_ENDED, SETTLED)
ROOM = 26  # characters beside a receipt number on the widest slip, two lines on the narrowest


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("code", ENDED)
def test_paper_says_why_in_words_that_fit(code: str, language: str):
    said = why_no_token(code, words(language))
    assert code not in said and 0 < len(said) <= ROOM


@pytest.mark.parametrize("code", [*ENDED, *HELD])
def test_the_screen_has_sentences_for_it(code: str):
    told = messages.tell(code, {})
    assert told.what and told.what != messages.UNLISTED[0]


def test_a_code_of_later_software_is_printed_as_it_is():
    assert why_no_token("QUITE_NEW", words("en")) == "not made (QUITE_NEW)"
