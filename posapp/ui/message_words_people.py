"""English sentences for who may do what, and for the states in which the till cannot sell."""

from __future__ import annotations

from posapp.ui.message_words import NOTHING, Words

PEOPLE_WORDS: dict[str, Words] = {
    "OPERATION_DENIED": (
        "{name} may not do this.",
        NOTHING,
        "A supervisor signs in and does it.",
    ),
    "SECOND_PERSON_REQUIRED": (
        "This takes two people.",
        NOTHING,
        "A second person chooses the name and types the PIN.",
    ),
    "SECOND_PERSON_SAME": (
        "{name} is signed in already; this takes another person.",
        NOTHING,
        "A second person chooses the name and types the PIN.",
    ),
    "SECOND_PERSON_DENIED": (
        "{name} may not stand by for this.",
        NOTHING,
        "Ask somebody with more rights.",
    ),
    "OVERRIDE_REASON_MISSING": (
        "Nothing says why.",
        NOTHING,
        "Choose a reason; both people sign it.",
    ),
    "OVERRIDE_NOTE_LONG": (
        "The note is too long.",
        NOTHING,
        "Use at most {limit} characters.",
    ),
    "AMOUNT_ABOVE_ROLE": (
        "Your role may sell at most {maximum_minor}.",
        NOTHING,
        "Sell less, or ask a supervisor to sell it.",
    ),
    "VOID_ABOVE_ROLE": (
        "Your role may void at most {maximum_minor}.",
        NOTHING,
        "A supervisor signs in and does it.",
    ),
    "FREE_UNITS_ABOVE_ROLE": (
        "Your role may give at most {maximum_tenths} kWh free at once.",
        NOTHING,
        "Give less, or a supervisor signs in and does it.",
    ),
    "FREE_ISSUES_USED": (
        "Your {count} free issues of today are used.",
        NOTHING,
        "A supervisor signs in and does it, or it waits until tomorrow.",
    ),
}
