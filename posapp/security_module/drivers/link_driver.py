"""The driver of our own line (`link/`): serial ports, ptys and TCP.

A request is sent again after a while of silence: the module answers the same request the same,
so a frame that noise broke costs a moment and not the sale. Late answers are thrown away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from posapp.clock import Randomness
from posapp.errors import ModuleError
from posapp.ports import IssueRequest, IssueResult, NotFound
from posapp.security_module.drivers.driver import LineLostError, LineSilentError, WrongAnswerError
from posapp.security_module.link import codec, messages
from posapp.security_module.link.framing import Deframer, frame
from posapp.security_module.link.messages import Answer, Hello, Missing, Report
from posapp.security_module.link.transports import Address, Line

T = TypeVar("T")

HELLO_AGAIN_S = 0.5  # a board that restarts when its port is opened misses the first one
ASK_AGAIN_S = 3.0
_FIRST_CALL_BYTES = 6  # leaves room to count up without end


class LinkDriver:
    """See `Driver`; `again_s` is after how much silence a request is repeated."""

    def __init__(
        self, address: Address, randomness: Randomness, *, again_s: float = ASK_AGAIN_S
    ) -> None:
        self._address = address
        self._randomness = randomness
        self._again_s = again_s
        self._line: Line | None = None
        self._deframer = Deframer()
        self._call = 0
        self.late = 0  # answers to nobody, since the line was opened

    @property
    def is_open(self) -> bool:
        return self._line is not None

    @property
    def bad_frames(self) -> int:
        """Frames dropped since the line was opened."""
        return self._deframer.bad + self._deframer.overlong

    def open(self, deadline: float) -> Hello:
        self.close()
        self._line = self._address.open()
        self._deframer = Deframer()
        self._call = int.from_bytes(self._randomness.bytes(_FIRST_CALL_BYTES), "big")
        self.late = 0
        try:
            again_s = min(HELLO_AGAIN_S, self._again_s)
            return _read(Hello.read, self._ask(codec.HELLO, {}, deadline, again_s))
        except BaseException:
            self.close()
            raise

    def check(self) -> None:
        self._open_line().check()

    def status(self, till_id: bytes, deadline: float) -> Report:
        return _read(Report.read, self._ask(codec.STATUS, {"till": till_id}, deadline))

    def issue(self, request: IssueRequest, deadline: float) -> IssueResult:
        fields = self._ask(codec.ISSUE, messages.order_of(request), deadline)
        answer = _read(Answer.read, fields)
        if len(answer.tokens) != len(request.items):
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

    def interrupt(self) -> None:
        line = self._line
        if line is not None:
            line.cancel()

    def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _open_line(self) -> Line:
        if self._line is None:
            raise LineLostError("not open", sent=False)
        return self._line

    def _ask(
        self, op: str, body: Mapping[str, Any], deadline: float, again_s: float | None = None
    ) -> codec.Fields:
        """Send until answered; the fields of the answer. A refusal is a ModuleError."""
        line = self._open_line()
        self._call += 1
        data = frame(codec.request(self._call, op, body))
        pause = self._again_s if again_s is None else again_s
        sent = False
        while True:
            try:
                line.send(data, deadline)
            except LineLostError as lost:
                raise LineLostError(str(lost), sent=sent or lost.sent) from lost
            sent = True
            reply = self._wait(line, min(deadline, time.monotonic() + pause))
            if reply is not None:
                break
            if time.monotonic() >= deadline:
                raise LineSilentError(op)
        if reply.error:
            raise ModuleError(reply.error, outcome=reply.outcome, **reply.params)
        return reply.fields

    def _wait(self, line: Line, until: float) -> codec.Reply | None:
        while True:
            data = line.receive(until)
            found: codec.Reply | None = None
            for payload in self._deframer.feed(data):
                reply = codec.read_reply(payload)
                if reply is not None and reply.call == self._call:
                    found = reply
                else:
                    self.late += 1
            if found is not None:
                return found
            if time.monotonic() >= until:
                return None


def _read(read: Callable[[codec.Fields], T], fields: codec.Fields) -> T:
    try:
        return read(fields)
    except codec.FieldError as error:
        raise WrongAnswerError(error.name) from None


def _result(answer: Answer, request_id: bytes) -> IssueResult:
    if answer.request_id != request_id:
        raise WrongAnswerError("rid")
    return IssueResult(
        request_id, answer.tokens, answer.module_id, answer.audit_no, answer.replayed
    )
