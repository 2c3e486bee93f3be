"""English sentences for the token standard and its laboratory tools; see `message_words`."""

from __future__ import annotations

from posapp.ui.message_words import NOTHING, Words

NO_SET = "This meter has no tokens; the other rows are not touched."
LIST_ROW = "Correct the row and run it again."
LOST_ZERO = "A spreadsheet may have dropped a zero in front: keep the column as text."

STS_WORDS: dict[str, Words] = {
    "TOKEN_FORM": ("A token has 20 digits.", NOTHING, "Type all five groups of four."),
    "TOKEN_CRC": ("This token is not for this meter, or a digit is wrong.", NOTHING, "Compare it."),
    "TOKEN_CLASS": ("Token class {token_class} is not known.", NOTHING, "Compare the digits."),
    "TOKEN_SUBCLASS": ("Token subclass {subclass} is not known.", NOTHING, "Compare the digits."),
    "TOKEN_FIELD": (
        "This {field} does not fit into the token.",
        NOTHING,
        "Choose one within its bits.",
    ),
    "TOKEN_RANGE": ("This number is too large for a token.", NOTHING, "Compare the digits."),
    "DECODER_KEY_LENGTH": (
        "This cipher takes a decoder key of {expected} bytes, not {length}.",
        NOTHING,
        "EA07 takes 8 bytes, EA11 takes 16.",
    ),
    "VENDING_KEY_LENGTH": ("This vending key has {length} bytes.", NOTHING, "Use the right key."),
    "VENDING_KEY_PARITY": ("The parity of this vending key is wrong.", NOTHING, "Compare it."),
    "VENDING_KEY_ATTRIBUTE": ("{field} of the vending key is wrong.", NOTHING, "Correct it."),
    "DKGA_EA": ("Key generation {dkga} does not go with cipher {ea}.", NOTHING, "Correct it."),
    "DKGA_WITHDRAWN": ("Key generation {dkga} was withdrawn.", NOTHING, "Use 02 or 04."),
    "UNKNOWN_DKGA": ("Key generation {dkga} is not known.", NOTHING, "Use 02 or 04."),
    "EA_UNKNOWN": ("Cipher {ea} is not known.", NOTHING, "Use 07 or 11."),
    "SGC_MISSING": ("This vending key names no supply group.", NOTHING, "Add its six digits."),
    "TID_COUNT": (
        "One meter takes 1 to {maximum} tokens at once.",
        NOTHING,
        "Choose another number.",
    ),
    "KEY_CHANGE_NOTHING": (
        "The meter has the key of supply group {sgc}, revision {krn} already.",
        NOTHING,
        "Nothing to do.",
    ),
    "KEY_CHANGE_TYPE": (
        "A key of type {old} cannot be changed to one of type {new}.",
        NOTHING,
        "Choose another key.",
    ),
    "KEY_CHANGE_EXPIRED": (
        "The new key has expired (KEN {ken}).",
        NOTHING,
        "Choose a key that is valid.",
    ),
    "KEY_CHANGE_FIELD": ("{field} of the key change is wrong.", NOTHING, "Correct it."),
    "METER_ATTRIBUTE": ("{field} of this virtual meter is wrong.", NOTHING, "Correct it."),
    "METER_DESIGN": ("{field} of this make of meter is wrong.", NOTHING, "Correct it."),
    "CARD_FORM": (
        "This is no meter card.",
        NOTHING,
        "Swipe it again, or type the meter number.",
    ),
    "CARD_FIELD": (
        "The meter card is damaged: {field}.",
        NOTHING,
        "Type the meter number instead.",
    ),
    "CARD_EXPIRED": (
        "This meter card ended with month {month} of {year}.",
        "Nothing was sold.",
        "The customer needs a new card. Type the meter number if the utility allows it.",
    ),
    "TOKEN_NOT_METER": (
        "These 20 digits are a token, not a meter number.",
        NOTHING,
        "The meter number has 11 or 13 digits.",
    ),
    "KEY_NEEDED": ("This needs a key.", NOTHING, "Name a key file, or a decoder key."),
    "KEY_NOT_IN_FILE": (
        "The key file has no key of supply group {sgc}, revision {krn}.",
        NOTHING,
        "Choose one that is in it.",
    ),
    "OPTIONS_APART": ("{one} does not go with {other}.", NOTHING, "Leave one of them out."),
    "AMOUNT_NEGATIVE": (
        "A token in units cannot carry less than nothing.",
        NOTHING,
        "Only money may be taken back: --money.",
    ),
    "METER_NEEDED": ("This needs a meter number.", NOTHING, "Name the meter."),
    "METER_RESULT": (
        "{shown} is nothing that a meter says.",
        NOTHING,
        "Use UsedError, OldError or such.",
    ),
    "MANAGEMENT_VALUE": ("{kind} takes {expected}.", NOTHING, "Correct it."),
    "AMOUNT_FORM": ("This is no amount.", NOTHING, "Write it like 25.6."),
    "TIME_FORM": ("{text} is no time.", NOTHING, "Write it like 2026-11-20T09:00."),
    "LABORATORY_IN_SERVICE": (
        "The till in {folder} is in service, and laboratory tools are not for its computer.",
        NOTHING,
        "Use another computer.",
    ),
    "SAME_FILE": ("{file} would be overwritten by its own result.", NOTHING, "Name another."),
    "METER_TESTS": ("The list of meter tests has a mistake: {field}.", NOTHING, "Correct it."),
    "EXPLAIN_RECORD": (
        "The file of the meter has a mistake: {field} must be {expected}.",
        NOTHING,
        "Correct the file.",
    ),
    "PAN_CHECK_DIGIT": ("The check digit of this PAN does not fit.", NOTHING, "Compare it."),
    "PAN_FORM": ("A PAN has 18 digits, not {length}.", NOTHING, "Compare it."),
    "PAN_ISSUER": ("The issuer {issuer} does not go with this meter.", NOTHING, "Compare it."),
    "TARIFF_INDEX": ("The tariff index {ti} is no two digits.", NOTHING, "Correct it."),
    "STA_TABLES_CHANGED": (
        "These are not the STA tables that this module began with.",
        "No token was made: with other tables no meter of the site would take it.",
        "Look at module.toml and the option; if they are meant, start once with --new-sta-tables.",
    ),
    "STA_TABLES": (
        "STA tables have a mistake: {field} must be {expected}.",
        NOTHING,
        "Correct it.",
    ),
    "STA_TABLES_FILE": (
        "The STA tables in {file} have a mistake: {field} must be {expected}.",
        NOTHING,
        "Correct the file, or name another one.",
    ),
    "STA_TABLES_UNREADABLE": (
        "The STA tables in {file} cannot be read: {reason}.",
        NOTHING,
        "Look at the name, in the option, POSAPP_STA_TABLES or module.toml.",
    ),
    "VECTORS_INVALID": (
        "The vector file {file} cannot be used: {expected}.",
        NOTHING,
        "Name a file with a list of vectors.",
    ),
    "BULK_MISSING": (
        "Bulk work needs the package {package}.",
        NOTHING,
        "Install posapp with its extra bulk.",
    ),
    "CSV_EMPTY": (
        "The list of meters has no first line with the names of its columns.",
        "No key-change set was made.",
        "Begin it with: {expected}.",
    ),
    "CSV_COLUMN_MISSING": ("The list has no column {field}.", NO_SET, "Add it."),
    "CSV_COLUMN_TWICE": ("The list has the column {field} twice.", NO_SET, "Keep one of them."),
    "CSV_COLUMN_UNKNOWN": (
        "The list has a column {field} that means nothing here.",
        NO_SET,
        "Use only these: {expected}.",
    ),
    "CSV_ROWS": (
        "The list has more than {maximum} rows.",
        "The rows before have their tokens.",
        "Cut the list into parts.",
    ),
    "ROW_FORM": ("This is no row of a list of meters.", NO_SET, LIST_ROW),
    "ROW_SGC": ("The supply group code has not six digits.", NO_SET, LOST_ZERO),
    "ROW_KRN": ("The key revision number is not 1 to 9.", NO_SET, LIST_ROW),
    "ROW_TI": ("The tariff index has not two digits.", NO_SET, LOST_ZERO),
    "ROW_NEW_SGC": ("The new supply group code has not six digits.", NO_SET, LOST_ZERO),
    "ROW_NEW_KRN": ("The new key revision number is not 1 to 9.", NO_SET, LIST_ROW),
    "ROW_NEW_TI": ("The new tariff index has not two digits.", NO_SET, LOST_ZERO),
    "ROW_THREE_TOKEN": ("The mark of a third token is not 0 or 1.", NO_SET, LIST_ROW),
    "NEW_KEY_NOT_FOUND": ("There is no such vending key to change to.", NO_SET, LIST_ROW),
}
