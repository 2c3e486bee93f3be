"""`explain`: from the likeliest reason to the least, until one is found that chance cannot be.

The history speaks first, for it needs no key; then the meter's own key, its fingers, and every
other key on file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cached_property

from posapp.domain.meter import EncryptionAlgorithm, MeterConfiguration
from posapp.errors import InputError
from posapp.sts import verify
from posapp.sts.explain import slips
from posapp.sts.explain.case import (
    HISTORY_MAX,
    OTHERS_MAX,
    Case,
    Issued,
    MeterRecord,
    differences,
    newest,
    plain_digits,
    same_key,
)
from posapp.sts.explain.findings import (
    Action,
    Explanation,
    Finding,
    Reason,
    Sure,
    finding,
)
from posapp.sts.explain.judge import Known, Reading, judged, known_tids
from posapp.sts.explain.trials import Fit, Trials, configuration_of
from posapp.sts.meter import MeterResult
from posapp.sts.tokens import TokenClass, extract_class, number_of

FINDINGS_MAX = 8  # more is no help to anyone
_SLIPS_MAX = 3  # issued tokens that one typed one may be a slip of
_TARIFFS = tuple(f"{ti:02d}" for ti in range(100))
_CRC = MeterResult.CRC_ERROR
_SURES = tuple(Sure)
_REASONS = tuple(Reason)
_SYMPTOMS = (Reason.NOT_A_TOKEN, Reason.RESERVED_CLASS)  # true, but how did it come to that
_NOT_JUDGED = (MeterResult.LOCKOUT, MeterResult.NOT_READY)
_NOT_OURS = {MeterResult.CRC_ERROR, MeterResult.FORMAT_ERROR}  # displays seldom tell them apart
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


def explain(case: Case) -> Explanation:
    """Why the meter refused these digits, the best reason first; never without a finding.

    Takes about 40 microseconds a key, at most `case.trials_max` of them, and about 20 an issued
    token. Raises nothing for bad digits: that is a finding.
    """
    doctor = _Doctor(case)
    found = sorted(doctor.findings(), key=lambda f: (_contradicts(case, f), _standing(f)))
    return Explanation(
        tuple(_distinct([*_by_display(case, found[0]), *found]))[:FINDINGS_MAX],
        doctor.trials.count,
        doctor.compared,
        doctor.trials.complete and not doctor.is_cut,
    )


def _standing(item: Finding) -> int:
    """Certain, likely, what the digits show by themselves, possible."""
    if item.reason in _SYMPTOMS:
        return 2
    return (0, 1, 3)[_SURES.index(item.sure)]


def _contradicts(case: Case, item: Finding) -> bool:
    """Whether the display said something else than this reason would make it say."""
    if case.shown in _NOT_JUDGED or None in (case.shown, item.result):
        return False
    return item.result is not case.shown and not {item.result, case.shown} <= _NOT_OURS


def _by_display(case: Case, best: Finding) -> Iterator[Finding]:
    """What the display alone says: it did not look at the token, or the record is wrong."""
    evidence: dict[str, object] = {"shown": case.shown, "expected": best.result}
    if case.shown in _NOT_JUDGED:
        yield finding(Reason.LOCKED_OUT, Fraction(0), case.shown, evidence)
    elif _contradicts(case, best):
        index = best.evidence.get("token")
        evidence |= {} if index is None else {"token": index}
        reason = Reason.METER_DISAGREES
        yield finding(reason, best.chance, case.shown, evidence, at_most=Sure.LIKELY)


def _distinct(found: list[Finding]) -> Iterator[Finding]:
    """Each reason once for the same token and meter."""
    seen = set()
    for item in found:
        place = (item.reason, item.evidence.get("token"), item.evidence.get("other"))
        if place not in seen:
            seen.add(place)
            yield item


class _Doctor:
    """One case at work."""

    def __init__(self, case: Case) -> None:
        self.case, self.record = case, case.record
        self.trials = Trials(case)
        self.digits = plain_digits(case.digits)
        self.own = newest(case.history)
        self.others = tuple(enumerate(case.others[:OTHERS_MAX]))
        self.theirs = [
            (index, issued) for index, other in self.others for _, issued in newest(other.history)
        ]
        histories = (case.history, *(other.history for other in case.others))
        self.is_cut = len(case.others) > OTHERS_MAX or any(
            len(history) > HISTORY_MAX for history in histories
        )
        self.compared = len(self.own) + len(self.theirs)

    @cached_property
    def _known(self) -> tuple[Known, ...]:
        return known_tids(self.case, self.trials)

    # ------------------------------------------------------------ the order of the questions

    def findings(self) -> list[Finding]:
        try:
            token_class = extract_class(number_of(self.digits))[0]
        except InputError as error:
            return self._of_no_token(error.code)
        exact = self._exact(token_class)
        if exact:
            return exact
        is_test = token_class == TokenClass.TEST
        own = self.trials.test(self.digits) if is_test else self.trials.own(self.digits)
        found = self._under_own_key(token_class, own) if own else []
        if own is not None and own.plausible:
            return found
        found += self._slips()
        if token_class == TokenClass.RESERVED:
            found.append(self._reserved_class(own))
        elif is_test and own is None:
            found.append(self._no_token("TOKEN_CRC"))
        if not any(_is_answer(f) for f in found):
            found += self._searched(token_class)
        return found or [self._unexplained()]

    def _of_no_token(self, problem: str) -> list[Finding]:
        found = [*self._slips(), self._no_token(problem)]
        if problem == "TOKEN_RANGE" and not any(_is_answer(f) for f in found):
            found += self._near_digits()
        return found

    def _exact(self, token_class: int) -> list[Finding]:
        """The very digits were issued: the history says for which meter and key."""
        chance = Fraction(self.compared, 10**slips.LENGTH)
        mine = [item for item in self.own if plain_digits(item[1].digits) == self.digits]
        if mine:  # a copy may be booked too; what is known of one holds for all
            newest_known = max(mine, key=lambda item: item[1].accepted)
            return self._refused(self._of_history(*newest_known, chance))
        if token_class == TokenClass.TEST:  # the same for every meter
            return []
        for other, issued in self.theirs:
            if plain_digits(issued.digits) == self.digits:
                evidence = {"other": other, "issued_at": issued.issued_at}
                return [finding(Reason.OTHER_METER, chance, _CRC, evidence)]
        return []

    def _of_history(self, index: int, issued: Issued, chance: Fraction) -> Reading:
        digits = plain_digits(issued.digits)
        read = verify.read(digits)
        token = self.trials.issued(digits, self.record.number, issued.made_under)
        return Reading(
            read.token_class,
            issued.made_under,
            chance,
            token=token or read.test,
            issued=(index, issued),
        )

    def _is_for_the_meter(self, reading: Reading) -> bool:
        is_test = reading.token_class == TokenClass.TEST
        return is_test or same_key(reading.configuration, self.record.current)

    def _refused(self, reading: Reading) -> list[Finding]:
        """Why a known token was refused."""
        if self._is_for_the_meter(reading):
            return self._at_meter(reading)
        return self._under_other_key(reading)

    def _if_typed_right(self, reading: Reading) -> Finding:
        """What becomes of a known token that the meter has not seen yet."""
        if self._is_for_the_meter(reading):
            return judged(self.case, reading, self._known)[0]
        return self._under_other_key(reading)[0]

    # ------------------------------------------------------------ under the meter's key

    def _under_own_key(self, token_class: int, fit: Fit) -> list[Finding]:
        if token_class == TokenClass.RESERVED:
            return []
        reading = Reading(
            token_class,
            fit.configuration,
            fit.chance,
            token=fit.token,
            doubts=fit.doubts,
            unknown_subclass=fit.token is None,
        )
        return self._at_meter(reading)

    def _at_meter(self, reading: Reading) -> list[Finding]:
        """The meter's own judgement; where that is good, why it may have refused all the same."""
        found = judged(self.case, reading, self._known)
        if found[0].reason is not Reason.GOOD or reading.token_class == TokenClass.TEST:
            return found
        shown, pending = self.case.shown, self.record.pending
        if pending is not None and not same_key(pending, self.record.current):
            evidence = reading.evidence(
                self.case, changed=differences(pending, self.record.current)
            )
            done = finding(
                Reason.KEY_CHANGE_DONE, reading.chance, _CRC, evidence, at_most=Sure.LIKELY
            )
            if reading.is_key_change:
                done = replace(done, action=Action.ENTER_CREDIT)
            good = [
                replace(item, sure=max(item.sure, Sure.LIKELY, key=_SURES.index)) for item in found
            ]
            return [done, *good]
        if shown in _SHOWN_REASONS:
            evidence = reading.evidence(self.case, shown=shown)
            reason = _SHOWN_REASONS[shown]
            return [finding(reason, reading.chance, shown, evidence, at_most=Sure.LIKELY), *found]
        return found

    # ------------------------------------------------------------ under another key

    def _under_other_key(self, reading: Reading) -> list[Finding]:
        """A token of this meter under key data that it does not have now."""
        record, configuration = self.record, reading.configuration
        changed = differences(configuration, record.current)
        odd = Sure.POSSIBLE if reading.doubts else Sure.CERTAIN
        evidence = reading.evidence(
            self.case, changed=changed, **{name: _plain(configuration, name) for name in changed}
        )
        found = []
        if reading.was_accepted and not reading.is_key_change:
            found.append(finding(Reason.USED, reading.chance, _CRC, evidence))
        reason = _reason_of(changed)
        if record.pending is not None and same_key(configuration, record.pending):
            reason = Reason.KEY_CHANGE_PENDING
        else:
            for index, earlier in record.newest_earlier:
                if same_key(configuration, earlier.configuration):
                    spent = reading.is_key_change
                    reason = Reason.KEY_CHANGE_SPENT if spent else Reason.OLD_KEY
                    evidence |= {"earlier": index, "until": earlier.until}
                    break
        found.append(finding(reason, reading.chance, _CRC, evidence, at_most=odd))
        return found

    # ------------------------------------------------------------ fingers

    def _slips(self) -> list[Finding]:
        """Slips of this meter's tokens, then of other meters'; the nearest and newest first."""
        found = []
        for index, issued in self.own:
            slipped = slips.slip_of(plain_digits(issued.digits), self.digits)
            if slipped is not None:
                found.append((slipped, self._slip_of_own(index, issued, slipped)))
        for other, issued in self.theirs:
            slipped = slips.slip_of(plain_digits(issued.digits), self.digits)
            if slipped is not None:
                evidence = {"other": other, "issued_at": issued.issued_at, **_where(slipped)}
                found.append((slipped, self._slip(Reason.OTHER_METER, slipped, evidence)))
        kinds = tuple(slips.Slip)
        found.sort(key=lambda pair: kinds.index(pair[0].slip))
        return [item for _, item in found[:_SLIPS_MAX]]

    def _slip_of_own(self, index: int, issued: Issued, slipped: slips.Slipped) -> Finding:
        target = self._if_typed_right(self._of_history(index, issued, Fraction(0)))
        evidence: dict[str, object] = {"token": index, "issued_at": issued.issued_at}
        if issued.receipt:
            evidence["receipt"] = issued.receipt
        evidence |= {**_where(slipped), "target": target.reason}
        found = self._slip(Reason.DIGIT_SLIP, slipped, evidence)
        return found if target.reason is Reason.GOOD else replace(found, action=target.action)

    def _slip(self, reason: Reason, slipped: slips.Slipped, evidence: dict[str, object]) -> Finding:
        chance = slips.coincidence(slipped.slip, len(self.digits), self.compared)
        sure = Sure.LIKELY if slipped.is_shaky else Sure.CERTAIN
        return finding(reason, chance, self._typed_result(), evidence, at_most=sure)

    def _typed_result(self) -> MeterResult:
        """What a meter says of digits that nobody made."""
        try:
            number_of(self.digits)
        except InputError:
            return MeterResult.FORMAT_ERROR
        return _CRC

    # ------------------------------------------------------------ searching with keys

    def _searched(self, token_class: int) -> list[Finding]:
        """Stage by stage until one has an answer; odd fits are kept as possible."""
        if token_class not in (TokenClass.CREDIT, TokenClass.MANAGEMENT):
            return list(self._near_digits())  # no other key could help
        found: list[Finding] = []
        stages = (
            self._of_this_meter,
            self._near_digits,
            self._of_other_meters,
            self._other_tariffs,
            self._other_keys,
            self._other_keys_and_tariffs,
            self._other_meters_under_all_keys,
            self._other_algorithm,
        )
        for stage in stages:
            found += stage()
            if any(_is_answer(f) for f in found):
                break
        return found

    def _tried(self, configurations: Iterator[MeterConfiguration]) -> Iterator[Finding]:
        """This meter under each of the key data."""
        token_class = extract_class(number_of(self.digits))[0]
        for configuration in configurations:
            fit = self.trials.under(self.digits, self.record, configuration)
            if fit is None or fit.token is None:
                continue
            reading = Reading(
                token_class, configuration, fit.chance, token=fit.token, doubts=fit.doubts
            )
            yield from self._under_other_key(reading)

    def _of_this_meter(self) -> Iterator[Finding]:
        pending = [self.record.pending] if self.record.pending is not None else []
        earlier = [item.configuration for _, item in self.record.newest_earlier]
        return self._tried(iter((*pending, *earlier)))

    def _near_digits(self) -> Iterator[Finding]:
        """One digit or one swap away there is a token for this meter, or a test token."""
        for near, slipped in slips.neighbours(self.digits):
            fit = self._near_fit(near)
            if fit is None or not fit.plausible:
                continue
            assert fit.token is not None
            reading = Reading(fit.token.token_class, fit.configuration, fit.chance, token=fit.token)
            target = self._if_typed_right(reading)
            evidence = reading.evidence(self.case, **_where(slipped), target=target.reason)
            # A section of a key is mostly key: almost any digits would do.
            sure = Sure.POSSIBLE if reading.is_key_change else Sure.CERTAIN
            found = finding(
                Reason.DIGIT_SLIP, fit.chance, self._typed_result(), evidence, at_most=sure
            )
            good = target.reason is Reason.GOOD
            yield found if good else replace(found, action=target.action)

    def _near_fit(self, near: str) -> Fit | None:
        try:
            if extract_class(number_of(near))[0] == TokenClass.TEST:
                return self.trials.test(near)
        except InputError:
            return None
        current, pending = self.record.current, self.record.pending
        fit = self.trials.under(near, self.record, current)
        if (fit is None or not fit.plausible) and pending is not None:
            fit = self.trials.under(near, self.record, pending)
        return fit

    def _of_other_meters(self) -> Iterator[Finding]:
        for index, other in self.others:
            record = other.record
            pending = [record.pending] if record.pending is not None else []
            earlier = [item.configuration for _, item in record.newest_earlier]
            for configuration in (record.current, *pending, *earlier):
                yield from self._at_other(index, record, configuration)

    def _at_other(
        self, index: int, record: MeterRecord, configuration: MeterConfiguration
    ) -> Iterator[Finding]:
        fit = self.trials.under(self.digits, record, configuration)
        if fit is None or fit.token is None:
            return
        reading = Reading(
            fit.token.token_class, configuration, fit.chance, token=fit.token, doubts=fit.doubts
        )
        changed = differences(configuration, record.current)
        evidence = reading.evidence(self.case, other=index, changed=changed)
        sure = Sure.POSSIBLE if fit.doubts else Sure.CERTAIN
        yield finding(Reason.OTHER_METER, fit.chance, _CRC, evidence, at_most=sure)

    def _other_tariffs(self) -> Iterator[Finding]:
        return self._tried(replace(self.record.current, ti=ti) for ti in _TARIFFS)

    def _on_file(self) -> Iterator[MeterConfiguration]:
        return (configuration_of(key, self.record.current) for key in self.case.keys)

    def _other_keys(self) -> Iterator[Finding]:
        return self._tried(self._on_file())

    def _other_keys_and_tariffs(self) -> Iterator[Finding]:
        return self._tried(
            replace(configuration, ti=ti) for configuration in self._on_file() for ti in _TARIFFS
        )

    def _other_meters_under_all_keys(self) -> Iterator[Finding]:
        for index, other in self.others:
            current = other.record.current
            for key in self.case.keys:
                yield from self._at_other(index, other.record, configuration_of(key, current))
            for ti in _TARIFFS:
                yield from self._at_other(index, other.record, replace(current, ti=ti))

    def _other_algorithm(self) -> Iterator[Finding]:
        """The EA of a meter cannot change, but its record can be wrong."""
        current = self.record.current
        both = {EncryptionAlgorithm.STA, EncryptionAlgorithm.MISTY1}
        (ea,) = both - {current.ea}
        pending = [self.record.pending] if self.record.pending is not None else []
        earlier = [item.configuration for _, item in self.record.newest_earlier]
        known = (current, *pending, *earlier, *self._on_file())
        return self._tried(replace(configuration, ea=ea) for configuration in known)

    # ------------------------------------------------------------ no token at all

    def _no_token(self, problem: str) -> Finding:
        result = _CRC if problem == "TOKEN_CRC" else MeterResult.FORMAT_ERROR
        evidence = {"problem": problem, "length": len(self.digits)}
        return finding(Reason.NOT_A_TOKEN, Fraction(0), result, evidence)

    def _reserved_class(self, own: Fit | None) -> Finding:
        result = MeterResult.FUNCTION_ERROR if own is not None else _CRC
        return finding(Reason.RESERVED_CLASS, Fraction(0), result if self.case.keys else None, {})

    def _unexplained(self) -> Finding:
        tried = ("history", "keys") if self.case.keys else ("history",)
        return finding(Reason.UNEXPLAINED, Fraction(1), self.case.shown, {"tried": tried})


def _is_answer(item: Finding) -> bool:
    return item.sure is not Sure.POSSIBLE and item.reason not in _SYMPTOMS


def _where(slipped: slips.Slipped) -> dict[str, object]:
    return {"slip": slipped.slip, "positions": slipped.positions, "groups": slipped.groups}


def _plain(configuration: MeterConfiguration, name: str) -> object:
    value = getattr(configuration, name)
    return value if isinstance(value, str) else int(value)


def _reason_of(changed: tuple[str, ...]) -> Reason:
    if "ea" in changed:
        return Reason.OTHER_ALGORITHM
    if set(changed) & {"sgc", "krn", "base_date"}:
        return Reason.OTHER_KEY
    return Reason.OTHER_KEY_TYPE if "kt" in changed else Reason.OTHER_TARIFF
