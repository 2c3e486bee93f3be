"""What an explanation is made of: reasons, how sure they are, what they rest on, what to do.

Everything is a code or a plain value. Whole tokens and keys are in none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from posapp.sts.meter import MeterResult

CERTAIN_CHANCE = Fraction(1, 1_000_000)
LIKELY_CHANCE = Fraction(1, 1_000)

Evidence = Mapping[str, object]


class Reason(StrEnum):
    """Why a token is refused. Findings of equal standing come in this order."""

    NOT_A_TOKEN = "not_a_token"  # not twenty digits, above 66 bits, or a damaged test token
    RESERVED_CLASS = "reserved_class"  # class 3: no token may be made
    DIGIT_SLIP = "digit_slip"  # a token of this meter, typed wrong
    KEY_CHANGE_PENDING = "key_change_pending"  # the meter waits for its key-change tokens
    KEY_CHANGE_DONE = "key_change_done"  # the unconfirmed key change has been entered
    KEY_CHANGE_SPENT = "key_change_spent"  # key-change tokens for a key the meter has left
    OLD_KEY = "old_key"  # made before a key change that is done
    OTHER_METER = "other_meter"
    OTHER_TARIFF = "other_tariff"  # only the tariff index differs from the meter's
    OTHER_KEY_TYPE = "other_key_type"
    OTHER_KEY = "other_key"  # another supply group, revision or base date
    OTHER_ALGORITHM = "other_algorithm"  # the meter's record has the wrong EA
    USED = "used"
    OLD = "old"
    KEY_EXPIRED = "key_expired"
    DEFAULT_KEY = "default_key"
    UNSUPPORTED = "unsupported"  # a class and subclass that this make does not serve
    OTHER_MAKER = "other_maker"
    OUT_OF_RANGE = "out_of_range"
    KEY_TYPE = "key_type"  # a key change to a type that is not allowed
    REGISTER_FULL = "register_full"
    LOCKED_OUT = "locked_out"  # the keypad waits after wrong entries, or the meter is busy
    TAMPERED = "tampered"  # some makes take nothing then; no digits can show it
    METER_DISAGREES = "meter_disagrees"  # the record says otherwise than the display
    GOOD = "good"  # nothing is wrong with it
    UNEXPLAINED = "unexplained"


class Sure(StrEnum):
    """How much a reason can be relied on, if the record is right.

    CERTAIN: digits that are no token of any make show it in less than one of a million cases.
    LIKELY: in less than one of a thousand, or it rests on what is usual and not on proof.
    POSSIBLE: chance may have made it, or something in the token is odd; ask before acting.
    """

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Action(StrEnum):
    """The one thing to do next."""

    TYPE_AGAIN = "type_again"
    COMPARE_DIGITS = "compare_digits"  # with the receipt; no known token is near
    ENTER_KEY_CHANGE = "enter_key_change"  # first, then the token again
    ENTER_WHOLE_SET = "enter_whole_set"  # every key-change token, one after the other
    CONFIRM_KEY_CHANGE = "confirm_key_change"  # and replace the token
    ENTER_CREDIT = "enter_credit"  # the key change is done
    USE_AT_OTHER_METER = "use_at_other_meter"
    REPLACE = "replace"  # a new token, with the evidence
    CHANGE_KEY = "change_key"  # the meter needs another key before any credit
    CORRECT_RECORD = "correct_record"  # and replace the token
    NOTHING = "nothing"  # its value is in the meter already
    CHECK_METER = "check_meter"  # read its key data with test tokens
    WAIT = "wait"
    USE_UP_CREDIT = "use_up_credit"


ACTIONS: Mapping[Reason, Action] = {
    Reason.NOT_A_TOKEN: Action.COMPARE_DIGITS,
    Reason.RESERVED_CLASS: Action.COMPARE_DIGITS,
    Reason.DIGIT_SLIP: Action.TYPE_AGAIN,
    Reason.KEY_CHANGE_PENDING: Action.ENTER_KEY_CHANGE,
    Reason.KEY_CHANGE_DONE: Action.CONFIRM_KEY_CHANGE,
    Reason.KEY_CHANGE_SPENT: Action.ENTER_CREDIT,
    Reason.OLD_KEY: Action.REPLACE,
    Reason.OTHER_METER: Action.USE_AT_OTHER_METER,
    Reason.OTHER_TARIFF: Action.CORRECT_RECORD,
    Reason.OTHER_KEY_TYPE: Action.CORRECT_RECORD,
    Reason.OTHER_KEY: Action.CORRECT_RECORD,
    Reason.OTHER_ALGORITHM: Action.CORRECT_RECORD,
    Reason.USED: Action.NOTHING,
    Reason.OLD: Action.REPLACE,
    Reason.KEY_EXPIRED: Action.CHANGE_KEY,
    Reason.DEFAULT_KEY: Action.CHANGE_KEY,
    Reason.UNSUPPORTED: Action.REPLACE,
    Reason.OTHER_MAKER: Action.REPLACE,
    Reason.OUT_OF_RANGE: Action.REPLACE,
    Reason.KEY_TYPE: Action.CORRECT_RECORD,
    Reason.REGISTER_FULL: Action.USE_UP_CREDIT,
    Reason.LOCKED_OUT: Action.WAIT,
    Reason.TAMPERED: Action.CHECK_METER,
    Reason.METER_DISAGREES: Action.CHECK_METER,
    Reason.GOOD: Action.TYPE_AGAIN,
    Reason.UNEXPLAINED: Action.COMPARE_DIGITS,
}


def sure_of(chance: Fraction) -> Sure:
    """What a reason is worth that chance alone would show this often."""
    if chance <= CERTAIN_CHANCE:
        return Sure.CERTAIN
    return Sure.LIKELY if chance <= LIKELY_CHANCE else Sure.POSSIBLE


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason.

    `chance` is at most 1: how often digits that are no token would have shown this by now, with
    everything tried before it counted. `result` is what the meter says of the token if this is
    the reason, None where makes differ. `evidence` names depend on the reason:

    token       index of the issued token in the history; `issued_at` when, `receipt` its mark
    slip        a `Slip`; `positions` 1..20 of the digits concerned and `groups` 1..5, counted
                on the issued token; `target` what becomes of the token when typed right
    tid         of the token, `made_at` the minute it stands for, `units` what it carries
    doubts      what is odd about it (`verify.Doubt`)
    sgc krn ti kt base_date ea   the key data that fit; `changed` those that are not the meter's
    other       index of the other meter
    earlier     index of the earlier key data, and `until` when the meter had it
    manufactured rollover   when its memory of TIDs was filled with that minute, or with zeros
    newer       how many newer TIDs the meter took (`accepted`), or got (`issued`)
    could_still reasons that nobody can see in the digits
    problem length shown expected ken subclass register watts maker section tried   as they say
    """

    reason: Reason
    sure: Sure
    chance: Fraction
    result: MeterResult | None = None
    evidence: Evidence = field(default_factory=dict)
    action: Action = Action.COMPARE_DIGITS

    @property
    def one_in(self) -> int | None:
        """`chance` as one in how many, rounded down; None when chance cannot do it."""
        return None if self.chance == 0 else self.chance.denominator // self.chance.numerator


def finding(
    reason: Reason,
    chance: Fraction,
    result: MeterResult | None = None,
    evidence: Evidence | None = None,
    *,
    at_most: Sure = Sure.CERTAIN,
) -> Finding:
    """A finding with the action of its reason; never surer than its chance or `at_most`."""
    chance = min(chance, Fraction(1))
    order = tuple(Sure)
    sure = max(sure_of(chance), at_most, key=order.index)
    return Finding(reason, sure, chance, result, evidence or {}, ACTIONS[reason])


@dataclass(frozen=True, slots=True)
class Explanation:
    """The findings, the best first; there is always one.

    `trials` keys were tried and `compared` issued tokens. `complete` is false when a limit cut
    the search, so that another reason may exist.
    """

    findings: tuple[Finding, ...]
    trials: int
    compared: int
    complete: bool

    @property
    def best(self) -> Finding:
        """The first finding."""
        return self.findings[0]
