"""English sentences for keys in a device and for the module's own operators; see `message_words`.

A device only ever makes keys: whatever it refuses, no token was made.
"""

from __future__ import annotations

from posapp.ui.message_words import AGAIN, HELP, NO_SALE, NOTHING, SAFE, Words

OTHER_DEVICE = "Use another device."

HSM_WORDS: dict[str, Words] = {
    "HSM_EXTRA_MISSING": (
        "The support for security devices is not installed.",
        NOTHING,
        "Install posapp with its extra pkcs11.",
    ),
    "HSM_LIBRARY": (
        "The library {library} of the security device does not load.",
        NO_SALE,
        "Install the maker's software, or correct its place in module.toml.",
    ),
    "HSM_ABSENT": (
        "The security device {token} is not plugged in.",
        NO_SALE,
        "Plug it in and try again.",
    ),
    "HSM_DOUBLE": (
        "Two security devices are called {token}.",
        NO_SALE,
        "Unplug one, or give it another label.",
    ),
    "HSM_PIN_WRONG": (
        "The security device {token} does not take its PIN.",
        NO_SALE,
        "Correct its PIN file; it is not tried again before, because each try counts.",
    ),
    "HSM_PIN_BLOCKED": (
        "The security device {token} has locked its PIN.",
        NO_SALE,
        "Its security officer unlocks it.",
    ),
    "HSM_PIN_FILE": (
        "The PIN file {file} is missing, odd, or open to others.",
        NO_SALE,
        "It holds the PIN in one line, and only its owner may read it.",
    ),
    "HSM_FULL": ("The security device {token} has no room.", NOTHING, "Remove keys not in use."),
    "HSM_READ_ONLY": (
        "The security device {token} takes no new keys.",
        NOTHING,
        "Remove its write protection.",
    ),
    "HSM_UNFIT": (
        "The security device {token} cannot do what is needed: {step}.",
        NOTHING,
        OTHER_DEVICE,
    ),
    "HSM_TIMEOUT": (
        "The security device {token} does not answer.",
        NO_SALE,
        "Unplug it, plug it in again.",
    ),
    "HSM_FAILED": (
        "The security device {token} had a fault: {reason}.",
        NO_SALE,
        "Unplug it, plug it in again. If it stays so, call the help line.",
    ),
    "HSM_KEY_KIND": (
        "A key of generation {dkga} cannot be kept in a security device.",
        NOTHING,
        "Its last step needs the bare key. Keep it in the module's store, or use generation 04.",
    ),
    "HSM_KEY_GONE": (
        "The key of supply group {sgc}, revision {krn} is not in the security device.",
        NO_SALE,
        "Plug in the right device, or load the key again.",
    ),
    "HSM_KEY_CHANGED": (
        "The key of supply group {sgc}, revision {krn} is not the one that was loaded.",
        NO_SALE,
        "Plug in the right device, or load the key again.",
    ),
    "HSM_DEVICE_GONE": (
        "The secret of this module is not in the security device {token}.",
        NO_SALE,
        "Plug in the device that the module was made with.",
    ),
    "SEAL_MISSING": (
        "{file} is missing.",
        SAFE,
        "Bring it back from where this module was made; without it nothing can be opened.",
    ),
    "SEAL_EXPOSED": (
        "{file} can be read by others.",
        NOTHING,
        "Only the module's own account may read it.",
    ),
    "SEAL_DAMAGED": (
        "{file} was changed, or belongs to another device.",
        NO_SALE,
        "The module stays closed. " + HELP,
    ),
    "SEAL_OLD": (
        "The list of operators is older than the module.",
        NO_SALE,
        "Someone brought an old copy back. " + HELP,
    ),
    "SEAL_EXISTS": ("This module has operators already.", NOTHING, "Add others as a supervisor."),
    "LOGIN_REQUIRED": ("Nobody is signed in at the module.", NO_SALE, "Sign in with your PIN."),
    "OPERATOR_EXISTS": ("Operator {number} exists already.", NOTHING, "Choose another number."),
    "OPERATOR_LAST": (
        "This is the module's only supervisor.",
        NOTHING,
        "Add another supervisor first.",
    ),
    "OPERATORS_FULL": ("A module has at most {maximum} operators.", NOTHING, "Remove one first."),
    "OPERATOR_FIELD": ("{field} of this operator is wrong.", NOTHING, "Correct it. " + AGAIN),
}
