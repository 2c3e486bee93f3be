"""Whether the module kept its limits and its book, asked once the till has let go of its line.

Head office reads the book here as it would from a stick: verified, kept and acknowledged.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from posapp import config
from posapp.bootstrap import authorising, module_access
from posapp.bootstrap.module import CARD_FILE
from posapp.clock import SystemRandomness
from posapp.demo.checks import Check
from posapp.demo.day import Day, Interrupted
from posapp.demo.keys_of_order import keys_of
from posapp.demo.stage import Stage
from posapp.demo.town import AUTHORISATION, CLERK, staff_by_number
from posapp.errors import ModuleError, Outcome
from posapp.ports import KeyLimit, ModuleStatus, SaleRecord
from posapp.security_module.link.identity import LineKeys
from posapp.security_module.manager import ModuleManager
from posapp.wire.audit import AuditEntry, AuditFile, AuditHead, AuditKind, genesis
from posapp.wire.authorisation import Grant
from posapp.wire.introductions import ModuleCard

Key = tuple[str, int]  # SGC and KRN

OUT = {("STATE_LINK_LOST", "CHECK_CABLE"), ("STATE_ABSENT", "PLUG_IN")}
READY = ("STATE_READY", "SELL")
LOCKED = ("STATE_LOCKED", "SIGN_IN")
_REQUEST, _ROWS = 0, 5  # members of an ISSUE entry's body


@dataclass
class ModuleFindings:
    """The module's own word beside what head office granted and the till sold."""

    status: ModuleStatus
    grants: dict[Key, Grant]
    book: AuditFile
    entries: tuple[AuditEntry, ...]
    acknowledged: int
    refusals: dict[str, str] = field(default_factory=dict)

    @property
    def left(self) -> dict[Key, KeyLimit]:
        """What it may still make."""
        return {(limit.sgc, limit.krn): limit for limit in self.status.limits}


def ask(stage: Stage) -> ModuleFindings:
    """Ask the module and head office everything. Needs a till that is closed. About 0.5 s."""
    refusals = {
        "foreign till": _refusal_of_a_foreign_till(stage),
        "wrong PIN at the module": _refusal_of_a_wrong_pin(stage),
    }
    with stage.at_module() as module:
        book = _read(module)
        acknowledged = module.acknowledge_audit(_show_to_head_office(stage, book))
        status = module.refresh()
    granted = authorising.read_authorisation(stage.folder / AUTHORISATION).authorisation.grants
    return ModuleFindings(
        status,
        {(grant.sgc, grant.krn): grant for grant in granted},
        book,
        tuple(AuditEntry.from_bytes(entry) for entry in book.entries),
        acknowledged,
        refusals,
    )


def _refusal_of_a_foreign_till(stage: Stage) -> str:
    """A stolen list of peers is not enough: the module knows its till by the till's own key."""
    own = module_access.line_keys(config.load(stage.till_folder), SystemRandomness())
    with tempfile.TemporaryDirectory() as folder:
        keys = LineKeys(Path(folder), SystemRandomness().bytes(32), SystemRandomness())
        for peer in own.peers():
            keys.trust(peer)
        with stage.at_module(keys) as module:
            return _refusal(module.refresh)


def _refusal_of_a_wrong_pin(stage: Stage) -> str:
    number = staff_by_number().index(CLERK) + 1
    with stage.at_module() as module:
        code = _refusal(lambda: module.login(number, "000000"))
        module.login(number, CLERK.pin)  # gives the try back
        module.logout()
    return code


