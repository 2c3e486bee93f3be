"""The driver for a networked STS module that speaks the Thrift interface its vendor publishes.

INTERFACE AS PUBLISHED, NOT VERIFIED AGAINST THE PRODUCT. The rule of the driver: before it asks
for a token it asks whether that token was made, because a second request would make a second one.

Address: `prismtoken://USER@HOST:PORT?key=SGC.KRN.BASE&...`, see `Settings`. The password comes
from `Context.secret("prismtoken")` and is never part of an address.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from posapp.clock import epoch_ms
from posapp.domain.meter import MeterConfiguration
from posapp.domain.sale import KeyTarget, TokenKind
from posapp.errors import ModuleError, Outcome
from posapp.journal.facts import TokenItem
from posapp.ports import IssueRequest, IssueResult, NotFound
from posapp.security_module.drivers.driver import (
    Capability,
    Context,
    Driver,
    DriverKind,
    LineLostError,
    LineSilentError,
    WrongAnswerError,
)
from posapp.security_module.drivers.prismtoken_address import Settings
from posapp.security_module.drivers.prismtoken_line import API, ApiError, ThriftLine
from posapp.security_module.link.messages import BOOT_BYTES, Hello, KeyInfo, Report
from posapp.sts import amounts, tid

VERSION = "1.1"
SECRET = "prismtoken"
GROUP_MAX = 8
IDS_MAX = 4096  # requests whose line broke, remembered until they are settled
TID_FROM_1993 = 2  # flag: the token time is the TID, counted from 1993; nothing moves it
_EXACT_MAX = 1 << 53  # up to here a double holds every integer
_UNITS_SUBCLASSES = range(4)

log = logging.getLogger("posapp.module")

# The module's codes -> (ours, what became of the request). Whatever is not here, and all that a
# security module says of itself (ESm) or a fault in its service (EService), may have come after
# the token was made: UNKNOWN.
_REFUSALS = {
    "EAuthentication.Permission": "ROLE_DENIED",
    "EKeystore.NotFound": "KEY_NOT_FOUND",
    "EParamRange": "FIELD_RANGE",
    "EPrefRange": "FIELD_RANGE",
    "EService.Disabled": "UNSUPPORTED",
    "ESignin.Authentication": "MODULE_LOGIN_REFUSED",
    "ESignin.Permission": "ROLE_DENIED",
    "ESignin.Realm": "MODULE_LOGIN_REFUSED",
    "ESignin.Subject": "MODULE_LOGIN_REFUSED",
    "ESignin.Version": "PROTOCOL_VERSION",
    "ESts.DrnOrPan": "FIELD_RANGE",
    "ESts.DrnOrPan.CheckDigit": "FIELD_RANGE",
    "ESts.VkBeforeBdt": "KEY_NOT_ACTIVE",
    "ESts.VkExpired": "KEY_EXPIRED",
}
_MISSING = "ECacheMiss"
_SIGNED_OUT = "EAuthentication.Token"


def message_ids(request_id: bytes, items: int) -> tuple[str, ...]:
    """The message id of each item's own request: all that a till must store is the sale's id.

    One item has the sale's id; of several each says its place and how many there are, so that
    one found alone shows that its group is not complete. Letters, digits, `-` and `.`, <= 40.
    """
    name = request_id.hex()
    if items == 1:
        return (name,)
    return tuple(f"{name}-{place}.{items}" for place in range(1, items + 1))


@dataclass(frozen=True, slots=True)
class _Call:
    """One item as the interface wants it, checked before anything is sent.

    `wanted` are the fields that each of its `count` tokens must have.
    """

    method: str
    arguments: dict[str, Any]
    wanted: dict[str, object]
    count: int = 1


class PrismTokenDriver:
    """See `Driver`. Made closed; `open` connects and signs in."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._line: ThriftLine | None = None
        self._access = ""
        self._refused_password = b""  # accounts are locked after a few wrong ones
        self._unsettled: dict[str, float] = {}  # message id -> when its line broke

    def __repr__(self) -> str:
        return f"PrismTokenDriver({self._settings.module_id})"

    @property
    def is_open(self) -> bool:
        return self._line is not None

    # ------------------------------------------------------------ opening

    def open(self, deadline: float) -> Hello:
        """Raises ModuleError MODULE_LOGIN_REFUSED, ROLE_DENIED, PROTOCOL_VERSION too."""
        self.close()
        self._line = ThriftLine(self._settings.endpoint, deadline)
        try:
            echo = self._fresh_id()
            if self._ask("ping", deadline, sleepMs=0, echo=echo) != echo:
                raise WrongAnswerError("echo")
            self._sign_in(deadline)
        except BaseException:
            self.close()
            raise
        return self._hello()

    def _hello(self) -> Hello:
        # Certified modules stand behind this interface; that this one does was not verified.
        firmware = f"interface {VERSION} as published"
        return Hello(self._settings.module_id, bytes(BOOT_BYTES), firmware, certified=False)

    def _sign_in(self, deadline: float) -> None:
        password = self._context.secret(SECRET) or ""
        mark = hashlib.sha256(password.encode()).digest()
        if not password or mark == self._refused_password:
            raise ModuleError("MODULE_LOGIN_REFUSED", outcome=Outcome.NOT_EXECUTED)
        try:
            answer = self._ask(
                "signInWithPassword",
                deadline,
                messageId=self._fresh_id(),
                realm=self._settings.realm,
                username=self._settings.user,
                password=password,
                sessionOpts=API.SessionOptions(version=VERSION),
            )
        except ApiError as refusal:
            error = _told(refusal)
            if error.code == "MODULE_LOGIN_REFUSED":
                self._refused_password = mark
            raise _before(error) from None
        if not isinstance(answer.accessToken, str) or not answer.accessToken:
            raise WrongAnswerError("accessToken")
        self._access, self._refused_password = answer.accessToken, b""

    def check(self) -> None:
        self._open_line().check()

    def interrupt(self) -> None:
        line = self._line
        if line is not None:
            line.cancel()

    def close(self) -> None:
        line, self._line = self._line, None
        self._access = ""
        if line is not None:
            line.close()

    # ------------------------------------------------------------ the contract's questions

    def status(self, till_id: bytes, deadline: float) -> Report:
        """The interface lists no keys and has no clock: keys are those of the address."""
        try:
            nodes = self._signed_in("getStatus", deadline, messageId=self._fresh_id())
        except ApiError as refusal:
            raise _before(_told(refusal)) from None
        if not isinstance(nodes, list) or not nodes:
            raise WrongAnswerError("nodes")
        for node in nodes:
            for alert in node.alerts or ():
                log.info("the module warns: %.40s", alert.eCode)
        keys = tuple(
            KeyInfo(k.sgc, k.krn, k.kt, k.base_date, k.ken, k.dkga, test=False)
            for k in self._settings.keys
        )
        return Report(self._hello(), keys, 0, epoch_ms(self._now()), 0)

    def issue(self, request: IssueRequest, deadline: float) -> IssueResult:
        """One request an item, in order; what was made before is fetched, not made again.

        A refusal after a first token leaves the group half made: then its outcome is UNKNOWN.
        """
        calls = self._calls(request)
        names = message_ids(request.request_id, len(calls))
        tokens: list[str] = []
        replayed = 0
        for name, call in zip(names, calls, strict=True):
            with _half_made(len(tokens)):
                found = self._recall(name, deadline)
                if found is None:
                    self._may_ask(name, request.request_id)
                    tokens += _checked(call, self._make(name, call, deadline))
                else:
                    tokens += _same(call, found)
                    replayed += 1
        module_id, request_id = self._settings.module_id, request.request_id
        return IssueResult(request_id, tuple(tokens), module_id, 0, replayed == len(calls))

    def fetch(self, request_id: bytes, till_id: bytes, deadline: float) -> IssueResult | NotFound:
        """What was made for a sale, whole groups only: asking again completes a half one.

        Raises ModuleError UNKNOWN: RESULT_PENDING while a request that was cut off may still
        run, RESULT_EXPIRED when the module may have forgotten it.
        """
        for items in range(1, GROUP_MAX + 1):
            names = message_ids(request_id, items)
            first = self._recall(names[0], deadline)
            if first is None:
                continue
            found = [first] + [self._recall(name, deadline) for name in names[1:]]
            if all(found):
                tokens = tuple(_digits(token) for made in found for token in made or ())
                return IssueResult(request_id, tokens, self._settings.module_id, 0, replayed=True)
            break
        for name in [name for name in self._unsettled if name.startswith(request_id.hex())]:
            self._may_ask(name, request_id)
        self._not_forgotten(request_id)
        return NotFound(0)

    def cancel(self, request_id: bytes, till_id: bytes, sequence: int, deadline: float) -> None:
        """The interface burns no numbers: this only ever says ALREADY_ISSUED, or that it cannot."""
        for items in range(1, GROUP_MAX + 1):
            if self._recall(message_ids(request_id, items)[0], deadline) is not None:
                raise ModuleError("ALREADY_ISSUED", outcome=Outcome.EXECUTED)
        raise ModuleError("UNSUPPORTED", outcome=Outcome.UNKNOWN, cap=Capability.CANCEL.value)

    # ------------------------------------------------------------ one item

    def _calls(self, request: IssueRequest) -> list[_Call]:
        """All items, checked; what follows a key change is under the new key."""
        calls, meter = [], request.configuration
        for item in request.items:
            calls.append(_call(request.meter, meter, item))
            if item.target is not None:
                to = item.target
                known = (k.ken for k in self._settings.keys if (k.sgc, k.krn) == (to.sgc, to.krn))
                ken = next(known, tid.KEN_NEVER)
                meter = replace(meter, sgc=to.sgc, krn=to.krn, ti=to.ti, ken=ken)
        return calls

    def _recall(self, name: str, deadline: float) -> list[Any] | None:
        """The tokens made for a message id, or None when the module knows of none."""
        try:
            found = self._signed_in(
                "fetchTokenResult", deadline, messageId=self._fresh_id(), reqMessageId=name
            )
        except LineLostError as lost:  # a question makes nothing
            raise LineLostError(str(lost), sent=False) from lost
        except ApiError as refusal:
            if refusal.code == _MISSING:
                return None
            raise _before(_told(refusal)) from None
        if not isinstance(found, list) or not found:
            raise WrongAnswerError("tokens")
        self._unsettled.pop(name, None)
        return found

    def _make(self, name: str, call: _Call, deadline: float) -> list[Any]:
        try:
            return list(self._signed_in(call.method, deadline, messageId=name, **call.arguments))
        except (LineLostError, LineSilentError, WrongAnswerError):
            if len(self._unsettled) < IDS_MAX:
                self._unsettled[name] = time.monotonic()
            raise
        except ApiError as refusal:
            raise _told(refusal) from None

    def _may_ask(self, name: str, request_id: bytes) -> None:
        """Whether "not found" can be believed: nothing under way, and not yet forgotten."""
        broke = self._unsettled.get(name)
        if broke is not None and time.monotonic() - broke < self._settings.settle_s:
            raise ModuleError("RESULT_PENDING", outcome=Outcome.UNKNOWN)
        self._not_forgotten(request_id)
        self._unsettled.pop(name, None)

    def _not_forgotten(self, request_id: bytes) -> None:
        age_s = (epoch_ms(self._now()) - int.from_bytes(request_id[:6], "big")) / 1000
        if age_s > self._settings.cache_s:
            raise ModuleError("RESULT_EXPIRED", outcome=Outcome.UNKNOWN)

    # ------------------------------------------------------------ calls

    def _signed_in(self, method: str, deadline: float, **arguments: Any) -> Any:
        """A call with the session's token; a session that ended is begun again, once.

        The module refuses a dead token before it does anything, so the same call may follow.
        """
        for again in (True, False):
            try:
                return self._ask(method, deadline, accessToken=self._access, **arguments)
            except ApiError as refusal:
                if refusal.code != _SIGNED_OUT or not again:
                    raise
                self._sign_in(deadline)
        raise AssertionError("unreachable")

    def _ask(self, method: str, deadline: float, **arguments: Any) -> Any:
        return self._open_line().call(method, deadline, **arguments)

    def _open_line(self) -> ThriftLine:
        if self._line is None:
            raise LineLostError("not open", sent=False)
        return self._line

    def _fresh_id(self) -> str:
        return self._context.randomness.bytes(16).hex()

    def _now(self) -> datetime:
        return self._context.clock.now()


