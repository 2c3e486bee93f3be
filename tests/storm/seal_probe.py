"""One changed byte in a module's folder, and what the module makes of it: `serve` in this process.

The line is replaced by a script of questions; whatever is read from the disk and decided is
what `posapp module serve` reads and decides.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from posapp.bootstrap import module as bootstrap
from posapp.domain.meter import MeterNumber
from posapp.errors import InputError, PosError
from posapp.ports import IssueRequest
from posapp.security_module.link import codec, messages
from posapp.security_module.link.framing import Deframer, frame
from posapp.security_module.link.messages import Answer, LimitInfo, Missing, Report, order_of
from posapp.sts.keys import VendingKey, decoder_key
from posapp.sts.meter import MeterResult, VirtualMeter
from posapp.sts.sta import StaTables
from posapp.wire.audit import AuditHead, genesis, verify_entries
from tests.security_module.engines import NOON_TID, SetClock
from tests.security_module.lines import Chance
from tests.security_module.module_process import METER, TILL, a_configuration, a_request

UNITS, GRANTED = 711, 1_000_000
Questions = Generator[bytes, codec.Reply, None]


class _OverError(Exception):
    """The script has no more questions."""


class _Script:
    """An endpoint whose talker asks one question after the other."""

    address = "script"

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._deframer = Deframer()
        self._reply: codec.Reply | None = None
        self._begun = False

    def receive(self, timeout_s: float) -> bytes:
        try:
            if not self._begun:
                self._begun = True
                return frame(next(self._questions))
            assert self._reply is not None, "a question without an answer"
            return frame(self._questions.send(self._reply))
        except StopIteration:
            raise _OverError from None

    def send(self, data: bytes) -> None:
        for payload in self._deframer.feed(data):
            self._reply = codec.read_reply(payload)

    def close(self) -> None:
        self._questions.close()


class _Silent:
    """Nobody reads `ready`."""

    def write(self, text: str) -> None: ...
    def flush(self) -> None: ...


def serve(folder: Path, questions: Questions) -> None:
    """Let the module in `folder` answer until there are no more questions. Raises PosError."""
    script: Any = _Script(questions)
    silent: Any = _Silent()
    with patch.object(bootstrap, "open_endpoint", lambda *_, **__: script), suppress(_OverError):
        bootstrap.serve(
            folder, "script", clock=SetClock(), randomness=Chance(7), in_clear=True, out=silent
        )


# ---------------------------------------------------------------- what is known of it


@dataclass
class Known:
    """A module's past, as a till and head office remember it."""

    key: VendingKey
    tables: StaTables
    audit_key: bytes = b""
    module_id: str = ""
    tokens: list[tuple[str, ...]] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)
    login: dict[str, Any] | None = None

    def request(self, number: int) -> IssueRequest:
        """The sale of that number, from 1."""
        return a_request(number, NOON_TID + number, units=UNITS)


@dataclass
class Heard:
    """What the module answered."""

    errors: list[str] = field(default_factory=list)
    fetched: list[Answer | Missing] = field(default_factory=list)
    issued: Answer | None = None
    report: Report | None = None
    entries: list[bytes] = field(default_factory=list)
    head: AuditHead | None = None

    def right(self, reply: codec.Reply) -> bool:
        """Whether it is no error; an error is kept."""
        if reply.error:
            self.errors.append(reply.error)
        return not reply.error


def everything(known: Known, heard: Heard) -> Questions:
    """Sign in where one must, fetch every sale, sell once more, read limits and audit."""
    if known.login is not None:
        heard.right((yield codec.request(1, "LOGIN", known.login)))
    for number in range(1, len(known.tokens) + 1):
        body = {"rid": known.request(number).request_id, "till": TILL}
        reply = yield codec.request(1, codec.FETCH, body)
        if heard.right(reply):
            heard.fetched.append(messages.read_fetch(reply.fields))
    order = order_of(known.request(len(known.tokens) + 1))
    reply = yield codec.request(1, codec.ISSUE, order)
    if heard.right(reply):
        heard.issued = Answer.read(reply.fields)
    reply = yield codec.request(1, codec.STATUS, {"till": TILL})
    if heard.right(reply):
        heard.report = Report.read(reply.fields)
    while True:
        body = {"after": len(heard.entries), "limit": messages.PAGE_ENTRIES_MAX}
        reply = yield codec.request(1, codec.AUDIT_READ, body)
        if not heard.right(reply):
            return
        page = messages.AuditPage.read(reply.fields)
        heard.entries.extend(page.entries)
        if not page.entries:
            module_id = heard.report.hello.module_id if heard.report else ""
            heard.head = AuditHead(module_id, page.number, page.hash32, page.signature)
            return


