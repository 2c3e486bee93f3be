"""What is known when a token was refused: the meter's record, its tokens, keys, other meters.

Nothing here has a key except `keys`, which only a module or a laboratory can fill.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from posapp.domain.meter import MeterConfiguration, MeterNumber
from posapp.sts import tid as tids
from posapp.sts.keys import VendingKey
from posapp.sts.meter import MeterDesign, MeterResult
from posapp.sts.sta import StaTables
from posapp.sts.verify import Expectation, Limits

TRIALS_MAX = 20_000  # keys; less than a second
HISTORY_MAX = 2_000  # issued tokens of one meter, the newest; decades of weekly sales
OTHERS_MAX = 50  # other meters


@dataclass(frozen=True, slots=True)
class Earlier:
    """Key data that the meter had until a moment."""

    configuration: MeterConfiguration
    until: datetime

    def __post_init__(self) -> None:
        _aware(self.until)


@dataclass(frozen=True, slots=True)
class MeterRecord:
    """A meter as the till or head office has it.

    `current` is what it is known to have; `pending` what key-change tokens were issued for
    without anyone confirming that they were entered; `earlier` in any order. `manufactured`
    fills its TID memory. `design` says what it serves.
    """

    number: MeterNumber
    current: MeterConfiguration
    pending: MeterConfiguration | None = None
    earlier: tuple[Earlier, ...] = ()
    manufactured: datetime | None = None
    design: MeterDesign = field(default_factory=MeterDesign)

    def __post_init__(self) -> None:
        if self.manufactured is not None:
            _aware(self.manufactured)

    @property
    def newest_earlier(self) -> list[tuple[int, Earlier]]:
        """The earlier key data with their indexes, the newest first."""
        return sorted(enumerate(self.earlier), key=lambda item: item[1].until, reverse=True)

    @property
    def not_current(self) -> tuple[MeterConfiguration, ...]:
        """The pending key data, then the earlier ones, the newest first."""
        pending = () if self.pending is None else (self.pending,)
        return (*pending, *(earlier.configuration for _, earlier in self.newest_earlier))

    @property
    def tids_forgotten_at(self) -> datetime | None:
        """When the last change of base date emptied its TID memory, None if never."""
        now = self.current.base_date
        changes = [e.until for e in self.earlier if e.configuration.base_date != now]
        return max(changes, default=None)


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that was made for a meter; `repr` leaves its digits out.

    `accepted` is true when the meter is known to have taken it. `tid` is given by those who
    have no keys; with keys it is read. `key_change` marks tokens of a key-change set, which are
    made under the old key. `receipt` is any mark of the sale, handed back as it is.
    """

    digits: str = field(repr=False)
    issued_at: datetime
    made_under: MeterConfiguration
    accepted: bool = False
    tid: int | None = None
    key_change: bool = False
    receipt: str = ""

    def __post_init__(self) -> None:
        _aware(self.issued_at)


@dataclass(frozen=True, slots=True)
class OtherMeter:
    """A meter whose token may have been taken for this one's: the customer's, a neighbour's."""

    record: MeterRecord
    history: tuple[Issued, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """Everything an explanation may look at. `repr` leaves the digits out.

    `digits` as they were typed, spaces and dashes allowed; `shown` what the display said.
    `keys` are candidates with any attributes. `limits` says what one token is sold with.
    """

    digits: str = field(repr=False)
    record: MeterRecord
    now: datetime
    tables: StaTables = field(repr=False)
    history: tuple[Issued, ...] = ()
    keys: tuple[VendingKey, ...] = ()
    others: tuple[OtherMeter, ...] = ()
    shown: MeterResult | None = None
    limits: Limits = field(default_factory=Limits)
    zone: tzinfo = UTC
    trials_max: int = TRIALS_MAX

    def __post_init__(self) -> None:
        _aware(self.now)

    def expectation(self, record: MeterRecord, configuration: MeterConfiguration) -> Expectation:
        """What a token for a meter under some key data can look like."""
        return Expectation(
            now=self.now,
            base_date=configuration.base_date,
            ken=configuration.ken,
            kt=configuration.kt,
            manufactured=record.manufactured,
            credits=record.design.credit,
            reserved=True,  # a free allowance takes the reserved minute
            limits=self.limits,
            zone=self.zone,
        )

    def made_at(self, tid: int, base_date: int) -> datetime:
        """The minute a TID stands for, aware UTC."""
        return tids.time_of(tid, base_date, zone=self.zone)


def newest(history: tuple[Issued, ...]) -> list[tuple[int, Issued]]:
    """Issued tokens with their indexes, the newest first, at most HISTORY_MAX."""
    ordered = sorted(enumerate(history), key=lambda item: item[1].issued_at, reverse=True)
    return ordered[:HISTORY_MAX]


def same_key(one: MeterConfiguration, other: MeterConfiguration) -> bool:
    """Whether both give a meter the same decoder key: everything but KEN and TCT is equal."""
    return not differences(one, other)


KEY_DATA = ("sgc", "krn", "ti", "kt", "base_date", "ea")


def differences(one: MeterConfiguration, other: MeterConfiguration) -> tuple[str, ...]:
    """Which key data differ."""
    return tuple(name for name in KEY_DATA if getattr(one, name) != getattr(other, name))


def _aware(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
