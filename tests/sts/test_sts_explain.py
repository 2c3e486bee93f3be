"""What explain says is why the meter refused: every mishap is made, judged and named."""

from __future__ import annotations

import json
import random
from collections import Counter as Tally
from dataclasses import replace
from datetime import timedelta

import pytest

from posapp.domain.meter import EncryptionAlgorithm, KeyType, MeterNumber
from posapp.sts import amounts, ciphers, crc, key_change, tokens
from posapp.sts import tid as tids
from posapp.sts.explain import (
    Action,
    Issued,
    Reason,
    Slip,
    Sure,
    explain,
    to_json,
)
from posapp.sts.explain.case import HISTORY_MAX, OTHERS_MAX
from posapp.sts.meter import Display, MeterDesign, MeterResult, VirtualMeter
from posapp.sts.verify import Doubt
from tests.sts.refusals import (
    KINDS,
    MADE,
    MISHAPS,
    MISTY1,
    SAMPLE,
    STA,
    Counter,
    Mishap,
    a_counter,
    another_key,
    before_the_meter,
    default_key,
    judged,
    one_digit,
    other_tariff,
    slipped_without_history,
    vending_key,
    water,
)

every_kind = pytest.mark.parametrize(("ea", "dkga"), KINDS)


def test_the_first_finding_names_the_mishap_and_the_meter_agrees() -> None:
    wrong = Tally()
    for seed in range(480):
        mishap = MISHAPS[seed % len(MISHAPS)]
        counter = a_counter(seed, seed // len(MISHAPS), changes=mishap is not before_the_meter)
        digits, reason = mishap(counter)
        verdict = counter.meter.enter(digits)
        best = counter.explain(digits).best
        if (best.reason, best.result) != (reason, verdict):
            wrong[mishap.__name__, best.reason, best.result, verdict, seed] += 1
    assert not wrong


# ---------------------------------------------------------------- other meters


@every_kind
def test_a_neighbours_token_is_found_by_its_history_its_key_and_its_slip(
    ea: EncryptionAlgorithm, dkga: int
) -> None:
    counter = Counter(random.Random(8), ea, dkga)
    counter.accepted()
    other = counter.neighbour()
    issued = other.credit()
    counter.now = other.now
    for digits in (issued, one_digit(issued, counter.rng)):
        finding = judged(counter, digits, (counter.neighbour().as_other(), other.as_other()))
        assert (finding.reason, finding.sure) == (Reason.OTHER_METER, Sure.CERTAIN)
        assert finding.evidence["other"] == 1
    other.history.clear()
    finding = judged(counter, issued, (counter.neighbour().as_other(), other.as_other()))
    assert (finding.reason, finding.sure) == (Reason.OTHER_METER, Sure.LIKELY)
    assert finding.evidence["other"] == 1 and finding.evidence["changed"] == ()
    assert counter.explain(issued, (other.as_other(),)).trials < 210  # before tariffs are tried
    tariff = other.credit(replace(other.current, ti="77"))
    other.history.clear()
    finding = judged(counter, tariff, (counter.neighbour().as_other(), other.as_other()))
    assert finding.reason is Reason.OTHER_METER and finding.evidence["changed"] == ("ti",)


def test_a_wrong_ea_in_the_record_is_the_last_thing_tried() -> None:
    counter = a_counter(5, changes=False)
    counter.history.clear()
    issued = counter.credit()
    counter.history.clear()
    counter.current = replace(counter.current, ea=MISTY1)
    best = counter.explain(issued).best
    assert (best.reason, best.sure) == (Reason.OTHER_ALGORITHM, Sure.LIKELY)
    assert best.evidence["ea"] == 7


def test_a_key_of_another_type_is_named() -> None:
    counter = a_counter(5, changes=False)
    common = vending_key(counter.rng, counter.dkga, kt=KeyType.DEFAULT)
    counter.keys.append(common)
    clear = tokens.Management.CLEAR_CREDIT
    data = counter.data(common)
    tid = tids.tid_at(counter.now, 2014)
    digits = tokens.management(counter.key(data), STA, clear, 5, tid, 0, SAMPLE)
    finding = judged(counter, digits)
    assert finding.reason is Reason.OTHER_KEY_TYPE and finding.evidence["kt"] == 1


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
    assert counter.pending is not None  # nobody told the till
    finding = judged(counter, before)
    assert (finding.reason, finding.sure) == (Reason.OLD_KEY, Sure.CERTAIN)
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


# ---------------------------------------------------------------- memory


def test_a_used_token_stays_used_when_the_meter_calls_it_old() -> None:
    counter = a_counter(7, changes=False)
    issued = counter.accepted()
    for _ in range(50):
        counter.accepted()
    finding = judged(counter, issued)
    assert finding.reason is Reason.USED and finding.result is MeterResult.OLD_ERROR


@pytest.mark.parametrize("newer", [49, 50])
def test_a_token_is_old_after_fifty_newer_ones_and_not_before(newer: int) -> None:
    counter = Counter(random.Random(7))
    issued = counter.credit()
    for _ in range(newer):
        counter.accepted()
    assert judged(counter, issued).reason is (Reason.OLD if newer == 50 else Reason.GOOD)


def test_fifty_newer_tokens_that_nobody_confirmed_make_it_likely_old() -> None:
    counter = Counter(random.Random(7))
    issued = counter.credit()
    for _ in range(50):
        counter.accepted()
    counter.history = [replace(token, accepted=False) for token in counter.history]
    finding = judged(counter, issued)
    assert (finding.reason, finding.sure) == (Reason.OLD, Sure.LIKELY)
    assert (finding.evidence["newer"], finding.evidence["accepted"]) == (50, 0)


def test_a_rollover_makes_every_identifier_new_again() -> None:
    """To another base date and back: what was used under either counts no more."""
    counter = Counter(random.Random(7))
    counter.accepted()
    used_before = counter.last_tid
    for year in (1993, 2014, 1993):
        counter.change_key(vending_key(counter.rng, krn=year % 10, base_date=year, sgc=f"00{year}"))
        twin = counter.credit(tid=used_before)
        assert judged(counter, twin).reason is Reason.GOOD
        counter.history[-1] = replace(counter.history[-1], accepted=True)
        counter.keys.pop(0)
        counter.now += timedelta(days=1)


def test_a_rollover_forgets_the_date_of_manufacture_too() -> None:
    counter = Counter(random.Random(7))
    counter.change_key(vending_key(counter.rng, krn=2, base_date=1993))
    counter.change_key(vending_key(counter.rng, krn=3, base_date=2014))
    early = counter.credit(tid=tids.tid_at(MADE, 2014) - 5)
    assert judged(counter, early).reason is Reason.GOOD


def test_the_twin_of_a_token_that_nobody_entered_yet_is_likely_used() -> None:
    counter = a_counter(3, changes=False)
    counter.credit()
    twin = counter.credit(tid=counter.last_tid)
    best = counter.explain(twin).best
    assert (best.reason, best.sure) == (Reason.USED, Sure.LIKELY)
    assert best.evidence["same_tid_as"] == len(counter.history) - 2


def test_a_copy_of_a_token_in_the_history_is_no_second_one() -> None:
    counter = Counter(random.Random(7))
    issued = counter.credit()
    counter.history.append(counter.history[-1])
    assert counter.explain(issued).best.reason is Reason.GOOD
    counter.history[0] = replace(counter.history[0], accepted=True)
    assert counter.explain(issued).best.reason is Reason.USED


# ---------------------------------------------------------------- without keys


KEYLESS = [m for m in MISHAPS if m not in (slipped_without_history, other_tariff, water)]


@pytest.mark.parametrize("mishap", KEYLESS)
def test_a_till_without_keys_names_what_its_history_shows(mishap: Mishap) -> None:
    for seed in range(6):
        counter = a_counter(1000 + seed, seed, changes=mishap is not before_the_meter)
        digits, reason = mishap(counter)
        if not any(is_issued(counter, digits)) and reason is not Reason.DIGIT_SLIP:
            continue  # the history was lost: only a key could tell
        told = [
            replace(t, tid=None if t.key_change else read_tid(counter, t)) for t in counter.history
        ]
        case = replace(counter.case(digits, keyless=True), history=tuple(told))
        explanation = explain(case)
        assert explanation.best.reason is reason
        assert explanation.trials <= 1 + 199  # test tokens next to the typed one need no key


def is_issued(counter: Counter, digits: str) -> list[bool]:
    return [token.digits == digits for token in counter.history]


def read_tid(counter: Counter, token: Issued) -> int | None:
    key = counter.key(token.made_under)
    return tokens.decode(token.digits, key, counter.ea, SAMPLE).tid


def test_unknown_digits_without_keys_stay_unexplained() -> None:
    counter = a_counter(3, changes=False)
    issued = counter.credit()
    counter.history.clear()
    explanation = explain(counter.case(issued, keyless=True))
    assert explanation.best.reason is Reason.UNEXPLAINED
    assert explanation.best.evidence == {"tried": ("history",)}
    assert explanation.best.chance == 1


# ---------------------------------------------------------------- what the display said


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (MeterResult.USED_ERROR, Reason.USED),
        (MeterResult.OLD_ERROR, Reason.OLD),
        (MeterResult.KEY_EXPIRED_ERROR, Reason.KEY_EXPIRED),
        (MeterResult.OVERFLOW_ERROR, Reason.REGISTER_FULL),
        (MeterResult.FUNCTION_ERROR, Reason.UNSUPPORTED),
        (MeterResult.CRC_ERROR, Reason.METER_DISAGREES),
        (MeterResult.FORMAT_ERROR, Reason.METER_DISAGREES),
        (MeterResult.LOCKOUT, Reason.LOCKED_OUT),
        (MeterResult.NOT_READY, Reason.LOCKED_OUT),
        (MeterResult.ACCEPT, Reason.GOOD),
    ],
)
def test_the_display_says_what_the_digits_cannot(shown: MeterResult, reason: Reason) -> None:
    counter = a_counter(3, changes=False)
    issued = counter.credit()
    explanation = explain(counter.case(issued, shown=shown))
    assert explanation.best.reason is reason
    assert Reason.GOOD in [finding.reason for finding in explanation.findings]
    assert explanation.best.sure is not Sure.POSSIBLE


