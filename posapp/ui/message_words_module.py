"""English sentences for what the security module itself refuses; see `message_words`."""

from __future__ import annotations

from posapp.ui.message_words import NO_SALE, NOTHING, Words
from posapp.ui.message_words_keys import ASK_OFFICE, UNUSED

CALL_OFFICE = "A supervisor must load a new authorisation from head office."
BY_STICK = "Take the module's audit to head office on a stick, and the confirmation back."

MODULE_WORDS: dict[str, Words] = {
    "LIMIT_UNITS": (
        "The module may make {left_tenths} more for supply group {sgc}, revision {krn}.",
        NO_SALE,
        CALL_OFFICE,
    ),
    "LIMIT_CURRENCY": (
        "The module's limit for tokens in money is reached (supply group {sgc}).",
        NO_SALE,
        CALL_OFFICE,
    ),
    "LIMIT_VALUE": (
        "The module may sell for {left_minor} more with supply group {sgc}.",
        NO_SALE,
        CALL_OFFICE,
    ),
    "AUTHORISATION_MISSING": (
        "Head office has not authorised this module yet.",
        NO_SALE,
        CALL_OFFICE,
    ),
    "AUDIT_FULL": (
        "{waiting} tokens of the module are not confirmed by head office; {maximum} may be.",
        NO_SALE,
        BY_STICK,
    ),
    "OUTSIDE_HOURS": (
        "The module makes no tokens at this time of the week.",
        NO_SALE,
        "Sell within the opening hours, or ask head office to change them.",
    ),
    "TILL_FOREIGN": (
        "This module is authorised for another till.",
        NO_SALE,
        "Plug in the module of this till.",
    ),
    "VERIFY_TOO_OFTEN": (
        "Too many tokens were checked that do not fit.",
        NOTHING,
        "Wait some minutes and compare the digits.",
    ),
    "AUTHORISATION_UNTRUSTED": (
        "This module was made without anybody to believe.",
        UNUSED,
        "Nothing to do: a laboratory's module has no limits.",
    ),
    "AUTHORISATION_FOREIGN": (
        "This document is for the module {module}.",
        UNUSED,
        "Load the document of this module.",
    ),
    "AUTHORISATION_NUMBER": (
        "This is authorisation {number}; the module takes number {expected} next.",
        UNUSED,
        "Load number {expected} first. A number loaded before needs nothing.",
    ),
    "AUTHORISATION_SHRINKS": (
        "This authorisation takes back what was granted for supply group {sgc}.",
        UNUSED,
        ASK_OFFICE,
    ),
    "AUTHORISATION_GRANTS": (
        "A module serves at most {maximum} vending keys.",
        UNUSED,
        ASK_OFFICE,
    ),
    "AUTHORISATION_CURRENCY": (
        "This authorisation is not in {expected}.",
        UNUSED,
        ASK_OFFICE,
    ),
    "AUTHORISATION_EXPIRED": (
        "This authorisation ended on {until}.",
        UNUSED,
        "Look at the clock. If it is right, ask head office for a new one.",
    ),
    "ACKNOWLEDGEMENT_OLD": (
        "Head office confirmed more than this before.",
        UNUSED,
        "Nothing to do: the newer confirmation counts.",
    ),
    "ACKNOWLEDGEMENT_OTHER": (
        "Head office has another entry {number} than this module.",
        "Nothing of this document was used. The module may have been copied or set back.",
        "Stop using this module and call head office.",
    ),
    "RUN_CHANGED": (
        "The list of meters changed while it was read.",
        "The run is in the audit; its tokens were destroyed.",
        "Run it again with a list that nobody writes.",
    ),
    "LOAD_UNCERTAIN": (
        "The module did not say whether it took the document.",
        "It may have it; the journal names both people. No sale is touched.",
        "Look at the module's cable, then load the document again: twice does no harm.",
    ),
}
