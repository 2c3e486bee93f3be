"""The words for why a meter refused a token: the reason, how sure, what to do. No Qt, no keys.

The reasons and actions themselves are codes of `posapp.sts.explain`.
"""

from __future__ import annotations

from collections.abc import Mapping

from posapp.sts.explain import Action, Explanation, Finding, Reason, Sure

REASONS: Mapping[Reason, str] = {
    Reason.NOT_A_TOKEN: "These digits are no token.",
    Reason.RESERVED_CLASS: "Tokens of this class do not exist.",
    Reason.DIGIT_SLIP: "A digit of the token was typed wrong.",
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

SURE: Mapping[Sure, str] = {
    Sure.CERTAIN: "certain",
    Sure.LIKELY: "likely",
    Sure.POSSIBLE: "possibly",
}


def lines(explanation: Explanation) -> list[str]:
    """An explanation as plain lines, the best reason first."""
    told = [line for item in explanation.findings for line in _finding(item)]
    if not explanation.complete:
        told.append("Not everything was tried: another reason may exist.")
    return told


def _finding(item: Finding) -> list[str]:
    shown = item.one_in is not None and item.sure is not Sure.CERTAIN
    by_chance = f"; by chance 1 in {item.one_in:,}" if shown else ""
    first = f"{REASONS[item.reason]} ({SURE[item.sure]}{by_chance})"
    evidence = ", ".join(f"{name} {_value(value)}" for name, value in item.evidence.items())
    return [first, f"  {ACTIONS[item.action]}", *([f"  {evidence}"] if evidence else [])]


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return "/".join(map(str, value)) or "-"
    return str(value)
