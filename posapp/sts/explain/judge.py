"""What a meter says of a token that is under its own key, in the meter's order (7.3, 8).

This repeats the judgement without the meter's memory: the issue history stands in for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from posapp.domain.digits import joined
from posapp.domain.meter import (
    ALL_REGISTERS,
    MAGNETIC_CARD,
    EncryptionAlgorithm,
    KeyType,
    MeterConfiguration,
)
from posapp.sts import amounts, numbers
from posapp.sts import tid as tids
from posapp.sts.explain.case import Case, Issued, newest
from posapp.sts.explain.findings import Action, Finding, Reason, Sure, finding, sure_of
from posapp.sts.explain.trials import Trials
from posapp.sts.meter import Display, MeterResult
from posapp.sts.tokens import DecodedToken, Management, TokenClass
from posapp.sts.verify import CRC_CHANCE, Doubt

KEY_SECTIONS = {3: 1, 4: 2, 8: 3, 9: 4}  # class 2 subclass -> its place in a set


@dataclass(frozen=True, slots=True)
class Reading:
    """A token, where it is from and how much of it is known.

    `token` is None without a key, or when no layout fits (`unknown_subclass`). `issued` is its
    place in the history. `chance` is that of a coincidence.
    """

    token_class: int
    configuration: MeterConfiguration
    chance: Fraction
    token: DecodedToken | None = None
    issued: tuple[int, Issued] | None = None
    doubts: tuple[Doubt, ...] = ()
    unknown_subclass: bool = False

    @property
    def tid(self) -> int | None:
        """From the token, else from the history."""
        if self.token is not None:
            return self.token.tid
        return self.issued[1].tid if self.issued else None

    @property
    def is_key_change(self) -> bool:
        """Whether it is one token of a key-change set."""
        if self.token is not None:
            return self.token_class == TokenClass.MANAGEMENT and self.token.subclass in KEY_SECTIONS
        return self.issued is not None and self.issued[1].key_change

    @property
    def was_accepted(self) -> bool:
        """Whether the meter is known to have taken it."""
        return self.issued is not None and self.issued[1].accepted

    def evidence(self, case: Case, **more: object) -> dict[str, object]:
        """What every finding about this token can say."""
        found: dict[str, object] = {}
        if self.issued is not None:
            index, issued = self.issued
            found |= {"token": index, "issued_at": issued.issued_at}
            if issued.receipt:
                found["receipt"] = issued.receipt
        if self.tid is not None:
            made_at = case.made_at(self.tid, self.configuration.base_date)
            found |= {"tid": self.tid, "made_at": made_at}
        if self.token is not None:
            found["subclass"] = self.token.subclass
            if self.token.units is not None:
                found["units"] = self.token.units
        if self.doubts:
            found["doubts"] = tuple(self.doubts)
        return found | more


@dataclass(frozen=True, slots=True)
class Known:
    """A TID that went to this meter since it last forgot them."""

    index: int
    tid: int
    accepted: bool


def known_tids(case: Case, trials: Trials) -> tuple[Known, ...]:
    """The TIDs of the history that count in the meter's memory today."""
    since, base_date = case.record.tids_forgotten_at, case.record.current.base_date
    found = []
    for index, issued in newest(case.history):
        if issued.made_under.base_date != base_date:
            continue
        if since is not None and issued.issued_at < since:
            continue
        tid = issued.tid
        if tid is None:
            token = trials.issued(issued.digits, case.record.number, issued.made_under)
            tid = None if token is None else token.tid
        if tid is not None:
            found.append(Known(index, tid, issued.accepted))
    return tuple(found)


def judged(case: Case, reading: Reading, known: tuple[Known, ...]) -> list[Finding]:
    """Every reason to refuse a token under the meter's current key, or GOOD.

    The first is the one to act on. Where several hold, `result` is what the meter comes to
    first.
    """
    if reading.token_class == TokenClass.TEST:
        found = list(_test(case, reading))
    elif reading.is_key_change:
        found = list(_key_change(case, reading))
    else:
        found = [*_unsupported(case, reading), *_valued(case, reading, known)]
    if not found:
        return [_good(case, reading)]
    found = list(_as_the_meter_says(found))
    return sorted(found, key=lambda f: not (f.reason is Reason.USED and reading.was_accepted))


def _good(case: Case, reading: Reading) -> Finding:
    evidence = reading.evidence(case, could_still=_could_still(case, reading))
    if not reading.is_key_change:
        return finding(Reason.GOOD, reading.chance, MeterResult.ACCEPT, evidence)
    if reading.token is not None:
        evidence["section"] = KEY_SECTIONS[reading.token.subclass]
    return replace(
        finding(Reason.GOOD, reading.chance, evidence=evidence), action=Action.ENTER_WHOLE_SET
    )


