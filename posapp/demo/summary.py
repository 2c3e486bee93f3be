"""Writes what a headless day leaves behind: summary.json and the pictures of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from posapp import __version__
from posapp.demo.checks import Check, Findings
from posapp.demo.day import Day
from posapp.demo.keys_of_order import keys_of
from posapp.demo.stage import Stage
from posapp.domain.ids import ReceiptNumber
from posapp.ports import PrintState, SaleRecord
from posapp.services.till import Till


def write_files(stage: Stage, till: Till, day: Day, out: Path) -> None:
    """Slips as the printer made them, the day's report as PDF and slip."""
    receipts, reports = out / "receipts", out / "reports"
    for folder in (receipts, reports):
        folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(stage.slips.iterdir()):
        shutil.copy(path, receipts / path.name)
    (reports / "daily.pdf").write_bytes(till.report.pdf(day.business_date))
    slip = till.report.slip(day.business_date)
    (reports / "daily-slip.txt").write_text(till.previewer.text(slip), encoding="utf-8")
    (reports / "daily-slip.png").write_bytes(till.previewer.preview(slip))


def summary(till: Till, day: Day, found: Findings, seed: int) -> dict[str, Any]:
    """The day as data; the checks are added last."""
    shift = day.closed.shift if day.closed else None
    return {
        "version": __version__,
        "seed": seed,
        "business_date": day.business_date.isoformat(),
        "sales": [_sale(till, record, found) for record in found.sales],
        "shift": None
        if shift is None
        else {
            "number": shift.number,
            "opening_minor": shift.opening_minor,
            "expected_minor": shift.expected_minor,
            "counted_minor": shift.counted_minor,
            "variance_minor": shift.variance_minor,
            "reason": shift.variance_reason,
        },
        "headoffice": found.office,
        "refusals": day.refusals,
    }


def write_summary(out: Path, content: dict[str, Any], checks: list[Check]) -> bool:
    """Write summary.json; whether every check is ok."""
    content["checks"] = [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in checks]
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (out / "summary.json").write_text(text + "\n", encoding="utf-8")
    return all(check.ok for check in checks)


def _sale(till: Till, record: SaleRecord, found: Findings) -> dict[str, Any]:
    intent = record.intent
    number = str(ReceiptNumber(till.site.till_code, intent.receipt))
    jobs = till.store.read(lambda reader: reader.print_jobs_of_sale(intent.sale_id))
    keys = {id(item): key for item, key in keys_of(intent)}
    return {
        "receipt_no": number,
        "meter": intent.meter,
        "amount_minor": intent.amount_minor,
        "currency": intent.currency,
        "units_tenths": intent.units_tenths,
        "tariff": intent.tariff,
        "tokens": [
            {
                "kind": item.kind.name.lower(),
                "digits": token,
                "ea": int(intent.configuration.ea),
                "sgc": keys[id(item)].sgc,
                "krn": keys[id(item)].krn,
                "ti": keys[id(item)].ti,
                "base_date": keys[id(item)].base_date,
                "tid": item.tid,
                "units_tenths": item.units,
                "verdict": found.verdicts[token].result,
            }
            for item, token in zip(intent.items_by_token, record.tokens, strict=True)
        ],
        "printed": any(j.copy_no == 0 and j.state is PrintState.PRINTED for j in jobs),
        "slips": [f"receipts/{path.name}" for path in found.slips.get(number, [])],
    }
