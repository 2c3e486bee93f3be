"""One token of a PKCS#11 library: opened when needed, used by one thread, reopened once.

What a device answers becomes a ModuleError by the table below; all are NOT_EXECUTED, because a
device only ever makes keys here. `pkcs11.py` says what is asked of it.
"""

from __future__ import annotations

import logging
import os
import queue
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pkcs11
from pkcs11 import exceptions as native
from pkcs11.constants import SlotFlag
from pkcs11.types import Session, Token

from posapp.errors import ModuleError
from posapp.security_module.reference.backends import PinSource

T = TypeVar("T")

ANSWER_S = 10.0  # a device that is silent for longer is taken for hung
_PIN_FORM = re.compile(rb"[!-~]{4,64}")

log = logging.getLogger("posapp.module.hsm")


def pin_from_file(path: Path) -> PinSource:
    """A source that reads a file of its owner's (0600) at each login; one line, 4..64 signs.

    It raises ModuleError HSM_PIN_FILE(file) for a file that is missing, open to others or odd.
    """

    def read() -> bytearray:
        try:
            exposed = os.name == "posix" and path.stat().st_mode & 0o077
            pin = bytearray(path.read_bytes().strip())
        except OSError:
            raise ModuleError("HSM_PIN_FILE", file=str(path)) from None
        if exposed or not _PIN_FORM.fullmatch(pin):
            raise ModuleError("HSM_PIN_FILE", file=str(path))
        return pin

    return read


class KeyGoneError(Exception):
    """No object of that label is in the token: pulled, logged out, or another token."""


# What a session that ended looks like. All work here may run twice, so it is opened anew, once.
_LOST = (
    KeyGoneError,
    native.SessionHandleInvalid,
    native.SessionClosed,
    native.UserNotLoggedIn,
    native.KeyHandleInvalid,
    native.ObjectHandleInvalid,
    native.OperationActive,
    native.DeviceRemoved,
    native.DeviceError,
    native.TokenNotPresent,
    native.SlotIDInvalid,
)

_CODES: tuple[tuple[type[Exception], str], ...] = (
    (native.PinIncorrect, "HSM_PIN_WRONG"),
    (native.PinInvalid, "HSM_PIN_WRONG"),
    (native.PinLenRange, "HSM_PIN_WRONG"),
    (native.PinLocked, "HSM_PIN_BLOCKED"),
    (native.PinExpired, "HSM_PIN_BLOCKED"),
    (native.UserPinNotInitialized, "HSM_PIN_BLOCKED"),
    (native.NoSuchToken, "HSM_ABSENT"),
    (native.TokenNotPresent, "HSM_ABSENT"),
    (native.TokenNotRecognised, "HSM_ABSENT"),
    (native.DeviceRemoved, "HSM_ABSENT"),
    (native.SlotIDInvalid, "HSM_ABSENT"),
    (native.MultipleTokensReturned, "HSM_DOUBLE"),
    (native.DeviceMemory, "HSM_FULL"),
    (native.SessionReadOnly, "HSM_READ_ONLY"),
    (native.TokenWriteProtected, "HSM_READ_ONLY"),
    (native.MechanismInvalid, "HSM_UNFIT"),
    (native.MechanismParamInvalid, "HSM_UNFIT"),
    (native.KeySizeRange, "HSM_UNFIT"),
    (native.KeyTypeInconsistent, "HSM_UNFIT"),
    (native.FunctionNotSupported, "HSM_UNFIT"),
    (native.AttributeTypeInvalid, "HSM_UNFIT"),
    (native.AttributeValueInvalid, "HSM_UNFIT"),
    (native.TemplateInconsistent, "HSM_UNFIT"),
)


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What a token says of itself. `hardware` is its slot's own claim; SoftHSM makes none."""

    label: str
    maker: str
    model: str
    hardware: bool


