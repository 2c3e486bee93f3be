"""The tokens of a key change until the set is whole (IEC 62055-41 6.2.7, 6.2.8, 8.9).

A section is what stands between SubClass and CRC, 44 bits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from posapp.domain.meter import EncryptionAlgorithm, KeyType
from posapp.sts.meter.result import MeterResult

FIRST, SECOND, THIRD, FOURTH = 3, 4, 8, 9  # class 2 subclasses
RESULTS = {
    FIRST: MeterResult.FIRST_KCT,
    SECOND: MeterResult.SECOND_KCT,
    THIRD: MeterResult.THIRD_KCT,
    FOURTH: MeterResult.FOURTH_KCT,
}
_WORD = 0xFFFF_FFFF
_SGC_MAX = 999_999


@dataclass(frozen=True, slots=True)
class NextKey:
    """What a whole set says. `sgc` is None when the set does not carry it; `repr` hides the key."""

    key: bytes = field(repr=False)
    kt: KeyType
    krn: int
    ti: int
    ken: int
    sgc: int | None
    rollover: bool

    @property
    def sgc_fits(self) -> bool:
        """Whether the supply group code has at most six digits."""
        return self.sgc is None or self.sgc <= _SGC_MAX


class KeySections:
    """The sections held so far, and when the last one came, if the time is known.

    A token says nothing about the set it belongs to, so sections of two sets can be joined and
    no meter can tell, except in one case: a section that it already holds comes with another
    content. Then a second set has begun, and it keeps nothing of the first. The standard is
    silent here; one section entered again too many costs less than a key nobody knows.
    """

    def __init__(self) -> None:
        self.held: dict[int, int] = {}
        self.last: datetime | None = None

    def hold(self, section: int, content: int, at: datetime | None) -> None:
        """Keep one section; `at` is the time now, if known."""
        if self.held.get(section, content) != content:
            self.forget()
        self.held[section] = content
        if at is not None:
            self.last = at

    def forget(self) -> None:
        """Drop all that is held."""
        self.held.clear()
        self.last = None

    def forget_late(self, at: datetime, timeout_s: int) -> None:
        """Drop a set whose last token came more than `timeout_s` ago."""
        if self.held and self.last is None:
            self.last = at  # from here on the time is known
        elif self.last is not None and at - self.last > timedelta(seconds=timeout_s):
            self.forget()

    def next_key(self, ea: EncryptionAlgorithm, key_change_tokens: int) -> NextKey | None:
        """What the set says once it is whole, else None.

        The bit 3KCT asks for a third token only in EA07 meters that take one; to the others it
        is a reserved bit. A third section that the first does not ask for is not used.
        """
        in_four = ea == EncryptionAlgorithm.MISTY1
        third = not in_four and key_change_tokens == 3 and bool(self.held.get(FIRST, 0) >> 34 & 1)
        needed = (FIRST, SECOND, *((THIRD,) if third or in_four else ()))
        if in_four:
            needed = (*needed, FOURTH)
        if any(section not in self.held for section in needed):
            return None
        first, second = self.held[FIRST], self.held[SECOND]
        words, sgc = [first & _WORD, second & _WORD], None
        if in_four:
            words[1:1] = [self.held[THIRD] & _WORD, self.held[FOURTH] & _WORD]
            sgc = self.held[FOURTH] >> 32 << 12 | self.held[THIRD] >> 32
        elif third:
            sgc = self.held[THIRD] >> 20
        return NextKey(
            key=b"".join(word.to_bytes(4, "big") for word in words),
            kt=KeyType(first >> 32 & 3),
            krn=first >> 36 & 15,
            ti=second >> 32 & 0xFF,
            ken=first >> 40 << 4 | second >> 40,
            sgc=sgc,
            rollover=bool(first >> 35 & 1),
        )


def section_fits(section: int, content: int) -> bool:
    """Whether KRN is 1..9 and TI 0..99; nothing else in one section can be out of range."""
    if section == FIRST:
        return 1 <= content >> 36 & 15 <= 9
    return section != SECOND or content >> 32 & 0xFF <= 99
