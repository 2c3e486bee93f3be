"""Where a token belongs: under the meter's key of today, of tomorrow, of before, or under none.

A token of the history says so itself; one that only a key could read says it by fitting.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from posapp.domain.digits import joined
from posapp.domain.meter import MeterConfiguration
from posapp.sts import verify
from posapp.sts.explain.case import Case, Issued, differences, same_key
from posapp.sts.explain.findings import Action, Finding, Reason, Sure, finding
from posapp.sts.explain.judge import Reading, judged, known_tids
from posapp.sts.explain.trials import Fit, Trials
from posapp.sts.meter import MeterResult
from posapp.sts.tokens import TokenClass

CRC = MeterResult.CRC_ERROR
_SHOWN_REASONS = {  # what a display can say about a token that the record calls good
    MeterResult.USED_ERROR: Reason.USED,
    MeterResult.OLD_ERROR: Reason.OLD,
    MeterResult.KEY_EXPIRED_ERROR: Reason.KEY_EXPIRED,
    MeterResult.DDTK_ERROR: Reason.DEFAULT_KEY,
    MeterResult.FUNCTION_ERROR: Reason.UNSUPPORTED,
    MeterResult.RANGE_ERROR: Reason.OUT_OF_RANGE,
    MeterResult.KEY_TYPE_ERROR: Reason.KEY_TYPE,
    MeterResult.OVERFLOW_ERROR: Reason.REGISTER_FULL,
}


def reading_of(fit: Fit, token_class: int) -> Reading:
    """A token that a key could read."""
    return Reading(
        token_class,
        fit.configuration,
        fit.chance,
        token=fit.token,
        doubts=fit.doubts,
        unknown_subclass=fit.token is None,
    )


class Placing:
    """The record and the history of one case, asked about one token after the other."""

    def __init__(self, case: Case, trials: Trials) -> None:
        self._case, self._record, self._trials = case, case.record, trials
        self._known = known_tids(case, trials)

    def of_history(self, index: int, issued: Issued, chance: Fraction) -> Reading:
        """A token of the history; read as far as there is a key."""
        digits = joined(issued.digits)
        read = verify.read(digits)
        token = self._trials.issued(digits, self._record.number, issued.made_under)
        return Reading(
            read.token_class,
            issued.made_under,
            chance,
            token=token or read.test,
            issued=(index, issued),
        )

    def refused(self, reading: Reading) -> list[Finding]:
        """Why a token that belongs to this meter was refused."""
        if not self._is_under_current(reading):
            return self._under_other(reading)
        found = judged(self._case, reading, self._known)
        if found[0].reason is not Reason.GOOD or reading.token_class == TokenClass.TEST:
            return found
        return [*self._good_but(reading), *found]

    def if_typed_right(self, reading: Reading) -> Finding:
        """What becomes of a token that the meter has not seen yet."""
        if not self._is_under_current(reading):
            return self._under_other(reading)[0]
        return judged(self._case, reading, self._known)[0]

    def _is_under_current(self, reading: Reading) -> bool:
        is_test = reading.token_class == TokenClass.TEST
        return is_test or same_key(reading.configuration, self._record.current)

    def _good_but(self, reading: Reading) -> list[Finding]:
        """What explains a refusal that neither digits nor history do."""
        shown, record, chance = self._case.shown, self._record, reading.chance
        if shown in _SHOWN_REASONS:
            evidence = reading.evidence(self._case, shown=shown)
            return [finding(_SHOWN_REASONS[shown], chance, shown, evidence, at_most=Sure.LIKELY)]
        if record.pending is None or same_key(record.pending, record.current):
            return []
        evidence = reading.evidence(self._case, changed=differences(record.pending, record.current))
        done = finding(Reason.KEY_CHANGE_DONE, chance, CRC, evidence, at_most=Sure.LIKELY)
        return [replace(done, action=Action.ENTER_CREDIT) if reading.is_key_change else done]

    def _under_other(self, reading: Reading) -> list[Finding]:
        """A token of this meter under key data that it does not have now."""
        configuration, chance = reading.configuration, reading.chance
        changed = differences(configuration, self._record.current)
        values = {name: _plain(configuration, name) for name in changed}
        reason, place = self._reason(reading, changed)
        evidence = reading.evidence(self._case, changed=changed, **values, **place)
        sure = Sure.POSSIBLE if reading.doubts else Sure.CERTAIN
        found = finding(reason, chance, CRC, evidence, at_most=sure)
        if reading.was_accepted and not reading.is_key_change:
            return [finding(Reason.USED, chance, CRC, evidence), found]
        return [found]

    def _reason(
        self, reading: Reading, changed: tuple[str, ...]
    ) -> tuple[Reason, dict[str, object]]:
        """The reason, and the earlier key data that it is about."""
        configuration, pending = reading.configuration, self._record.pending
        if pending is not None and same_key(configuration, pending):
            return Reason.KEY_CHANGE_PENDING, {}
        for index, earlier in self._record.newest_earlier:
            if same_key(configuration, earlier.configuration):
                spent = reading.is_key_change
                reason = Reason.KEY_CHANGE_SPENT if spent else Reason.OLD_KEY
                return reason, {"earlier": index, "until": earlier.until}
        if "ea" in changed:
            return Reason.OTHER_ALGORITHM, {}
        if set(changed) & {"sgc", "krn", "base_date"}:
            return Reason.OTHER_KEY, {}
        return (Reason.OTHER_KEY_TYPE if "kt" in changed else Reason.OTHER_TARIFF), {}


def _plain(configuration: MeterConfiguration, name: str) -> object:
    value = getattr(configuration, name)
    return value if isinstance(value, str) else int(value)
