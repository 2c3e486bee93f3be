"""What the module tells: its standing, checked tokens, its audit; and documents in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from posapp.domain.meter import MeterNumber
from posapp.domain.sale import KeyTarget, TokenKind
from posapp.errors import ModuleError
from posapp.journal.facts import TokenItem
from posapp.ports import KeyLimit, SupplyKey
from posapp.security_module.link import codec, messages
from posapp.security_module.link.framing import PAYLOAD_MAX
from posapp.security_module.link.messages import AuditPage, Report
from posapp.security_module.reference.desk import Desk
from posapp.security_module.reference.engine import Engine
from posapp.security_module.report_values import values_of
from posapp.sts import tokens
from posapp.wire.introductions import ModuleCard
from tests.security_module.engines import (
    NOON,
    NOON_TID,
    TRUST,
    SetClock,
    a_grant,
    an_acknowledgement,
    an_authorisation,
    an_engine,
    order,
    signed,
    whole_audit,
)
from tests.security_module.module_process import METER, TILL, a_configuration, a_request

MANY = tuple(a_grant(units=n, sgc=f"{300_000 + n // 9:06d}", krn=1 + n % 9) for n in range(1, 64))


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def engine(tmp_path: Path, clock: SetClock) -> Iterator[Engine]:
    engine, store = an_engine(tmp_path, clock, trust=TRUST)
    engine.load_authorisation(signed(an_authorisation(grants=(a_grant(units=1000),))))
    yield engine
    store.close()


def asked(desk: Desk, op: str, **body: Any) -> codec.Fields:
    payload = desk.answer(codec.request(7, op, body))
    assert payload is not None and len(payload) <= PAYLOAD_MAX
    reply = codec.read_reply(payload)
    assert reply is not None
    if reply.error:
        raise ModuleError(reply.error, outcome=reply.outcome, **reply.params)
    return reply.fields


# ---------------------------------------------------------------- its standing


def test_a_report_of_many_limits_comes_on_pages_that_each_fit_a_frame(engine: Engine) -> None:
    grants = tuple(sorted((*MANY, a_grant(units=1000)), key=lambda g: (g.sgc, g.krn)))
    engine.load_authorisation(signed(an_authorisation(2, grants=grants)))
    desk = Desk(engine)
    report = Report.read(asked(desk, codec.STATUS, till=TILL))
    for page in range(1, report.pages):
        report = report.joined(Report.read(asked(desk, codec.STATUS, till=TILL, page=page)))
    assert report.pages == 4
    assert len(report.limits) == 64
    assert (report.keys, report.limits) == (engine.report(TILL).keys, engine.report(TILL).limits)


def test_a_document_for_more_keys_than_are_ever_listed_is_refused(engine: Engine) -> None:
    engine.load_authorisation(signed(an_authorisation(2, grants=MANY)))
    another = an_authorisation(3, grants=(a_grant(sgc="400000"),))
    with pytest.raises(ModuleError, match="AUTHORISATION_GRANTS"):
        engine.load_authorisation(signed(another))


def test_the_till_sees_plain_values_of_what_the_module_said(
    engine: Engine, clock: SetClock
) -> None:
    engine.issue(order(a_request(1, NOON_TID, units=400)))
    said = values_of(engine.report(TILL))
    assert said["limits"][0].units_left == 600
    assert isinstance(said["limits"][0], KeyLimit)
    assert said["lease_until"] == NOON + timedelta(days=90)
    assert (said["limited"], said["hold"], said["authorisation"]) == (True, "", 1)
    assert (said["unacknowledged"], said["unacknowledged_max"]) == (1, 100_000)
    assert said["audit_no"] == len(whole_audit(engine))
    clock.move(days=91)
    assert values_of(engine.report(TILL))["hold"] == "LEASE_EXPIRED"


@pytest.mark.parametrize(
    ("key", "ends"),
    [
        (SupplyKey("201457", 1, 2014, 255, 4, True), datetime(2045, 11, 24, 20, 15, tzinfo=UTC)),
        (SupplyKey("201457", 1, 1993, 255, 4, True), datetime(2024, 11, 24, 20, 15, tzinfo=UTC)),
        (
            SupplyKey("201457", 1, 2014, 255, 4, True, issue_until=NOON),
            NOON,
        ),
        (SupplyKey("201457", 1, 2014, 0, 4, True), datetime(2014, 2, 15, 12, 15, tzinfo=UTC)),
    ],
)
def test_a_key_ends_with_its_ken_its_base_date_or_when_it_is_told(
    key: SupplyKey, ends: datetime
) -> None:
    assert key.ends_at == ends
    for days in (30, 7, 1, 0, -1):
        assert key.days_left(ends - timedelta(days=days)) == days
    assert key.days_left(ends + timedelta(minutes=1)) == -1


def test_the_card_names_the_key_that_signs_the_audit(engine: Engine) -> None:
    card = engine.card()
    assert ModuleCard.read(card.to_text().encode()) == card
    assert card.audit_key == engine.report(TILL).audit_key


# ---------------------------------------------------------------- VERIFY


def test_a_good_token_is_told_whole_and_an_old_one_with_its_doubts(
    engine: Engine, clock: SetClock
) -> None:
    (token,) = engine.issue(order(a_request(1, NOON_TID, units=400))).tokens
    conf = messages.order_of(a_request(1))["conf"]
    found = asked(Desk(engine), codec.VERIFY, digits=token, meter=METER, conf=conf)
    assert (found.integer("class", 0, 3), found.integer("units", 0, 999)) == (0, 400)
    assert found.rows("doubts", 0, 9) == []
    assert found.integer("made", 1, 1 << 53) == 1_772_625_600_000
    clock.move(days=-2)
    assert engine.verify(token, MeterNumber(METER), a_configuration()).doubts == ("tid_in_future",)


def test_a_key_change_token_shows_no_part_of_the_key(engine: Engine) -> None:
    change = TokenItem(TokenKind.KEY_CHANGE, 0, 0, 0, 0, target=KeyTarget("201457", 1, "08"))
    for token in engine.issue(order(replace(a_request(1), items=(change,)))).tokens:
        found = engine.verify(token, MeterNumber(METER), a_configuration())
        assert (found.token_class, found.fields) == (2, {})


def test_guessing_tokens_against_verify_is_cut_off(engine: Engine, clock: SetClock) -> None:
    def guess(n: int) -> str:
        with pytest.raises(ModuleError) as caught:
            engine.verify(f"{n:020d}", MeterNumber(METER), a_configuration())
        return caught.value.code

    assert {guess(n) for n in range(20)} == {"TOKEN_CRC"}
    assert guess(20) == "VERIFY_TOO_OFTEN"
    clock.move(minutes=2)
    assert [guess(n) for n in (21, 22, 23)] == ["TOKEN_CRC", "TOKEN_CRC", "VERIFY_TOO_OFTEN"]


def test_a_test_token_needs_no_key_of_the_meter(engine: Engine) -> None:
    found = engine.verify(
        tokens.meter_test(0, (1 << 36) - 1), MeterNumber(METER), a_configuration()
    )
    assert (found.token_class, found.doubts, found.made_ms) == (1, (), 0)


# ---------------------------------------------------------------- documents in pieces


def pieces(document: bytes) -> list[dict[str, Any]]:
    return list(messages.pieces(document))


def test_a_document_larger_than_a_frame_is_loaded_in_pieces_each_of_which_may_come_twice(
    engine: Engine,
) -> None:
    desk = Desk(engine)
    document = signed(an_authorisation(2, grants=MANY))
    parts = pieces(document)
    assert len(parts) == 2
    for part in (parts[0], parts[0], parts[1], parts[1]):
        reply = asked(desk, codec.LOAD_AUTH, **part)
    assert reply.integer("authorisation", 2, 2) == 2
    assert engine.report(TILL).authorisation == 2
    other = bytes(len(parts[1]["doc"]))
    with pytest.raises(ModuleError, match="FIELD_RANGE"):
        asked(desk, codec.LOAD_AUTH, **{**parts[1], "doc": other})


def test_pieces_out_of_order_or_of_another_document_make_no_document(engine: Engine) -> None:
    desk = Desk(engine)
    first, second = pieces(signed(an_authorisation(2, grants=MANY)))
    with pytest.raises(ModuleError, match="FIELD_RANGE"):
        asked(desk, codec.LOAD_AUTH, **second)
    for wrong in ({"at": second["at"] + 1}, {"of": second["of"] - 1}):
        asked(desk, codec.LOAD_AUTH, **first)
        with pytest.raises(ModuleError, match="FIELD_RANGE"):
            asked(desk, codec.LOAD_AUTH, **{**second, **wrong})
    asked(desk, codec.LOAD_AUTH, **first)
    with pytest.raises(ModuleError, match="FIELD_RANGE"):
        asked(desk, codec.AUDIT_ACK, **second)
    assert engine.report(TILL).authorisation == 1


def test_the_audit_is_read_and_acknowledged_over_the_line(engine: Engine) -> None:
    desk = Desk(engine)
    engine.issue(order(a_request(1, NOON_TID)))
    page = AuditPage.read(asked(desk, codec.AUDIT_READ, after=0, limit=64))
    assert list(page.entries) == whole_audit(engine)[: len(page.entries)]
    (word,) = pieces(an_acknowledgement(engine, NOON))
    assert asked(desk, codec.AUDIT_ACK, **word).integer("acknowledged", 1, 99) == page.number
    assert engine.report(TILL).unacknowledged == 0
