"""English sentences for the drawer, the Z and what the vendor earns."""

from __future__ import annotations

from posapp.ui.message_words import HELP, NOTHING, Words

CASH_WORDS: dict[str, Words] = {
    "CASH_AMOUNT": (
        "This is no amount of cash.",
        NOTHING,
        "Type how much, above 0; an opened drawer has none.",
    ),
    "CASH_REASON_MISSING": (
        "Nothing says why.",
        NOTHING,
        "Type the reason in a few words.",
    ),
    "CASH_REFERENCE_MISSING": (
        "A deposit needs the number of the bag or of the bank's slip.",
        NOTHING,
        "Type the number.",
    ),
    "CASH_NOT_THERE": (
        "There is less than that in the drawer.",
        NOTHING,
        "Type a smaller amount, or put cash in first.",
    ),
    "CASH_NOTHING_HELD": (
        "No money of a customer is held for that receipt, or it is another amount.",
        NOTHING,
        "Look at the list of held money on the X; only a sale that ended without a token is there.",
    ),
    "MODULE_DISAGREES": (
        "The module's book has {module_tokens} tokens, ours has {ledger_tokens};"
        " {orphans} orders are in no sale.",
        "The shift stays open. No money and no token is lost.",
        "Call a supervisor, who looks at the list and signs with the PIN.",
    ),
    "Z_UNKNOWN": (
        "There is no Z {number} on this till.",
        NOTHING,
        "Choose one of the list.",
    ),
    "Z_DAMAGED": (
        "The stored paper of a Z cannot be read.",
        "The sales and the ledger are not touched.",
        HELP,
    ),
    "Z_GAP": (
        "Z {number} does not follow Z {last}.",
        NOTHING,
        HELP,
    ),
    "REFUND_TOO_LARGE": (
        "No more than {maximum_minor} was paid for that sale.",
        NOTHING,
        "Ask for that much or less.",
    ),
    "DATES_MISSING": (
        "It was not said which dates.",
        NOTHING,
        "Give --date, or --from and --to.",
    ),
    "DATES_RANGE": (
        "These dates end before they begin, or are more than {days}.",
        NOTHING,
        "Ask for fewer days.",
    ),
    "REPORT_FORM": (
        "This report has no {form}.",
        NOTHING,
        "It can be written as: {known}.",
    ),
    "CHART_INVALID": (
        "The chart of accounts in {file} cannot be used: {field} is wrong.",
        "The ledger itself is not touched.",
        "Correct the file, or take it away: then the shipped one counts.",
    ),
    "COMMISSION_RULE": (
        "The commission rules in {file} cannot be used: {field} is wrong.",
        "Nothing was sold or booked.",
        "Ask head office for a right file.",
    ),
}
