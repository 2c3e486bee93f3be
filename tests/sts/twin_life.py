"""A meter's life over decades: an office that makes tokens, a twin and a plain model beside it.

Driven by `test_sts_twin`, by hypothesis and by seed.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from posapp.domain.meter import EncryptionAlgorithm, KeyType
from posapp.errors import InputError, SaleError
from posapp.sts import amounts, key_change, keys, tid, tokens
from posapp.sts.meter import Display, ExtendedReading, MeterDesign, VirtualMeter
from posapp.sts.tokens import Management
from tests.sts.meters import LONG_NUMBER, NUMBER, SAMPLE, STA, sealed_under
from tests.sts.plain_meter import Paper, PlainMeter, Traits

LOCK_FIELDS = ("wrong_entries", "locked_until", "sections", "sections_at")
INTERMEDIATE = ("Accept", "1stKCT", "2ndKCT", "3rdKCT", "4thKCT")


def a_vending_key(base: int, **changes: object) -> keys.VendingKey:
    fields = {"sgc": "201457", "krn": 1, "kt": KeyType.UNIQUE, "ken": 255, "dkga": 4, **changes}
    return keys.VendingKey(secret=bytes(range(20)), base_date=base, **fields)  # type: ignore[arg-type]


# Every base date, expiry near and far, another group, and a default key.
VENDING_KEYS = (
    a_vending_key(1993),
    a_vending_key(1993, krn=2, ken=170),
    a_vending_key(2014, krn=3),
    a_vending_key(2014, krn=4, ken=85),
    a_vending_key(2014, sgc="203557", krn=5, ken=130),
    a_vending_key(2014, krn=6, kt=KeyType.DEFAULT),
    a_vending_key(2035, krn=7),
    a_vending_key(2035, sgc="999999", krn=8, ken=60),
)
MAKES = (
    Traits(),
    Traits(credit=frozenset({0}), tokens_of_a_set=2, displays=frozenset({1, 4, 18})),
    Traits(credit=frozenset({4}), tids_kept=64, watts=(500, 20_000), extended_read=False),
    Traits(credit=frozenset({1, 5}), tct=1),
)
STARTS = {1993: datetime(2012, 3, 1, 9, 30, tzinfo=UTC), 2014: datetime(2021, 6, 1, tzinfo=UTC)}
LAST_DAY = datetime(2064, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Side:
    """A key that the office may use: with what it was made, and the base date it counts from."""

    key: bytes
    base: int


class Life:
    """`twin` and `model` hear the same; every difference is an AssertionError."""

    def __init__(
        self,
        ea: EncryptionAlgorithm,
        base: int,
        make: int,
        number: int,
        kt: KeyType = KeyType.UNIQUE,
    ) -> None:
        self.ea, self.traits = ea, MAKES[make]
        self.number = (NUMBER, LONG_NUMBER)[number]
        self.now = STARTS[base]
        vending = next(v for v in VENDING_KEYS if v.base_date == base)
        key = keys.decoder_key(vending, self.number, "01", ea)
        birth = tid.tid_at(self.now, base)
        design = MeterDesign(
            credit=self.traits.credit,
            tids_kept=self.traits.tids_kept,
            key_change_tokens=self.traits.tokens_of_a_set,
            power_limits_w=self.traits.watts,
            unbalance_limits_w=self.traits.watts,
            displays=frozenset(map(Display, self.traits.displays)),
            extended_read=self.traits.extended_read,
        )
        self.twin = VirtualMeter(
            self.number, key, ea, SAMPLE, kt=kt, first_tid=birth, tct=self.traits.tct, design=design
        )
        tids = [birth] * self.traits.tids_kept
        maker = self.number.digits[: 2 if self.number == NUMBER else 4]
        self.model = PlainMeter(key, ea is not STA, self.traits, tids, maker, kt)
        self.bases = {key: base}  # of every key the office ever made
        self.last: dict[bytes, int] = {}  # the newest TID of each key
        self.drawer: list[Paper] = []
        self.sets: list[list[Paper]] = []
        self.seen: Counter[str] = Counter()

    # ------------------------------------------------------------ comparing

    def enter(self, paper: Paper | None, digits: str, *, timed: bool) -> str:
        """Key the digits into both, unless a foreign token fits the meter's key by chance."""
        if (paper is None or paper.key != self.model.key) and self._fits_by_chance(paper, digits):
            return ""
        at = self.now if timed else None
        before = self.twin.to_state()
        expected = self.model.enter(paper, at)
        found = self.twin.enter(digits, at)
        assert found == expected, f"{found} instead of {expected} for {paper}"
        assert self._shown() == self.model.shown
        if expected not in INTERMEDIATE:
            after = self.twin.to_state()
            for name in LOCK_FIELDS:
                before.pop(name), after.pop(name)
            assert after == before, f"a trace of {expected}"
        self.seen[expected] += 1
        return expected

    def _shown(self) -> list[tuple[int, ...]]:
        return [
            (r.index, r.value) if isinstance(r, ExtendedReading) else (int(r.display),)
            for r in self.twin.shown
        ]

    def _fits_by_chance(self, paper: Paper | None, digits: str) -> bool:
        if paper is not None and paper.kind == "test":
            return False
        try:
            tokens.decode(digits, self.model.key, self.ea, SAMPLE)
        except InputError as error:
            return error.code != "TOKEN_CRC"
        return True

    def compare(self) -> None:
        """Everything that either remembers."""
        twin, model = self.twin, self.model
        state = twin.to_state()
        assert state["key"] == model.key.hex()
        assert (twin.kt, twin.krn, twin.ti) == (model.kt, model.krn, model.ti)
        assert (twin.ken, twin.sgc) == (model.ken, model.sgc)
        assert twin.tids == sorted(model.tids)
        assert twin.credit == model.credit
        assert twin.registers.credited == model.credited
        assert twin.registers.consumed == model.consumed
        settings = {
            "power": twin.power_limit_w,
            "unbalance": twin.unbalance_limit_w,
            "tariff": twin.tariff_rate,
            "water": twin.water_factor,
        }
        assert {k: v for k, v in settings.items() if v is not None} == model.settings
        assert (twin.extended, twin.flags) == (model.extended, model.flags)
        assert (twin.tampered, twin.load_w) == (model.tampered, model.load_w)
        assert twin.switch_is_closed == model.closed
        names = {"3": 1, "4": 2, "8": 3, "9": 4}
        assert {names[section] for section in state["sections"]} == set(model.pending)
        assert twin.sections.last == model.pending_since
        assert (twin.keypad.wrong_entries, twin.keypad.locked_until) == (
            model.wrong,
            model.locked_until,
        )

    # ------------------------------------------------------------ the office

    def tid_now(self, key: bytes, offset: int = 0) -> int | None:
        """The next free TID, or the one of some minutes from now as a careless office takes it.

        None when the base date has not begun or has ended: then there can be no token.
        """
        base, moment = self.bases.get(key, 2014), self.now + timedelta(minutes=offset)
        try:
            if offset:
                return tid.tid_at(moment, base)
            self.last[key] = tid.next_tid(moment, base, self.last.get(key))
            return self.last[key]
        except SaleError:
            return None

    def credit(self, key: bytes, subclass: int, units: int, identifier: int) -> Paper:
        if subclass < 4:
            units = min(abs(units), amounts.UNITS_MAX)
            digits = tokens.credit(key, self.ea, subclass, 5, identifier, units, SAMPLE)
            carried = amounts.decode_units(amounts.encode_units(units))
        else:
            digits = tokens.currency_credit(key, self.ea, subclass, identifier, units, SAMPLE)
            carried = amounts.decode_currency(*amounts.encode_currency(units))
        return Paper(digits, key, "credit", subclass, identifier, carried)

    def management(self, key: bytes, kind: Management, value: int, identifier: int) -> Paper:
        meant = value = 0 if kind is Management.CLEAR_TAMPER else value
        if kind in (Management.MAXIMUM_POWER_LIMIT, Management.MAXIMUM_PHASE_UNBALANCE):
            meant = amounts.decode_units(value)
        if kind is Management.CLEAR_CREDIT and value not in (*range(8), 0xFFFF):  # no till does
            data = kind << 44 | 9 << 40 | identifier << 16 | value
            digits = sealed_under(key, self.ea, 2, data)
        else:
            digits = tokens.management(key, self.ea, kind, 9, identifier, value, SAMPLE)
        return Paper(digits, key, "management", int(kind), identifier, meant)

    def key_change(self, key: bytes, new: key_change.NewKey, *, third: bool) -> list[Paper]:
        digits = key_change.change_set(key, self.ea, new, SAMPLE, third_token=third)
        meanings = self._meanings(new, third=third)
        return [
            Paper(token, key, "section", place, says=tuple(says.items()))
            for place, (token, says) in enumerate(zip(digits, meanings, strict=False), start=1)
        ]

    def _meanings(self, new: key_change.NewKey, *, third: bool) -> list[dict[str, object]]:
        four, sgc = self.ea is not STA, int(new.sgc)
        words = [new.key[i : i + 4] for i in range(0, len(new.key), 4)]
        first: dict[str, object] = {
            "word1": words[0],
            "kt": new.kt,
            "krn": new.krn,
            "ken_high": new.ken // 16,
            "rollover": new.rollover,
            "third": third and not four,
        }
        second: dict[str, object] = {"word4": words[-1], "ti": new.ti, "ken_low": new.ken % 16}
        if not four:
            return [first, second, {"sgc": sgc}]
        return [
            first,
            second,
            {"word2": words[1], "sgc_low": sgc % 4096},
            {"word3": words[2], "sgc_high": sgc // 4096},
        ]

    # ------------------------------------------------------------ what can happen

    def pass_time(self, minutes: int) -> None:
        self.now = min(LAST_DAY, self.now + timedelta(minutes=minutes))

    def buy(self, subclass: int, units: int, offset: int, *, keep: bool, timed: bool) -> None:
        """A credit under the meter's key, entered at once or left in the drawer."""
        if subclass >= 8:  # one that the meter serves
            served = sorted(self.traits.credit)
            subclass = served[subclass % len(served)]
        identifier = self.tid_now(self.model.key, offset)
        if identifier is None:
            return
        self._hand_over(
            self.credit(self.model.key, subclass, units, identifier), keep=keep, timed=timed
        )

    def buy_many(self, count: int, seed: int) -> None:
        """Perhaps more than the memory holds, in any order; some are left over."""
        chance = random.Random(seed)
        subclass = min(self.traits.credit)
        papers = []
        for _ in range(count):
            identifier = self.tid_now(self.model.key)
            if identifier is not None:
                papers.append(self.credit(self.model.key, subclass, 10, identifier))
        chance.shuffle(papers)
        for paper in papers:
            self._hand_over(paper, keep=chance.random() < 0.1, timed=False)
        self.pass_time(count)

    def manage(self, kind: Management, value: int, *, keep: bool, timed: bool) -> None:
        identifier = self.tid_now(self.model.key)
        if identifier is not None:
            paper = self.management(self.model.key, kind, value, identifier)
            self._hand_over(paper, keep=keep, timed=timed)

    def _hand_over(self, paper: Paper, *, keep: bool, timed: bool) -> None:
        self.drawer.append(paper)
        if not keep:
            self.enter(paper, paper.digits, timed=timed)

    def enter_again(self, place: int, *, timed: bool) -> None:
        """Any paper in the drawer: used, never used, old, or of a key long gone."""
        if self.drawer:
            paper = self.drawer[place % len(self.drawer)]
            self.enter(paper, paper.digits, timed=timed)

    def make_set(
        self, vending: int, ti: int, *, third: bool, forbidden: KeyType | None = None
    ) -> None:
        """A key-change set from the meter's key to one of the office's keys."""
        target = VENDING_KEYS[vending]
        key = keys.decoder_key(target, self.number, f"{ti:02d}", self.ea)
        old_base = self.bases.get(self.model.key, 2014)
        new = key_change.NewKey(
            key=key,
            kt=forbidden if forbidden is not None else target.kt,
            krn=target.krn,
            ti=f"{ti:02d}",
            ken=target.ken,
            sgc=target.sgc,
            rollover=target.base_date != old_base,
        )
        self.bases.setdefault(key, target.base_date)
        papers = self.key_change(self.model.key, new, third=third)
        self.sets.append(papers)
        self.drawer.extend(papers)

    def enter_set(self, place: int, seed: int, *, leave_out: int, timed: bool) -> None:
        """One of the sets, the newest first, shuffled, perhaps abandoned, perhaps with repeats."""
        if not self.sets:
            return
        chance = random.Random(seed)
        chosen = list(self.sets[-1 - place % len(self.sets)])
        chance.shuffle(chosen)
        chosen = chosen[: len(chosen) - leave_out] + chosen[: chance.randrange(2)]
        for paper in chosen:
            self.enter(paper, paper.digits, timed=timed)

    def enter_foreign(self, vending: int, ti: int, *, timed: bool) -> None:
        """A token for the neighbour's key, or this meter's with another tariff index."""
        other = LONG_NUMBER if self.number == NUMBER else NUMBER
        key = keys.decoder_key(VENDING_KEYS[vending], other, f"{ti:02d}", self.ea)
        paper = self.credit(key, 0, 100, 9_000_000)
        self.enter(paper, paper.digits, timed=timed)

    def enter_digits(self, digits: str, *, timed: bool) -> None:
        self.enter(None, digits, timed=timed)

    def enter_test(self, subclass: int, control: int, maker: int, *, timed: bool) -> None:
        """A token that is never encrypted, for this make or another; `maker` -1 means its own.

        Subclasses 3 to 15 are reserved or proprietary: no meter of these takes one.
        """
        bits = 16 if subclass == 1 else 8
        control &= (1 << 44 - bits) - 1
        code = int(self.model.maker) if maker < 0 else maker
        code = 0 if subclass == 2 else code & (1 << bits) - 1
        digits = sealed_under(b"", self.ea, 1, subclass << 44 | control << bits | code)
        if subclass < 3:
            assert digits == tokens.meter_test(subclass, control, code)
        says = (("control", control), ("maker", code), ("index", control >> 30))
        self.enter(Paper(digits, b"", "test", subclass, says=says), digits, timed=timed)

    def consume(self, units: int, register: int, load_w: int | None) -> None:
        """Without a load, exactly as much as the meter allows."""
        if load_w is None:
            load_w = self.model.settings.get("power", 0)
        if register in self.traits.credit:
            taken = self.twin.consume(units, register=register, load_w=load_w)
            assert taken == self.model.consume(units, register, load_w)

    def tamper(self) -> None:
        self.twin.tampered = self.model.tampered = True

    def forget_set(self) -> None:
        self.twin.forget_key_change()
        self.model.forget_set()

    def restart(self) -> None:
        """Power off and on: what was written is all that is left."""
        state = json.loads(json.dumps(self.twin.to_state()))
        self.twin = VirtualMeter.from_state(state, SAMPLE)
        assert self.twin.to_state() == state
