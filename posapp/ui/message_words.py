"""English sentences by error code: (what happened, token and money, what to do). No Qt.

Short sentences, no codes, no exclamation marks; `{name}` is a parameter of the error. Keep the
three places in this order: a person reads the first and acts on the last.
"""

from __future__ import annotations

Words = tuple[str, str, str]

NO_SALE = "No token was made and no money is counted."
NOTHING = "Nothing was changed."
SAFE = "Sales and tokens are safe."
SLIP_SAFE = "The token is safe and the sale is counted once."
COUNTED = "The sale is stored and counted once."
HELP = "Call the help line and name this code."
AGAIN = "Try again."
OTHER_METER = "Ask head office about this meter."
NOT_TAKEN = "Nothing was taken from it."

UNLISTED: Words = ("This did not work.", "What was sold before is safe.", HELP)
UNKNOWN_OUTCOME = (
    "The till does not know yet whether a token was made; the customer is never charged twice.",
    "Do not sell it again. The till asks the module until it answers.",
)

# In place of the whole first sentence where there is room for a few words only.
SHORT: dict[str, str] = {
    "AMOUNT_BELOW_MINIMUM": "Smallest sale is {minimum_minor}",
    "AMOUNT_ABOVE_LIMIT": "Largest sale is {maximum_minor}",
    "FLOAT_TOO_LOW": "The float allows {left_minor}",
    "AMOUNT_LETTERS": "Type digits only",
    "AMOUNT_DECIMALS": "Too many decimals",
    "AMOUNT_TOO_LARGE": "That is too much for one sale",
    "UNITS_LETTERS": "Type kWh with one decimal",
    "UNITS_RANGE": "That is too much for one token",
    "AMOUNT_IN_GAP": "Ask for {lower_minor} or {upper_minor}",
    "UNITS_ABOVE_TOKEN": "One token carries {maximum_tenths}",
    "METER_BLOCKED": "This meter is blocked",
    "LEASE_EXPIRED": "The lease has ended",
    "LEASE_MISSING": "This till has no lease yet",
    "TARIFF_MISSING": "The tariff is not on this till",
    "TARIFF_NOT_EFFECTIVE": "The tariff is not in force",
    "BASE_DATE_ENDED": "This meter needs its key change first",
    "CLOCK_BACK": "The clock is wrong",
}

