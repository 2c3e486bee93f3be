"""English sentences for pairing and for sessions with the security module; see `message_words`."""

from __future__ import annotations

from posapp.ui.message_words import AGAIN, NO_SALE, NOTHING, Words

PAIR_AGAIN = "Open the pairing at the module again for a new code."

LINE_WORDS: dict[str, Words] = {
    "NOT_PAIRED": (
        "The security module {found} and this till are not paired.",
        NO_SALE,
        "Pair them: the module's office has the code.",
    ),
    "SESSION_REQUIRED": (
        "This security module answers its paired tills only.",
        NO_SALE,
        "Pair this till with it.",
    ),
    "TILL_IMPOSTOR": (
        "The module knows this till's key under another till's name.",
        NO_SALE,
        "Pair this till with the module again.",
    ),
    "PAIR_CODE_FORM": (
        "A pairing code has {digits} digits; one of these is not right.",
        NOTHING,
        "Compare the six groups and type them again.",
    ),
    "PAIR_CLOSED": ("The module takes no pairing now.", NOTHING, PAIR_AGAIN),
    "PAIR_CODE_WRONG": (
        "This is not the module's pairing code; the pairing has ended.",
        NOTHING,
        PAIR_AGAIN,
    ),
    "PAIR_MODULE_UNPROVEN": (
        "What answers as {found} does not know the pairing code.",
        "This till trusts it no more than before.",
        "Look at the cable and at what is on it. " + PAIR_AGAIN,
    ),
    "MESSAGE_TOO_LONG": (
        "This is too long for the line to the security module.",
        NOTHING,
        "Make it shorter.",
    ),
    "LINE_PEERS_FULL": (
        "It is paired with {maximum} others already.",
        NOTHING,
        "Unpair one that is out of use.",
    ),
    "LINE_CERTIFICATE": (
        "The key on the line is of a kind that is not taken.",
        NOTHING,
        AGAIN,
    ),
    "LINE_FILE_SEALED": (
        "{file} was sealed under another secret, or is damaged.",
        NOTHING,
        "Put the right file back, or remove it and pair again.",
    ),
}