# ---------------------------------------------------------------- what is asked


def _call(number: str, meter: MeterConfiguration, item: TokenItem) -> _Call:
    """Raises ModuleError NOT_EXECUTED: UNSUPPORTED, FIELD_RANGE."""
    if item.kind is TokenKind.KEY_CHANGE and item.target is not None:
        return _key_change(number, meter, item.target)
    if item.kind is not TokenKind.CREDIT or item.subclass not in _UNITS_SUBCLASSES:
        # Currency credit: the published sources differ by 100 000 on the unit of the amount.
        raise ModuleError(
            "UNSUPPORTED",
            outcome=Outcome.NOT_EXECUTED,
            kind=int(item.kind),
            subclass=item.subclass,
        )
    if not 1 <= item.units <= amounts.UNITS_MAX:
        raise ModuleError("FIELD_RANGE", outcome=Outcome.NOT_EXECUTED, field="units")
    if item.reserved != tid.is_reserved(item.tid) or not 0 <= item.tid <= tid.TID_MAX:
        raise ModuleError("FIELD_RANGE", outcome=Outcome.NOT_EXECUTED, field="tid")
    asked = _meter(number, meter)
    arguments = {
        "meterConfig": asked,
        "subclass": item.subclass,
        "transferAmount": as_double(item.units),
        "tokenTime": item.tid + _since_1993(item.base_date or meter.base_date),
        "flags": TID_FROM_1993,
    }
    # The answer has the amount on the token, rounded in the customer's favour.
    carried = as_double(amounts.decode_units(amounts.encode_units(item.units)))
    wanted = {name: getattr(asked, name) for name in ("drn", "ea", "sgc", "krn", "ti")} | {
        "tokenClass": 0,
        "subclass": item.subclass,
        "tid": item.tid,
        "transferAmount": carried,
    }
    return _Call("issueCreditToken", arguments, wanted)


