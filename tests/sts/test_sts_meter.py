"""A virtual meter accepts, and refuses used, old, foreign and expired tokens (7.3, 8)."""

import ast
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import posapp.sts.meter
from posapp.domain.meter import EncryptionAlgorithm, KeyType
from posapp.errors import InputError
from posapp.sts import amounts
from posapp.sts.meter import MeterDesign, MeterResult, VirtualMeter
from posapp.sts.meter.registers import MONEY_MAX, UNITS_MAX, decoded
from posapp.sts.tokens import Management
from tests.sts.meters import (
    BIRTH,
    LONG_NUMBER,
    MISTY1,
    NUMBER,
    SAMPLE,
    STA,
    a_credit,
    a_management,
    a_meter,
    key_of,
    refused,
    sealed,
    some_money,
)

both = pytest.mark.parametrize("ea", [STA, MISTY1])


@both
def test_a_credit_is_accepted_once(ea: EncryptionAlgorithm) -> None:
    twin = a_meter(ea)
    token = a_credit(BIRTH + 1, 711, ea)
    assert twin.enter(token) is MeterResult.ACCEPT
    assert twin.electricity_tenths == 711
    refused(twin, token, MeterResult.USED_ERROR)


@both
def test_a_foreign_token_is_a_wrong_checksum(ea: EncryptionAlgorithm) -> None:
    twin = a_meter(ea)
    for other in (key_of(ea, LONG_NUMBER), key_of(ea, ti="02")):
        refused(twin, a_credit(BIRTH + 1, 711, ea, other), MeterResult.CRC_ERROR)
    assert twin.enter(a_credit(BIRTH + 1, 711, ea)) is MeterResult.ACCEPT


@pytest.mark.parametrize(
    "digits",
    [
        "",
        "1" * 19,
        "1" * 21,
        "73786976294838206464",
        "9" * 20,
        "123456789 1234567890",
        "x" * 20,
        "१" * 20,
        "²" * 20,
        "-" + "1" * 19,
        "+" + "1" * 19,
        "1_1" + "1" * 17,
    ],
)
def test_what_is_no_token_is_a_format_error(digits: str) -> None:
    refused(a_meter(), digits, MeterResult.FORMAT_ERROR)


def test_the_largest_token_is_one_and_the_next_number_is_none() -> None:
    assert a_meter().enter("73786976294838206463") is not MeterResult.FORMAT_ERROR
    assert a_meter().enter("73786976294838206464") is MeterResult.FORMAT_ERROR


@both
@pytest.mark.parametrize("token_class", [0, 1, 2, 3])
def test_class_and_subclass_nobody_knows_are_function_errors(
    ea: EncryptionAlgorithm, token_class: int
) -> None:
    known = {0: range(8), 1: (0, 2), 2: range(11), 3: ()}[token_class]
    for subclass in set(range(16)) - set(known):
        data = subclass << 44 | (BIRTH + 1) << 16 | 7
        refused(a_meter(ea), sealed(token_class, data, ea), MeterResult.FUNCTION_ERROR)


# ---------------------------------------------------------------- the memory of TIDs


def test_what_was_made_before_the_meter_is_old() -> None:
    refused(a_meter(), a_credit(BIRTH - 1), MeterResult.OLD_ERROR)
    refused(a_meter(), a_credit(BIRTH), MeterResult.USED_ERROR)


@pytest.mark.parametrize("kept", [50, 73])
def test_tokens_may_come_in_any_order_among_the_newest(kept: int) -> None:
    twin = a_meter(tids_kept=kept)
    order = list(range(BIRTH + 1, BIRTH + kept + 1))
    random.Random(7).shuffle(order)
    assert {twin.enter(a_credit(t)) for t in order} == {MeterResult.ACCEPT}
    assert {twin.enter(a_credit(t)) for t in order} == {MeterResult.USED_ERROR}


