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
    "TENDER_REFERENCE_TWICE": (
        "The reference {reference} stands there twice.",
        NOTHING,
        "Each payment has a number of its own; read it again.",
    ),
    "KEY_CHANGE_FIRST": (
        "This meter needs its key change before it can buy.",
        NOTHING,
        "Print the key change; the customer comes back when the meter has taken it.",
    ),
    "KEY_CHANGE_UNANSWERED": (
        "Nobody has said yet whether meter {number} took its key change.",
        NOTHING,
        "Ask the customer and answer; then sell.",
    ),
    "KEY_CHANGE_NOT_DUE": (
        "No key change is due for meter {number}.",
        NOTHING,
        "Find the meter again; head office may have changed it just now.",
    ),
    "METER_KNOWN": (
        "Head office knows meter {number}.",
        NOTHING,
        "Sell to it as to any other.",
    ),
    "SAME_METER": (
        "Both are meter {number}.",
        NOTHING,
        "Type the number of the other meter.",
    ),
    "EVIDENCE_MISSING": (
        "Nothing says what was shown as evidence.",
        NOTHING,
        "Name the papers or the photo, in at most {limit} characters.",
    ),
    "UNITS_NOT_EXACT": (
        "One token cannot carry exactly that many units.",
        NOTHING,
        "The next that fits is {next_tenths} kWh.",
    ),
    "WORK_ORDER_MISSING": (
        "There is no work order.",
        NOTHING,
        "Type its number, at most 40 characters.",
    ),
    "WORK_VALUE": (
        "The {field} of this task is out of its range.",
        NOTHING,
        "Type it again.",
    ),
    "PAYMENT_AMOUNT": (
        "There is no amount to pay.",
        NOTHING,
        "Type one to eight amounts above zero.",
    ),
    "DEBT_UNKNOWN": (
        "This customer owes nothing on {account}.",
        NOTHING,
        "Choose one of the debts that are shown.",
    ),
    "DEBT_SMALLER": (
        "Only {maximum_minor} is owed.",
        NOTHING,
        "Take at most that, or pay the rest to the account.",
    ),
    "SALE_NOT_FOUND": (
        "There is no such sale here.",
        NOTHING,
        "Find it by its receipt number.",
    ),
    "VOID_TOO_LATE": (
        "The token of receipt {receipt} was seen, or its drawer is counted.",
        "The sale stands and its token is good.",
        "Write a refund request instead.",
    ),
    "REFUND_AMOUNT": (
        "At most {maximum_minor} of this sale can be asked back.",
        NOTHING,
        "Type a smaller amount.",
    ),
    "METERS_RANGE": (
        "One payment is for at least one meter and at most {limit}.",
        NOTHING,
        "Take the others in a second payment.",
    ),
    "METER_TWICE": (
        "Meter {number} stands there twice.",
        NOTHING,
        "Sell it once, with the sum of both.",
    ),
}
