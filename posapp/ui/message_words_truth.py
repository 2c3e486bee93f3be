"""English sentences for customers' data, for what is unresolved, and for the till's clock."""

from __future__ import annotations

from posapp.ui.message_words import NOTHING, Words

TRUTH_WORDS: dict[str, Words] = {
    "PERSON_UNKNOWN": (
        "Nothing is kept here under customer {customer}.",
        NOTHING,
        "Check the number on the customer's account.",
    ),
    "PERSON_ERASED": (
        "Customer {customer} was erased at this till before.",
        NOTHING,
        "Nothing is left to do here.",
    ),
    "CLOCK_JUMPED": (
        "The clock of this till is far ahead of the last known moment, {floor}.",
        "What was sold is safe. Selling waits, because a token needs the right time.",
        "A supervisor looks at the time under Open points and confirms it or sets it.",
    ),
    "CLOCK_BEFORE_FLOOR": (
        "It was {floor} already; this till cannot go back before that.",
        NOTHING,
        "Look at another clock and type its date and time.",
    ),
    "CLOCK_AFTER_LEASE": (
        "That is after {until}, when this till's lease ends.",
        NOTHING,
        "Look at another clock; if it is right, connect to head office for a new lease.",
    ),
    "CLOCK_TEXT": (
        "This is no date and time.",
        NOTHING,
        "Type day, month, year and time: 24.12.2026 09:30.",
    ),
    "CLAIM_ENDED": (
        "This sale is not open any more.",
        "Its outcome is known; no claim is needed.",
        "Look at the list again.",
    ),
    "CLAIM_ASK_FIRST": (
        "The module that was asked is there again.",
        "It knows whether the token was made.",
        "Ask the module; it takes a few seconds.",
    ),
    "CLAIM_PRINTED": (
        "Nobody could say whether the token was made; the customer has a claim slip.",
        "The money is held.",
        "Ask the module again when it is back, or settle it from its signed book.",
    ),
    "SETTLE_ASK_FIRST": (
        "Module {module} is there and knows what it made.",
        NOTHING,
        "Ask the module instead of its book.",
    ),
    "AUDIT_KEY_UNKNOWN": (
        "This till never saw module {module}, so it cannot check its book.",
        NOTHING,
        "Take the book to head office.",
    ),
    "AUDIT_NOT_MADE": (
        "The module's signed book proves that no token was made.",
        "No token exists; the money goes back to the customer.",
        "Give the money back, or sell again.",
    ),
    "SETTLED_BY_AUDIT": (
        "The module's signed book proves that the token was made; its digits are not here.",
        "The money is counted as sold.",
        "Keep the claim slip: head office replaces the token.",
    ),
    "VOIDED": (
        "This sale was voided before anybody saw its token.",
        "The money went back; the token will never be shown.",
        "Nothing is left to do.",
    ),
    "SHIFT_ENDED": (
        "The shift was closed while this sale waited for its module.",
        "The money is held.",
        "Ask the module again when it is back, or print a claim slip.",
    ),
    "ORPHAN_SETTLED": (
        "Somebody settled this already.",
        NOTHING,
        "Look at the list again.",
    ),
    "CUSTOMER_ERASED": (
        "Customer {customer_id} was erased and is not loaded again.",
        NOTHING,
        "Give a person who comes back another number.",
    ),
}
