"""English sentences for authorisations, audits, key files and the ceremony; see `message_words`."""

from __future__ import annotations

from posapp.ui.message_words import NOTHING, Words

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
}
