"""The line of a module's folder: its gate, its pairing window, and whom it is paired with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posapp.clock import Clock, Randomness
from posapp.db import lock
from posapp.errors import StoreError
from posapp.security_module.link.identity import LineKeys, Peer
from posapp.security_module.link.pairing import show_code
from posapp.security_module.reference.gate import Answers, Gate
from posapp.security_module.reference.pairing_desk import WINDOW_S, PairingDesk, PairingWindow

ERRAND = "an errand by whoever holds the folder"  # longer than a till's name can be
ERRAND_LOCK = "line-errand.lock"
ERRAND_WAIT_S = 10.0


def gate_of(
    folder: Path,
    secret: bytes,
    desk: Answers,
    module_id: str,
    clock: Clock,
    randomness: Randomness,
    *,
    clear: bool = True,
) -> Gate:
    """The way in to a module; `clear` is for a laboratory's, as long as it is not paired.

    `secret` (32 bytes) seals the line's key and peers in `folder`. Raises StoreError
    LINE_FILE_SEALED when they were sealed under another one.
    """
    keys = LineKeys(folder, secret, randomness)
    keys.peers()  # what is wrong with them is told at the start and not to the first till
    _forget_errand(folder, keys)
    window = PairingWindow(folder, keys)
    pairing = PairingDesk(window, keys, module_id, clock, randomness)
    return Gate(desk, keys, pairing, clear=clear)


def pair(folder: Path, secret: bytes, clock: Clock, randomness: Randomness) -> str:
    """Open the pairing window of a module; what to tell the person. Raises ConfigError."""
    window = PairingWindow(folder, LineKeys(folder, secret, randomness))
    code = window.open(clock.now(), randomness)
    return (
        f"pairing code {show_code(code)}\n"
        f"Type it at the till within {WINDOW_S // 60} minutes. One wrong code ends the pairing."
    )


def unpair(folder: Path, secret: bytes, randomness: Randomness, name: str) -> str:
    """Forget a till, or with an empty name say which there are. Raises StoreError."""
    keys = LineKeys(folder, secret, randomness)
    if name and not keys.forget(name):
        return f"{name} was not paired"
    rows = [f"paired {peer.name} {peer.pin.hex()[:16]}" for peer in keys.peers()]
    return "\n".join(rows or ["paired with nobody"])


@contextmanager
def let_in(folder: Path, theirs: LineKeys, certificate: bytes) -> Iterator[None]:
    """The module in `folder` knows this key inside, and no longer; one errand at a time.

    What a killed one left is replaced here or goes when the module starts. Raises StoreError
    STORE_BUSY, LINE_PEERS_FULL, LINE_FILE_SEALED; InputError, ConfigError.
    """
    with lock.held(folder / ERRAND_LOCK, within_s=ERRAND_WAIT_S):
        theirs.trust(Peer.read(ERRAND, certificate))
        try:
            yield
        finally:
            theirs.forget(ERRAND)


def _forget_errand(folder: Path, keys: LineKeys) -> None:
    if keys.peer(ERRAND) is None:
        return
    try:
        with lock.held(folder / ERRAND_LOCK, within_s=0):
            keys.forget(ERRAND)
    except StoreError as error:
        if error.code != "STORE_BUSY":  # then it is under way, and cleans up itself
            raise