@pytest.mark.parametrize("kept", [50, 73])
def test_an_unused_token_is_old_after_as_many_newer_ones_as_are_kept(kept: int) -> None:
    twin = a_meter(tids_kept=kept)
    for tid in range(BIRTH + 3, BIRTH + 2 + kept):
        assert twin.enter(a_credit(tid)) is MeterResult.ACCEPT
    assert twin.enter(a_credit(BIRTH + 1)) is MeterResult.ACCEPT
    assert twin.enter(a_credit(BIRTH + 2 + kept)) is MeterResult.ACCEPT
    refused(twin, a_credit(BIRTH), MeterResult.OLD_ERROR)


def test_an_expired_key_is_refused_and_leaves_no_trace() -> None:
    twin = a_meter(ken=92)
    assert twin.enter(a_credit((93 << 16) - 1)) is MeterResult.ACCEPT
    refused(twin, a_credit(93 << 16), MeterResult.KEY_EXPIRED_ERROR)
    assert a_meter(ken=255).enter(a_credit((1 << 24) - 1)) is MeterResult.ACCEPT


def test_a_default_key_takes_no_credit_but_management() -> None:
    twin = a_meter(kt=KeyType.DEFAULT)
    refused(twin, a_credit(BIRTH + 1), MeterResult.DDTK_ERROR)
    token = a_management(Management.CLEAR_TAMPER, BIRTH + 1, 0)
    assert twin.enter(token) is MeterResult.ACCEPT


def test_old_and_used_are_said_before_expired_and_expired_before_the_default_key() -> None:
    first = a_credit(BIRTH + 1)
    twin = a_meter(ken=92)
    assert twin.enter(first) is MeterResult.ACCEPT
    twin.ken, twin.kt = 91, KeyType.DEFAULT
    late = BIRTH + 65_536
    refused(twin, first, MeterResult.USED_ERROR)
    refused(twin, a_credit(BIRTH - 1), MeterResult.OLD_ERROR)
    refused(twin, a_credit(late), MeterResult.KEY_EXPIRED_ERROR)
    twin.ken = 255
    refused(twin, a_credit(late), MeterResult.DDTK_ERROR)


def test_the_tid_is_judged_before_the_value() -> None:
    twin = a_meter(power_limits_w=(1, 9))
    twin.credit[0] = UNITS_MAX
    refused(twin, a_credit(BIRTH - 1), MeterResult.OLD_ERROR)
    refused(twin, a_management(Management.MAXIMUM_POWER_LIMIT, BIRTH, 10), MeterResult.USED_ERROR)
    refused(twin, a_credit(BIRTH + 1), MeterResult.OVERFLOW_ERROR)
    late = a_management(Management.MAXIMUM_POWER_LIMIT, BIRTH + 1, 10)
    refused(twin, late, MeterResult.RANGE_ERROR)


@given(st.lists(st.integers(BIRTH - 3, BIRTH + 120), max_size=90))
def test_the_memory_of_fifty_agrees_with_a_plain_model(entered: list[int]) -> None:
    twin = a_meter(MISTY1)
    remembered = [BIRTH] * 50
    for tid in entered:
        if tid < min(remembered):
            expected = MeterResult.OLD_ERROR
        elif tid in remembered:
            expected = MeterResult.USED_ERROR
        else:
            expected = MeterResult.ACCEPT
            remembered.remove(min(remembered))
            remembered.append(tid)
        assert twin.enter(a_credit(tid, 1, MISTY1)) is expected
    assert twin.tids == sorted(remembered)


# ---------------------------------------------------------------- credit


