"""What fingers do to twenty digits is told apart, with its place and its chance."""

from __future__ import annotations

import random
from collections import Counter as Tally
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest

from posapp.sts import verify
from posapp.sts.explain import Action, Reason, Slip, Sure
from posapp.sts.explain.slips import coincidence, slip_of
from tests.sts.refusals import FINGERS, a_counter, judged, neighbours_swapped, one_digit


@pytest.mark.parametrize("slip", FINGERS)
def test_each_slip_is_told_apart(slip: Slip) -> None:
    rng = random.Random(20)
    for _ in range(40):
        issued = "".join(rng.sample("0123456789", 10) + rng.sample("0123456789", 10))
        found = slip_of(issued, FINGERS[slip](issued, rng))
        assert found is not None and found.slip in (slip, *LIKELIER.get(slip, ()))


LIKELIER = {  # the same typed digits can come from a commoner slip
    Slip.DIGIT_MISSING_AND_EXTRA: (Slip.SEVERAL_DIGITS, Slip.DIGIT_EXTRA_AND_CUT),
    Slip.GROUP_TWICE_AND_CUT: (Slip.ONE_DIGIT,),
}


@pytest.mark.parametrize(
    ("typed", "slip", "positions", "groups"),
    [
        ("12345678905234567890", Slip.ONE_DIGIT, (11,), (3,)),
        ("12354678901234567890", Slip.NEIGHBOURS_SWAPPED, (4, 5), (1, 2)),
        ("82345671901234567890", Slip.TWO_SWAPPED, (1, 8), (1, 2)),
        ("1234567890134567890", Slip.DIGIT_MISSING, (12,), (3,)),
        ("123456789012345678900", Slip.DIGIT_EXTRA, (21,), (5,)),
        ("12345567890123456789", Slip.DIGIT_EXTRA_AND_CUT, (6,), (2,)),
        ("56781234901234567890", Slip.GROUPS_SWAPPED, tuple(range(1, 9)), (1, 2)),
        ("1234567890127890", Slip.GROUP_MISSING, (13, 14, 15, 16), (4,)),
        ("123456785678901234567890", Slip.GROUP_TWICE, (5, 6, 7, 8), (2,)),
        ("12341234567890123456", Slip.GROUP_TWICE_AND_CUT, (1, 2, 3, 4), (1,)),
        ("13456789012345267890", Slip.DIGIT_MISSING_AND_EXTRA, (2, 15), (1, 4)),
        ("92945678901934567890", Slip.SEVERAL_DIGITS, (1, 3, 12), (1, 3)),
    ],
)
def test_a_slip_says_where_the_digits_differ(
    typed: str, slip: Slip, positions: tuple[int, ...], groups: tuple[int, ...]
) -> None:
    found = slip_of("12345678901234567890", typed)
    assert found is not None
    assert (found.slip, found.positions, found.groups) == (slip, positions, groups)


@pytest.mark.parametrize(
    "typed",
    ["12345678901234567890", "92949678901934567890", "1234567", "", "0" * 19, "0" * 21, "0" * 24],
)
def test_equal_or_far_digits_are_no_slip(typed: str) -> None:
    assert slip_of("12345678901234567890", typed) is None


def test_what_was_never_a_token_has_no_slips() -> None:
    assert slip_of("123", "12345678901234567890") is None


def test_no_slip_has_more_variants_than_its_chance_counts() -> None:
    """The chance of a slip is a bound: count every variant of one token."""
    issued = "12345678901234567890"
    found: dict[str, Slip] = {}
    for i in range(20):
        for j in range(21):
            for digit in "0123456789":
                shorter = issued[:i] + issued[i + 1 :]
                for typed in (
                    issued[:i] + digit + issued[i + 1 :],
                    issued[:j] + digit + issued[j:],
                    (issued[:j] + digit + issued[j:])[:20],
                    shorter,
                    shorter[:j] + digit + shorter[j:],
                ):
                    slipped = slip_of(issued, typed)
                    if slipped is not None:
                        found[typed] = slipped.slip
    counts = Tally(found.values())
    assert counts[Slip.ONE_DIGIT] == 180
    for slip, count in counts.items():
        length = {Slip.DIGIT_MISSING: 19, Slip.DIGIT_EXTRA: 21}.get(slip, 20)
        assert Fraction(count, 10**length) <= coincidence(slip, length, 1)


