"""What explain says is why the meter refused: every mishap is made, judged and named."""

from __future__ import annotations

import json
import random
from collections import Counter as Tally
from dataclasses import replace
from datetime import timedelta

import pytest

from posapp.domain.meter import EncryptionAlgorithm, KeyType
from posapp.sts import ciphers, crc, tokens
from posapp.sts import tid as tids
from posapp.sts.explain import (
    Action,
    Finding,
    Issued,
    Reason,
    Sure,
    explain,
    to_json,
)
from posapp.sts.explain.case import HISTORY_MAX, OTHERS_MAX
from posapp.sts.meter import MeterDesign, MeterResult
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
    expired,
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
    for seed in range(384):
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
    assert counter.explain(digits).trials < 310  # before its tariffs are tried


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


def test_a_make_that_remembers_more_forgets_later() -> None:
    counter = Counter(random.Random(7), design=MeterDesign(tids_kept=51))
    issued = counter.credit()
    for _ in range(50):
        counter.accepted()
    assert judged(counter, issued).reason is Reason.GOOD


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
    for krn, year in enumerate((1993, 2014, 1993), start=2):
        counter.now += timedelta(days=1)
        counter.change_key(vending_key(counter.rng, krn=krn, base_date=year))
        twin = counter.credit(tid=used_before)
        assert judged(counter, twin).reason is Reason.GOOD
        counter.history[-1] = replace(counter.history[-1], accepted=True)


def test_an_identifier_under_a_pending_base_date_is_no_twin() -> None:
    counter = Counter(random.Random(7))
    issued = counter.credit()
    counter.issue_key_change(vending_key(counter.rng, krn=2, base_date=1993))
    counter.credit(tid=counter.last_tid)
    reasons = [finding.reason for finding in counter.explain(issued).findings]
    assert reasons == [Reason.KEY_CHANGE_DONE, Reason.GOOD]


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
    later = counter.now + timedelta(days=1)
    counter.history.append(replace(counter.history[-1], issued_at=later))
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


def test_a_display_that_does_not_tell_bad_digits_apart_contradicts_nothing() -> None:
    counter = a_counter(3, changes=False)
    typed = one_digit(counter.credit(), counter.rng)
    for shown in (MeterResult.FORMAT_ERROR, MeterResult.CRC_ERROR):
        assert explain(counter.case(typed, shown=shown)).best.reason is Reason.DIGIT_SLIP


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
    for seed in range(70):
        counter = a_counter(seed, seed)
        counter.change_key(*another_key(counter))
        counter.issue_key_change(*another_key(counter))
        others = (counter.neighbour().as_other(),)
        explanation = counter.explain(f"{rng.getrandbits(66):020d}", others)
        for finding in explanation.findings:
            if finding.reason not in (Reason.NOT_A_TOKEN, Reason.RESERVED_CLASS):
                claims[finding.sure] += 1
    assert claims[Sure.CERTAIN] == claims[Sure.LIKELY] == 0
    assert claims[Sure.POSSIBLE] >= 28  # UNEXPLAINED, mostly


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


def test_an_odd_token_under_an_old_key_is_only_possible_too() -> None:
    counter = a_counter(3, changes=False)
    issued = counter.credit(tid=tids.tid_at(counter.now + timedelta(days=900), 2014))
    counter.change_key(None, "44")
    counter.history.clear()
    best = counter.explain(issued).best
    assert (best.reason, best.sure) == (Reason.OLD_KEY, Sure.POSSIBLE)


def test_an_odd_token_of_another_meter_is_only_possible_too() -> None:
    counter = Counter(random.Random(3))
    other = counter.neighbour()
    issued = other.credit(tid=tids.tid_at(counter.now + timedelta(days=900), 2014))
    other.history.clear()
    case = replace(counter.case(issued, others=(other.as_other(),)), trials_max=210)
    best = explain(case).best
    assert (best.reason, best.sure) == (Reason.OTHER_METER, Sure.POSSIBLE)


def test_of_equal_old_keys_the_newest_is_named() -> None:
    counter = a_counter(3, changes=False)
    for ti in ("02", "01", "02", "03"):
        issued = counter.credit()
        counter.change_key(None, ti)
    assert counter.explain(issued).best.evidence["earlier"] == 3
    assert counter.earlier[3].configuration == counter.earlier[1].configuration


def test_an_old_key_is_tried_before_anything_else() -> None:
    counter = a_counter(3, changes=False)
    issued = counter.credit()
    counter.change_key(None, "44")
    counter.change_key(None, "45")
    counter.history.clear()
    explanation = counter.explain(issued)
    assert (explanation.best.reason, explanation.best.sure) == (Reason.OLD_KEY, Sure.CERTAIN)
    assert explanation.trials == 3


def test_what_the_meter_refuses_for_is_not_odd() -> None:
    """Without any history: a token from before the meter, under its default or expired key."""
    for mishap in (before_the_meter, default_key, expired):
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


# ---------------------------------------------------------------- a memory nobody filled


def with_tid(counter: Counter, tid: int) -> Finding:
    """The best finding of a token with that TID; `judged` has the meter confirm it."""
    return judged(counter, counter.credit(tid=tid))


@pytest.mark.parametrize("taken", [0, 1, 48, 49])
def test_the_minute_of_manufacture_is_used_though_no_token_had_it(taken: int) -> None:
    counter = Counter(random.Random(21))
    for _ in range(taken):
        counter.accepted()
    birth = tids.tid_at(MADE, 2014)
    finding = with_tid(counter, birth)
    assert (finding.reason, finding.sure) == (Reason.USED, Sure.CERTAIN)
    assert finding.action is Action.REPLACE
    assert finding.evidence["manufactured"] == MADE
    assert with_tid(counter, birth - 1).reason is Reason.OLD
    assert with_tid(counter, birth + 1).reason is Reason.GOOD


def test_after_fifty_tokens_nothing_is_left_of_the_minute_of_manufacture() -> None:
    counter = Counter(random.Random(22))
    for _ in range(50):
        counter.accepted()
    digits = counter.credit(tid=tids.tid_at(MADE, 2014))
    found = [(finding.reason, finding.result) for finding in counter.explain(digits).findings]
    assert found == [(Reason.OLD, MeterResult.OLD_ERROR)]
    assert counter.meter.enter(digits) is MeterResult.OLD_ERROR


def test_the_first_minute_is_used_after_a_change_of_base_date() -> None:
    counter = Counter(random.Random(23))
    counter.accepted()
    counter.change_key(vending_key(counter.rng, base_date=1993, krn=5))
    changed_at = counter.record.tids_forgotten_at
    finding = with_tid(counter, 0)
    assert (finding.reason, finding.sure) == (Reason.USED, Sure.CERTAIN)
    assert finding.evidence["rollover"] == changed_at
    assert with_tid(counter, 1).reason is Reason.GOOD


def test_a_token_of_that_minute_that_was_taken_is_used_for_that() -> None:
    counter = Counter(random.Random(24))
    digits = counter.credit(tid=tids.tid_at(MADE, 2014))
    counter.history[-1] = replace(counter.history[-1], accepted=True)
    best = counter.explain(digits).best
    assert (best.reason, best.action) == (Reason.USED, Action.NOTHING)
    assert "manufactured" not in best.evidence