def _could_still(case: Case, reading: Reading) -> tuple[Reason, ...]:
    """Why a meter may refuse a good token all the same."""
    if reading.token_class == TokenClass.TEST:
        return (Reason.LOCKED_OUT,)
    rules = {
        Reason.KEY_CHANGE_PENDING: bool(case.record.earlier),  # confirmed, but never entered
        Reason.USED: not reading.is_key_change,
        Reason.OLD: reading.tid is None and not reading.is_key_change,
        Reason.KEY_EXPIRED: reading.tid is None and not reading.is_key_change,
        Reason.UNSUPPORTED: reading.token is None,
        Reason.REGISTER_FULL: reading.token_class == TokenClass.CREDIT,
        Reason.TAMPERED: True,
        Reason.LOCKED_OUT: True,
    }
    return tuple(reason for reason, possible in rules.items() if possible)


def _as_the_meter_says(found: list[Finding]) -> Iterator[Finding]:
    """A reason that surely holds hides those behind it from the display."""
    result = None
    for item in found:
        yield item if result is None else replace(item, result=result)
        if result is None and item.sure is sure_of(item.chance):
            result = item.result


# ---------------------------------------------------------------- classes 0 and 2


def _unsupported(case: Case, reading: Reading) -> Iterator[Finding]:
    token, design = reading.token, case.record.design
    served = design.credit if reading.token_class == TokenClass.CREDIT else design.management
    if reading.unknown_subclass or (token is not None and token.subclass not in served):
        evidence = reading.evidence(case)
        chance = reading.chance
        yield finding(Reason.UNSUPPORTED, chance, MeterResult.FUNCTION_ERROR, evidence)


def _valued(case: Case, reading: Reading, known: tuple[Known, ...]) -> Iterator[Finding]:
    yield from _identifier(case, reading, known)
    current, chance = case.record.current, reading.chance
    if reading.tid is not None and tids.is_expired(reading.tid, current.ken):
        evidence = reading.evidence(case, ken=current.ken)
        yield finding(Reason.KEY_EXPIRED, chance, MeterResult.KEY_EXPIRED_ERROR, evidence)
    if reading.token_class == TokenClass.CREDIT and current.kt == KeyType.DEFAULT:
        evidence = reading.evidence(case, kt=int(current.kt))
        yield finding(Reason.DEFAULT_KEY, chance, MeterResult.DDTK_ERROR, evidence)
    if reading.token is not None and reading.token_class == TokenClass.MANAGEMENT:
        yield from _range(case, reading, reading.token)


def _identifier(case: Case, reading: Reading, known: tuple[Known, ...]) -> Iterator[Finding]:
    """Old or used, by the history and the date of manufacture."""
    tid, record, chance = reading.tid, case.record, reading.chance
    if tid is None:
        if reading.was_accepted:
            yield finding(Reason.USED, chance, MeterResult.USED_ERROR, reading.evidence(case))
        return
    known = tuple(k for k in known if not _is_same_token(case, reading, k))
    accepted = {k.tid for k in known if k.accepted and k.tid > tid}
    issued = {k.tid for k in known if k.tid > tid}
    kept = record.design.tids_kept
    if len(issued) >= kept:
        sure = Sure.CERTAIN if len(accepted) >= kept else Sure.LIKELY
        evidence = reading.evidence(case, newer=len(issued), accepted=len(accepted))
        yield finding(Reason.OLD, chance, MeterResult.OLD_ERROR, evidence, at_most=sure)
    if len(accepted) < kept:
        yield from _first_memory(case, reading, tid)
    if not reading.was_accepted:
        yield from _same_tid(case, reading, [k for k in known if k.tid == tid])
    else:
        yield finding(Reason.USED, chance, MeterResult.USED_ERROR, reading.evidence(case))


def _first_memory(case: Case, reading: Reading, tid: int) -> Iterator[Finding]:
    """A memory is born full of the minute of manufacture; a rollover fills it with zeros (7.3.8).

    Until as many tokens as it keeps were taken, one of those is in it: that very TID is used,
    though no token ever had it, and a smaller one is old.
    """
    record = case.record
    rollover = record.tids_forgotten_at
    if rollover is not None:
        first, why = 0, reading.evidence(case, rollover=rollover)
    elif record.manufactured is not None:
        first = case.expectation(record, record.current).first_tid
        why = reading.evidence(case, manufactured=record.manufactured)
    else:
        return
    if tid < first:
        yield finding(Reason.OLD, reading.chance, MeterResult.OLD_ERROR, why)
    elif tid == first and not reading.was_accepted:
        found = finding(Reason.USED, reading.chance, MeterResult.USED_ERROR, why)
        yield replace(found, action=Action.REPLACE)  # its value was never credited


