"""Each claim about the module fails when what it claims is not so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from posapp.bootstrap.module import CARD_FILE
from posapp.codec.signing import SigningKey
from posapp.demo.day import Day, Interrupted
from posapp.demo.module_checks import LOCKED, READY, ModuleFindings, examine
from posapp.demo.stage import Stage
from posapp.domain.meter import EncryptionAlgorithm
from posapp.domain.sale import TokenKind
from posapp.journal.facts import TokenItem
from posapp.ports import KeyLimit, ModuleState, ModuleStatus, SaleRecord
from posapp.wire.audit import AuditEntry, AuditFile, AuditHead, AuditKind, genesis
from posapp.wire.authorisation import Grant
from posapp.wire.introductions import ModuleCard

MODULE, KEY = "REF-00000001", ("600701", 2)
SIGNER = SigningKey(bytes(range(32)))
MISSING = ("STATE_ABSENT", "PLUG_IN")


def a_sale(number: int) -> SaleRecord:
    item = TokenItem(TokenKind.CREDIT, 0, 1000 + number, 711, 20_000)
    key = SimpleNamespace(sgc=KEY[0], krn=KEY[1], base_date=2014, ea=EncryptionAlgorithm.STA)
    intent = SimpleNamespace(sale_id=bytes([number]) * 16, configuration=key, items=(item,))
    return cast(SaleRecord, SimpleNamespace(intent=intent))


SALES = [a_sale(1), a_sale(2)]


def a_book() -> AuditFile:
    entries: list[bytes] = []
    before = genesis(MODULE)
    for number, sale in enumerate(SALES, 1):
        (item,) = sale.intent.items
        row = [1, 0, *KEY, item.tid, 2014, item.units, item.value_minor, 1]
        body: dict[int, Any] = {0: sale.intent.sale_id, 5: [row]}
        entry = AuditEntry(number, before, 1, AuditKind.ISSUE, body)
        entries.append(entry.to_bytes())
        before = entry.hash()
    return AuditFile(
        0, genesis(MODULE), tuple(entries), AuditHead.sign(MODULE, len(entries), before, SIGNER)
    )


def a_module(book: AuditFile | None = None, *, units_left: int = 10_000 - 2 * 711) -> Any:
    book = book or a_book()
    limit = KeyLimit(*KEY, units_left, 0, 1_000_000 - 2 * 20_000)
    return ModuleFindings(
        ModuleStatus(ModuleState.READY, limits=(limit,)),
        {KEY: Grant(*KEY, 10_000, 0, 1_000_000)},
        book,
        tuple(AuditEntry.from_bytes(entry) for entry in book.entries),
        len(book.entries),
        {"foreign till": "NOT_PAIRED", "wrong PIN at the module": "PIN_WRONG"},
    )


def a_day() -> Day:
    day = Day(date(2026, 11, 18))
    day.killed = Interrupted("OUTCOME_UNKNOWN", None, [MISSING, LOCKED, READY])
    day.pulled = Interrupted("OUTCOME_UNKNOWN", None, [MISSING, READY])
    return day


def failing(
    folder: Path, found: ModuleFindings, day: Day | None = None, sales: list[SaleRecord] = SALES
) -> list[str]:
    card = ModuleCard.make(MODULE, bytes(32), SIGNER.public, SIGNER)
    (folder / "module").mkdir()
    (folder / "module" / CARD_FILE).write_text(card.to_text(), encoding="ascii")
    stage = cast(Stage, SimpleNamespace(folder=folder))
    return [check.name for check in examine(stage, day or a_day(), sales, found) if not check.ok]


def test_a_day_in_which_all_was_right_has_no_complaint(tmp_path: Path) -> None:
    assert failing(tmp_path, a_module()) == []


@pytest.mark.parametrize("off", [-1, 1])
def test_a_single_tenth_is_missed(tmp_path: Path, off: int) -> None:
    found = a_module(units_left=10_000 - 2 * 711 + off)
    assert failing(tmp_path, found) == ["the module's limits are the grant less what was sold"]


def test_a_broken_book_is_found(tmp_path: Path) -> None:
    book = a_book()
    changed = bytearray(book.entries[0])
    changed[-1] ^= 1
    found = a_module()
    found.book = replace(book, entries=(bytes(changed), *book.entries[1:]))
    assert failing(tmp_path, found) == ["the module's book is unbroken"]


def test_a_sale_that_the_book_does_not_have_is_found(tmp_path: Path) -> None:
    names = failing(tmp_path, a_module(), sales=[*SALES, a_sale(3)])
    assert "the book that head office keeps has the till's sales" in names


def test_what_head_office_has_not_seen_is_found(tmp_path: Path) -> None:
    found = a_module()
    found.acknowledged = 1
    assert failing(tmp_path, found) == ["head office acknowledged the module's book"]


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda day: day.pulled.said.pop(), "a pulled cable is said and ends by itself"),
        (lambda day: day.pulled.said.remove(MISSING), "a pulled cable is said and ends by itself"),
        (lambda day: day.killed.said.remove(LOCKED), "a restarted module asks for the PIN"),
    ],
)
def test_what_the_screen_should_have_said_is_missed(
    tmp_path: Path, spoil: Callable[[Day], object], name: str
) -> None:
    day = a_day()
    spoil(day)
    assert failing(tmp_path, a_module(), day) == [name]


def test_a_foreign_till_that_was_let_in_is_found(tmp_path: Path) -> None:
    found = a_module()
    found.refusals["foreign till"] = ""
    assert failing(tmp_path, found) == ["foreign till is refused"]
