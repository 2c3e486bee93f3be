"""The words for why a meter refused a token: the reason, how sure, what to do. No Qt, no keys.

The reasons and actions themselves are codes of `posapp.sts.explain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from posapp.sts.explain import Action, Case, Explanation, Finding, Reason, Slip, Sure

REASONS: Mapping[Reason, str] = {
    Reason.NOT_A_TOKEN: "These digits are no token.",
    Reason.RESERVED_CLASS: "Tokens of this class do not exist.",
    Reason.DIGIT_SLIP: "The token was typed wrong.",
    Reason.KEY_CHANGE_PENDING: "The meter still waits for its key-change tokens.",
    Reason.KEY_CHANGE_DONE: "The meter has its new key already.",
    Reason.KEY_CHANGE_SPENT: "These key-change tokens belong to a key the meter has left.",
    Reason.OLD_KEY: "The token was made before the meter's key change.",
    Reason.OTHER_METER: "The token is for another meter.",
    Reason.OTHER_TARIFF: "The token was made for another tariff index.",
    Reason.OTHER_KEY_TYPE: "The token was made with another type of key.",
    Reason.OTHER_KEY: "The token was made with another supply group or key revision.",
    Reason.OTHER_ALGORITHM: "The token was made for a meter with another cipher.",
    Reason.USED: "The token is in the meter already.",
    Reason.OLD: "The token is older than what the meter remembers.",
    Reason.KEY_EXPIRED: "The meter's key has expired.",
    Reason.DEFAULT_KEY: "The meter still has its default key and takes no credit.",
    Reason.UNSUPPORTED: "This make of meter does not take such tokens.",
    Reason.OTHER_MAKER: "The token is for meters of another maker.",
    Reason.OUT_OF_RANGE: "The value is outside what this meter accepts.",
    Reason.KEY_TYPE: "The meter may not change to this type of key.",
    Reason.REGISTER_FULL: "The meter's register has no room for this credit.",
    Reason.LOCKED_OUT: "The keypad is locked after wrong entries.",
    Reason.METER_DISAGREES: "The meter is not as its record says.",
    Reason.GOOD: "Nothing is wrong with the token.",
    Reason.UNEXPLAINED: "No key and no token on file explains these digits.",
}

ACTIONS: Mapping[Action, str] = {
    Action.TYPE_AGAIN: "Type it again, group by group.",
    Action.COMPARE_DIGITS: "Compare the digits with the receipt.",
    Action.ENTER_KEY_CHANGE: "Enter the key-change tokens first, then this token again.",
    Action.ENTER_WHOLE_SET: "Enter all key-change tokens, one after the other.",
    Action.CONFIRM_KEY_CHANGE: "Note that the key change is done, and replace this token.",
    Action.ENTER_CREDIT: "Enter the credit token.",
    Action.USE_AT_OTHER_METER: "Enter it at the meter it was bought for.",
    Action.REPLACE: "Ask for a replacement, with this page as evidence.",
    Action.CHANGE_KEY: "The meter needs its key change first.",
    Action.CORRECT_RECORD: "Correct the meter's record, then ask for a replacement.",
    Action.NOTHING: "Nothing to do: its value is on the meter.",
    Action.CHECK_METER: "Read the meter's key data with its test tokens.",
    Action.WAIT: "Wait until the keypad is free, then type it again.",
    Action.USE_UP_CREDIT: "Use up some credit first, then enter it again.",
}

SLIPS: Mapping[Slip, str] = {
    Slip.ONE_DIGIT: "One digit is wrong",
    Slip.NEIGHBOURS_SWAPPED: "Two neighbouring digits are swapped",
    Slip.DIGIT_MISSING: "A digit is missing",
    Slip.DIGIT_EXTRA: "There is a digit too many",
    Slip.DIGIT_EXTRA_AND_CUT: "There is a digit too many, and the last one was cut off",
    Slip.TWO_SWAPPED: "Two digits are swapped",
    Slip.GROUPS_SWAPPED: "Two groups are swapped",
    Slip.GROUP_MISSING: "A group is missing",
    Slip.GROUP_TWICE: "A group was typed twice",
    Slip.GROUP_TWICE_AND_CUT: "A group was typed twice, and the last one was cut off",
    Slip.DIGIT_MISSING_AND_EXTRA: "A digit is missing and another was added",
    Slip.SEVERAL_DIGITS: "Several digits are wrong",
}

SURE: Mapping[Sure, str] = {
    Sure.CERTAIN: "certain",
    Sure.LIKELY: "likely",
    Sure.POSSIBLE: "possible",
}

_TOLD = {"token", "other", "slip", "positions", "groups", "target", "issued_at", "receipt"}
_CHANCE_LEAST, _CHANCE_MOST = 1_000, 1_000_000  # outside these a chance tells nobody anything


def lines(explanation: Explanation, case: Case) -> list[str]:
    """An explanation as plain lines: the best reason, then what else it may be."""
    first, *others = explanation.findings
    told = [_headline(first), f"  {ACTIONS[first.action]}", *_evidence(first, case)]
    if first.sure is not Sure.CERTAIN or first.reason is Reason.GOOD:
        for item in others:
            told += [f"If it is not that: {_headline(item)}", f"  {ACTIONS[item.action]}"]
            told += _evidence(item, case)
    if not case.keys and first.sure is not Sure.CERTAIN:
        told.append("Only the history was looked at: with the keys more can be said.")
    if not explanation.complete:
        told.append("Not everything was tried: another reason may exist.")
    return told


def _headline(item: Finding) -> str:
    by_chance = ""
    if item.one_in is not None and _CHANCE_LEAST <= item.one_in <= _CHANCE_MOST:
        by_chance = f"; by chance 1 in {item.one_in:,}"
    return f"{REASONS[item.reason]} ({SURE[item.sure]}{by_chance})"


def _evidence(item: Finding, case: Case) -> list[str]:
    """What the reason rests on, the parts a person looks at first in words."""
    given, told = item.evidence, []
    slip = given.get("slip")
    if isinstance(slip, Slip):
        groups, digits = _listed(given.get("groups")), _listed(given.get("positions"))
        told.append(f"  {SLIPS[slip]}: group {groups} of the token, digit {digits} of 20.")
    other = given.get("other")
    if isinstance(other, int):
        told.append(f"  It is for meter {case.others[other].record.number}.")
    if "issued_at" in given:
        receipt = f", receipt {given['receipt']}" if given.get("receipt") else ""
        told.append(f"  Issued {_value(given['issued_at'])}{receipt}.")
    rest = {name: value for name, value in given.items() if name not in _TOLD}
    if rest:
        told.append("  " + ", ".join(f"{name} {_value(value)}" for name, value in rest.items()))
    return told


def _listed(values: object) -> str:
    return " and ".join(map(str, values)) if isinstance(values, tuple) else str(values)


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, tuple):
        return "/".join(map(str, value)) or "-"
    return str(value)