# ---------------------------------------------------------------- the verdict


def probe(folder: Path, known: Known) -> tuple[str, list[str]]:
    """How the module took it, in a word, and what of it may not be."""
    heard = Heard()
    try:
        serve(folder, everything(known, heard))
    except PosError as error:
        return f"refuses to start: {error.code}", []
    except Exception as error:
        return "fell over", [repr(error)]
    return _verdict(known, heard)


def _verdict(known: Known, heard: Heard) -> tuple[str, list[str]]:
    wrong: list[str] = []
    kept = 0
    for number, found in enumerate(heard.fetched):
        if isinstance(found, Missing):
            continue
        kept += 1
        if not heard.errors and number != kept - 1:
            wrong.append("a sale is missing between others")
        if found.tokens not in known.tokens:
            wrong.append("another token for a sale of before")
    if "INTERNAL" in heard.errors:
        wrong.append("a mistake in the module itself")
    if heard.issued is not None:
        wrong += _wrong_token(known, heard.issued)
    if heard.errors:
        return f"answers {heard.errors[0]}", wrong
    wrong += _wrong_books(known, heard, kept)
    if kept < len(known.tokens) - 2:
        wrong.append("many sales are forgotten")
    return ("right" if kept == len(known.tokens) else "an earlier state"), wrong


def _wrong_token(known: Known, answer: Answer) -> list[str]:
    number, c = MeterNumber(METER), a_configuration()
    secret = decoder_key(known.key, number, c.ti, c.ea)
    meter = VirtualMeter(number, secret, c.ea, known.tables)
    (token,) = answer.tokens
    if meter.enter(token) is not MeterResult.ACCEPT or meter.electricity_tenths != UNITS:
        return ["a wrong token"]
    return []


def _wrong_books(known: Known, heard: Heard, kept: int) -> list[str]:
    """Of a module that answered everything: its limits and its audit fit what it kept."""
    wrong: list[str] = []
    assert heard.report is not None
    assert heard.head is not None
    used = (kept + (heard.issued is not None)) * UNITS
    limit = LimitInfo("201457", 1, GRANTED - used, GRANTED, GRANTED - used * 16)
    if heard.report.limits != (limit,):
        wrong.append(f"other limits: {heard.report.limits}")
    try:
        heard.head.check(known.audit_key)
    except InputError:
        wrong.append("the head is not signed by the module")
    verdict = verify_entries(0, genesis(known.module_id), heard.entries)
    if (verdict.broken_number, verdict.hash32) != (None, heard.head.hash32):
        wrong.append(f"the audit is broken: {verdict}")
    if kept == len(known.tokens) and heard.entries[: len(known.entries)] != known.entries:
        wrong.append("another past in the audit")
    return wrong


# ---------------------------------------------------------------- changing a byte


class Bench:
    """A copy of a folder in which one byte after the other is changed and put back."""

    def __init__(self, template: Path, folder: Path, known: Known) -> None:
        self.template = {p.name: p.read_bytes() for p in template.iterdir() if p.is_file()}
        self.folder = folder
        self._known = known
        folder.mkdir(mode=0o700)
        self.put_back({})

    def flip(self, name: str, place: int, mask: int) -> tuple[str, list[str]]:
        """Change one byte and ask everything."""
        data = bytearray(self.template[name])
        data[place] ^= mask
        self.put_back({name: bytes(data)})
        return probe(self.folder, self._known)

    def whole(self) -> tuple[str, list[str]]:
        """The same with nothing changed."""
        self.put_back({})
        return probe(self.folder, self._known)

    def put_back(self, changed: dict[str, bytes]) -> None:
        """The folder as it was, but for what is changed."""
        for path in self.folder.iterdir():
            if path.name not in self.template:
                path.unlink()
        for name, was in self.template.items():
            path, data = self.folder / name, changed.get(name, was)
            if not path.exists() or path.read_bytes() != data:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(handle, "wb") as stream:
                    stream.write(data)
