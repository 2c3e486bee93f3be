"""English sentences for head office, its line, files and devices; see `message_words`."""

from __future__ import annotations

from posapp.ui.message_words import AGAIN, NOTHING, SAFE, Words

GOES_ON = "Selling goes on and nothing is lost."
WAITS = "The till tries again by itself."
CALL = "Call head office and name this code."
ROW_OUT = "This row was left out; the others were loaded."
ROW = "Correct the row and load the file again."
FILE_OUT = "Nothing of this file was loaded."

LINE: dict[str, Words] = {
    "LINE_DOWN": ("Head office cannot be reached.", GOES_ON, WAITS),
    "LINE_STALLED": ("The line to head office stands still.", GOES_ON, WAITS),
    "LINE_GARBLED": ("The line to head office gave back something else.", GOES_ON, WAITS),
    "LINE_REFUSED": ("Head office's server answered with {status}.", GOES_ON, WAITS),
    "REPLY_FORGED": (
        "The answer was not from this till's head office.",
        GOES_ON,
        "Look at the address of head office. " + CALL,
    ),
    "HEAD_OFFICE_URL": (
        "{url} is no address of a head office.",
        NOTHING,
        "Use an address like http://10.0.0.5:8080.",
    ),
    "PUSH_INVALID": ("Head office could not read what was sent.", SAFE, CALL),
    "SYNC_OUT_OF_STEP": ("Head office's answer did not fit.", SAFE, WAITS),
    "SYNC_ENDLESS": ("Head office did not come to an end.", SAFE, WAITS),
    "FEED_OUT_OF_STEP": ("Head office's rows did not fit.", SAFE, WAITS),
    "FEED_WENT_BACK": ("Head office has fewer rows than it once sent.", SAFE, CALL),
    "SCOPE_FORBIDDEN": ("Head office does not give these rows to this till.", SAFE, CALL),
    "MESSAGE_UNKNOWN": ("Head office does not know this message.", SAFE, CALL),
}

STANDING: dict[str, Words] = {
    "TILL_ROLLED_BACK": (
        "This till was restored from an older copy; head office has newer sales of it.",
        "Those sales are safe at head office; nothing is sent now.",
        "Stop selling on this till and call head office.",
    ),
    "TILL_FORKED": (
        "Head office has other sales of this till than the till itself.",
        "Both are kept; nothing is sent now.",
        "Stop selling on this till and call head office: there may be two copies of it.",
    ),
    "TILL_SUSPENDED": ("Head office has suspended this till.", SAFE, "Call head office."),
    "TILL_UNKNOWN": ("Head office does not know this till.", SAFE, "Call head office."),
    "EPOCH_UNKNOWN": ("Head office does not know this till's journal.", SAFE, CALL),
    "ENROL_CODE_WRONG": ("The one-time code is wrong.", NOTHING, "Type it again as it is printed."),
    "ENROL_CODE_EXPIRED": (
        "The one-time code is older than three days.",
        NOTHING,
        "Ask head office for a new one.",
    ),
    "ENROL_CODE_USED": (
        "The one-time code has been used already.",
        NOTHING,
        "Ask head office for a new one.",
    ),
    "ENROL_CODE_BLOCKED": (
        "The one-time code was typed wrong five times and is blocked.",
        NOTHING,
        "Ask head office for a new one.",
    ),
}

OFFICE: dict[str, Words] = {
    "OFFICE_EXISTS": (
        "There is a head office in {folder} already.",
        NOTHING,
        "Use another folder.",
    ),
    "OFFICE_MISSING": (
        "There is no head office in {folder}.",
        NOTHING,
        "Make one with posapp headoffice init.",
    ),
    "ZONE_UNKNOWN": (
        "{zone} is no time zone.",
        NOTHING,
        "Use a name like Africa/Nairobi.",
    ),
    "DAY_START_INVALID": ("{text} is no time of day.", NOTHING, "Use a time like 00:00."),
    "LISTEN_ADDRESS_INVALID": ("{address} cannot be listened on.", NOTHING, "Use {expected}."),
    "LISTEN_REFUSED": ("{address} cannot be used: {reason}.", NOTHING, "Use another address."),
    "OPERATOR_NAME": ("The name is empty or too long.", NOTHING, AGAIN),
    "ROLE_LIMIT": (
        "{name} is no limit that a role can have.",
        NOTHING,
        "Give a number from 0, which forbids, to {most}.",
    ),
    "OPERATOR_ROLE": ("{role} is no role.", NOTHING, "Use one of {expected}."),
    "OPERATORS_TOO_MANY": ("There are {most} operators already.", NOTHING, CALL),
    "TILL_TEXT_TOO_LONG": ("A text is longer than {most} characters.", NOTHING, "Shorten it."),
    "TILL_TERMS_INVALID": (
        "The float and the limits of one sale do not fit together.",
        NOTHING,
        "The smallest sale may not be above the largest; a lease has 1 to 90 days.",
    ),
    "TILL_ALREADY_ENROLLED": (
        "Till {code} has been enrolled and has worked.",
        NOTHING,
        "Give a new machine a new till code: receipt numbers must not begin again.",
    ),
    "FLOAT_NOT_POSITIVE": ("A float can only grow.", NOTHING, "Enter an amount above zero."),
}