SELLING: dict[str, Words] = {
    "AMOUNT_LETTERS": ("An amount has digits only.", NOTHING, "Type it again: 1700 or 1700.50."),
    "AMOUNT_DECIMALS": ("This currency has {digits} decimals.", NOTHING, "Type fewer digits."),
    "AMOUNT_TOO_LARGE": ("That amount is too large for a sale.", NOTHING, "Look at the amount."),
    "AMOUNT_BELOW_MINIMUM": (
        "The smallest sale is {minimum_minor}.",
        NO_SALE,
        "Ask for at least that much.",
    ),
    "AMOUNT_ABOVE_LIMIT": (
        "The largest sale on this till is {maximum_minor}.",
        NO_SALE,
        "Sell less, or ask head office for a higher limit.",
    ),
    "UNITS_LETTERS": ("Units are digits with one decimal.", NOTHING, "Type it again: 71.1."),
    "UNITS_RANGE": ("That is more than one token can carry.", NOTHING, "Type fewer kWh."),
    "UNITS_ABOVE_TOKEN": (
        "One token carries at most {maximum_tenths}.",
        NO_SALE,
        "Make it two sales.",
    ),
    "TOKEN_UNITS_RANGE": ("That is more than one token can carry.", NO_SALE, "Sell less."),
    "FLOAT_TOO_LOW": (
        "The float allows {left_minor} more.",
        NO_SALE,
        "Sell less, or get a top-up from head office.",
    ),
    "LEASE_EXPIRED": (
        "The lease of this till ended on {until}.",
        NO_SALE,
        "Connect to head office to renew it.",
    ),
    "LEASE_MISSING": (
        "This till has no lease to sell under yet.",
        NO_SALE,
        "Connect to head office to get one.",
    ),
    "METER_BLOCKED": ("The utility has blocked this meter.", NO_SALE, OTHER_METER),
    "METER_NOT_FOUND": (
        "No meter with this number is on this till.",
        NO_SALE,
        "Compare it with the meter, or ask head office to add it.",
    ),
    "METER_STATE": ("A virtual meter has a damaged memory: {field}.", NOTHING, "Start it anew."),
    "METER_CHECK_DIGIT": (
        "The check digit of this meter number does not fit.",
        NO_SALE,
        "Two digits may be swapped. Compare it with the meter.",
    ),
    "METER_NUMBER_LENGTH": (
        "A meter number has 11 or 13 digits; this one has {length}.",
        NO_SALE,
        "Compare it with the meter.",
    ),
    "METER_NUMBER_LETTERS": ("A meter number has digits only.", NO_SALE, "Type it again."),
    "METER_CONFIGURATION": ("The key data of this meter cannot be right.", NO_SALE, OTHER_METER),
    "NOT_FOUND": ("No customer found.", NOTHING, "Check the spelling, or type the meter number."),
    "RECEIPT_NOT_FOUND": (
        "This receipt is not from this till.",
        NOTHING,
        "Type the meter number instead.",
    ),
    "RECEIPT_NUMBER_FORM": ("This is no receipt number.", NOTHING, "It looks like MM03-0018355-6."),
    "RECEIPT_CHECK_DIGIT": (
        "The last digit of this receipt number does not fit.",
        NOTHING,
        "Compare it with the receipt.",
    ),
    "RECEIPT_NUMBER_RANGE": ("Receipt numbers of this till have run out.", NO_SALE, HELP),
    "TARIFF_MISSING": (
        "The tariff {tariff} is not on this till.",
        NO_SALE,
        "Connect to head office to get it.",
    ),
    "TARIFF_NOT_EFFECTIVE": (
        "The tariff {tariff} is not in force today.",
        NO_SALE,
        "Connect to head office to get the one in force.",
    ),
    "TARIFF_INVALID": (
        "The tariff pack {file} has a mistake in line {line}: {field} must be {expected}.",
        NO_SALE,
        "Correct that line. The prices in use have not changed.",
    ),
    "QUOTE_EXPIRED": (
        "The quote was older than five minutes.",
        NO_SALE,
        "The prices were read again. Look at the quote and go on.",
    ),
    "TENDER_INVALID": ("This payment cannot be right.", NO_SALE, "Look at the sums."),
    "TENDER_REFERENCE_MISSING": (
        "This payment has no reference.",
        NO_SALE,
        "Type the number on the customer's phone or card slip.",
    ),
    "TENDER_TOO_LITTLE": ("{missing_minor} less than to pay.", NO_SALE, "Ask for the rest."),
    "TENDER_TOO_SMALL": ("{missing_minor} less than to pay.", NO_SALE, "Ask for the rest."),
    "CHANGE_NOT_CASH": (
        "Change of {change_minor} can only come from cash.",
        NO_SALE,
        "Take the exact sum.",
    ),
    "CHANGE_WITHOUT_CASH": (
        "Change of {change_minor} can only come from cash.",
        NO_SALE,
        "Take the exact sum.",
    ),
    "SECOND_SALE": (
        "Second sale to this meter within 2 minutes.",
        "Nothing is sold yet.",
        "Press Enter again only if the customer wants both.",
    ),
    "FAR_ABOVE_USUAL": (
        "This is far more than the customer usually buys.",
        "Nothing is sold yet.",
        "Read the amount aloud, then press Enter again.",
    ),
    "SALE_UNRESOLVED": (
        "An earlier sale is still open: {receipt}, {amount_minor}.",
        "Nothing new was sold; nobody is charged twice.",
        "Connect the module; the till finishes that sale first.",
    ),
    "OPEN_SALE_FINISHED": (
        "An open sale was finished first: {receipt}, meter {meter}.",
        "Nothing new was sold.",
        "Press Enter only if the customer pays for one more.",
    ),
    "SLIP_WAITING": (
        "The slip of this sale has not come out yet.",
        "The token is safe and the sale is counted once.",
        "It prints by itself when the printer is ready; a copy can be made after that.",
    ),
    "OUTCOME_UNKNOWN": (
        "The sale {receipt} of {amount_minor} to {meter} was interrupted.",
        "It is not known yet whether a token was made; the customer is never charged twice.",
        "Do not sell it again. The till asks the module and finishes this sale.",
    ),
    "SALE_RECOVERED": (
        "The interrupted sale {receipt} of {amount_minor} to {meter} is finished.",
        "Its token was made once and is counted once.",
        "The receipt prints now.",
    ),
    "SALE_NOT_MADE": (
        "The interrupted sale {receipt} of {amount_minor} to {meter} did not take place.",
        "No token was made and no money is counted.",
        "Give the money back, or sell again.",
    ),
    "UNEXPECTED": (
        "Something inside the till went wrong.",
        "What was sold is safe and counted once.",
        "Try again. If it stays, call the help line: a note for it is in the folder crash.",
    ),
}

