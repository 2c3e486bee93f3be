"""What every kind of module must offer the manager; a new driver is one more file beside it.

A driver owns one line, is called by one thread at a time, and says of every failure whether a
byte of the request left. It raises ModuleError for the module's own word, the rest as below.
"""

from __future__ import annotations

from typing import Protocol

from posapp.ports import IssueRequest, IssueResult, NotFound
from posapp.security_module.link.messages import Hello, Report
from posapp.security_module.link.transports import LineClosedError as LineClosedError
from posapp.security_module.link.transports import LineLostError as LineLostError


class LineSilentError(Exception):
    """No answer until the deadline, though the request went out."""


class WrongAnswerError(Exception):
    """The module answered what no module may; `field` names what did not fit."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class Driver(Protocol):
    """One module on one line. Deadlines are `time.monotonic` seconds.

    Every call raises LineLostError, LineSilentError, WrongAnswerError, or ModuleError with the
    module's refusal.
    """

    @property
    def is_open(self) -> bool: ...

    def open(self, deadline: float) -> Hello:
        """Open the line and learn who is there. Raises LineClosedError too."""
        ...

    def check(self) -> None:
        """Raise LineLostError (sent False) if the line is surely gone. Returns at once."""
        ...

    def status(self, till_id: bytes, deadline: float) -> Report: ...

    def issue(self, request: IssueRequest, deadline: float) -> IssueResult: ...

    def fetch(
        self, request_id: bytes, till_id: bytes, deadline: float
    ) -> IssueResult | NotFound: ...

    def cancel(self, request_id: bytes, till_id: bytes, sequence: int, deadline: float) -> None: ...

    def interrupt(self) -> None:
        """Make a call of another thread give up soon."""
        ...

    def close(self) -> None:
        """Give up the line; safe when it is closed. The next `open` starts anew."""
        ...