def test_a_display_that_fits_ranks_its_reason_first() -> None:
    """Issued again under an old identifier and expired: the display decides which it was."""
    counter = a_counter(3, changes=False)
    counter.accepted()
    twin = counter.credit(tid=counter.last_tid)
    counter.current = replace(counter.current, ken=0)
    reasons = [f.reason for f in explain(counter.case(twin)).findings]
    assert reasons == [Reason.USED, Reason.KEY_EXPIRED]
    shown = explain(counter.case(twin, shown=MeterResult.CRC_ERROR))
    assert shown.best.reason is Reason.METER_DISAGREES
    assert shown.best.evidence["expected"] is MeterResult.USED_ERROR


def test_a_full_register_is_what_its_display_says() -> None:
    counter = a_counter(3, changes=False)
    counter.meter.registers.credit[0] = (1 << 31) - 1
    issued = counter.credit()
    shown = counter.meter.enter(issued)
    best = explain(counter.case(issued, shown=shown)).best
    assert (best.reason, best.result) == (Reason.REGISTER_FULL, MeterResult.OVERFLOW_ERROR)
    assert best.action is Action.USE_UP_CREDIT


def test_a_locked_keypad_judged_nothing_and_the_token_is_still_explained() -> None:
    counter = a_counter(3, changes=False)
    issued = counter.accepted()
    for _ in range(4):
        shown = counter.meter.enter("0" * 20, counter.now)
    findings = explain(counter.case(issued, shown=shown)).findings
    assert [f.reason for f in findings] == [Reason.LOCKED_OUT, Reason.USED]


