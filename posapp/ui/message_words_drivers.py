"""Words of the module's states, of finding its port and of drivers. No Qt.

Added to `posapp.ui.messages.WORDS`; the order of the three sentences is the same everywhere.
`ACTIONS` are the words on the one button that a state offers.
"""

from __future__ import annotations

from posapp.ui.message_words import NO_SALE, NOTHING, SAFE, Words

DRIVER_WORDS: dict[str, Words] = {
    "STATE_ABSENT": ("The security module is not connected.", SAFE, "Plug the module in."),
    "STATE_OPENING": ("The till opens the line to the module.", SAFE, "Wait a moment."),
    "STATE_HANDSHAKE": ("The till asks the module who it is.", SAFE, "Wait a moment."),
    "STATE_WRONG_MODULE": (
        "This is another security module than the till knows.",
        "Open sales wait for the right one.",
        "Plug the till's own module in.",
    ),
    "STATE_NOT_PAIRED": (
        "The module and this till are not paired.",
        SAFE,
        "A supervisor pairs them on the page Module.",
    ),
    "STATE_FW_TOO_OLD": (
        "The module speaks another version than this till.",
        SAFE,
        "Update the module or the till.",
    ),
    "STATE_READY": ("The security module is ready.", SAFE, "Go on selling."),
    "STATE_BUSY": ("The security module is at work.", SAFE, "Wait a moment."),
    "STATE_LINK_LOST": (
        "The line to the module broke.",
        "Open sales are finished when it is back.",
        "Look at the module's cable.",
    ),
    "STATE_RECOVERING": (
        "The module is asked about a sale that was cut short.",
        "The customer is never charged twice.",
        "Wait a moment.",
    ),
    "STATE_LOCKED": ("Nobody has signed in to the module.", SAFE, "Sign in with your PIN."),
    "STATE_LIMIT_USED": (
        "The module's limit is used up.",
        SAFE,
        "Load an authorisation of head office.",
    ),
    "STATE_KEY_EXPIRED": ("The module's keys have expired.", SAFE, "Load a new key file."),
    "STATE_KEY_MISSING": ("The module has no keys.", SAFE, "Load its key file."),
    "STATE_HOLD_LEASE": (
        "The module has not heard of head office for too long.",
        SAFE,
        "Load an authorisation of head office.",
    ),
    "STATE_HOLD_AUDIT": (
        "Head office has not confirmed the module's last tokens.",
        SAFE,
        "Send its audit to head office, by line or by stick.",
    ),
    "STATE_CLOCK_BAD": ("The clocks of till and module differ.", SAFE, "Set the clock right."),
    "STATE_PIN_BLOCKED": (
        "The module has blocked this PIN after too many tries.",
        SAFE,
        "A supervisor unblocks it.",
    ),
    "STATE_TAMPERED": (
        "The module found that it was tampered with.",
        "It makes no token any more; what was sold is safe.",
        "Call head office now.",
    ),
    "STATE_ZEROISED": (
        "The module has erased its keys.",
        "It makes no token any more; what was sold is safe.",
        "Call head office now.",
    ),
    "DRIVER_UNKNOWN": (
        "No driver takes addresses that begin with {scheme}.",
        NOTHING,
        "Use one of {expected}.",
    ),
    "DRIVER_LIBRARY_MISSING": (
        "The driver for {scheme} needs the library {library}.",
        NOTHING,
        "Install posapp with the extra {extra}.",
    ),
    "DRIVER_BROKEN": (
        "The driver for {scheme} cannot be used: {reason}.",
        NOTHING,
        "Ask its maker; other drivers go on working.",
    ),
    "DRIVER_INTERFACE": (
        "The driver for {scheme} was written for another till: {found}, not {expected}.",
        NOTHING,
        "Install a driver for this version.",
    ),
    "DRIVER_SCHEME_TAKEN": (
        "Another driver for {scheme} came first.",
        NOTHING,
        "Remove one of the two.",
    ),
    "USB_DEVICE_INVALID": (
        "{device} is no USB device.",
        NOTHING,
        "Write vendor and product as VID:PID, four hex digits each.",
    ),
    "MODULE_ADDRESS_SECRET": (
        "The module's address has a password in it.",
        NOTHING,
        "Take it out; the password is asked for apart.",
    ),
    "MODULE_NOT_TRUSTED": (
        "The module could not prove who it is: {reason}.",
        NO_SALE,
        "Look at its certificate and at its name in the settings.",
    ),
    "MODULE_LOGIN_REFUSED": (
        "The module did not take the till's user name and password.",
        NO_SALE,
        "A supervisor enters the password anew.",
    ),
    "ROLE_DENIED": (
        "The module does not allow this user to do that.",
        NO_SALE,
        "Ask whoever gives out the rights.",
    ),
    "RESULT_PENDING": (
        "The module may still be at work on a request that was cut off.",
        "The customer is never charged twice.",
        "Wait a moment; the till asks again.",
    ),
    "RESULT_EXPIRED": (
        "The module may have forgotten what became of this request.",
        "The sale stays open and is counted once.",
        "A supervisor decides with the module's own records.",
    ),
    "PORT_AMBIGUOUS": (
        "Two devices fit the address of the module.",
        NO_SALE,
        "Unplug one, or name the module's serial number.",
    ),
}

ACTIONS: dict[str, str] = {
    "CALL_HEAD_OFFICE": "Call head office",
    "CHECK_CABLE": "Check the cable",
    "LOAD_AUTHORISATION": "Load an authorisation",
    "LOAD_KEYS": "Load keys",
    "PAIR": "Pair",
    "PLUG_IN": "Plug it in",
    "PLUG_IN_OURS": "Plug ours in",
    "SELL": "Sell",
    "SEND_AUDIT": "Save the audit",
    "SET_CLOCK": "Set the clock",
    "SIGN_IN": "Sign in",
    "UNBLOCK": "Unblock",
    "UPDATE_MODULE": "Update the module",
    "WAIT": "Wait",
}