FILES: dict[str, Words] = {
    "FILE_TOO_LARGE": ("{file} is larger than {most_mib} MiB.", FILE_OUT, "Split it."),
    "IMPORT_NOT_TEXT": (
        "{file} is not UTF-8 text: see line {line}.",
        FILE_OUT,
        "Save it as CSV UTF-8.",
    ),
    "IMPORT_HEADER": (
        "The columns of {file} do not fit. Missing: {missing}. Unknown: {unknown}.",
        FILE_OUT,
        "Name the columns in the first line as the README says.",
    ),
    "TARIFF_EXAMPLE": (
        "The tariff pack {file} does not give the result of its own example {example}.",
        FILE_OUT,
        "Correct the rates or the example.",
    ),
    "TARIFF_CURRENCY": (
        "{file} is not in {currency}, the currency that is paid here.",
        FILE_OUT,
        "Load a tariff in {currency}.",
    ),
    "TARIFF_VERSION_TAKEN": (
        "{file} changes a tariff that is in use as version {newest}.",
        FILE_OUT,
        "Give the changed tariff a higher version.",
    ),
    "ROW_COLUMNS": ("It has {found} cells in place of {expected}.", ROW_OUT, ROW),
    "ROW_QUOTES": ("A quotation mark is not closed.", ROW_OUT, ROW),
    "ROW_REPEATED": ("It is in line {first_line} already.", ROW_OUT, ROW),
    "FIELD_EMPTY": ("{field} is empty.", ROW_OUT, ROW),
    "FIELD_TOO_LONG": ("{field} is longer than {most} characters.", ROW_OUT, ROW),
    "FIELD_CONTROL": ("{field} has a character that cannot be printed.", ROW_OUT, ROW),
    "FIELD_NUMBER": ("{field} is not a number from {low} to {high}.", ROW_OUT, ROW),
    "FIELD_VALUE": ("{field} is not one of {expected}.", ROW_OUT, ROW),
    "FIELD_FORM": ("{field} is not written like {expected}.", ROW_OUT, ROW),
    "FIELD_FUTURE": ("{field} is later than now.", ROW_OUT, ROW),
    "TARIFF_UNKNOWN": ("No tariff {tariff} is loaded.", ROW_OUT, "Load its pack first."),
    "CUSTOMER_UNKNOWN": ("No customer {customer_id} is loaded.", ROW_OUT, ROW),
    "CUSTOMER_CONFLICT": (
        "Customer {customer_id} does not have the account {account}.",
        ROW_OUT,
        ROW,
    ),
    "ACCOUNT_UNKNOWN": ("No customer has the account {account}.", ROW_OUT, ROW),
    "ACCOUNT_SHARED": (
        "More than one customer has the account {account}.",
        ROW_OUT,
        "Say whose it is by customer_id.",
    ),
}

MACHINE: dict[str, Words] = {
    "REPORT_NOWHERE": ("It was not said where to write the report.", NOTHING, "Name a file."),
    "FILE_UNWRITABLE": ("{file} cannot be written: {reason}.", NOTHING, "Choose another file."),
    "SQLITE_TOO_OLD": (
        "The database library {found} is older than {needed}.",
        NOTHING,
        "Install the till again, with the versions that belong to it.",
    ),
    "TOKENS_INCOMPLETE": (
        "The tokens in journal entry {seq} are not all of its sale's.",
        NOTHING,
        CALL,
    ),
    "PRINTER_ADDRESS": ("{address} is no printer's address.", SAFE, "Correct the settings."),
    "LISTEN_FORM": ("{listen} cannot be listened on.", NOTHING, "Use tcp:HOST:PORT or pty:PATH."),
    "PTY_UNSUPPORTED": ("{listen} needs Linux or macOS.", NOTHING, "Use tcp:HOST:PORT."),
    "MODULE_ADDRESS_INVALID": (
        "{address} is no security module's address.",
        NOTHING,
        "Use {expected}.",
    ),
}

OFFICE_WORDS: dict[str, Words] = {**LINE, **STANDING, **OFFICE, **FILES, **MACHINE}