def test_a_meter_takes_what_it_serves_and_no_other_credit() -> None:
    water = a_meter(credit=frozenset({1}))
    assert water.enter(a_credit(BIRTH + 1, 40, subclass=1)) is MeterResult.ACCEPT
    refused(water, a_credit(BIRTH + 2, 40), MeterResult.FUNCTION_ERROR)
    refused(water, some_money(BIRTH + 2, 40, 5), MeterResult.FUNCTION_ERROR)
    money = a_meter(credit=frozenset({4}))
    refused(money, a_credit(BIRTH + 1), MeterResult.FUNCTION_ERROR)
    assert money.enter(some_money(BIRTH + 1, 100_000)) is MeterResult.ACCEPT
    assert (water.credit, money.credit) == ({1: 40}, {4: 100_004})


@pytest.mark.parametrize("subclass", range(8))
def test_each_service_has_a_register_of_its_own(subclass: int) -> None:
    twin = a_meter()
    make = a_credit if subclass < 4 else some_money
    assert twin.enter(make(BIRTH + 1, 40, subclass=subclass)) is MeterResult.ACCEPT
    assert twin.credit == {subclass: 40}
    assert twin.electricity_tenths == (40 if subclass == 0 else 0)


def test_a_full_register_refuses_and_the_token_stays_good() -> None:
    twin = a_meter()
    twin.credit[0] = UNITS_MAX - 99
    refused(twin, a_credit(BIRTH + 1, 100), MeterResult.OVERFLOW_ERROR)
    assert twin.consume(1) == 1
    assert twin.enter(a_credit(BIRTH + 1, 100)) is MeterResult.ACCEPT
    assert twin.credit[0] == UNITS_MAX


def test_money_is_credited_and_deducted_below_nothing() -> None:
    twin = a_meter()
    twin.enter(some_money(BIRTH + 1, 10_000_000))
    assert twin.credit == {4: 10_000_624}
    twin.enter(some_money(BIRTH + 2, -100_000))
    assert twin.credit == {4: 10_000_624 - 99_994}
    assert twin.enter(some_money(BIRTH + 3, -20_000_000)) is MeterResult.ACCEPT
    assert twin.credit[4] < 0
    assert not twin.switch_is_closed
    twin.enter(some_money(BIRTH + 4, 20_000_000))
    assert twin.switch_is_closed


def test_a_register_of_money_is_full_in_both_directions() -> None:
    twin = a_meter()
    for sign in (1, -1):
        twin.credit[4] = sign * (MONEY_MAX - 50)
        refused(twin, some_money(BIRTH + 1, sign * 51), MeterResult.OVERFLOW_ERROR)
        refused(
            twin, some_money(BIRTH + 1, sign * amounts.CURRENCY_MAX), MeterResult.OVERFLOW_ERROR
        )
    assert twin.enter(some_money(BIRTH + 1, -50)) is MeterResult.ACCEPT


def test_the_high_exponent_of_money_is_not_overlooked() -> None:
    sixteenth = 16_384 * (10**16 - 1) // 9  # exponent 16, mantissa 0
    refused(a_meter(), some_money(BIRTH + 1, sixteenth), MeterResult.OVERFLOW_ERROR)


def test_the_meter_reads_every_amount_as_the_till_wrote_it() -> None:
    assert all(decoded(field) == amounts.decode_units(field) for field in range(0, 65_536, 7))
    for high in range(8):
        for field in range(0, 65_536, 4097):
            assert decoded(field, high) == amounts.decode_currency(high, field)


def test_clearing_credit_takes_one_register_or_all() -> None:
    twin = a_meter(credit=frozenset({0, 1, 4}))
    twin.credit.update({0: 5, 1: 6, 4: -7})

    def clear(tid: int, register: int) -> str:
        return a_management(Management.CLEAR_CREDIT, tid, register)

    for register in (2, 8, 0xFFFE):
        refused(twin, clear(BIRTH + 1, register), MeterResult.RANGE_ERROR)
    assert twin.enter(clear(BIRTH + 1, 0)) is MeterResult.ACCEPT
    assert twin.credit == {1: 6, 4: -7}
    assert twin.enter(clear(BIRTH + 2, 0xFFFF)) is MeterResult.ACCEPT
    assert twin.credit == {}