MODULE: dict[str, Words] = {
    "MODULE_ABSENT": (
        "The security module is not connected.",
        NO_SALE,
        "Plug the module in; the quote waits here.",
    ),
    "MODULE_BUSY": ("The security module is busy.", NO_SALE, "Wait a moment and press Enter."),
    "MODULE_TIMEOUT": ("The security module does not answer.", NO_SALE, "Look at its cable."),
    "MODULE_LINK_LOST": ("The line to the security module broke.", NO_SALE, "Look at its cable."),
    "MODULE_ANSWER_WRONG": ("The security module's answer does not fit.", NO_SALE, HELP),
    "WRONG_MODULE": (
        "This is another security module, {found}. The till knows {expected}.",
        NO_SALE,
        "Plug the right one in.",
    ),
    "PORT_MISSING": (
        "The security module is not connected.",
        NO_SALE,
        "Plug the module in; the quote waits here. If it is in, its address in till.toml is wrong.",
    ),
    "PORT_BUSY": (
        "Another program uses the port {port}.",
        "Nothing was sold or lost.",
        "Close the other program, or choose another port.",
    ),
    "PORT_DENIED": (
        "The security module is there, but this user may not open its port.",
        NO_SALE,
        "Add the user to the group that owns the port.",
    ),
    "KEY_NOT_FOUND": (
        "The module has no key for supply group {sgc}, revision {krn}.",
        NO_SALE,
        "Head office must load that key.",
    ),
    "KEY_EXPIRED": (
        "The vending key of this meter has ended.",
        NO_SALE,
        "The meter needs its key change first. Ask head office.",
    ),
    "KEY_NOT_ACTIVE": (
        "The vending key of this meter begins on {active_from}.",
        NO_SALE,
        "Look at the clock of this till. If it is right, ask head office.",
    ),
    "KEY_ISSUE_ENDED": (
        "The vending key of this meter made tokens until {issue_until}.",
        NO_SALE,
        "The meter needs its key change first. Ask head office.",
    ),
    "KEY_SUBCLASS": (
        "This key may not make tokens of class {token_class}, subclass {subclass}.",
        NO_SALE,
        OTHER_METER,
    ),
    "KEY_TYPE": ("The module's key may not make this token.", NO_SALE, OTHER_METER),
    "KEY_TYPE_NO_CREDIT": ("This kind of key makes no credit tokens.", NO_SALE, OTHER_METER),
    "KEY_TYPE_CARRIER": ("This kind of key is for other tokens.", NO_SALE, OTHER_METER),
    "BASE_DATE_ENDED": (
        "This meter's key is of {base_date}; its time ran out on {ended}.",
        NO_SALE,
        "The meter needs its key change before it can take credit. Ask head office.",
    ),
    "BASE_DATE_MISMATCH": (
        "The module's key for this meter counts time from another date.",
        NO_SALE,
        "The meter needs its key change first. Ask head office.",
    ),
    "BASE_DATE_NOT_BEGUN": (
        "The key of this meter only begins on {begins}.",
        NO_SALE,
        "Look at the clock of this till.",
    ),
    "BASE_DATE_UNKNOWN": ("The base date {base_date} is not known.", NO_SALE, OTHER_METER),
    "CLOCK_AHEAD": ("The till's clock is ahead of the module's.", NO_SALE, "Set the clock right."),
    "CLOCK_BEHIND": (
        "The module's clock is behind its last token.",
        NO_SALE,
        "Set the clock of this till right and plug the module in again.",
    ),
    "MODULE_CLOCK_WRONG": (
        "The clocks of the module and this till are far apart.",
        NO_SALE,
        "A token of the future would spoil the meter. Set this till's clock right; if it is right, "
        "the module must be looked at.",
    ),
    "CLOCK_BACK": (
        "The clock of this till was set back; it was {floor} before.",
        "What was sold is safe. Selling waits, because a token needs the right time.",
        "Set the clock right, or connect to head office.",
    ),
    "TID_WINDOW": ("The module wants a later token time.", NO_SALE, AGAIN),
    "TID_RANGE": ("The time for this meter's tokens has run out.", NO_SALE, OTHER_METER),
    "TID_TAKEN": ("A token with this time was made before.", NO_SALE, AGAIN),
    "RESERVED_USED": ("The special token of this day was made before.", NO_SALE, OTHER_METER),
    "RID_CONFLICT": ("The module knows this request with other content.", NO_SALE, HELP),
    "STALE": ("The module has seen later requests than this.", NO_SALE, AGAIN),
    "FIELD_RANGE": ("The module refused a value of this sale.", NO_SALE, HELP),
    "UNSUPPORTED": ("This module cannot make that token.", NO_SALE, OTHER_METER),
    "ALREADY_ISSUED": ("The token of this sale was made.", "It is counted once.", "Nothing to do."),
    "INTERNAL": ("The security module had a fault.", NO_SALE, "Unplug it, plug it in again."),
    "STORE_FAILED": ("The security module cannot write.", NO_SALE, "Replace the module."),
}

