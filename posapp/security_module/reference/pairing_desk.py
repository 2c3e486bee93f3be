"""The module's half of pairing: a window that a person opens at its folder, for one right code.

`posapp module pair` writes the window in another process; the serving one reads it here. A
window is used up before the first proof is looked at: whoever guesses wrong has guessed once.
"""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from posapp.clock import Clock, Randomness, epoch_ms
from posapp.codec import cbor
from posapp.codec.files import sync_folder, write_private
from posapp.errors import ConfigError, InputError, ModuleError, Outcome, StoreError
from posapp.security_module.link import pairing
from posapp.security_module.link.codec import Fields
from posapp.security_module.link.identity import LineKeys, Peer
from posapp.security_module.link.pairing import Transcript

WINDOW_FILE = "line-pairing"
WINDOW_S = 300  # long enough to walk from the module to the till

log = logging.getLogger("posapp.module.pairing")


@dataclass(frozen=True, slots=True)
class _Window:
    opened_ms: int
    until_ms: int
    salt: bytes
    key: bytes

    def is_open(self, now: datetime) -> bool:
        """A clock that was put back does not open an old window again for long."""
        return self.opened_ms <= epoch_ms(now) < self.until_ms


class PairingWindow:
    """The file in the module's folder; it holds the code's key, sealed, never the code."""

    def __init__(self, folder: Path, keys: LineKeys) -> None:
        self._path = folder / WINDOW_FILE
        self._keys = keys

    def open(self, now: datetime, randomness: Randomness, seconds: int = WINDOW_S) -> str:
        """Begin, in the place of an earlier window; the code to show. About 50 ms.

        Raises ConfigError FILE_UNWRITABLE.
        """
        code, salt = pairing.new_code(randomness), randomness.bytes(pairing.SALT_BYTES)
        begun = epoch_ms(now)
        row = [begun, begun + seconds * 1000, salt, pairing.key_of(code, salt)]
        sealed = self._keys.seal(WINDOW_FILE.encode("ascii"), cbor.encode(row))
        write_private(self._path, sealed)
        return code

    def salt(self, now: datetime) -> bytes | None:
        """The open window's salt; None when there is none."""
        found = self._read()
        return found.salt if found is not None and found.is_open(now) else None

    def take(self, now: datetime) -> bytes | None:
        """The open window's key, once: the window is gone, durably, before this returns."""
        found = self._read()
        try:
            self._path.unlink(missing_ok=True)
            sync_folder(self._path.parent)
        except OSError as error:
            raise ConfigError(
                "FILE_UNWRITABLE", file=str(self._path), reason=error.strerror
            ) from None
        return found.key if found is not None and found.is_open(now) else None

    def _read(self) -> _Window | None:
        try:
            sealed = self._path.read_bytes()
            return _Window(*cbor.decode(self._keys.unseal(WINDOW_FILE.encode("ascii"), sealed)))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, InputError):
            log.warning("the pairing window cannot be read")
            return None


class PairingDesk:
    """Answers PAIR_START and PAIR_PROVE in the clear, for one till at a time."""

    def __init__(
        self,
        window: PairingWindow,
        keys: LineKeys,
        module_id: str,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._window = window
        self._keys = keys
        self._module_id = module_id
        self._clock = clock
        self._randomness = randomness
        self._begun: tuple[Peer, Transcript] | None = None
        self._answered: tuple[bytes, bytes] | None = None  # the last good proof and ours to it

    @property
    def is_open(self) -> bool:
        """Whether a till may pair now."""
        return self._window.salt(self._clock.now()) is not None

    def start(self, fields: Fields) -> dict[str, Any]:
        """PAIR_START. Raises FieldError; ModuleError PAIR_CLOSED; StoreError, ConfigError."""
        till, nonce = pairing.read_start(fields)
        salt = self._window.salt(self._clock.now())
        if salt is None:
            raise ModuleError("PAIR_CLOSED")
        ours = self._randomness.bytes(pairing.NONCE_BYTES)
        transcript = Transcript(
            self._module_id,
            till.name,
            salt,
            pairing.MEMORY_KIB,
            pairing.PASSES,
            nonce,
            ours,
            till.certificate,
            self._keys.certificate,
        )
        self._begun, self._answered = (till, transcript), None
        return {
            "module": self._module_id,
            "cert": transcript.module_certificate,
            "nonce": ours,
            "salt": salt,
            "memory": transcript.memory_kib,
            "passes": transcript.passes,
        }

    def prove(self, fields: Fields) -> dict[str, Any]:
        """PAIR_PROVE: from its reply on, the till is trusted. Asked again, it says the same.

        Raises FieldError; ModuleError PAIR_CLOSED, PAIR_CODE_WRONG; StoreError, ConfigError.
        """
        proof = pairing.read_prove(fields)
        if self._answered is not None and hmac.compare_digest(proof, self._answered[0]):
            return {"proof": self._answered[1]}
        begun, self._begun = self._begun, None
        if begun is None:
            raise ModuleError("PAIR_CLOSED")
        till, transcript = begun
        key = self._window.take(self._clock.now())
        if key is None:
            raise ModuleError("PAIR_CLOSED")
        if not hmac.compare_digest(proof, transcript.till_proof(key)):
            log.warning("a wrong pairing code ended the pairing")
            raise ModuleError("PAIR_CODE_WRONG")
        try:
            self._keys.trust(till)
        except StoreError as error:
            raise ModuleError(error.code, outcome=Outcome.NOT_EXECUTED, **error.params) from None
        log.info("paired with the till %s", till.name)
        self._answered = (proof, transcript.module_proof(key))
        return {"proof": self._answered[1]}