# ---------------------------------------------------------------- other settings


def test_power_limits_are_set_in_watts_within_the_makers_range() -> None:
    twin = a_meter(power_limits_w=(500, 16_000), unbalance_limits_w=(100, 3_000))
    limit, unbalance = Management.MAXIMUM_POWER_LIMIT, Management.MAXIMUM_PHASE_UNBALANCE
    assert twin.enter(a_management(limit, BIRTH + 1, amounts.encode_units(16_000))) == "Accept"
    assert twin.enter(a_management(unbalance, BIRTH + 2, 100)) is MeterResult.ACCEPT
    for kind, watts in ((limit, 499), (limit, 16_001), (unbalance, 99), (unbalance, 3001)):
        token = a_management(kind, BIRTH + 3, amounts.encode_units(watts))
        refused(twin, token, MeterResult.RANGE_ERROR)
    assert (twin.power_limit_w, twin.unbalance_limit_w) == (16_000, 100)


def test_tariff_rate_and_water_factor_are_kept_as_they_come() -> None:
    twin = a_meter()
    twin.enter(a_management(Management.TARIFF_RATE, BIRTH + 1, 0xABCD))
    twin.enter(a_management(Management.WATER_METER_FACTOR, BIRTH + 2, 0x1234))
    assert (twin.tariff_rate, twin.water_factor) == (0xABCD, 0x1234)


def test_the_extended_set_writes_registers_and_flags() -> None:
    twin = a_meter()
    for step, (index, value) in enumerate([(0, 1023), (62, 5), (63, 0b11), (63, 0b1), (63, 0b10)]):
        token = a_management(Management.EXTENDED_WRITE, BIRTH + 1 + step, index << 10 | value)
        assert twin.enter(token) is MeterResult.ACCEPT
    assert twin.extended == {0: 1023, 62: 5}
    assert twin.flags == {0}  # flag 1 was set and cleared


def test_a_management_function_that_a_meter_lacks_is_refused() -> None:
    twin = a_meter(management=frozenset({1, 5}))
    for kind in (0, 2, 6, 7, 10):
        token = a_management(Management(kind), BIRTH + 1, 1)
        refused(twin, token, MeterResult.FUNCTION_ERROR)


def test_a_tampered_meter_is_open_until_a_token_clears_it() -> None:
    twin = a_meter()
    twin.enter(a_credit(BIRTH + 1, 50))
    assert twin.switch_is_closed
    twin.tampered = True
    assert not twin.switch_is_closed
    assert twin.consume(10) == 0
    assert twin.enter(a_credit(BIRTH + 2, 50)) is MeterResult.ACCEPT
    assert not twin.switch_is_closed
    assert twin.enter(a_management(Management.CLEAR_TAMPER, BIRTH + 3, 0)) is MeterResult.ACCEPT
    assert twin.switch_is_closed
    assert not twin.tampered


# ---------------------------------------------------------------- living with it


def test_consumption_runs_the_register_down_and_the_switch_opens_at_nothing() -> None:
    twin = a_meter()
    assert (twin.switch_is_closed, twin.consume(1)) == (False, 0)
    twin.enter(a_credit(BIRTH + 1, 100))
    assert [twin.consume(60), twin.consume(60), twin.consume(60)] == [60, 40, 0]
    assert (twin.credit, twin.registers.consumed) == ({0: 0}, {0: 100})
    assert (twin.switch_is_closed, twin.electricity_tenths) == (False, 100)


def test_a_register_in_debt_gives_nothing_while_another_feeds_the_load() -> None:
    twin = a_meter()
    twin.credit.update({0: 10, 4: -5})
    assert (twin.consume(3, register=4), twin.consume(3)) == (0, 3)
    assert twin.credit == {0: 7, 4: -5}


