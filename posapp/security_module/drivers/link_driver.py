"""The driver of our own line (`link/`): serial ports, ptys, TCP and Unix sockets.

A request is sent again after a while of silence: the module answers the same request the same,
so a frame that noise broke costs a moment and not the sale. In a session what is lost costs the
session too; the next one begins within the same call and carries the same message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from posapp.clock import Randomness
from posapp.errors import ModuleError, Outcome, StoreError
from posapp.ports import IssueRequest, IssueResult, NotFound
from posapp.security_module.drivers.driver import LineLostError, LineSilentError, WrongAnswerError
from posapp.security_module.link import codec, messages, session
from posapp.security_module.link.framing import PAYLOAD_MAX, Deframer, frame
from posapp.security_module.link.identity import LineKeys, Peer
from posapp.security_module.link.messages import Answer, AuditPage, Hello, Missing, Report
from posapp.security_module.link.pairing import PAIR_PROVE, PAIR_START, TillPairing
from posapp.security_module.link.session import Piece, Session, SessionLostError
from posapp.security_module.link.transports import Address, Line

T = TypeVar("T")

HELLO_AGAIN_S = 0.5  # a board that restarts when its port is opened misses the first one
ASK_AGAIN_S = 3.0
HANDSHAKE_AGAIN_S = 1.0  # doubled each time: a slow line gets there too
GRACE_S = 0.3  # after the last byte, while bytes come or something broken was seen among them
SESSIONS_MAX = 16  # in one call; a line that ends them all is no line
LOGIN, LOGOUT, LOAD_KEYS = "LOGIN", "LOGOUT", "LOAD_KEYS"
_FIRST_CALL_BYTES = 6  # leaves room to count up without end


class LinkDriver:
    """See `Driver`; `again_s` is after how much silence a request is repeated.

    With `keys` the till pins its modules: once it is paired with any, it talks to no other and
    never in the clear. Without them it talks to modules that are not paired (a laboratory's).
    """

    def __init__(
        self,
        address: Address,
        randomness: Randomness,
        *,
        again_s: float = ASK_AGAIN_S,
        keys: LineKeys | None = None,
    ) -> None:
        self._address = address
        self._randomness = randomness
        self._again_s = again_s
        self._keys = keys
        self._line: Line | None = None
        self._deframer = Deframer()
        self._call = 0
        self._module: Peer | None = None  # whom sessions are with; None in the clear
        self._session: Session | None = None
        self._refused = False  # the module ended a session because it does not know our key
        self._sessions_left = SESSIONS_MAX
        self._hurry = False  # a piece of ours was heard to be missing
        self.late = 0  # answers to nobody, since the line was opened
        self.sessions = 0  # handshakes begun, since the line was opened

    @property
    def is_open(self) -> bool:
        return self._line is not None

    @property
    def bad_frames(self) -> int:
        """Frames dropped since the line was opened."""
        return self._deframer.dropped

    @property
    def is_sealed(self) -> bool:
        """Whether what is said now is said in a session."""
        return self._module is not None

    def open(self, deadline: float) -> Hello:
        """See `Driver`. Raises ModuleError NOT_PAIRED (the module does not know this till, or no
        more), WRONG_MODULE (another one, or another key) and StoreError LINE_FILE_SEALED too.
        """
        try:
            hello, fields = self._greet(deadline)
            self._module = self._choose(hello, sealed=_says(fields, "session"))
            if self._module is None:
                return hello
            self._module_must_be(hello, self._ask_hello(deadline, clear=False))
            return hello
        except ModuleError as refused:  # of a HELLO, which makes nothing
            self.close()
            raise ModuleError(
                refused.code, outcome=Outcome.NOT_EXECUTED, **refused.params
            ) from refused
        except BaseException:
            self.close()
            raise

    def pair(self, code: str, name: str, deadline: float) -> Hello:
        """Pair with the module on this address, whose pairing window shows `code`. About 0.2 s.

        `name` is what the module will call this till (1..32 characters). The line is closed
        afterwards. Raises InputError PAIR_CODE_FORM; ModuleError PAIR_CLOSED, PAIR_CODE_WRONG,
        PAIR_MODULE_UNPROVEN; StoreError; and what `open` raises. After a LineSilentError the
        module may trust this till already: pairing again with a new code is always right.
        """
        assert self._keys is not None, "a till without keys cannot pair"
        pairing = TillPairing(name, self._keys.certificate, code, self._randomness)
        try:
            hello, fields = self._greet(deadline)
            if not _says(fields, "pairing"):
                raise ModuleError("PAIR_CLOSED")
            started = self._ask(PAIR_START, pairing.start(), deadline, clear=True)
            proof = _read(pairing.prove, started)
            proved = self._ask(PAIR_PROVE, proof, deadline, clear=True)
            module = _read(pairing.finish, proved)
            if module.name != hello.module_id:
                raise WrongAnswerError("module")
            self._keys.trust(module)
            return hello
        finally:
            self.close()

    def check(self) -> None:
        self._open_line().check()

    def status(self, till_id: bytes, deadline: float) -> Report:
        report = _read(Report.read, self._ask(codec.STATUS, {"till": till_id}, deadline))
        for page in range(1, report.pages):
            fields = self._ask(codec.STATUS, {"till": till_id, "page": page}, deadline)
            report = report.joined(_read(Report.read, fields))
        return report

    def issue(self, request: IssueRequest, deadline: float) -> IssueResult:
        fields = self._ask(codec.ISSUE, messages.order_of(request), deadline)
        answer = _read(Answer.read, fields)
        if len(answer.tokens) != request.token_count:
            raise WrongAnswerError("tokens")
        return _result(answer, request.request_id)

    def fetch(self, request_id: bytes, till_id: bytes, deadline: float) -> IssueResult | NotFound:
        fields = self._ask(codec.FETCH, {"rid": request_id, "till": till_id}, deadline)
        found = _read(messages.read_fetch, fields)
        if isinstance(found, Missing):
            return NotFound(found.last_sequence)
        return _result(found, request_id)

    def cancel(self, request_id: bytes, till_id: bytes, sequence: int, deadline: float) -> None:
        body = {"rid": request_id, "till": till_id, "seq": sequence}
        self._ask(codec.CANCEL, body, deadline)

    def load_authorisation(self, document: bytes, deadline: float) -> int:
        """Hand over head office's document; the number the module has now."""
        return _read(_number("authorisation"), self._send(codec.LOAD_AUTH, document, deadline))

    def acknowledge_audit(self, document: bytes, deadline: float) -> int:
        """Hand over head office's word on the audit; the entry up to which it counts."""
        return _read(_number("acknowledged"), self._send(codec.AUDIT_ACK, document, deadline))

    def verify(self, digits: str, request: IssueRequest, deadline: float) -> int:
        """The class of a token for the meter of a request."""
        meter = {name: messages.order_of(request)[name] for name in ("meter", "conf")}
        fields = self._ask(codec.VERIFY, {"digits": digits, **meter}, deadline)
        return _read(_number("class"), fields)

    def set_time(self, document: bytes, deadline: float) -> int:
        """Hand over head office's word of the time; the moment (ms) that has surely passed."""
        return _read(_number("floor"), self._send(codec.SET_TIME, document, deadline))

    def self_test(self, deadline: float) -> int:
        """Let it try itself out; the number of its last audit entry."""
        return _read(_number("entries"), self._ask(codec.SELFTEST, {}, deadline))

    def load_keys(self, document: bytes, deadline: float) -> int:
        """Hand over a key file as it is; how many keys the module has now."""
        return _read(_number("keys"), self._send(LOAD_KEYS, document, deadline))

    def login(self, operator: int, pin: str, deadline: float) -> None:
        """See `Staffed`. A PIN goes out in a session only: in the clear the module is asked
        whether it has operators at all, and if so this raises ModuleError SESSION_REQUIRED.
        """
        sealed = self.is_sealed
        try:
            self._ask(LOGIN, {"operator": operator, "pin": pin} if sealed else {}, deadline)
        except ModuleError as error:
            if error.code == codec.UNSUPPORTED_OP:
                return
            if sealed:
                raise
        if not sealed:
            raise ModuleError("SESSION_REQUIRED")

    def logout(self, deadline: float) -> None:
        """See `Staffed`."""
        try:
            self._ask(LOGOUT, {}, deadline)
        except ModuleError as error:
            if error.code != codec.UNSUPPORTED_OP:
                raise

    def read_audit(self, after: int, deadline: float) -> AuditPage:
        """The entries after a number, as many as fit a frame; none at the end."""
        body = {"after": after, "limit": messages.PAGE_ENTRIES_MAX}
        return _read(AuditPage.read, self._ask(codec.AUDIT_READ, body, deadline))

    def _send(self, op: str, document: bytes, deadline: float) -> codec.Fields:
        """A document in pieces; the answer to the last one."""
        assert document, "an empty document has no last piece"
        for piece in messages.pieces(document):
            answer = self._ask(op, piece, deadline)
        return answer

    def interrupt(self) -> None:
        line = self._line
        if line is not None:
            line.cancel()

    def close(self) -> None:
        self._module = self._session = None
        line, self._line = self._line, None
        if line is not None:
            line.close()

    # ------------------------------------------------------------ meeting

    def _greet(self, deadline: float) -> tuple[Hello, codec.Fields]:
        self.close()
        self._line = self._address.open()
        self._deframer = Deframer()
        self._call = int.from_bytes(self._randomness.bytes(_FIRST_CALL_BYTES), "big")
        self.late = self.sessions = 0
        fields = self._ask_hello(deadline, clear=True)
        return _read(Hello.read, fields), fields

    def _ask_hello(self, deadline: float, *, clear: bool) -> codec.Fields:
        again_s = min(HELLO_AGAIN_S, self._again_s) if clear else self._again_s
        return self._ask(codec.HELLO, {}, deadline, again_s, clear=clear)

    def _choose(self, hello: Hello, *, sealed: bool) -> Peer | None:
        """The pinned key of who answers; None where the clear is right. What it says in the
        clear is believed only when it makes this till say less.
        """
        known = self._keys.peers() if self._keys is not None else ()
        peer = next((p for p in known if p.name == hello.module_id), None)
        if peer is not None and sealed:
            return peer
        if known and peer is None:
            names = ", ".join(p.name for p in known)[:64]
            raise ModuleError("WRONG_MODULE", expected=names, found=hello.module_id)
        if known or sealed:
            raise ModuleError("NOT_PAIRED", found=hello.module_id)
        return None

    def _module_must_be(self, greeted: Hello, fields: codec.Fields) -> None:
        """What it said in the clear is what it says in the session."""
        if _read(Hello.read, fields) != greeted:
            raise ModuleError("WRONG_MODULE", expected=greeted.module_id, found="?")

    # ------------------------------------------------------------ asking

    def _open_line(self) -> Line:
        if self._line is None:
            raise LineLostError("not open", sent=False)
        return self._line

    def _ask(
        self,
        op: str,
        body: Mapping[str, Any],
        deadline: float,
        again_s: float | None = None,
        *,
        clear: bool = False,
    ) -> codec.Fields:
        """Send until answered; the fields of the answer. A refusal is a ModuleError."""
        line = self._open_line()
        self._call += 1
        message = codec.request(self._call, op, body)
        pause = self._again_s if again_s is None else again_s
        sealed = self._module is not None and not clear
        if len(message) > PAYLOAD_MAX:
            raise ModuleError("MESSAGE_TOO_LONG", outcome=Outcome.NOT_EXECUTED)
        sent = False
        self._sessions_left = SESSIONS_MAX
        while True:
            try:
                line.send(self._sealed(message, deadline) if sealed else frame(message), deadline)
            except LineLostError as lost:
                raise LineLostError(str(lost), sent=sent or lost.sent) from lost
            except (ModuleError, StoreError) as refused:  # a new session could not be had
                outcome = Outcome.UNKNOWN if sent else Outcome.NOT_EXECUTED
                raise ModuleError(refused.code, outcome=outcome, **refused.params) from None
            sent = True
            reply = self._wait(line, time.monotonic() + pause, deadline, sealed=sealed)
            if reply is not None:
                if reply.error:
                    raise ModuleError(reply.error, outcome=reply.outcome, **reply.params)
                return reply.fields
            self._session = None  # whose piece was lost is not known: neither end may guess
            if self._refused:
                # Whoever is on the cable can say so: it proves nothing about what was sent.
                raise ModuleError("NOT_PAIRED", outcome=Outcome.UNKNOWN, found=self._name())
            if time.monotonic() >= deadline:
                raise LineSilentError(op)

    def _wait(
        self, line: Line, until: float, deadline: float, *, sealed: bool
    ) -> codec.Reply | None:
        """The reply to the present call; None when it is time, or no use, to wait for it."""
        dropped, self._hurry = self._deframer.dropped, False
        while True:
            found: codec.Reply | None = None
            data = line.receive(min(until, deadline))
            for payload in self._deframer.feed(data):
                for message in self._heard(payload) if sealed else [payload]:
                    reply = codec.read_reply(message)
                    if reply is not None and reply.call == self._call:
                        found = reply
                    else:
                        self.late += 1
            if found is not None:
                return found
            if sealed and (self._session is None or self._refused):
                return None
            if sealed and data:
                damaged = self._hurry or self._deframer.dropped != dropped
                until = self._grace(until, damaged=damaged)
                dropped, self._hurry = self._deframer.dropped, False
            if time.monotonic() >= min(until, deadline):
                return None

    def _grace(self, until: float, *, damaged: bool) -> float:
        """How long to wait after some bytes came: a session that is given up costs a new one, so
        not while a slow line still talks, and not for long once something was broken on it.
        """
        soon = time.monotonic() + min(GRACE_S, self._again_s)
        return min(until, soon) if damaged else max(until, soon)

    # ------------------------------------------------------------ sessions

    def _sealed(self, message: bytes, deadline: float) -> bytes:
        """The bytes that say `message` in the session, a new one if need be."""
        now = self._session
        if now is None or now.sent > session.COUNT_MAX // 2:
            now = self._session = self._shake(deadline)
        now.say(message)
        return b"".join(frame(payload) for payload in now.pieces())

    def _shake(self, deadline: float) -> Session:
        """A new session with the pinned module; nothing of a request goes out here.

        Raises ModuleError WRONG_MODULE, NOT_PAIRED; StoreError; LineLostError with sent False.
        """
        line, module, keys = self._open_line(), self._module, self._keys
        assert module is not None and keys is not None, "a session without a pin"
        pause = min(HANDSHAKE_AGAIN_S, self._again_s)
        self._refused = False
        if module not in keys.peers():
            raise ModuleError("NOT_PAIRED", found=module.name)
        while True:
            number = int.from_bytes(self._randomness.bytes(session.NUMBER_BYTES), "big")
            now = self._session = Session(keys.context(server=False), number, server=False)
            self.sessions += 1
            self._sessions_left -= 1
            if self._sessions_left < 0:
                raise LineLostError("every session ends", sent=False)
            try:
                line.send(b"".join(frame(payload) for payload in now.pieces()), deadline)
                self._await_shake(line, now, time.monotonic() + pause, deadline)
            except LineLostError as lost:
                raise LineLostError(str(lost), sent=False) from lost
            if now.shaken and self._session is now:
                found = next(
                    (p for p in keys.peers() if p.certificate == now.peer_certificate), None
                )
                if found != module:
                    raise _swapped(module, found)
                return now
            if self._refused:
                raise ModuleError("NOT_PAIRED", found=module.name)
            if time.monotonic() >= deadline:
                raise LineLostError("no session", sent=False)
            pause *= 2

    def _await_shake(self, line: Line, now: Session, until: float, deadline: float) -> None:
        while not now.shaken and self._session is now:
            dropped, self._hurry = self._deframer.dropped, False
            data = line.receive(min(until, deadline))
            for payload in self._deframer.feed(data):
                self._heard(payload)
            if data:
                damaged = self._hurry or self._deframer.dropped != dropped
                until = self._grace(until, damaged=damaged)
            if time.monotonic() >= min(until, deadline):
                return

    def _heard(self, payload: bytes) -> list[bytes]:
        """The messages in a frame's payload; anything of another session is late."""
        piece, now = Piece.read(payload), self._session
        if piece is None or now is None or piece.session != now.number:
            self.late += 1
            return []
        if piece.kind == session.HEARD:
            self._hurry = self._hurry or piece.number < now.sent
        elif piece.kind == session.ENDED:
            self._refused = piece.data == session.NOT_PAIRED.encode("ascii")
            self._session = None
        elif piece.kind == session.DATA:
            try:
                return now.take(piece)
            except SessionLostError as lost:
                self._session = None
                if lost.reason == session.NOT_PAIRED:
                    assert self._module is not None, "a session without a pin"
                    raise _swapped(self._module, None) from None
        return []

    def _name(self) -> str:
        return "" if self._module is None else self._module.name


def _swapped(expected: Peer, found: Peer | None) -> ModuleError:
    """A module that says the right name and has not its key, or has a key of ours too many."""
    name = found.name if found is not None else f"{expected.name} (another key)"
    return ModuleError("WRONG_MODULE", expected=expected.name, found=name)


def _says(fields: codec.Fields, name: str) -> bool:
    """A flag of HELLO that modules without sessions do not send."""
    try:
        return fields.flag(name)
    except codec.FieldError:
        return False


def _read(read: Callable[[codec.Fields], T], fields: codec.Fields) -> T:
    try:
        return read(fields)
    except codec.FieldError as error:
        raise WrongAnswerError(error.name) from None


def _number(name: str) -> Callable[[codec.Fields], int]:
    return lambda fields: fields.integer(name, 0, messages.MOMENT_MAX)


def _result(answer: Answer, request_id: bytes) -> IssueResult:
    if answer.request_id != request_id:
        raise WrongAnswerError("rid")
    return IssueResult(
        request_id, answer.tokens, answer.module_id, answer.audit_no, answer.replayed
    )
