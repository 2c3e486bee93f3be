"""English sentences for authorisations, audits, key files and the ceremony; see `message_words`."""

from __future__ import annotations

from posapp.ui.message_words import NOTHING, Words

NO_KEYS = "No key was loaded."
UNUSED = "Nothing of this document was used."
ASK_OFFICE = "Ask head office for a new one."

KEYS_WORDS: dict[str, Words] = {
    "SIGNED_FORM": ("This is no signed document ({field}).", UNUSED, ASK_OFFICE),
    "AUTHORISATION_INVALID": ("This authorisation is damaged ({field}).", UNUSED, ASK_OFFICE),
    "SIGNERS_TOO_FEW": (
        "This document has {found} trusted signatures and needs {needed}.",
        UNUSED,
        "Let another person at head office sign it too.",
    ),
    "AUDIT_INVALID": (
        "This is no audit of a security module ({field}).",
        NOTHING,
        "Read it from the module again.",
    ),
    "MODULE_CARD": (
        "This is no card of a security module ({field}).",
        NOTHING,
        "Take the file that the module wrote when it was made.",
    ),
    "TRUST_INVALID": (
        "This file does not say whom a module believes ({field}).",
        NOTHING,
        "Take the file that head office wrote.",
    ),
    "SEAL_INVALID": (
        "This sealed file is damaged ({field}).",
        NOTHING,
        "Use the copy that was kept elsewhere.",
    ),
    "SEAL_REFUSED": (
        "The PIN does not open this, or it was sealed on another device.",
        NOTHING,
        "Type the PIN again, slowly.",
    ),
    "HPKE_REFUSED": (
        "This was not encrypted for this module, or it is damaged.",
        UNUSED,
        "Ask for a new file made for this module.",
    ),
    "KEY_FILE_FORM": (
        "This is no key file for a security module ({field}).",
        NO_KEYS,
        "Ask the key officers for a new one.",
    ),
    "KEY_FILE_FOREIGN": (
        "This key file was made for another module ({module_id}).",
        NO_KEYS,
        "Take the file made for this one.",
    ),
    "KEY_FILE_OLD": (
        "This key file is number {serial}, and number {newest} was loaded before.",
        NO_KEYS,
        "Take the newest file.",
    ),
    "KEY_FILE_EXPIRED": (
        "This key file was to be loaded before {load_before}.",
        NO_KEYS,
        "Ask the key officers for a new one.",
    ),
}
