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
    "CUSTOMER_ERASED": (
        "Customer {customer_id} was erased and is not loaded again.",
        NOTHING,
        "Give a person who comes back another number.",
    ),
}