def test_above_the_power_limit_nothing_flows_until_the_load_is_smaller() -> None:
    twin = a_meter()
    twin.enter(a_credit(BIRTH + 1, 100))
    twin.enter(a_management(Management.MAXIMUM_POWER_LIMIT, BIRTH + 2, 2000))
    assert twin.consume(10, load_w=2000) == 10
    assert (twin.consume(10, load_w=2001), twin.switch_is_closed) == (0, False)
    assert (twin.consume(10, load_w=1500), twin.switch_is_closed) == (10, True)


@pytest.mark.parametrize(
    "call", [{"units": -1}, {"units": 1, "register": 1}, {"units": 1, "load_w": -1}]
)
def test_a_consumption_that_cannot_be_is_the_callers_mistake(call: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="no such consumption"):
        a_meter(credit=frozenset({0})).consume(**call)


# ---------------------------------------------------------------- what it is made of


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="DECODER_KEY_LENGTH"):
        VirtualMeter(NUMBER, bytes(16), STA, SAMPLE)


@pytest.mark.parametrize(
    "field",
    [
        {"krn": 0},
        {"krn": 10},
        {"ti": "1"},
        {"ti": "٠١"},
        {"ken": 256},
        {"tct": 0},
        {"tct": 8},
        {"kt": 2},
        {"krn": True},
        {"first_tid": -1},
        {"first_tid": 1 << 24},
    ],
)
def test_an_attribute_out_of_range_is_refused(field: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        a_meter(**field)  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.params) == (
        "METER_ATTRIBUTE",
        {"field": next(iter(field))},
    )


@pytest.mark.parametrize(
    "field",
    [
        {"credit": frozenset()},
        {"credit": frozenset({8})},
        {"management": frozenset({3})},
        {"displays": frozenset({19})},
        {"extended_read": 1},
        {"tids_kept": 49},
        {"tids_kept": 10_001},
        {"key_change_tokens": 4},
        {"power_limits_w": (5, 4)},
        {"unbalance_limits_w": (0, 18_201_625)},
        {"set_timeout_s": 0},
        {"free_wrong_entries": -1},
        {"first_lockout_s": 0},
        {"longest_lockout_s": 59},
        {"software": "x" * 41},
    ],
)
def test_a_design_that_cannot_be_is_refused(field: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        MeterDesign(**field)  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.params) == (
        "METER_DESIGN",
        {"field": next(iter(field))},
    )


def test_no_key_shows_in_a_repr() -> None:
    assert repr(a_meter()) == "VirtualMeter(58000079523)"


def test_results_have_the_numbers_of_two_way_carriers() -> None:
    numbered = {r.status_number: r.value for r in MeterResult if r.status_number}
    assert sorted(numbered) == list(range(1, 17))
    assert (numbered[1], numbered[4], numbered[13], numbered[16]) == (
        "Accept",
        "OverflowError",
        "CRCError",
        "NotReady",
    )
    assert MeterResult.THIRD_KCT.status_number is None


SHARED = {
    "posapp.domain.digits",
    "posapp.domain.meter",
    "posapp.errors",
    "posapp.sts.ciphers",
    "posapp.sts.crc",
    "posapp.sts.sta",
}


def _loaded(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (
                    whole
                    if (node.module, alias.name) == ("posapp.sts", "crc")
                    else str(node.module)
                )


def test_the_meter_does_not_lean_on_what_makes_tokens() -> None:
    """It may disagree only because no file of it shares more than ciphers and checksum."""
    folder = Path(posapp.sts.meter.__file__).parent
    files = sorted(folder.rglob("*.py"))
    assert len(files) > 5
    for file in files:
        for name in _loaded(ast.parse(file.read_text(encoding="utf-8"))):
            own = name == "posapp.sts.meter" or name.startswith("posapp.sts.meter.")
            if name.startswith("posapp") and not own:
                assert name in SHARED, f"{file.name} imports {name}"
            assert name not in ("importlib", "builtins"), f"{file.name} imports {name}"