def test_a_display_decides_between_a_pending_key_and_a_used_token() -> None:
    counter = a_counter(3, changes=False)
    issued = counter.credit()
    counter.issue_key_change(None, "33")
    for shown, reason in (
        (MeterResult.USED_ERROR, Reason.USED),
        (MeterResult.CRC_ERROR, Reason.KEY_CHANGE_DONE),
        (None, Reason.KEY_CHANGE_DONE),
    ):
        assert explain(counter.case(issued, shown=shown)).best.reason is reason


# ---------------------------------------------------------------- claims and limits


def test_digits_of_chance_are_not_explained_away() -> None:
    """By construction less than one in a thousand; none of these, and nothing is certain."""
    rng, claims = random.Random(99), Tally()
    for seed in range(100):
        counter = a_counter(seed, seed)
        counter.change_key(*another_key(counter))
        counter.issue_key_change(*another_key(counter))
        others = (counter.neighbour().as_other(),)
        explanation = counter.explain(f"{rng.getrandbits(66):020d}", others)
        for finding in explanation.findings:
            if finding.reason not in (Reason.NOT_A_TOKEN, Reason.RESERVED_CLASS):
                claims[finding.sure] += 1
    assert claims[Sure.CERTAIN] == claims[Sure.LIKELY] == 0
    assert claims[Sure.POSSIBLE] >= 40  # UNEXPLAINED, mostly


def test_a_fit_is_worth_less_the_more_was_tried() -> None:
    counter = a_counter(3, changes=False)
    issued = counter.credit(replace(counter.current, ti="99"))
    counter.history.clear()
    alone = counter.explain(issued).best
    counter.keys += [vending_key(counter.rng, sgc=f"{i:06d}") for i in range(30)]
    late = counter.credit(replace(counter.data(counter.keys[-1]), ti="99"))
    counter.history.clear()
    crowd = counter.explain(late).best
    assert (alone.reason, alone.sure) == (Reason.OTHER_TARIFF, Sure.LIKELY)
    assert crowd.reason is Reason.OTHER_KEY and 2 * crowd.chance > 3 * alone.chance


