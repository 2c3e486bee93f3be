"""Looks for secrets where they must not be: in files, stores, core files and a process' memory.

A hunt is only worth what it can find, so whoever hunts also plants something and finds it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from posapp.db import pragmas

PIECE_BYTES = 16 * 1024 * 1024
_REGION = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)")
_NO_MEMORY = ("[vvar", "[vsyscall", "/dev/")  # of the kernel and its devices


def key_forms(name: str, secret: bytes) -> dict[str, bytes]:
    """A key as it is, and as people and programs write it down."""
    text = secret.hex()
    return {
        name: secret,
        f"{name} in hex": text.encode("ascii"),
        f"{name} in HEX": text.upper().encode("ascii"),
    }


def pin_forms(pin: str) -> dict[str, bytes]:
    """A PIN as text, and as it hides in base64, whatever stands before it."""
    raw = pin.encode("ascii")
    forms = {
        "PIN": raw,
        "PIN in UTF-16": pin.encode("utf-16-le"),
        "PIN in hex": raw.hex().encode("ascii"),
    }
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw)
        # The characters that depend on nothing but the PIN.
        forms[f"PIN in base64, {before}"] = whole[
            -(-before * 8 // 6) : (before + len(raw)) * 8 // 6
        ]
    return forms


@dataclass
class Hunt:
    """What is looked for, by name; `looked_at_bytes` says how much was read."""

    forms: dict[str, bytes]
    looked_at_bytes: int = 0
    _overlap: int = field(init=False)

    def __post_init__(self) -> None:
        assert all(len(form) >= 8 for form in self.forms.values()), "found by chance"
        self._overlap = max(map(len, self.forms.values())) - 1

    def in_bytes(self, where: str, data: bytes) -> list[str]:
        """`where: what` for each thing found."""
        self.looked_at_bytes += len(data)
        return [f"{where}: {name}" for name, form in self.forms.items() if form in data]

    def in_file(self, path: Path) -> list[str]:
        """A file of any size, and its name."""
        found = self.in_bytes(f"the name of {path.name}", path.name.encode())
        before = b""
        with path.open("rb") as stream:
            while piece := stream.read(PIECE_BYTES):
                found += self.in_bytes(path.name, before + piece)
                before = piece[-self._overlap :]
        return found

    def in_folder(self, folder: Path) -> list[str]:
        """All files in a folder and below."""
        return [
            line
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.is_symlink()
            for line in self.in_file(path)
        ]

    def in_store(self, path: Path, key: bytes) -> list[str]:
        """Every value of every table of an encrypted store, and how it is made."""
        found = []
        connection = pragmas.connect(path, key, pragmas.READER)
        try:
            tables = [
                row[0]
                for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            ]
            assert tables, "nothing to look at"
            for table in ("sqlite_schema", *tables):
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    found += self.in_bytes(f"{path.name}, {table}", b"\0".join(map(_raw, row)))
        finally:
            connection.close()
        return found

    def in_memory(self, pid: int) -> list[str]:
        """All that a running process could read of itself. For its parent, on Linux."""
        found = []
        for name, piece in _memory(pid, self._overlap):
            found += self.in_bytes(name, piece)
        return found


def _raw(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8")


def _memory(pid: int, overlap: int) -> Iterator[tuple[str, bytes]]:
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="ascii", errors="replace")
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps.splitlines():
            region = _REGION.fullmatch(line)
            assert region is not None, line
            start, end = (int(region[number], 16) for number in (1, 2))
            if region[3][0] != "r" or region[4].startswith(_NO_MEMORY):
                continue
            for place in range(start, end, PIECE_BYTES):
                memory.seek(place)
                try:
                    piece = memory.read(min(PIECE_BYTES + overlap, end - place))
                except OSError:  # pages of a file that is shorter than its map
                    continue
                yield f"memory of {pid}, {region[4] or 'anonymous'}", piece