def _key_change(number: str, meter: MeterConfiguration, to: KeyTarget) -> _Call:
    """Which of its two configurations a token of a set names is not published: not compared."""
    asked = _meter(number, meter, third_token=to.third_token)
    target = API.MeterConfigAmendment(toSgc=int(to.sgc), toKrn=to.krn, toTi=int(to.ti))
    wanted: dict[str, object] = {"drn": number, "ea": asked.ea, "tokenClass": 2}
    arguments = {"meterConfig": asked, "newConfig": target}
    return _Call("issueKeyChangeTokens", arguments, wanted, to.token_count(meter.ea))


def as_double(units: int) -> float:
    """An amount as the interface carries it. Raises ModuleError FIELD_RANGE where a double would
    round it.
    """
    if abs(units) > _EXACT_MAX:
        raise ModuleError("FIELD_RANGE", outcome=Outcome.NOT_EXECUTED, field="units")
    return float(units)


def _meter(number: str, c: MeterConfiguration, *, third_token: bool = False) -> Any:
    return API.MeterConfigIn(
        drn=number,
        ea=int(c.ea),
        tct=c.tct,
        sgc=int(c.sgc),
        krn=c.krn,
        ti=int(c.ti),
        allowKrnUpdate=False,
        ken=c.ken,
        allow3Kct=third_token,
        allowKenUpdate=False,
    )


