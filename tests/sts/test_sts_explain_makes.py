"""What a make serves, and how far its key change has come, explains a refusal."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from posapp.domain.meter import KeyType, MeterNumber
from posapp.sts import amounts, key_change, tokens
from posapp.sts import tid as tids
from posapp.sts.explain import Action, Issued, Reason, Slip, Sure, explain
from posapp.sts.meter import Display, MeterDesign, MeterResult, VirtualMeter
from tests.sts.refusals import SAMPLE, STA, Counter, a_counter, judged

# ---------------------------------------------------------------- what the meter is made for


RESERVED_CLASS = tokens.digits_of(tokens.insert_class(0x1234_5678_9ABC_DEF0, 3))


@pytest.mark.parametrize(
    ("digits", "reason", "result"),
    [
        (tokens.meter_test(0, (1 << 36) - 1, 0), Reason.GOOD, MeterResult.ACCEPT),
        (tokens.meter_test(0, 2, 58), Reason.GOOD, MeterResult.ACCEPT),
        (tokens.meter_test(0, 2, 59), Reason.OTHER_MAKER, MeterResult.MFR_CODE_ERROR),
        (tokens.meter_test(1, 2, 0), Reason.OTHER_MAKER, MeterResult.FUNCTION_ERROR),
        (tokens.meter_test(0, 1 << 9, 0), Reason.UNSUPPORTED, MeterResult.FUNCTION_ERROR),
        (tokens.meter_test(2, 0), Reason.UNSUPPORTED, MeterResult.FUNCTION_ERROR),
        ("56493153725450313472", Reason.NOT_A_TOKEN, MeterResult.CRC_ERROR),
        ("73786976294838206464", Reason.NOT_A_TOKEN, MeterResult.FORMAT_ERROR),
        ("1234", Reason.NOT_A_TOKEN, MeterResult.FORMAT_ERROR),
        ("twenty digits, please", Reason.NOT_A_TOKEN, MeterResult.FORMAT_ERROR),
        (RESERVED_CLASS, Reason.RESERVED_CLASS, MeterResult.CRC_ERROR),
    ],
)
def test_test_tokens_and_what_is_no_token_need_no_key(
    digits: str, reason: Reason, result: MeterResult
) -> None:
    displays = frozenset(Display) - {Display.SOFTWARE_VERSION}
    counter = Counter(random.Random(2), design=MeterDesign(extended_read=False, displays=displays))
    counter.number = MeterNumber("58000079523")
    counter.meter = VirtualMeter(
        counter.number, counter.key(counter.current), STA, SAMPLE, design=counter.design
    )
    assert counter.meter.enter(digits) is result
    with_keys, without = explain(counter.case(digits)), explain(counter.case(digits, keyless=True))
    if reason is not Reason.NOT_A_TOKEN or len(digits) != 20:
        assert with_keys.best.reason is reason
    assert without.best.reason in (reason, Reason.DIGIT_SLIP)
    assert with_keys.best.result is result


def test_a_test_token_of_another_meters_history_is_anyones() -> None:
    counter = Counter(random.Random(2))
    other = counter.neighbour()
    digits = tokens.meter_test(0, 2, 0)
    other.history.append(Issued(digits, counter.now, other.current))
    assert judged(counter, digits, (other.as_other(),)).reason is Reason.GOOD


def test_a_class_1_slip_is_found_without_key_or_history() -> None:
    counter = Counter(random.Random(2))
    best = explain(counter.case("56493153725450313417", keyless=True)).best
    assert (best.reason, best.evidence["slip"]) == (Reason.DIGIT_SLIP, Slip.NEIGHBOURS_SWAPPED)


@pytest.mark.parametrize(
    ("subclass", "value", "evidence"),
    [
        (tokens.Management.MAXIMUM_POWER_LIMIT, amounts.encode_units(90_000), ("watts", 90_004)),
        (tokens.Management.MAXIMUM_PHASE_UNBALANCE, amounts.encode_units(3), ("watts", 3)),
        (tokens.Management.CLEAR_CREDIT, 5, ("register", 5)),
    ],
)
def test_a_setting_outside_the_makes_range_is_named(
    subclass: tokens.Management, value: int, evidence: tuple[str, int]
) -> None:
    design = MeterDesign(
        credit=frozenset({0}), power_limits_w=(500, 60_000), unbalance_limits_w=(10, 9000)
    )
    counter = Counter(random.Random(2), design=design)
    key, tid = counter.key(counter.current), tids.tid_at(counter.now, 2014)
    finding = judged(counter, tokens.management(key, STA, subclass, 5, tid, value, SAMPLE))
    assert finding.reason is Reason.OUT_OF_RANGE
    assert finding.evidence[evidence[0]] == evidence[1]


@pytest.mark.parametrize("register", [0, 0xFFFF])
def test_a_register_that_the_make_has_is_good(register: int) -> None:
    counter = Counter(random.Random(2), design=MeterDesign(credit=frozenset({0})))
    key, tid = counter.key(counter.current), tids.tid_at(counter.now, 2014)
    clear = tokens.Management.CLEAR_CREDIT
    assert judged(counter, tokens.management(key, STA, clear, 5, tid, register, SAMPLE)).reason is (
        Reason.GOOD
    )


def test_a_test_token_of_the_history_is_judged_like_any_other() -> None:
    counter = Counter(random.Random(2))
    digits = tokens.meter_test(1, 2, 0)
    counter.history.append(Issued(digits, counter.now, counter.current))
    finding = judged(counter, digits)
    assert (finding.reason, finding.evidence["token"]) == (Reason.OTHER_MAKER, 0)
    assert explain(counter.case(digits, keyless=True)).best == finding


def test_a_management_token_that_the_make_lacks_is_unsupported() -> None:
    counter = Counter(random.Random(2), design=MeterDesign(management=frozenset({1})))
    key, tid = counter.key(counter.current), tids.tid_at(counter.now, 2014)
    tamper = tokens.Management.CLEAR_TAMPER
    finding = judged(counter, tokens.management(key, STA, tamper, 5, tid, 0, SAMPLE))
    assert finding.reason is Reason.UNSUPPORTED


# ---------------------------------------------------------------- key changes


def sections(counter: Counter, third: bool = False, **change: object) -> tuple[str, ...]:
    new = key_change.NewKey(bytes(8), KeyType.UNIQUE, 2, "01", 255, "201457", False)
    new = replace(new, **change)  # type: ignore[arg-type]
    key = counter.key(counter.current)
    return key_change.change_set(key, counter.ea, new, SAMPLE, third_token=third)


def test_one_token_of_a_set_is_good_and_asks_for_the_others() -> None:
    counter = a_counter(5, changes=False)
    counter.history.clear()
    for place, digits in enumerate(sections(counter), start=1):
        best = counter.explain(digits).best
        assert (best.reason, best.action) == (Reason.GOOD, Action.ENTER_WHOLE_SET)
        assert best.evidence["section"] == place


def test_a_third_token_for_a_make_that_takes_two_is_unsupported() -> None:
    counter = Counter(random.Random(2), design=MeterDesign(key_change_tokens=2))
    finding = judged(counter, sections(counter, third=True)[2])
    assert finding.reason is Reason.UNSUPPORTED
    counter = Counter(random.Random(2), design=MeterDesign(key_change_tokens=3))
    assert counter.explain(sections(counter, third=True)[2]).best.reason is Reason.GOOD


@pytest.mark.parametrize("kt", [KeyType.INITIAL, KeyType.COMMON])
def test_a_key_type_that_is_not_allowed_is_named(kt: KeyType) -> None:
    counter = Counter(random.Random(2))
    first, second = sections(counter, kt=kt)
    best = counter.explain(first).best
    assert best.reason is Reason.KEY_TYPE and best.evidence["kt"] == kt
    counter.meter.enter(first)
    assert counter.meter.enter(second) is best.result is MeterResult.KEY_TYPE_ERROR


def test_a_common_key_goes_with_a_magnetic_card() -> None:
    counter = Counter(random.Random(2))
    counter.current = replace(counter.current, tct=1)
    first, _ = sections(counter, kt=KeyType.COMMON)
    assert counter.explain(first).best.reason is Reason.GOOD


def test_key_change_tokens_entered_twice_send_the_customer_to_the_credit() -> None:
    counter = a_counter(6, changes=False)
    made = counter.issue_key_change(None, "07")
    counter.enter(made)
    finding = judged(counter, made[0])
    assert (finding.reason, finding.action) == (Reason.KEY_CHANGE_DONE, Action.ENTER_CREDIT)
    counter.confirm()
    finding = judged(counter, made[0])
    assert (finding.reason, finding.action) == (Reason.KEY_CHANGE_SPENT, Action.ENTER_CREDIT)


def test_a_token_taken_under_the_pending_key_proves_the_key_change() -> None:
    counter = a_counter(6, changes=False)
    before = counter.credit()
    counter.enter(counter.issue_key_change(None, "07"))
    after = counter.accepted()
    counter.now += timedelta(days=1)
    assert counter.pending is not None  # nobody told the till
    finding = judged(counter, before)
    assert (finding.reason, finding.sure) == (Reason.OLD_KEY, Sure.CERTAIN)
    assert finding.evidence["until"] == counter.history[-1].issued_at
    finding = judged(counter, after)
    assert finding.reason is Reason.USED
    assert judged(counter, counter.credit()).reason is Reason.GOOD


def test_a_used_token_stays_used_after_a_key_change() -> None:
    """Nobody may replace it, though the meter now calls it foreign."""
    counter = a_counter(6, changes=False)
    issued = counter.accepted()
    counter.change_key(None, "07")
    finding = judged(counter, issued)
    assert (finding.reason, finding.action) == (Reason.USED, Action.NOTHING)
