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
}