def _since_1993(base_date: int) -> int:
    """Minutes from the first base date to another."""
    return int((tid.BASE_DATES[base_date] - tid.BASE_DATES[1993]).total_seconds()) // 60


# ---------------------------------------------------------------- what is answered


def _checked(call: _Call, made: list[Any]) -> list[str]:
    """The digits of what was just made, if it is what was asked for, or WrongAnswerError."""
    wrong = _difference(call, made)
    if wrong:
        raise WrongAnswerError(wrong)
    return [_digits(token) for token in made]


def _same(call: _Call, found: list[Any]) -> list[str]:
    """The digits of what was made before under the same id; RID_CONFLICT for other content."""
    if _difference(call, found):
        raise ModuleError("RID_CONFLICT", outcome=Outcome.NOT_EXECUTED)
    return [_digits(token) for token in found]


def _difference(call: _Call, made: list[Any]) -> str:
    """The first field that is not what was asked for; empty when all are."""
    if len(made) != call.count:
        return "tokens"
    target = call.arguments.get("newConfig")
    if target is not None:
        advice = made[0].newConfig
        names = ("toSgc", "toKrn", "toTi")
        if advice is None or any(getattr(advice, n) != getattr(target, n) for n in names):
            return "newConfig"
    rows = ((token, name) for token in made for name in call.wanted)
    return next((n for token, n in rows if getattr(token, n) != call.wanted[n]), "")


def _digits(token: Any) -> str:
    digits = token.tokenDec
    if not isinstance(digits, str) or len(digits) != 20 or not digits.isdecimal():
        raise WrongAnswerError("tokenDec")
    if not digits.isascii() or int(digits) >= 1 << 66:
        raise WrongAnswerError("tokenDec")
    return digits


def _told(refusal: ApiError) -> ModuleError:
    """The module's no in our words; what is not in the table may have happened or not."""
    code = _REFUSALS.get(refusal.code)
    if code is None:
        return ModuleError("INTERNAL", outcome=Outcome.UNKNOWN, cause=refusal.code[:40])
    return ModuleError(code, outcome=Outcome.NOT_EXECUTED, cause=refusal.code)


def _before(error: ModuleError) -> ModuleError:
    """The same error of a call that makes nothing."""
    return ModuleError(error.code, outcome=Outcome.NOT_EXECUTED, **error.params)


@contextmanager
def _half_made(made: int) -> Iterator[None]:
    """Whatever stops a group after its first token leaves an unknown outcome."""
    try:
        yield
    except ModuleError as error:
        if not made:
            raise
        raise ModuleError(
            error.code, outcome=Outcome.UNKNOWN, **{**error.params, "made": made}
        ) from error
    except LineLostError as lost:
        raise LineLostError(str(lost), sent=lost.sent or made > 0) from lost


def make(address: str, context: Context) -> Driver:
    """Raises ConfigError MODULE_ADDRESS_INVALID, MODULE_ADDRESS_SECRET."""
    return PrismTokenDriver(Settings.parse(address), context)


KIND = DriverKind(
    schemes=("prismtoken",),
    words="networked module, interface as published, not verified against the product",
    make=make,
    capabilities=frozenset(
        {Capability.REPLAY, Capability.CONFLICT, Capability.LOGIN, Capability.KEY_CHANGE}
    ),
)
