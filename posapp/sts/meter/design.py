"""What a meter's maker decided; the standard leaves it open (IEC 62055-41 7.3.8, 8)."""

from __future__ import annotations

from dataclasses import dataclass

from posapp.errors import InputError
from posapp.sts.meter.display import Display

TIDS_KEPT_LEAST = 50  # 7.3.8
_TIDS_KEPT_MOST = 10_000  # two hundred times the least; a state file stays small
WATTS_MAX = 18_201_624  # the largest value of the sixteen-bit field
_WAIT_MOST_S = 30 * 86_400
_MANAGEMENT = frozenset((0, 1, 2, 5, 6, 7, 10))


@dataclass(frozen=True, slots=True)
class MeterDesign:
    """A make of meter. The defaults serve every token there is and refuse as little as may be.

    `credit` names the class 0 subclasses it takes: 0..3 electricity, water, gas and time in
    units, 4..7 the same in money; the registers are those. `management` names class 2
    subclasses except key changes, which every meter has; subclass 10 and `extended_read` are the
    extended set. `key_change_tokens` is 2 or 3, for EA07; EA11 always takes four.
    Limits in watts are the lowest and highest that it lets itself be set to.

    From one source or none, so every maker differs: an incomplete key-change set is forgotten
    `set_timeout_s` after its last token; after `free_wrong_entries` the next wrong one locks
    the keypad for `first_lockout_s`, and each further one twice as long up to
    `longest_lockout_s`. Raises InputError METER_DESIGN(field).
    """

    credit: frozenset[int] = frozenset(range(8))
    management: frozenset[int] = _MANAGEMENT
    displays: frozenset[Display] = frozenset(Display)
    extended_read: bool = True
    tids_kept: int = TIDS_KEPT_LEAST
    key_change_tokens: int = 3
    power_limits_w: tuple[int, int] = (0, WATTS_MAX)
    unbalance_limits_w: tuple[int, int] = (0, WATTS_MAX)
    set_timeout_s: int = 600
    free_wrong_entries: int = 2
    first_lockout_s: int = 60
    longest_lockout_s: int = 3600
    software: str = "virtual"

    def __post_init__(self) -> None:
        checks = {
            "credit": bool(self.credit) and self.credit <= set(range(8)),
            "management": self.management <= _MANAGEMENT,
            "displays": self.displays <= set(Display),
            "extended_read": type(self.extended_read) is bool,
            "tids_kept": _within(self.tids_kept, TIDS_KEPT_LEAST, _TIDS_KEPT_MOST),
            "key_change_tokens": _within(self.key_change_tokens, 2, 3),
            "power_limits_w": _is_watt_range(self.power_limits_w),
            "unbalance_limits_w": _is_watt_range(self.unbalance_limits_w),
            "set_timeout_s": _within(self.set_timeout_s, 1, _WAIT_MOST_S),
            "free_wrong_entries": _within(self.free_wrong_entries, 0, 1000),
            "first_lockout_s": _within(self.first_lockout_s, 1, _WAIT_MOST_S),
            "longest_lockout_s": _within(
                self.longest_lockout_s, self.first_lockout_s, _WAIT_MOST_S
            ),
            "software": type(self.software) is str and len(self.software) <= 40,
        }
        for name, right in checks.items():
            if not right:
                raise InputError("METER_DESIGN", field=name)


def _within(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _is_watt_range(value: tuple[int, int]) -> bool:
    return (
        len(value) == 2
        and _within(value[0], 0, WATTS_MAX)
        and _within(value[1], value[0], WATTS_MAX)
    )
