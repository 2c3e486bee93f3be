"""Module folders as a power cut leaves them, and what was sold before it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from posapp.bootstrap import module as bootstrap
from posapp.security_module.link import codec, messages
from posapp.security_module.link.messages import Answer, order_of
from posapp.security_module.reference.keys import load_key_file
from posapp.sts.ciphers import load_tables
from posapp.sts.sta import SAMPLE
from tests.security_module.engines import TRUST, SetClock, a_grant, an_authorisation, signed
from tests.security_module.lines import Chance
from tests.security_module.module_process import TEST_KEYS, write_key_file
from tests.storm.seal_probe import GRANTED, Heard, Known, Questions, everything, serve

PIN = "135790"
SALES_BEFORE = 3  # in the file itself; those after are in its write-ahead log only
CONFIG = "sta_tables = 'tables.json'\n"


def make_folder(folder: Path, *, operators: bool) -> Known:
    """A module with limits that sold six times and lost its power: its folder, its past."""
    making = folder.with_name(folder.name + "-making")
    making.mkdir(mode=0o700)
    others = folder.with_name(folder.name + "-from")
    others.mkdir()
    trust = others / "trust.json"
    trust.write_text(TRUST.to_text(), encoding="ascii")
    keys = write_key_file(others / "keys.json", TEST_KEYS[:1])
    tables = {"s1": SAMPLE.s2, "s2": SAMPLE.s1, "p": SAMPLE.p}
    (making / "tables.json").write_text(json.dumps({k: list(v) for k, v in tables.items()}))
    (making / "module.toml").write_text(CONFIG, encoding="ascii")
    name = "Kwame Mensah" if operators else None
    module_id = bootstrap.init(
        making, keys, trust, supervisor=name, pin=PIN, clock=SetClock(), randomness=Chance(1)
    )
    known = Known(load_key_file(keys)[0], load_tables(making / "tables.json"), module_id=module_id)
    known.login = {"operator": 1, "pin": PIN} if operators else None
    serve(making, _sales(known, SALES_BEFORE))
    serve(making, _snapshot(known, making, folder))
    return known


def _signing_in(known: Known) -> Questions:
    if known.login is not None:
        reply = yield codec.request(1, "LOGIN", known.login)
        assert not reply.error, reply.error


def _sales(known: Known, count: int) -> Questions:
    yield from _signing_in(known)
    if not known.tokens:
        document = signed(
            an_authorisation(
                module_id=known.module_id, grants=(a_grant(GRANTED, GRANTED, GRANTED),)
            )
        )
        for piece in messages.pieces(document):
            reply = yield codec.request(1, codec.LOAD_AUTH, piece)
            assert not reply.error, reply.error
    for _ in range(count):
        order = order_of(known.request(len(known.tokens) + 1))
        reply = yield codec.request(1, codec.ISSUE, order)
        assert not reply.error, reply.error
        known.tokens.append(Answer.read(reply.fields).tokens)


def _snapshot(known: Known, making: Path, folder: Path) -> Questions:
    yield from _sales(known, SALES_BEFORE)
    heard = Heard()
    questions = everything(known, heard)
    wanted = next(questions)
    while True:  # everything but one more sale
        if codec.read_request(wanted).op == codec.ISSUE:  # type: ignore[union-attr]
            wanted = questions.send(codec.Reply(1, codec.Fields({}), "LEFT OUT"))
            continue
        reply = yield wanted
        try:
            wanted = questions.send(reply)
        except StopIteration:
            break
    assert heard.report is not None
    known.entries, known.audit_key = heard.entries, heard.report.audit_key
    shutil.copytree(making, folder)