PEOPLE: dict[str, Words] = {
    "PIN_WRONG": (
        "That PIN does not fit.",
        "Tries left: {left}.",
        "Type it again slowly.",
    ),
    "PIN_BLOCKED": (
        "{name} is locked after five wrong PINs.",
        SAFE,
        "A supervisor or head office sets a new PIN.",
    ),
    "PIN_FORM": ("A PIN has 4 to 12 digits.", NOTHING, "Type it again."),
    "PIN_VERIFIER": ("The stored PIN of this person is damaged.", NOTHING, "Head office sets it."),
    "OPERATOR_UNKNOWN": ("This person is not known here.", NOTHING, "Ask head office to add them."),
    "OPERATOR_INVALID": ("This person's record cannot be right.", NOTHING, "Ask head office."),
    "SHIFT_NOT_OPEN": ("No shift is open.", NO_SALE, "Sign in and open a shift first."),
    "SHIFT_ALREADY_OPEN": (
        "Shift {shift} is still open.",
        NOTHING,
        "Close it first; its person or a supervisor can.",
    ),
    "SHIFT_OF_ANOTHER": (
        "Shift {shift} belongs to another person.",
        NOTHING,
        "That person or a supervisor closes it.",
    ),
    "FLOAT_RANGE": ("This opening float cannot be right.", NOTHING, "Count it again."),
    "COUNT_INVALID": ("This count cannot be right.", NOTHING, "Count it again."),
    "REASON_MISSING": (
        "The count differs by {variance_minor}.",
        "The shift is still open.",
        "Write down why, in a few words.",
    ),
}

PAPER: dict[str, Words] = {
    "PAPER_OUT": (
        "Paper ran out. The token is safe.",
        COUNTED,
        "Load paper and close the cover: the receipt prints by itself, as the original.",
    ),
    "COVER_OPEN": (
        "The printer's cover is open. The token is safe.",
        COUNTED,
        "Close the cover: the receipt prints by itself, as the original.",
    ),
    "PRINTER_OFFLINE": (
        "The printer does not answer. The token is safe.",
        COUNTED,
        "Look at its cable and switch: the receipt prints by itself, as the original.",
    ),
    "PRINTER_ABSENT": (
        "The printer cannot be found. The token is safe.",
        COUNTED,
        "Look at its cable and switch: the receipt prints by itself, as the original.",
    ),
    "PRINTER_BUSY": (
        "Another program uses the printer. The token is safe.",
        COUNTED,
        "Close that program: the receipt prints by itself, as the original.",
    ),
    "PRINTER_DENIED": (
        "This user may not use the printer. The token is safe.",
        COUNTED,
        "Add the user to the group of that device: the receipt prints by itself.",
    ),
    "PRINTER_LINK_LOST": (
        "The line to the printer broke. The token is safe.",
        COUNTED,
        "Look at its cable and switch: the receipt prints by itself.",
    ),
    "PRINTER_SILENT": (
        "The printer does not answer. The token is safe.",
        COUNTED,
        "Switch it off and on again: the receipt prints by itself.",
    ),
    "PRINTER_NO_ANSWER": (
        "The printer did not confirm the receipt. The token is safe.",
        COUNTED,
        "Look at the paper. If nothing came out, print a copy.",
    ),
    "COPY_QUEUED": (
        "The receipt may not have printed. A copy is coming.",
        COUNTED,
        "Give the customer the copy; it prints by itself and is marked as a copy.",
    ),
    "PRINT_UNCERTAIN": (
        "The receipt may not have printed.",
        "The token is stored and the sale is counted once.",
        "Look at the paper. If nothing came out, print a copy.",
    ),
    "PRINT_JOB_MISSING": ("That slip is not in the queue.", SAFE, "Print a copy of the sale."),
    "NOTHING_TO_REPRINT": (
        "There is no slip to print again.",
        "No token was made in this sale.",
        "Sell again if the customer wants units.",
    ),
    "TOO_MANY_COPIES": ("This slip was copied {copies} times.", SLIP_SAFE, "Ask a supervisor."),
    "PRINTER_MODEL_UNKNOWN": (
        "The printer model {model} is not known.",
        "Selling is not affected.",
        "Choose one of: {known}.",
    ),
    "PRINTER_PROFILE": ("The printer file {file} has a mistake: {field}.", SAFE, "Correct it."),
    "PAPER_WORDS": ("The file with the words of slips, {file}, has a mistake.", SAFE, HELP),
    "DOCUMENT_INVALID": ("A stored slip cannot be read.", SLIP_SAFE, HELP),
    "IMAGE_TOO_LARGE": ("A picture for the slip is too large.", SAFE, "Use a smaller one."),
    "PDF_FONTS": ("The fonts of the report are missing.", SAFE, "Install the till again."),
}

WORDS: dict[str, Words] = {**SELLING, **MODULE, **PEOPLE, **PAPER}