def test_an_odd_token_under_a_guessed_key_is_only_possible() -> None:
    counter = a_counter(3, changes=False)
    tid = tids.tid_at(counter.now + timedelta(days=900), 2014)
    issued = counter.credit(replace(counter.current, ti="99"), tid=tid)
    counter.history.clear()
    best = counter.explain(issued).best
    assert (best.reason, best.sure) == (Reason.OTHER_TARIFF, Sure.POSSIBLE)
    assert best.evidence["doubts"] == (Doubt.TID_IN_FUTURE,)


def test_an_odd_token_under_the_meters_own_key_may_be_chance() -> None:
    counter = a_counter(3, changes=False)
    tid = tids.tid_at(counter.now + timedelta(days=900), 2014)
    issued = counter.credit(tid=tid)
    counter.history.clear()
    best = counter.explain(issued).best
    assert (best.reason, best.sure, best.one_in) == (Reason.GOOD, Sure.LIKELY, 65_536)


def test_what_the_meter_refuses_for_is_not_odd() -> None:
    """Without any history: a token from before the meter, or under its default key."""
    for mishap in (before_the_meter, default_key):
        counter = a_counter(3, 2, changes=False)
        digits, reason = mishap(counter)
        counter.history.clear()
        finding = judged(counter, digits)
        assert (finding.reason, finding.sure) == (reason, Sure.CERTAIN)


def test_a_proprietary_subclass_under_the_meters_key_is_unsupported() -> None:
    counter = a_counter(3, changes=False)
    data = 11 << 44 | 5 << 40 | 4_400_000 << 16
    block = data << 16 | crc.field(2, data)
    sealed = ciphers.encrypt(counter.ea, counter.key(counter.current), block, SAMPLE)
    finding = judged(counter, tokens.digits_of(tokens.insert_class(sealed, 2)))
    assert (finding.reason, finding.one_in) == (Reason.UNSUPPORTED, 65_536)


def test_a_reason_that_holds_twice_is_said_once() -> None:
    counter = a_counter(3, changes=False)
    digits, _ = before_the_meter(counter)
    for _ in range(50):
        counter.accepted()
    assert [finding.reason for finding in counter.explain(digits).findings] == [Reason.OLD]


def test_a_limit_that_cuts_the_search_is_told() -> None:
    counter = a_counter(3, changes=False)
    issued = counter.credit(replace(counter.current, ti="99"))
    counter.history.clear()
    cut = explain(replace(counter.case(issued), trials_max=250))
    assert (cut.best.reason, cut.complete, cut.trials) == (Reason.UNEXPLAINED, False, 250)
    assert counter.explain(issued).complete
    many = tuple(counter.neighbour().as_other() for _ in range(OTHERS_MAX + 1))
    assert not counter.explain(issued, many).complete


def test_only_the_newest_tokens_of_a_long_history_are_compared() -> None:
    counter = a_counter(3, changes=False)
    first = counter.credit()
    filler = [
        Issued(f"{i:020d}", counter.now + timedelta(hours=i + 1), counter.current, tid=5)
        for i in range(HISTORY_MAX)
    ]
    case = counter.case(one_digit(first, counter.rng))
    long = explain(replace(case, history=(*case.history, *filler), keys=()))
    assert (long.complete, long.compared) == (False, HISTORY_MAX)
    assert long.best.reason is Reason.UNEXPLAINED


# ---------------------------------------------------------------- secrets


def test_no_digits_and_no_key_are_shown() -> None:
    for seed in range(3 * len(MISHAPS)):
        counter = a_counter(2000 + seed, seed)
        digits, _ = MISHAPS[seed % len(MISHAPS)](counter)
        case = counter.case(digits, others=(counter.neighbour().as_other(),))
        explanation = explain(case)
        said = repr(case) + repr(explanation) + json.dumps(to_json(explanation))
        secrets = {digits, *(token.digits for token in counter.history)}
        secrets |= {counter.key(token.made_under).hex() for token in counter.history}
        secrets |= {key.secret.hex() for key in counter.keys}
        assert not [secret for secret in secrets if secret in said]
        assert not [
            secret
            for secret in secrets
            if repr(bytes.fromhex(secret))[2:-1] in said
            if len(secret) in (16, 32, 40)
        ]
