"""Every kind of token through the module, and what a real meter says of it: currency, management,
tests, key changes, and the credit that follows a key change in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.domain.sale import KeyTarget, TokenKind
from posapp.errors import InputError, ModuleError
from posapp.journal.facts import TokenItem
from posapp.ports import IssueRequest
from posapp.security_module.reference.engine import Engine
from posapp.security_module.reference.store import ModuleStore
from posapp.sts import amounts, ciphers, keys, tid, tokens
from posapp.sts.meter import MeterDesign, MeterResult, VirtualMeter
from tests.security_module.engines import NOON, NOON_TID, SetClock, an_engine, order
from tests.security_module.module_process import (
    DES_SECRET,
    HMAC_SECRET,
    METER,
    TILL,
    a_configuration,
    a_request,
    an_item,
)

DAY = 1440
STA, MISTY1 = EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1
NOON_1993 = (NOON.replace(tzinfo=None) - tid.BASE_DATES[1993]).total_seconds() // 60
OLD = {"sgc": "123456", "krn": 2, "base_date": 1993}  # what a meter of before 2014 has


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Engine, ModuleStore]]:
    engine, store = an_engine(tmp_path)
    yield engine, store
    store.close()


@pytest.fixture
def engine(opened: tuple[Engine, ModuleStore]) -> Engine:
    return opened[0]


def a_meter(design: MeterDesign | None = None, **changes: Any) -> VirtualMeter:
    """The real thing, with the key that the configuration names."""
    c = a_configuration(**changes)
    secret = bytes.fromhex(HMAC_SECRET if c.sgc == "201457" else DES_SECRET)
    dkga = 4 if c.sgc == "201457" else 2
    key = keys.VendingKey(secret, c.sgc, c.krn, c.kt, c.base_date, 255, dkga)
    decoder = keys.decoder_key(key, MeterNumber(METER), c.ti, c.ea)
    tables = ciphers.sample_tables()
    return VirtualMeter(
        MeterNumber(METER), decoder, c.ea, tables, kt=c.kt, krn=c.krn, ti=c.ti, design=design
    )


def asked(sequence: int, *items: TokenItem, **changes: Any) -> IssueRequest:
    configuration = a_configuration(**changes)
    return replace(a_request(sequence, configuration=configuration), items=items)


def a_change(
    sgc: str = "201457", krn: int = 1, ti: str = "01", *, third: bool = False
) -> TokenItem:
    return TokenItem(TokenKind.KEY_CHANGE, 0, 0, 0, 0, target=KeyTarget(sgc, krn, ti, third))


def managing(subclass: int, value: int, tid: int = NOON_TID) -> TokenItem:
    return TokenItem(TokenKind.MANAGEMENT, subclass, tid, value, 0)


def credit(tid: int, units: int = 711, subclass: int = 0, base_date: int = 0) -> TokenItem:
    return TokenItem(TokenKind.CREDIT, subclass, tid, units, units * 16, base_date=base_date)


def entered(meter: VirtualMeter, digits: tuple[str, ...]) -> list[MeterResult]:
    return [meter.enter(token) for token in digits]


def refusal(engine: Engine, request: IssueRequest) -> str:
    with pytest.raises(ModuleError) as caught:
        engine.issue(order(request))
    return caught.value.code


# ---------------------------------------------------------------- credit of every kind


@pytest.mark.parametrize("ea", [STA, MISTY1])
@pytest.mark.parametrize("subclass", range(8))
def test_credit_of_every_kind_fills_its_own_register(
    engine: Engine, ea: EncryptionAlgorithm, subclass: int
) -> None:
    meter = a_meter(ea=ea)
    units = 711 if subclass < 4 else 25_000_000
    answer = engine.issue(order(asked(1, credit(NOON_TID, units, subclass), ea=ea)))
    assert entered(meter, answer.tokens) == [MeterResult.ACCEPT]
    carried = units if subclass < 4 else amounts.decode_currency(*amounts.encode_currency(units))
    assert meter.registers.credited == {subclass: carried}


def test_a_credit_in_money_can_be_larger_than_units_can(engine: Engine) -> None:
    engine.issue(order(asked(1, credit(NOON_TID, amounts.UNITS_MAX + 1, 4))))
    assert (
        refusal(engine, asked(2, credit(NOON_TID + 1, amounts.UNITS_MAX + 1, 0))) == "FIELD_RANGE"
    )


# ---------------------------------------------------------------- management


@pytest.mark.parametrize("ea", [STA, MISTY1])
def test_management_tokens_do_to_the_meter_what_they_say(
    engine: Engine, ea: EncryptionAlgorithm
) -> None:
    meter = a_meter(ea=ea)
    meter.tampered = True
    values = {0: 9000, 5: 0, 2: 77, 6: 1200, 7: 3, 10: 5 << 10 | 17}
    items = [managing(sub, value, NOON_TID + n) for n, (sub, value) in enumerate(values.items())]
    meter.enter(engine.issue(order(asked(1, credit(NOON_TID - 9), ea=ea))).tokens[0])
    assert meter.credit[0] == 711
    answer = engine.issue(order(asked(2, *items, managing(1, 0, NOON_TID + 20), ea=ea)))
    assert entered(meter, answer.tokens) == [MeterResult.ACCEPT] * 7
    assert (meter.power_limit_w, meter.unbalance_limit_w) == (9000, 1200)
    assert (meter.tariff_rate, meter.water_factor, meter.extended) == (77, 3, {5: 17})
    assert not meter.tampered
    assert meter.credit == {}


@pytest.mark.parametrize(
    ("subclass", "value", "code"),
    [
        (3, 0, "UNSUPPORTED"),  # key changes are no management items
        (11, 0, "UNSUPPORTED"),
        (1, 8, "FIELD_RANGE"),
        (5, 1, "FIELD_RANGE"),
        (2, 1 << 16, "FIELD_RANGE"),
        (0, amounts.UNITS_MAX + 1, "FIELD_RANGE"),
    ],
)
def test_a_management_value_out_of_range_is_refused(
    engine: Engine, subclass: int, value: int, code: str
) -> None:
    assert refusal(engine, asked(1, managing(subclass, value))) == code


def test_a_management_token_takes_a_tid_like_a_credit(engine: Engine) -> None:
    engine.issue(order(asked(1, managing(1, 0xFFFF))))
    assert refusal(engine, asked(2, credit(NOON_TID))) == "TID_WINDOW"
    assert refusal(engine, asked(3, managing(5, 0, NOON_TID))) == "TID_WINDOW"


def test_a_default_key_makes_management_and_no_credit(engine: Engine) -> None:
    default = {"krn": 3, "kt": KeyType.DEFAULT}
    answer = engine.issue(order(asked(1, managing(0, 100), **default)))
    assert entered(a_meter(**default), answer.tokens) == [MeterResult.ACCEPT]
    assert refusal(engine, asked(2, credit(NOON_TID + 1), **default)) == "KEY_TYPE_NO_CREDIT"


# ---------------------------------------------------------------- meter tests


def test_a_meter_test_is_the_public_one_and_takes_no_tid_and_no_key(engine: Engine) -> None:
    everything = (1 << 36) - 1
    item = TokenItem(TokenKind.METER_TEST, 0, 0, everything << 8, 0)
    answer = engine.issue(order(asked(1, item, sgc="999999")))
    assert answer.tokens == (tokens.meter_test(0, everything),)
    assert entered(a_meter(), answer.tokens) == [MeterResult.ACCEPT]
    engine.issue(order(asked(2, credit(NOON_TID))))


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (TokenItem(TokenKind.METER_TEST, 3, 0, 0, 0), "UNSUPPORTED"),
        (TokenItem(TokenKind.METER_TEST, 0, 0, 1 << 44, 0), "FIELD_RANGE"),
        (TokenItem(TokenKind.METER_TEST, 0, NOON_TID, 0, 0), "FIELD_RANGE"),
        (TokenItem(TokenKind.METER_TEST, 0, 0, 0, 1), "FIELD_RANGE"),
        (TokenItem(TokenKind.METER_TEST, 2, 0, 1, 0), "TOKEN_FIELD"),
    ],
)
def test_a_meter_test_out_of_form_is_refused(engine: Engine, item: TokenItem, code: str) -> None:
    assert refusal(engine, asked(1, item)) == code


# ---------------------------------------------------------------- key changes


@pytest.mark.parametrize(
    ("ea", "third", "count"), [(STA, False, 2), (STA, True, 3), (MISTY1, False, 4)]
)
def test_an_automatic_key_change_and_the_credit_after_it_in_one_order(
    engine: Engine, ea: EncryptionAlgorithm, third: bool, count: int
) -> None:
    """CTSA15 and CTSA19: the set first, then the credit under the new key."""
    design = MeterDesign(key_change_tokens=3 if third else 2)
    meter = a_meter(design, ea=ea, ti="03")
    request = asked(1, a_change(ti="08", third=third), credit(NOON_TID), ea=ea, ti="03")
    answer = engine.issue(order(request))
    assert len(answer.tokens) == count + 1 == request.token_count
    said = entered(meter, answer.tokens)
    assert said[-2:] == [MeterResult.ACCEPT] * 2
    assert MeterResult.ACCEPT not in said[:-2]
    assert (meter.ti, meter.krn, meter.electricity_tenths) == ("08", 1, 711)
    assert meter.sgc == ("201457" if count > 2 else None)


def test_a_meter_of_1993_is_brought_to_2014_and_buys_in_one_order(engine: Engine) -> None:
    """Its own key can make no token any more; the change rolls the base date over."""
    meter = a_meter(**OLD)
    meter.memory.remember(int(NOON_1993) & tid.TID_MAX | 0xFF0000)
    request = asked(
        1, a_change("201457", 1), credit(NOON_TID, base_date=2014), managing(0, 4000), **OLD
    )
    items = (*request.items[:2], replace(request.items[2], tid=NOON_TID + 1, base_date=2014))
    answer = engine.issue(order(replace(request, items=items)))
    assert entered(meter, answer.tokens)[1:] == [MeterResult.ACCEPT] * 3
    assert (meter.electricity_tenths, meter.power_limit_w) == (711, 4000)
    assert refusal(engine, asked(2, credit(NOON_TID))) == "TID_WINDOW"  # marks of the new date


def test_before_the_change_tokens_go_under_the_old_key_and_date(tmp_path: Path) -> None:
    before = datetime(2024, 11, 20, 8, 0, tzinfo=UTC)
    engine, store = an_engine(tmp_path, SetClock(before), begun=before)
    meter = a_meter(**OLD)
    high, low = tid.tid_at(before, 1993), tid.tid_at(before, 2014)
    request = asked(1, credit(high), a_change(), credit(low, 50, base_date=2014), **OLD)
    answer = engine.issue(order(request))
    results = entered(meter, answer.tokens)
    assert [results[0], *results[2:]] == [MeterResult.ACCEPT] * 3
    assert meter.electricity_tenths == 761
    store.close()


def test_a_key_change_set_takes_no_tid(opened: tuple[Engine, ModuleStore]) -> None:
    engine, store = opened
    first = engine.issue(order(asked(1, a_change(ti="08")))).tokens
    assert engine.issue(order(asked(2, a_change(ti="08")))).tokens == first  # printing it again
    with store.read() as books:
        assert books.high_water(METER, 2014) is None
    assert engine.report(TILL).issues == 2
    engine.issue(order(asked(3, credit(NOON_TID))))


@pytest.mark.parametrize(
    ("item", "changes", "code"),
    [
        (a_change(), {}, "KEY_CHANGE_NOTHING"),
        (a_change("201457", 9), {}, "NEW_KEY_NOT_FOUND"),
        (a_change("201457", 2), {}, "KEY_CHANGE_EXPIRED"),
        (a_change("123456", 1), {"ea": MISTY1}, "DKGA_EA"),
        (a_change(ti="08", third=True), {"ea": MISTY1}, "FIELD_RANGE"),
        (replace(a_change(ti="08"), tid=NOON_TID), {}, "FIELD_RANGE"),
        (replace(a_change(ti="08"), units=1), {}, "FIELD_RANGE"),
        (replace(a_change(ti="08"), value_minor=1), {}, "FIELD_RANGE"),
        (replace(a_change(ti="08"), subclass=3), {}, "UNSUPPORTED"),
        (replace(a_change(), target=None), {}, "FIELD_RANGE"),
        (replace(credit(NOON_TID), target=KeyTarget("201457", 1, "08")), {}, "FIELD_RANGE"),
    ],
)
def test_a_key_change_that_must_not_be_is_refused(
    engine: Engine, item: TokenItem, changes: dict[str, Any], code: str
) -> None:
    assert refusal(engine, asked(1, item, **changes)) == code
    assert engine.report(TILL).issues == 0


def test_after_the_change_the_new_keys_expiry_counts_and_not_the_old_meters(
    engine: Engine,
) -> None:
    ended = {"ken": 85}  # what head office noted of the meter's old key
    assert refusal(engine, asked(1, credit(NOON_TID), **ended)) == "KEY_EXPIRED"
    engine.issue(order(asked(2, a_change(ti="08"), credit(NOON_TID), **ended)))


def test_a_credit_after_the_change_counts_from_the_new_base_date_or_not_at_all(
    engine: Engine,
) -> None:
    request = asked(1, a_change(), credit(NOON_TID), **OLD)  # says 1993 of its TID
    assert refusal(engine, request) == "BASE_DATE_MISMATCH"


def test_a_default_meter_gets_its_key_and_then_credit(engine: Engine) -> None:
    default = {"krn": 3, "kt": KeyType.DEFAULT}
    meter = a_meter(**default)
    answer = engine.issue(order(asked(1, a_change(), credit(NOON_TID), **default)))
    assert entered(meter, answer.tokens)[-1] is MeterResult.ACCEPT
    assert meter.kt is KeyType.UNIQUE


def test_eight_key_change_sets_of_four_fit_one_answer(engine: Engine) -> None:
    changes = [a_change(ti=f"{n:02d}") for n in range(2, 10)]
    answer = engine.issue(order(asked(1, *changes, ea=MISTY1)))
    meter = a_meter(ea=MISTY1)
    assert entered(meter, answer.tokens)[3::4] == [MeterResult.ACCEPT] * 8
    assert meter.ti == "09"


def test_an_order_in_which_the_last_item_is_refused_makes_nothing(engine: Engine) -> None:
    request = asked(1, a_change(ti="08"), credit(NOON_TID), an_item(NOON_TID))
    assert refusal(engine, request) == "TID_WINDOW"
    assert engine.report(TILL).issues == 0


def test_a_target_out_of_form_never_exists() -> None:
    for wrong in (("20145", 1, "01"), ("201457", 0, "01"), ("201457", 1, "1")):
        with pytest.raises(InputError):
            KeyTarget(*wrong)
