"""The paper in the supervisor's safe: a code that opens the store's key when its keystore is gone.

The code is 25 letters and digits of chance (125 bits), so the box may lie beside every backup;
who has the box alone has nothing.
"""

from __future__ import annotations

from posapp.clock import Randomness
from posapp.codec.sealed import DAILY, SealedBox
from posapp.errors import InputError

PURPOSE = "posapp store key"
FILE_NAME = "recovery.box"
BOX_BYTES_MAX = 1024
_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that looks like another one
_LENGTH = 25
_GROUP = 5
_LOOKS_LIKE = str.maketrans("OIL", "011", " -\t")


def new_code(randomness: Randomness) -> str:
    """A code for paper: `7K3QD-…`, five groups of five."""
    # 256 is a multiple of 32: every sign is as likely as any other.
    signs = "".join(_SIGNS[byte % len(_SIGNS)] for byte in randomness.bytes(_LENGTH))
    return "-".join(signs[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


def read_code(text: str) -> str:
    """The 25 signs of a code as somebody typed it. Raises InputError RECOVERY_CODE_FORM."""
    signs = text.upper().translate(_LOOKS_LIKE)
    if len(signs) != _LENGTH or not set(signs) <= set(_SIGNS):
        raise InputError("RECOVERY_CODE_FORM")
    return signs


def wrap(key: bytes, code: str, randomness: Randomness) -> bytes:
    """The box with a store's key, for `unwrap` with the same code. About 0.2 s."""
    pins = (read_code(code),)
    box = SealedBox.seal(key, pins, b"", purpose=PURPOSE, randomness=randomness, cost=DAILY)
    return box.to_bytes()


def unwrap(box: bytes, code: str) -> bytes:
    """The store's key. Raises InputError RECOVERY_CODE_FORM, RECOVERY_CODE_WRONG, SEAL_INVALID."""
    try:
        return bytes(SealedBox.read(box).open((read_code(code),), b"", purpose=PURPOSE))
    except InputError as error:
        raise InputError("RECOVERY_CODE_WRONG") if error.code == "SEAL_REFUSED" else error from None
