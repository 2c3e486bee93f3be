"""`explain`: the history speaks first, for it needs no key; then the meter's own key.

What neither knows may be a slip of the fingers, or made for another key: `search`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from posapp.domain.digits import joined
from posapp.errors import InputError
from posapp.sts.explain import slips
from posapp.sts.explain.case import (
    HISTORY_MAX,
    OTHERS_MAX,
    Case,
    Earlier,
    Issued,
    newest,
    same_key,
)
from posapp.sts.explain.findings import Explanation, Finding, Reason, Sure, finding
from posapp.sts.explain.placing import CRC, Placing, reading_of
from posapp.sts.explain.search import Search
from posapp.sts.explain.trials import Fit, Trials
from posapp.sts.meter import MeterResult
from posapp.sts.tokens import TokenClass, extract_class, number_of

FINDINGS_MAX = 8  # more is no help to anyone
_SLIPS_MAX = 3  # issued tokens that one typed one may be a slip of
_SYMPTOMS = (Reason.NOT_A_TOKEN, Reason.RESERVED_CLASS)  # true, but how did it come to that
_SAME = ("token", "other", "positions")
_NOT_JUDGED = (MeterResult.LOCKOUT, MeterResult.NOT_READY)
_ALIKE = {CRC, MeterResult.FORMAT_ERROR}  # displays seldom tell them apart


def explain(case: Case) -> Explanation:
    """Why the meter refused these digits, the best reason first; never without a finding.

    Takes about 40 microseconds a key, at most `case.trials_max` of them, and about 20 an issued
    token. Raises nothing for bad digits: that is a finding.
    """
    case = _with_proven_key(case)
    doctor = _Doctor(case)
    found = sorted(doctor.findings(), key=lambda f: (_contradicts(case, f), _standing(f)))
    return Explanation(
        tuple(_distinct([*_by_display(case, found[0]), *found]))[:FINDINGS_MAX],
        doctor.trials.count,
        doctor.compared,
        doctor.trials.complete and not doctor.is_cut,
    )


def _with_proven_key(case: Case) -> Case:
    """A token taken under the pending key proves that the key change was entered."""
    record = case.record
    if record.pending is None or same_key(record.pending, record.current):
        return case
    taken = [
        issued.issued_at
        for issued in case.history
        if issued.accepted and same_key(issued.made_under, record.pending)
    ]
    if not taken:
        return case
    done = Earlier(record.current, min(taken))
    earlier = (*record.earlier, done)
    return replace(
        case, record=replace(record, current=record.pending, pending=None, earlier=earlier)
    )


# ---------------------------------------------------------------- the order of the findings


def _standing(item: Finding) -> int:
    """It was refused, so what explains that goes before what says that nothing is wrong."""
    if item.sure is Sure.POSSIBLE:
        return 4
    if item.reason in _SYMPTOMS:
        return 3
    if item.reason is Reason.GOOD:
        return 2
    return 0 if item.sure is Sure.CERTAIN else 1


def _contradicts(case: Case, item: Finding) -> bool:
    """Whether the display said something else than this reason would make it say."""
    if case.shown in _NOT_JUDGED or None in (case.shown, item.result):
        return False
    return item.result is not case.shown and not {item.result, case.shown} <= _ALIKE


def _by_display(case: Case, best: Finding) -> Iterator[Finding]:
    """What the display alone says: it did not look at the token, or the record is wrong."""
    evidence: dict[str, object] = {"shown": case.shown, "expected": best.result}
    if case.shown in _NOT_JUDGED:
        yield finding(Reason.LOCKED_OUT, Fraction(0), case.shown, evidence)
    elif _contradicts(case, best):
        token = {name: best.evidence[name] for name in ("token",) if name in best.evidence}
        reason = Reason.METER_DISAGREES
        yield finding(reason, best.chance, case.shown, evidence | token, at_most=Sure.LIKELY)


def _distinct(found: list[Finding]) -> Iterator[Finding]:
    """Each reason once for the same token, meter and place of a slip."""
    seen = set()
    for item in found:
        place = (item.reason, *(item.evidence.get(name) for name in _SAME))
        if place not in seen:
            seen.add(place)
            yield item


# ---------------------------------------------------------------- the order of the questions


class _Doctor:
    """One case at work."""

    def __init__(self, case: Case) -> None:
        self.case, self.trials = case, Trials(case)
        self._digits = joined(case.digits)
        self._placing = Placing(case, self.trials)
        self._search = Search(case, self._digits, self.trials, self._placing)
        others = case.others[:OTHERS_MAX]
        self._own = newest(case.history)
        self._theirs = [(i, token) for i, o in enumerate(others) for _, token in newest(o.history)]
        self.compared = len(self._own) + len(self._theirs)
        self.is_cut = len(others) < len(case.others) or any(
            len(history) > HISTORY_MAX for history in (case.history, *(o.history for o in others))
        )

    def findings(self) -> list[Finding]:
        """Every finding, in the order of the questions."""
        try:
            token_class = extract_class(number_of(self._digits))[0]
        except InputError as error:
            return self._of_no_token(error.code)
        exact = self._exact(token_class)
        if exact:
            return exact
        is_test = token_class == TokenClass.TEST
        own = self.trials.test(self._digits) if is_test else self.trials.own(self._digits)
        found = []
        if own is not None and token_class != TokenClass.RESERVED:
            found = self._placing.refused(reading_of(own, token_class))
            if own.plausible:
                return found
        found += self._slips(CRC)
        if token_class == TokenClass.RESERVED:
            found.append(self._reserved_class(own))
        elif is_test and own is None:
            found.append(self._no_token("TOKEN_CRC", CRC))
        if not any(_is_answer(item) for item in found):
            found += self._search.findings()
        return found or [self._unexplained()]

    def _of_no_token(self, problem: str) -> list[Finding]:
        result = MeterResult.FORMAT_ERROR
        found = [*self._slips(result), self._no_token(problem, result)]
        if problem == "TOKEN_RANGE" and not any(_is_answer(item) for item in found):
            found += self._search.near_digits(result)
        return found

    def _exact(self, token_class: int) -> list[Finding]:
        """The very digits were issued: the history says for which meter and key."""
        chance = Fraction(self.compared, 10**slips.LENGTH)
        mine = [item for item in self._own if joined(item[1].digits) == self._digits]
        if mine:  # a copy may be booked too; what is known of one holds for all
            index, issued = max(mine, key=lambda item: item[1].accepted)
            return self._placing.refused(self._placing.of_history(index, issued, chance))
        if token_class == TokenClass.TEST:  # the same for every meter
            return []
        for other, issued in self._theirs:
            if joined(issued.digits) == self._digits:
                evidence = {"other": other, "issued_at": issued.issued_at}
                return [finding(Reason.OTHER_METER, chance, CRC, evidence)]
        return []

    # ------------------------------------------------------------ fingers

    def _slips(self, result: MeterResult) -> list[Finding]:
        """Slips of this meter's tokens, then of other meters'; the nearest and newest first."""
        found = []
        for index, issued in self._own:
            slipped = slips.slip_of(joined(issued.digits), self._digits)
            if slipped is not None:
                found.append((slipped, self._slip_of_own(index, issued, slipped, result)))
        for other, issued in self._theirs:
            slipped = slips.slip_of(joined(issued.digits), self._digits)
            if slipped is not None:
                evidence = {"other": other, "issued_at": issued.issued_at, **slipped.evidence}
                found.append((slipped, self._slip(Reason.OTHER_METER, slipped, result, evidence)))
        kinds = tuple(slips.Slip)
        found.sort(key=lambda pair: kinds.index(pair[0].slip))
        return [item for _, item in found[:_SLIPS_MAX]]

    def _slip_of_own(
        self, index: int, issued: Issued, slipped: slips.Slipped, result: MeterResult
    ) -> Finding:
        reading = self._placing.of_history(index, issued, Fraction(0))
        target = self._placing.if_typed_right(reading)
        evidence = reading.evidence(self.case, **slipped.evidence, target=target.reason)
        found = self._slip(Reason.DIGIT_SLIP, slipped, result, evidence)
        return found if target.reason is Reason.GOOD else replace(found, action=target.action)

    def _slip(
        self,
        reason: Reason,
        slipped: slips.Slipped,
        result: MeterResult,
        evidence: dict[str, object],
    ) -> Finding:
        chance = slips.coincidence(slipped.slip, len(self._digits), self.compared)
        sure = Sure.LIKELY if slipped.is_shaky else Sure.CERTAIN
        return finding(reason, chance, result, evidence, at_most=sure)

    # ------------------------------------------------------------ no token, or no answer

    def _no_token(self, problem: str, result: MeterResult) -> Finding:
        evidence = {"problem": problem, "length": len(self._digits)}
        return finding(Reason.NOT_A_TOKEN, Fraction(0), result, evidence)

    def _reserved_class(self, own: Fit | None) -> Finding:
        """Refused either way; only the meter's key tells how."""
        result = CRC if own is None else MeterResult.FUNCTION_ERROR
        return finding(Reason.RESERVED_CLASS, Fraction(0), result if self.case.keys else None)

    def _unexplained(self) -> Finding:
        tried = ("history", "keys") if self.case.keys else ("history",)
        return finding(Reason.UNEXPLAINED, Fraction(1), self.case.shown, {"tried": tried})


def _is_answer(item: Finding) -> bool:
    return item.sure is not Sure.POSSIBLE and item.reason not in _SYMPTOMS
