"""PIN verifiers: Argon2id in PHC string form, so that the cost travels with the verifier."""

from __future__ import annotations

import re

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from posapp.errors import InputError

PIN_FORM = re.compile(r"[0-9]{4,12}")
MEMORY_KIB = 16 * 1024  # a till is a small PC; 16 MiB and 3 passes cost it about 50 ms
PASSES = 3


def make_verifier(pin: str, salt: bytes) -> str:
    """The PHC string of a PIN of 4 to 12 digits. About 50 ms. Raises InputError PIN_FORM."""
    if not PIN_FORM.fullmatch(pin):
        raise InputError("PIN_FORM")
    kdf = Argon2id(salt=salt, length=32, iterations=PASSES, lanes=1, memory_cost=MEMORY_KIB)
    return kdf.derive_phc_encoded(pin.encode("ascii"))


def pin_fits(pin: str, verifier: str) -> bool:
    """Whether a PIN belongs to a verifier. About 50 ms. Raises InputError PIN_VERIFIER."""
    try:
        Argon2id.verify_phc_encoded(pin.encode("utf-8"), verifier)
    except InvalidKey:
        return False
    except ValueError:
        raise InputError("PIN_VERIFIER") from None
    return True