def test_a_slip_of_a_token_that_would_not_help_says_so() -> None:
    counter = a_counter(3, changes=False)
    used_token = counter.accepted()
    finding = judged(counter, one_digit(used_token, counter.rng))
    assert finding.reason is Reason.DIGIT_SLIP
    assert finding.evidence["target"] is Reason.USED and finding.action is Action.NOTHING


@pytest.mark.parametrize("slip", FINGERS)
def test_only_two_mistakes_at_once_leave_a_doubt(slip: Slip) -> None:
    counter = a_counter(4, changes=False)
    finding = judged(counter, FINGERS[slip](counter.credit(), counter.rng))
    shaky = (Slip.SEVERAL_DIGITS, Slip.DIGIT_MISSING_AND_EXTRA)
    assert finding.evidence["slip"] is slip
    assert finding.sure is (Sure.LIKELY if slip in shaky else Sure.CERTAIN)


def test_the_nearest_token_comes_before_the_newest() -> None:
    counter = a_counter(4, changes=False)
    older = counter.credit()
    typed = one_digit(older, counter.rng)
    counter.history.append(replace(counter.history[-1], issued_at=counter.now, digits=typed))
    counter.history[-1] = replace(
        counter.history[-1], digits=FINGERS[Slip.SEVERAL_DIGITS](typed, counter.rng)
    )
    for days in (1, 2, 3):
        later = counter.now + timedelta(days)
        counter.history.append(replace(counter.history[-1], issued_at=later))
    found = counter.explain(typed).findings
    slips = [f.evidence["slip"] for f in found if "slip" in f.evidence]
    assert slips == [Slip.ONE_DIGIT, *[Slip.SEVERAL_DIGITS] * 2]
    assert found[0].evidence["token"] == len(counter.history) - 5


def test_spaces_and_dashes_are_no_slip() -> None:
    counter = a_counter(3, changes=False)
    issued = counter.credit()
    for typed in (f"{issued[:4]} {issued[4:8]}-{issued[8:]}", f"{issued[:10]}\u00a0{issued[10:]}"):
        assert counter.explain(typed).best.reason is Reason.GOOD


def test_a_slip_of_an_unknown_token_under_the_pending_key_is_found() -> None:
    counter = a_counter(4, changes=False)
    counter.issue_key_change(None, "33")
    issued = counter.credit()
    counter.history.clear()
    finding = judged(counter, neighbours_swapped(issued, counter.rng))
    assert (finding.reason, finding.action) == (Reason.DIGIT_SLIP, Action.ENTER_KEY_CHANGE)
    assert finding.evidence["target"] is Reason.KEY_CHANGE_PENDING


def test_a_slip_of_an_unknown_key_section_is_only_possible() -> None:
    counter = a_counter(4, 2, changes=False)
    made = counter.issue_key_change(None, "33")
    counter.history.clear()
    swaps = (neighbours_swapped(made[2], counter.rng) for _ in range(100))
    best = counter.explain(next(s for s in swaps if verify.read(s).token_class == 2)).best
    assert (best.reason, best.sure) == (Reason.DIGIT_SLIP, Sure.POSSIBLE)


def test_no_other_key_is_tried_for_a_damaged_test_token() -> None:
    counter = a_counter(4, changes=False)
    explanation = counter.explain("56493153725450313417")
    assert explanation.best.evidence["slip"] is Slip.NEIGHBOURS_SWAPPED
    assert explanation.trials <= 200
    assert counter.explain("56493153725450377777").trials <= 200
