"""A business day as JSON for other programs: its sums, its identities, the hashes of its papers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from posapp.domain.sale import LineKind
from posapp.ports.ledger import ZRecord
from posapp.reports.daily_facts import DailyFacts

FORMAT = "posapp-day/1"


def day_json(facts: DailyFacts, zs: Sequence[ZRecord], rows: bytes) -> bytes:
    """Canonical JSON (sorted keys, UTF-8, a newline at the end). Money in minor units, energy in
    tenths of a kWh. `rows` is the day's CSV; `sha256` is of everything but itself.
    """
    body = _body(facts)
    body["z"] = [_z(z) for z in zs]
    body["csv_sha256"] = hashlib.sha256(rows).hexdigest()
    body["sha256"] = hashlib.sha256(_bytes(body)).hexdigest()
    return _bytes(body) + b"\n"


def _bytes(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, ensure_ascii=False, indent=1).encode("utf-8")


def _body(facts: DailyFacts) -> dict[str, Any]:
    site = facts.site
    return {
        "format": FORMAT,
        "business_date": facts.business_date.isoformat(),
        "till": site.till_code,
        "utility": site.utility,
        "currency": site.currency_code,
        "minor_digits": site.currency.minor_digits,
        "chain_code": facts.chain_code,
        "receipts": {
            "first": facts.first_receipt,
            "last": facts.last_receipt,
            "issued": facts.issued,
            "abandoned": [[number, reason] for number, reason in facts.explained],
            "unfinished": facts.unfinished,
            "gaps": facts.gaps,
            "copies": facts.copies,
        },
        "gross_minor": facts.gross_minor,
        "units_tenths": facts.units_tenths,
        "tariffs": [
            {
                "code": row.tariff,
                "sales": row.sales,
                "units_tenths": row.units_tenths,
                "lines_minor": {kind.name.lower(): row.of(kind) for kind in LineKind},
            }
            for row in facts.tariffs
        ],
        "types": [[t.kind.name.lower(), t.sales, t.amount_minor] for t in facts.types],
        "collected": [
            [row.kind.name.lower(), row.code, row.sales, row.amount_minor]
            for row in facts.collected
        ],
        "tenders": [[row.kind.name.lower(), row.sales, row.kept_minor] for row in facts.tenders],
        "shifts": [
            {
                "number": row.number,
                "z": row.z_number,
                "sales": row.sales,
                "gross_minor": row.gross_minor,
                "opening_minor": row.opening_minor,
                "cash_minor": row.cash_minor,
                "moves": [[kind.name.lower(), n, amount] for kind, n, amount in row.moves],
                "expected_minor": row.expected_minor,
                "counted_minor": row.counted_minor,
                "reason": row.reason,
            }
            for row in facts.shifts
        ],
        "late": list(facts.late),
        "held_minor": facts.held_minor,
        "commission_minor": facts.commission_minor,
        "module_tokens": list(facts.module) if facts.module else None,
        "orphans": facts.orphans,
        "overrides": facts.overrides,
        "identities": [
            {"name": i.key.removeprefix("daily.check_"), "holds": i.holds, "sides": list(i.sides)}
            for i in facts.identities
        ],
    }


def _z(record: ZRecord) -> dict[str, Any]:
    fact = record.fact
    return {
        "number": fact.number,
        "shift": fact.shift,
        "entry": record.seq,
        "chain_code": record.chain_code,
        "document_sha256": hashlib.sha256(fact.document).hexdigest(),
    }
