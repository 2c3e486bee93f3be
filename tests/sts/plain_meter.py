"""A meter as the standard's text describes it: meanings only, no bits, no keys but as names.

The other opinion for `test_sts_twin`. It is slow and knows nothing of how tokens are made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from posapp.domain.meter import KeyType

Meaning = tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Paper:
    """A printed token and what the one who made it meant.

    `kind` is credit, management, section or test; `number` the subclass, of a section 1..4;
    `value` the amount, watts or 16 bits; `key` what it was encrypted under.
    """

    digits: str
    key: bytes
    kind: str
    number: int
    tid: int = 0
    value: int = 0
    says: Meaning = ()


@dataclass(frozen=True)
class Traits:
    """What differs between makes, as far as the model knows."""

    credit: frozenset[int] = frozenset(range(8))
    tids_kept: int = 50
    tokens_of_a_set: int = 3
    watts: tuple[int, int] = (0, 18_201_624)
    tct: int = 2
    displays: frozenset[int] = frozenset(range(1, 19))
    extended_read: bool = True


@dataclass
class PlainMeter:
    """Judges papers by what they mean. Every member is compared with the twin's."""

    key: bytes
    four_tokens: bool
    traits: Traits
    tids: list[int]
    maker: str
    kt: KeyType = KeyType.UNIQUE
    krn: int = 1
    ti: str = "01"
    ken: int = 255
    sgc: str | None = None
    credit: dict[int, int] = field(default_factory=dict)
    credited: dict[int, int] = field(default_factory=dict)
    consumed: dict[int, int] = field(default_factory=dict)
    settings: dict[str, int] = field(default_factory=dict)
    extended: dict[int, int] = field(default_factory=dict)
    flags: set[int] = field(default_factory=set)
    tampered: bool = False
    load_w: int = 0
    pending: dict[int, Meaning] = field(default_factory=dict)
    pending_since: datetime | None = None
    wrong: int = 0
    locked_until: datetime | None = None
    shown: list[tuple[int, ...]] = field(default_factory=list)

    # ------------------------------------------------------------ entries

    def enter(self, paper: Paper | None, at: datetime | None) -> str:
        """The verdict on a paper; None stands for digits that fit no key."""
        self.shown = []
        if at is None:
            return self._judge(paper, None)
        if self.locked_until is not None and at < self.locked_until:
            return "Lockout"
        if self.pending and self.pending_since is None:
            self.pending_since = at
        if self.pending_since is not None and at > self.pending_since + timedelta(minutes=10):
            self.forget_set()
        verdict = self._judge(paper, at)
        if verdict == "CRCError":
            self.wrong += 1
            if self.wrong >= 3:
                seconds = min(3600, 60 * 2 ** (self.wrong - 3))
                self.locked_until = at + timedelta(seconds=seconds)
        elif verdict == "Accept" and paper is not None and paper.kind != "test":
            self.wrong, self.locked_until = 0, None
        return verdict

    def _judge(self, paper: Paper | None, at: datetime | None) -> str:
        if paper is None:
            return "CRCError"
        if paper.kind == "test":
            return self._test(paper)
        if paper.key != self.key:
            return "CRCError"
        if paper.kind == "section":
            return self._section(paper, at)
        if paper.kind == "credit" and paper.number not in self.traits.credit:
            return "FunctionError"
        refusal = self._identifier(paper) or self._carry_out(paper)
        if refusal:
            return refusal
        self.tids.remove(min(self.tids))
        self.tids.append(paper.tid)
        return "Accept"

    def _test(self, paper: Paper) -> str:
        """Public tokens: the make decides, and what it can show."""
        asked = dict(paper.says)
        if paper.number == 2 and self.traits.extended_read:
            index = int(str(asked["index"]))
            flags = sum(2**flag for flag in self.flags)
            self.shown = [(index, flags if index == 63 else self.extended.get(index, 0))]
            return "Accept"
        if paper.number != (0 if len(self.maker) == 2 else 1):
            return "FunctionError"
        if asked["maker"] not in (0, int(self.maker)):
            return "MfrCodeError"
        bits = f"{asked['control']:b}"[::-1]
        self.shown = [
            (n,) for n, bit in enumerate(bits, 1) if bit == "1" and n in self.traits.displays
        ]
        return "Accept" if self.shown else "FunctionError"

    def _identifier(self, paper: Paper) -> str:
        if paper.tid < min(self.tids):
            return "OldError"
        if paper.tid in self.tids:
            return "UsedError"
        if self.ken != 255 and paper.tid // 65_536 > self.ken:
            return "KeyExpiredError"
        if paper.kind == "credit" and self.kt is KeyType.DEFAULT:
            return "DDTKError"
        return ""

    # ------------------------------------------------------------ what they do

    def _carry_out(self, paper: Paper) -> str:
        number, value = paper.number, paper.value
        if paper.kind == "credit":
            total = self.credit.get(number, 0) + value
            if abs(total) >= (2**31 if number < 4 else 2**63):
                return "OverflowError"
            self.credit[number] = total
            self.credited[number] = self.credited.get(number, 0) + value
        elif number in (0, 6):
            if not self.traits.watts[0] <= value <= self.traits.watts[1]:
                return "RangeError"
            self.settings["power" if number == 0 else "unbalance"] = value
        elif number == 1:
            return self._clear(value)
        elif number == 5:
            self.tampered = False
        elif number == 10:
            self._write(value // 1024, value % 1024)
        else:
            self.settings["tariff" if number == 2 else "water"] = value
        return ""

    def _clear(self, register: int) -> str:
        if register == 0xFFFF:
            self.credit = {}
            return ""
        if register not in self.traits.credit:
            return "RangeError"
        self.credit.pop(register, None)
        return ""

    def _write(self, index: int, value: int) -> None:
        if index < 63:
            self.extended[index] = value
        elif value % 2:
            self.flags.add(value // 2)
        else:
            self.flags.discard(value // 2)

    def consume(self, units: int, register: int, load_w: int) -> int:
        self.load_w = load_w
        taken = 0
        if self.closed:
            taken = min(units, max(self.credit.get(register, 0), 0))
        if taken:
            self.credit[register] -= taken
            self.consumed[register] = self.consumed.get(register, 0) + taken
        return taken

    @property
    def closed(self) -> bool:
        within = self.load_w <= self.settings.get("power", self.load_w)
        return within and not self.tampered and max(self.credit.values(), default=0) > 0

    # ------------------------------------------------------------ key changes

    def forget_set(self) -> None:
        self.pending, self.pending_since = {}, None

    def _section(self, paper: Paper, at: datetime | None) -> str:
        most = 4 if self.four_tokens else self.traits.tokens_of_a_set
        if paper.number > most:
            return "FunctionError"
        if paper.number in self.pending and self.pending[paper.number] != paper.says:
            self.forget_set()
        self.pending[paper.number] = paper.says
        self.pending_since = at or self.pending_since
        said = {name: what for says in self.pending.values() for name, what in says}
        needed = {1, 2}
        if self.four_tokens:
            needed = {1, 2, 3, 4}
        elif most == 3 and said.get("third"):
            needed = {1, 2, 3}
        if not needed <= set(self.pending):
            return ("1stKCT", "2ndKCT", "3rdKCT", "4thKCT")[paper.number - 1]
        self.forget_set()
        return self._change(said, with_sgc=len(needed) > 2)

    def _change(self, said: dict[str, object], *, with_sgc: bool) -> str:
        sgc = said.get("sgc", 0)
        if self.four_tokens:
            sgc = int(str(said["sgc_high"])) * 4096 + int(str(said["sgc_low"]))
        if int(str(sgc)) > 999_999:
            return "RangeError"
        kt = said["kt"]
        assert isinstance(kt, KeyType)
        if kt is KeyType.INITIAL and self.kt is not KeyType.INITIAL:
            return "KeyTypeError"
        if kt is KeyType.COMMON and self.traits.tct != 1:
            return "KeyTypeError"
        words = ("word1", "word2", "word3", "word4") if self.four_tokens else ("word1", "word4")
        self.key = b"".join(bytes(said[word]) for word in words)  # type: ignore[call-overload]
        self.kt, self.krn, self.ti = kt, int(str(said["krn"])), str(said["ti"])
        self.ken = int(str(said["ken_high"])) * 16 + int(str(said["ken_low"]))
        if with_sgc:
            self.sgc = f"{sgc:06d}"
        if said["rollover"]:
            self.tids = [0] * len(self.tids)
        return "Accept"
