"""What fingers do to twenty digits: the slip that leads from an issued token to a typed one.

Positions count from 1 on the issued token, groups of four from 1 to 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

LENGTH = 20
GROUP = 4
_GROUPS = LENGTH // GROUP
SEVERAL_MAX = 3  # wrong digits that still point to one token


class Slip(StrEnum):
    """The kinds of slip, the commonest first."""

    ONE_DIGIT = "one_digit"
    NEIGHBOURS_SWAPPED = "neighbours_swapped"
    DIGIT_MISSING = "digit_missing"
    DIGIT_EXTRA = "digit_extra"
    DIGIT_EXTRA_AND_CUT = "digit_extra_and_cut"  # the meter stopped at twenty
    TWO_SWAPPED = "two_swapped"
    GROUPS_SWAPPED = "groups_swapped"
    GROUP_MISSING = "group_missing"
    GROUP_TWICE = "group_twice"
    GROUP_TWICE_AND_CUT = "group_twice_and_cut"
    DIGIT_MISSING_AND_EXTRA = "digit_missing_and_extra"
    SEVERAL_DIGITS = "several_digits"


# At most so many typed strings of that length show the slip of one issued token.
_VARIANTS = {
    Slip.ONE_DIGIT: 180,
    Slip.NEIGHBOURS_SWAPPED: 19,
    Slip.DIGIT_MISSING: 20,
    Slip.DIGIT_EXTRA: 210,
    Slip.DIGIT_EXTRA_AND_CUT: 200,
    Slip.TWO_SWAPPED: 171,
    Slip.GROUPS_SWAPPED: 10,
    Slip.GROUP_MISSING: 5,
    Slip.GROUP_TWICE: 5,
    Slip.GROUP_TWICE_AND_CUT: 4,
    Slip.DIGIT_MISSING_AND_EXTRA: 20 * 20 * 10,
    Slip.SEVERAL_DIGITS: 190 * 9**2 + 1140 * 9**3,
}
_SHAKY = {Slip.DIGIT_MISSING_AND_EXTRA, Slip.SEVERAL_DIGITS}


@dataclass(frozen=True, slots=True)
class Slipped:
    """A slip and where it happened; `positions` are those of the issued token's digits.

    For a digit too many it is the place it stands before; a group too many names its digits.
    """

    slip: Slip
    positions: tuple[int, ...]

    @property
    def groups(self) -> tuple[int, ...]:
        """The groups of the positions, 1..5."""
        return tuple(sorted({min((p - 1) // GROUP, _GROUPS - 1) + 1 for p in self.positions}))

    @property
    def evidence(self) -> dict[str, object]:
        """What a finding says of it."""
        return {"slip": self.slip, "positions": self.positions, "groups": self.groups}

    @property
    def is_shaky(self) -> bool:
        """Whether two things went wrong at once, so that another token may be meant."""
        return self.slip in _SHAKY


def coincidence(slip: Slip, length: int, compared: int) -> Fraction:
    """At most how often random digits of that length show a slip or a likelier one.

    `compared` is the number of issued tokens that were looked at.
    """
    kinds = tuple(Slip)
    variants = sum(_VARIANTS[kind] for kind in kinds[: kinds.index(slip) + 1])
    return Fraction(compared * variants, 10**length)


def slip_of(issued: str, typed: str) -> Slipped | None:
    """The slip that makes `typed` of `issued` (twenty digits), None when they are too far apart.

    The likeliest explanation wins; equal digits are no slip.
    """
    if issued == typed or len(issued) != LENGTH:
        return None
    if len(typed) == LENGTH:
        return _same_length(issued, typed)
    if len(typed) == LENGTH - 1:
        place = _first_difference(issued, typed)
        missing = issued[:place] + issued[place + 1 :] == typed
        return Slipped(Slip.DIGIT_MISSING, (place + 1,)) if missing else None
    if len(typed) == LENGTH + 1:
        place = _first_difference(typed, issued)
        extra = typed[:place] + typed[place + 1 :] == issued
        return Slipped(Slip.DIGIT_EXTRA, (place + 1,)) if extra else None
    if len(typed) == LENGTH - GROUP:
        return _whole_group(issued, typed, Slip.GROUP_MISSING)
    if len(typed) == LENGTH + GROUP:
        return _whole_group(issued, typed, Slip.GROUP_TWICE)
    return None


def _first_difference(longer: str, shorter: str) -> int:
    pairs = zip(longer, shorter, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), len(shorter))


def _same_length(issued: str, typed: str) -> Slipped | None:
    wrong = [i for i in range(LENGTH) if issued[i] != typed[i]]
    positions = tuple(i + 1 for i in wrong)
    if len(wrong) == 1:
        return Slipped(Slip.ONE_DIGIT, positions)
    if len(wrong) == 2 and [typed[i] for i in wrong] == [issued[i] for i in reversed(wrong)]:
        beside = wrong[1] - wrong[0] == 1
        return Slipped(Slip.NEIGHBOURS_SWAPPED if beside else Slip.TWO_SWAPPED, positions)
    return (
        _extra_and_cut(issued, typed)
        or _groups_swapped(issued, typed)
        or _group_twice_and_cut(issued, typed)
        or _shifted(issued, typed)
        or (Slipped(Slip.SEVERAL_DIGITS, positions) if len(wrong) <= SEVERAL_MAX else None)
    )


def _extra_and_cut(issued: str, typed: str) -> Slipped | None:
    """One digit came twice or slipped in, and the last one found no place."""
    place = _first_difference(typed, issued)
    if typed[place + 1 :] == issued[place:-1]:
        return Slipped(Slip.DIGIT_EXTRA_AND_CUT, (place + 1,))
    return None


def _groups(digits: str) -> list[str]:
    return [digits[i : i + GROUP] for i in range(0, len(digits), GROUP)]


def _of_groups(*groups: int) -> tuple[int, ...]:
    return tuple(g * GROUP + i + 1 for g in groups for i in range(GROUP))


def _groups_swapped(issued: str, typed: str) -> Slipped | None:
    right, found = _groups(issued), _groups(typed)
    wrong = [g for g in range(_GROUPS) if right[g] != found[g]]
    if len(wrong) == 2 and [found[g] for g in wrong] == [right[g] for g in reversed(wrong)]:
        return Slipped(Slip.GROUPS_SWAPPED, _of_groups(*wrong))
    return None


def _group_twice_and_cut(issued: str, typed: str) -> Slipped | None:
    right, found = _groups(issued), _groups(typed)
    for g in range(_GROUPS - 1):
        if found == [*right[: g + 1], *right[g:-1]]:
            return Slipped(Slip.GROUP_TWICE_AND_CUT, _of_groups(g))
    return None


def _whole_group(issued: str, typed: str, slip: Slip) -> Slipped | None:
    right, found = _groups(issued), _groups(typed)
    for g in range(_GROUPS):
        kept = right[:g] if slip is Slip.GROUP_MISSING else right[: g + 1]
        rest = right[g + 1 :] if slip is Slip.GROUP_MISSING else right[g:]
        if found == [*kept, *rest]:
            return Slipped(slip, _of_groups(g))
    return None


def _shifted(issued: str, typed: str) -> Slipped | None:
    """One digit is missing and another slipped in, so that all between them moved."""
    first = _first_difference(issued, typed)
    last = LENGTH - 1 - _first_difference(issued[::-1], typed[::-1])
    if issued[first + 1 : last + 1] == typed[first:last]:
        return Slipped(Slip.DIGIT_MISSING_AND_EXTRA, (first + 1, last + 1))
    if issued[first:last] == typed[first + 1 : last + 1]:
        return Slipped(Slip.DIGIT_MISSING_AND_EXTRA, (first + 1, last + 1))
    return None


def neighbours(digits: str) -> tuple[tuple[str, Slipped], ...]:
    """Every string one swap of neighbours or one digit away, and the slip that leads back."""
    found: dict[str, Slipped] = {}
    for i in range(len(digits)):
        for other in "0123456789":
            if other != digits[i]:
                changed = digits[:i] + other + digits[i + 1 :]
                found[changed] = Slipped(Slip.ONE_DIGIT, (i + 1,))
    for i in range(len(digits) - 1):
        if digits[i] != digits[i + 1]:
            swapped = digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :]
            found[swapped] = Slipped(Slip.NEIGHBOURS_SWAPPED, (i + 1, i + 2))
    return tuple(found.items())
