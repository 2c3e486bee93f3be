"""Builders for key ceremonies, second signers and modules that only keep a book."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posapp.bootstrap import ceremony
from posapp.codec.hpke import OpeningKey
from posapp.codec.sealed import Cost
from posapp.codec.signing import SigningKey
from posapp.wire.audit import AuditEntry, AuditFile, AuditHead, AuditKind, entry_hash, genesis
from posapp.wire.introductions import ModuleCard
from tests.office import SeededRandomness

CHEAP = Cost(8, 1)
NAMES = ("Grace Otieno", "Wanjiku Njoroge")
PINS = ("first officer's PIN", "second officer's PIN")
MODULE_ID = "REF-1A2B3C4D"


@dataclass
class BookModule:
    """A module's identity and its book; `copy` is what a thief makes of it."""

    module_id: str = MODULE_ID
    seed: int = 5
    entries: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.key = SigningKey(bytes([self.seed]) * 32)
        self.opening = OpeningKey(bytes([self.seed + 1]) * 32)

    @property
    def card(self) -> ModuleCard:
        return ModuleCard.make(self.module_id, self.opening.public, self.key.public, self.key)

    def card_file(self, folder: Path) -> Path:
        path = folder / f"{self.module_id}.card"
        path.write_text(self.card.to_text())
        return path

    def copy(self) -> BookModule:
        return BookModule(self.module_id, self.seed, list(self.entries))

    def hash_at(self, number: int) -> bytes:
        return entry_hash(self.entries[number - 1]) if number else genesis(self.module_id)

    def sell(self, count: int = 1, **body: Any) -> BookModule:
        for _ in range(count):
            number = len(self.entries) + 1
            content = {0: f"sale {number}", 1: body.get("meter", "04123456784")}
            entry = AuditEntry(
                number, self.hash_at(number - 1), number * 1000, AuditKind.ISSUE, content
            )
            self.entries.append(entry.to_bytes())
        return self

    def audit(self, after: int = 0, upto: int | None = None) -> AuditFile:
        last = len(self.entries) if upto is None else upto
        head = AuditHead.sign(self.module_id, last, self.hash_at(last), self.key)
        return AuditFile(after, self.hash_at(after), tuple(self.entries[after:last]), head)


def a_vault(folder: Path, *, test: bool = True) -> Path:
    """A vault with two officers whose PINs are cheap to try."""
    ceremony.init(folder, NAMES, PINS, test=test, randomness=SeededRandomness(3), cost=CHEAP)
    return folder