def _is_same_token(case: Case, reading: Reading, known: Known) -> bool:
    """Whether a token of the history is this one, or a copy of it."""
    if reading.issued is None:
        return False
    booked = case.history[known.index].digits
    return joined(booked) == joined(reading.issued[1].digits)


def _same_tid(case: Case, reading: Reading, twins: list[Known]) -> Iterator[Finding]:
    """Another token of this meter had the same TID: the meter takes only one of them."""
    for twin in sorted(twins, key=lambda k: not k.accepted)[:1]:
        evidence = reading.evidence(case, same_tid_as=twin.index)
        sure = Sure.CERTAIN if twin.accepted else Sure.LIKELY
        chance = reading.chance
        yield finding(Reason.USED, chance, MeterResult.USED_ERROR, evidence, at_most=sure)


def _range(case: Case, reading: Reading, token: DecodedToken) -> Iterator[Finding]:
    design, value = case.record.design, token.fields["value"]
    limits = {
        Management.MAXIMUM_POWER_LIMIT: design.power_limits_w,
        Management.MAXIMUM_PHASE_UNBALANCE: design.unbalance_limits_w,
    }.get(Management(token.subclass))
    more: dict[str, object] = {}
    if limits is not None:
        watts = amounts.decode_units(value)
        if not limits[0] <= watts <= limits[1]:
            more = {"watts": watts}
    elif token.subclass == Management.CLEAR_CREDIT and value not in (*design.credit, ALL_REGISTERS):
        more = {"register": value}
    if more:
        evidence = reading.evidence(case, **more)
        yield finding(Reason.OUT_OF_RANGE, reading.chance, MeterResult.RANGE_ERROR, evidence)


# ---------------------------------------------------------------- key changes


def _key_change(case: Case, reading: Reading) -> Iterator[Finding]:
    """What one token of a set shows; only the first says the new key type."""
    token, current, chance = reading.token, case.record.current, reading.chance
    if token is None:
        return
    section = KEY_SECTIONS[token.subclass]
    evidence = reading.evidence(case, section=section)
    in_set = 4 if current.ea == EncryptionAlgorithm.MISTY1 else case.record.design.key_change_tokens
    if section > in_set:
        yield finding(Reason.UNSUPPORTED, chance, MeterResult.FUNCTION_ERROR, evidence)
    if not 1 <= token.fields.get("krn", 1) <= 9 or token.fields.get("ti", 0) > 99:
        yield finding(Reason.OUT_OF_RANGE, chance, MeterResult.RANGE_ERROR, evidence)
    if section == 1:
        kt = KeyType(token.fields["kt"])
        to_initial = kt == KeyType.INITIAL != current.kt
        if to_initial or (kt == KeyType.COMMON and current.tct != MAGNETIC_CARD):
            new = evidence | {"kt": int(kt)}
            yield finding(Reason.KEY_TYPE, chance, MeterResult.KEY_TYPE_ERROR, new)


# ---------------------------------------------------------------- class 1


def _test(case: Case, reading: Reading) -> Iterator[Finding]:
    """Test tokens are public: the make and what it can show decide, no key and no TID."""
    token, record = reading.token, case.record
    if token is None:
        evidence = reading.evidence(case)
        yield finding(Reason.UNSUPPORTED, CRC_CHANCE, MeterResult.FUNCTION_ERROR, evidence)
        return
    own = numbers.maker(record.number)
    chance, evidence = reading.chance, reading.evidence(case)
    if token.subclass == 2:
        if not record.design.extended_read:
            yield finding(Reason.UNSUPPORTED, chance, MeterResult.FUNCTION_ERROR, evidence)
        return
    maker = token.fields["maker"]
    if token.subclass != len(own) // 2 - 1:
        yield finding(Reason.OTHER_MAKER, chance, MeterResult.FUNCTION_ERROR, evidence)
    elif maker not in (0, int(own)):
        named = evidence | {"maker": maker}
        yield finding(Reason.OTHER_MAKER, chance, MeterResult.MFR_CODE_ERROR, named)
    elif not any(
        token.fields["control"] >> display - 1 & 1 and display in record.design.displays
        for display in Display
    ):
        yield finding(Reason.UNSUPPORTED, chance, MeterResult.FUNCTION_ERROR, evidence)
