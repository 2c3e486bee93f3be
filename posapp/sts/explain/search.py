"""The search with keys: stage by stage, from the likeliest mistake to the least.

It ends with the first stage that has an answer which chance cannot be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from posapp.domain.meter import EncryptionAlgorithm, MeterConfiguration
from posapp.errors import InputError
from posapp.sts.explain import slips
from posapp.sts.explain.case import OTHERS_MAX, Case, MeterRecord, differences
from posapp.sts.explain.findings import Finding, Reason, Sure, finding
from posapp.sts.explain.placing import CRC, Placing, reading_of
from posapp.sts.explain.trials import Fit, Trials, configuration_of
from posapp.sts.meter import MeterResult
from posapp.sts.tokens import TokenClass, extract_class, number_of

_TARIFFS = tuple(f"{ti:02d}" for ti in range(100))
_BOTH = (EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1)


class Search:
    """One token that no history knows and the meter's own key does not read."""

    def __init__(self, case: Case, digits: str, trials: Trials, placing: Placing) -> None:
        self._case, self._record, self._digits = case, case.record, digits
        self._trials, self._placing = trials, placing
        self._others = tuple(enumerate(case.others[:OTHERS_MAX]))

    def findings(self) -> list[Finding]:
        """What was found; odd fits on the way are kept as possible."""
        token_class = extract_class(number_of(self._digits))[0]
        if token_class not in (TokenClass.CREDIT, TokenClass.MANAGEMENT):
            return list(self.near_digits(CRC))  # no other key could help
        found: list[Finding] = []
        for stage in self._stages(token_class):
            found += stage
            if any(item.sure is not Sure.POSSIBLE for item in found):
                break
        return found

    def _stages(self, token_class: int) -> Iterator[Iterator[Finding]]:
        current = self._record.current
        on_file = [configuration_of(key, current) for key in self._case.keys]
        known = (current, *self._record.not_current, *on_file)

        def under(configurations: Iterable[MeterConfiguration]) -> Iterator[Finding]:
            return self._under(token_class, configurations)

        yield under(self._record.not_current)
        yield self.near_digits(CRC)
        yield self._of_other_meters(token_class)
        # With DKGA02 another tariff index and another meter number can make the very same key.
        yield under(replace(current, ti=ti) for ti in _TARIFFS)
        yield under(on_file)
        yield under(replace(key, ti=ti) for key in on_file for ti in _TARIFFS)
        yield self._of_other_meters_under_any_key(token_class)
        # The EA of a meter cannot change, but its record can be wrong.
        yield under(replace(key, ea=ea) for key in known for ea in _BOTH)

    def _under(
        self, token_class: int, configurations: Iterable[MeterConfiguration]
    ) -> Iterator[Finding]:
        """This meter under each of the key data."""
        for configuration in configurations:
            fit = self._trials.under(self._digits, self._record, configuration)
            if fit is not None and fit.token is not None:
                yield from self._placing.refused(reading_of(fit, token_class))

    # ------------------------------------------------------------ other digits

    def near_digits(self, result: MeterResult) -> Iterator[Finding]:
        """One digit or one swap away there is a token for this meter, or a test token.

        `result` is what a meter says of the digits as they were typed.
        """
        for near, slipped in slips.neighbours(self._digits):
            fit = self._near_fit(near)
            if fit is None or fit.token is None or not fit.plausible:
                continue
            reading = reading_of(fit, fit.token.token_class)
            target = self._placing.if_typed_right(reading)
            evidence = reading.evidence(self._case, **slipped.evidence, target=target.reason)
            # A section of a key is mostly key: almost any digits would do.
            sure = Sure.POSSIBLE if reading.is_key_change else Sure.CERTAIN
            found = finding(Reason.DIGIT_SLIP, fit.chance, result, evidence, at_most=sure)
            good = target.reason is Reason.GOOD
            yield found if good else replace(found, action=target.action)

    def _near_fit(self, near: str) -> Fit | None:
        try:
            if extract_class(number_of(near))[0] == TokenClass.TEST:
                return self._trials.test(near)
        except InputError:
            return None
        current, pending = self._record.current, self._record.pending
        fit = self._trials.under(near, self._record, current)
        if (fit is None or not fit.plausible) and pending is not None:
            fit = self._trials.under(near, self._record, pending)
        return fit

    # ------------------------------------------------------------ other meters

    def _of_other_meters(self, token_class: int) -> Iterator[Finding]:
        for index, other in self._others:
            for configuration in (other.record.current, *other.record.not_current):
                yield from self._at_other(token_class, index, other.record, configuration)

    def _of_other_meters_under_any_key(self, token_class: int) -> Iterator[Finding]:
        for index, other in self._others:
            current = other.record.current
            on_file = (configuration_of(key, current) for key in self._case.keys)
            tariffs = (replace(current, ti=ti) for ti in _TARIFFS)
            for configuration in (*on_file, *tariffs):
                yield from self._at_other(token_class, index, other.record, configuration)

    def _at_other(
        self, token_class: int, index: int, record: MeterRecord, configuration: MeterConfiguration
    ) -> Iterator[Finding]:
        fit = self._trials.under(self._digits, record, configuration)
        if fit is None or fit.token is None:
            return
        changed = differences(configuration, record.current)
        reading = reading_of(fit, token_class)
        evidence = reading.evidence(self._case, other=index, changed=changed)
        sure = Sure.POSSIBLE if fit.doubts else Sure.CERTAIN
        yield finding(Reason.OTHER_METER, fit.chance, CRC, evidence, at_most=sure)
