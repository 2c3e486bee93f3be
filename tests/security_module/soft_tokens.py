"""SoftHSM tokens for tests: a token directory of their own, never the machine's.

needs_soft_hsm                     # mark: skips with the reason where the library is missing
token = a_token()                  # a fresh token; its label, library and PIN
hsm = token.hsm()                  # opened by our own code; close it
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from posapp.security_module.reference.backends import BookedKey
    from posapp.security_module.reference.backends.hsm import Hsm

PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
LIBRARY = next((place for place in PLACES if Path(place).exists()), "")
USER_PIN = "582917406338"
OFFICER_PIN = "99887766"

needs_soft_hsm = pytest.mark.skipif(
    not LIBRARY or not shutil.which("softhsm2-util") or not importlib.util.find_spec("pkcs11"),
    reason="needs SoftHSM: the package softhsm2 and python-pkcs11",
)

_numbers = itertools.count(1)


@functools.cache
def token_folder() -> Path:
    """The process's own token directory; SOFTHSM2_CONF points there from now on."""
    folder = Path(tempfile.mkdtemp(dir=os.environ["HOME"]))
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\n"
        "objectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
        encoding="ascii",
    )
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    return folder


@dataclass
class Asked:
    """A source of the PIN that counts; `given` keeps what was handed out, to see it wiped."""

    pin: str = USER_PIN
    given: list[bytearray] = field(default_factory=list)

    def __call__(self) -> bytearray:
        self.given.append(bytearray(self.pin, "ascii"))
        return self.given[-1]


@dataclass(frozen=True)
class SoftToken:
    """One token."""

    label: str
    asked: Asked
    library: str = LIBRARY

    def hsm(self, load: Callable[[str], Any] | None = None, **options: Any) -> Hsm:
        """Our own hand on it."""
        import pkcs11

        from posapp.security_module.reference.backends.hsm import Hsm

        return Hsm(self.library, self.label, self.asked, load=load or pkcs11.lib, **options)


def a_token(label: str = "") -> SoftToken:
    """A fresh token."""
    token_folder()
    label = label or f"sts-{next(_numbers)}"
    subprocess.run(
        f"softhsm2-util --init-token --free --label {label}"
        f" --pin {USER_PIN} --so-pin {OFFICER_PIN}".split(),
        check=True,
        capture_output=True,
    )
    return SoftToken(label, Asked())


class ListBook:
    """A `KeyBook` in memory; `fails` makes the next write go wrong."""

    def __init__(self, *rows: BookedKey) -> None:
        self._rows = {row.name: row for row in rows}
        self.fails: Exception | None = None

    def rows(self) -> tuple[BookedKey, ...]:
        return tuple(self._rows.values())

    def put(self, key: BookedKey) -> None:
        self._fail()
        self._rows[key.name] = key

    def drop(self, sgc: str, krn: int) -> None:
        self._fail()
        self._rows.pop((sgc, krn), None)

    def _fail(self) -> None:
        if self.fails is not None:
            error, self.fails = self.fails, None
            raise error