def _refusal(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except ModuleError as error:
        return error.code if error.outcome is Outcome.NOT_EXECUTED else str(error.outcome)
    return ""


def _read(module: ModuleManager) -> AuditFile:
    """All of its book, as for a stick."""
    module_id = module.refresh().module_id
    entries: list[bytes] = []
    while (part := module.read_audit(len(entries))).entries:
        entries.extend(part.entries)
    head = AuditHead(module_id, part.number, part.hash32, part.signature)
    return AuditFile(0, genesis(module_id), tuple(entries), head)


def _show_to_head_office(stage: Stage, book: AuditFile) -> bytes:
    """Its signed word that it has seen the book. Raises InputError when it finds a fault."""
    with tempfile.TemporaryDirectory() as folder:
        stick, word = Path(folder) / "book", Path(folder) / "seen"
        stick.write_bytes(book.to_bytes())
        authorising.acknowledge(stage.folder / "headoffice", stick, word)
        return word.read_bytes()


def examine(stage: Stage, day: Day, sales: list[SaleRecord], found: ModuleFindings) -> list[Check]:
    """Compare its word with the day's."""
    return [
        _limits(sales, found),
        *_book(stage, sales, found),
        *_states(day),
        *(
            Check(f"{name} is refused", found.refusals[name] == code, found.refusals[name])
            for name, code in (
                ("foreign till", "NOT_PAIRED"),
                ("wrong PIN at the module", "PIN_WRONG"),
            )
        ),
    ]


def _limits(sales: list[SaleRecord], found: ModuleFindings) -> Check:
    units, value = Counter[Key](), Counter[Key]()
    for sale in sales:
        for item, key in keys_of(sale.intent):
            units[key.sgc, key.krn] += item.units
            value[key.sgc, key.krn] += item.value_minor
    left = found.left
    right = found.grants.keys() == left.keys() and all(
        grant.units_total - left[key].units_left == units[key]
        and grant.value_total_minor - left[key].value_left_minor == value[key]
        for key, grant in found.grants.items()
    )
    sold = ", ".join(f"SGC {sgc} KRN {krn}: {units[sgc, krn]}" for sgc, krn in sorted(units))
    return Check("the module's limits are the grant less what was sold", right, f"{sold} tenths")


def _book(stage: Stage, sales: list[SaleRecord], found: ModuleFindings) -> list[Check]:
    card = ModuleCard.read((stage.folder / "module" / CARD_FILE).read_bytes())
    verdict = found.book.check(card.audit_key)
    issues = {e.body[_REQUEST]: e.body[_ROWS] for e in found.entries if e.kind is AuditKind.ISSUE}
    sold = {sale.intent.sale_id: _rows(sale) for sale in sales}
    same = {request: [tuple(row[2:9]) for row in rows] for request, rows in issues.items()} == sold
    seen = found.status.unacknowledged == 0 and found.acknowledged == len(found.entries)
    return [
        Check(
            "the module's book is unbroken",
            verdict.broken_number is None,
            verdict.reason or f"{len(found.entries)} entries",
        ),
        Check("head office acknowledged the module's book", seen, f"up to {found.acknowledged}"),
        Check("the book that head office keeps has the till's sales", same, f"{len(issues)}"),
    ]


def _rows(sale: SaleRecord) -> list[tuple[object, ...]]:
    """A sale's items as the book has them: key, TID, base date, units, declared value, tokens."""
    return [
        (
            *(key.sgc, key.krn, item.tid, item.base_date or key.base_date),
            *(item.units, item.value_minor, item.token_count(key.ea)),
        )
        for item, key in keys_of(sale.intent)
    ]


def _states(day: Day) -> list[Check]:
    pulled, killed = day.pulled.said, day.killed.said
    out = pulled[:-1] if pulled[-1:] == [READY] else pulled
    right = bool(out) and set(out) <= OUT and pulled[-1:] == [READY]
    return [
        Check("a pulled cable is said and ends by itself", right, _spoken(pulled)),
        Check("a restarted module asks for the PIN", LOCKED in killed, _spoken(killed)),
    ]


def _spoken(said: list[tuple[str, str]]) -> str:
    return ", ".join(sentence for sentence, _ in said)


def summary(day: Day, found: ModuleFindings) -> dict[str, Any]:
    """The module as data, for summary.json."""
    kinds = Counter(entry.kind.name.lower() for entry in found.entries)
    left = found.left
    return {
        "module_id": found.status.module_id,
        "certified": found.status.certified,
        "authorisation": found.status.authorisation,
        "lease_until": _text(found.status.lease_until),
        "limits": [
            {
                "sgc": key[0],
                "krn": key[1],
                "units_granted": grant.units_total,
                "units_left": left[key].units_left if key in left else None,
                "value_granted_minor": grant.value_total_minor,
                "value_left_minor": left[key].value_left_minor if key in left else None,
            }
            for key, grant in sorted(found.grants.items())
        ],
        "audit": {
            "entries": len(found.entries),
            "acknowledged": found.acknowledged,
            "unacknowledged_tokens": found.status.unacknowledged,
            **{kind: kinds[kind] for kind in sorted(kinds)},
        },
        "refusals": found.refusals,
        "killed": _happened(day.killed),
        "cable_pulled": _happened(day.pulled),
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _happened(what: Interrupted) -> dict[str, Any]:
    return {
        "outcome": what.outcome,
        "sold_once": what.sold_once,
        "said": [{"sentence": sentence, "action": action} for sentence, action in what.said],
    }