class Hsm:
    """A token by its label in a library. One of these a library and process; never fork after.

    `pin` is asked at each login and must give a copy. A PIN that was refused is not tried again
    before `unlock`: a few tries end a real token's life. `answer_s` is seconds.
    """

    def __init__(
        self,
        library: str,
        label: str,
        pin: PinSource,
        *,
        answer_s: float = ANSWER_S,
        load: Callable[[str], Any] = pkcs11.lib,
    ) -> None:
        self.library = library
        self.label = label
        self._pin = pin
        self._answer_s = answer_s
        self._load = load
        self._refused = ""  # why the PIN is not tried again
        self._token: Token | None = None
        self._session: Session | None = None
        self._epoch = 0
        self._closed = False
        self._pid = os.getpid()
        self._waiting: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]
        self._waiting = queue.SimpleQueue()
        self._last: Future[Any] | None = None
        # A daemon: a hung library must not keep the process from ending.
        self._worker = threading.Thread(target=self._work, name="hsm", daemon=True)
        self._worker.start()

    @property
    def epoch(self) -> int:
        """Grows with each new session: handles of an older one are worth nothing."""
        return self._epoch

    def run(self, step: str, work: Callable[[Session], T], *, write: bool = False) -> T:
        """Do `work` in a session of the token; up to `answer_s`. It may be run twice.

        `step` goes into HSM_UNFIT and the log. Raises ModuleError HSM_LIBRARY(library),
        HSM_ABSENT(token), HSM_DOUBLE(token), HSM_PIN_WRONG(token), HSM_PIN_BLOCKED(token),
        HSM_FULL(token), HSM_READ_ONLY(token), HSM_UNFIT(step), HSM_TIMEOUT(token),
        HSM_FAILED(token, reason), and KeyGoneError when `work` raised it twice.
        """
        return self._on_worker(lambda: self._twice(step, work, write=write))

    def info(self) -> TokenInfo:
        """What the token says of itself. Raises like `run`."""

        def ask(session: Session) -> TokenInfo:
            token = session.token
            slot = token.slot
            hardware = bool(slot.flags & SlotFlag.HW_SLOT)
            return TokenInfo(
                token.label, token.manufacturer_id.strip(), token.model.strip(), hardware
            )

        return self.run("info", ask)

    def unlock(self) -> None:
        """A person gave another PIN: try again. Raises like `run`."""
        self._refused = ""
        self._on_worker(self._forget)
        self.run("login", lambda _: None)

    def close(self) -> None:
        """End the session and the thread; safe to call twice. Waits at most `answer_s`."""
        if self._closed:
            return
        try:
            self._on_worker(self._forget)
        except ModuleError as error:
            log.info("not closed in order: %s", error.code)
        self._closed = True
        self._waiting.put(None)
        self._worker.join(self._answer_s)

    # ------------------------------------------------------------ the worker

    def _on_worker(self, work: Callable[[], T]) -> T:
        assert os.getpid() == self._pid, "a process forked after its PKCS#11 library was loaded"
        assert not self._closed, "a closed token is used"
        if self._last is not None and not self._last.done():
            raise ModuleError("HSM_TIMEOUT", token=self.label)  # still hung from before
        future: Future[T] = Future()
        self._last = future
        self._waiting.put((future, work))
        try:
            return future.result(self._answer_s)
        except TimeoutError:
            raise ModuleError("HSM_TIMEOUT", token=self.label) from None

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            future, work = task
            try:
                answer = work()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(answer)
            del future, work, task

    # ------------------------------------------------------------ all below runs on the worker

    def _twice(self, step: str, work: Callable[[Session], T], *, write: bool) -> T:
        for again in (True, False):
            try:
                return self._once(work, write=write)
            except _LOST as error:
                self._forget()
                if again:
                    log.info("%s: the session ended: %s", step, type(error).__name__)
                    continue
                if isinstance(error, KeyGoneError):
                    raise
                raise self._told(error, step) from None
            except native.PKCS11Error as error:
                raise self._told(error, step) from None
        raise AssertionError("unreachable")

    def _once(self, work: Callable[[Session], T], *, write: bool) -> T:
        session = self._opened()
        if not write:
            return work(session)
        writing = self._token_here().open(rw=True)  # shares the login of the other session
        try:
            return work(writing)
        finally:
            writing.close()

    def _opened(self) -> Session:
        if self._session is None:
            self._session = self._logged_in(self._token_here())
            self._epoch += 1
        return self._session

    def _token_here(self) -> Token:
        if self._token is None:
            try:
                library = self._load(self.library)
            except (native.PKCS11Error, RuntimeError, OSError) as error:
                log.info("the library does not load: %s", type(error).__name__)
                raise ModuleError("HSM_LIBRARY", library=self.library) from None
            try:
                self._token = library.get_token(token_label=self.label)
            except native.NoSuchToken:
                # Some libraries see a token that was put in later only when begun anew.
                library.reinitialize()
                self._token = library.get_token(token_label=self.label)
        return self._token

    def _logged_in(self, token: Token) -> Session:
        if self._refused:
            raise ModuleError(self._refused, token=self.label)
        pin = self._pin()
        try:
            # WORKAROUND: python-pkcs11 0.10.1 takes a PIN as str only, which cannot be wiped.
            return token.open(user_pin=pin.decode("utf-8"))
        except native.UserAlreadyLoggedIn:
            return token.open()  # another session of this process did
        except native.PKCS11Error as error:
            code = next((code for kind, code in _CODES if isinstance(error, kind)), "")
            if code.startswith("HSM_PIN"):
                self._refused = code
            raise
        finally:
            pin[:] = bytes(len(pin))

    def _forget(self) -> None:
        session, self._session, self._token = self._session, None, None
        if session is not None:
            try:
                session.close()
            except native.PKCS11Error as error:
                log.debug("session not closed: %s", type(error).__name__)

    def _told(self, error: Exception, step: str) -> ModuleError:
        for kind, code in _CODES:
            if isinstance(error, kind):
                if code == "HSM_UNFIT":
                    log.info("%s: %s", step, type(error).__name__)
                    return ModuleError("HSM_UNFIT", token=self.label, step=step)
                return ModuleError(code, token=self.label)
        reason = str(error)[:40] if type(error) is native.PKCS11Error else type(error).__name__
        return ModuleError("HSM_FAILED", token=self.label, reason=reason)
