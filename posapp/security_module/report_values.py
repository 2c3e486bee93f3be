"""What a module reports, as the till's plain values; `manager.py` shows them to everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from posapp.clock import from_epoch_ms
from posapp.ports import KeyLimit, SupplyKey
from posapp.security_module.link.messages import KeyInfo, Report


def values_of(report: Report) -> dict[str, Any]:
    """The fields of `ModuleStatus` that a report fills."""
    return {
        "keys": tuple(_key(info) for info in report.keys),
        "last_sequence": report.last_sequence,
        "hold": report.problem,
        "limited": report.limited,
        "limits": tuple(
            KeyLimit(limit.sgc, limit.krn, limit.units, limit.money_units, limit.value_minor)
            for limit in report.limits
        ),
        "lease_until": _moment(report.lease_until_ms),
        "unacknowledged": report.unacknowledged,
        "unacknowledged_max": report.unacknowledged_max,
        "authorisation": report.authorisation,
        "audit_no": report.audit_no,
        "audit_hash": report.audit_hash,
        "audit_key": report.audit_key,
    }


def _key(info: KeyInfo) -> SupplyKey:
    return SupplyKey(
        *(info.sgc, info.krn, info.base_date, info.ken, info.dkga, info.test),
        active_from=_moment(info.active_from_ms),
        issue_until=_moment(info.issue_until_ms),
    )


def _moment(at_ms: int) -> datetime | None:
    """A moment of the line: 0 is none, and one beyond the calendar too."""
    if not 0 < at_ms <= _LAST_MS:
        return None
    return from_epoch_ms(at_ms)


_LAST_MS = 253_402_300_799_999  # the end of the year 9999
