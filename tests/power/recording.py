"""Runs a till under the recorder and makes from its record the disks a power cut could leave.

The model: what was synced is there; of what was written since, any part may be, in any order
and torn at 512 bytes. A name that was made, changed or removed is sure once its folder is synced.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECTOR = 512
LOST_SHARE = 0.5  # of what was not synced
TORN_SHARE = 0.3  # of what was written and not synced is there in part
_HEAD = struct.Struct("<cIQI")
ACKS = "acks"  # the file that the till notes in what it was promised


def compiler() -> str | None:
    """A C compiler of this machine; None when there is none (or the system is another)."""
    return (shutil.which("cc") or shutil.which("gcc")) if sys.platform == "linux" else None


def build(folder: Path) -> Path:
    """The recorder as a library. Raises subprocess.CalledProcessError."""
    library = folder / "recorder.so"
    command = [compiler() or "cc", "-shared", "-fPIC", "-O1", "-o", str(library)]
    subprocess.run([*command, str(HERE / "recorder.c"), "-ldl", "-lpthread"], check=True)
    return library


def run(library: Path, folder: Path, *words: str, log: Path | None = None) -> str:
    """Run `tests.power.till` below the recorder; what it printed."""
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "LD_PRELOAD": str(library), "POWER_ROOT": str(folder)}
    if log is not None:
        environment["POWER_LOG"] = str(log)
    done = subprocess.run(
        [sys.executable, "-m", "tests.power.till", str(folder), *words],
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout


@dataclass(frozen=True, slots=True)
class Op:
    """One call: kind, file name within the folder ("" is the folder), place, bytes."""

    kind: str
    name: str
    offset: int
    data: bytes


def read_log(log: Path, root: Path) -> list[Op]:
    """The record of a run, in order."""
    raw, place, ops = log.read_bytes(), 0, []
    while place < len(raw):
        kind, name_length, offset, length = _HEAD.unpack_from(raw, place)
        place += _HEAD.size
        name = raw[place : place + name_length].decode()
        place += name_length
        data = raw[place : place + length]
        place += length
        if kind == b"r":
            data = Path(data.decode()).relative_to(root).as_posix().encode()
        relative = Path(name).relative_to(root).as_posix()
        ops.append(Op(kind.decode(), "" if relative == "." else relative, offset, data))
    return ops


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Op] = field(default_factory=list)

    def settled(self) -> None:
        for op in self.pending:
            _apply(self.durable, op)
        self.pending.clear()

    def left(self, chance: random.Random) -> bytes:
        """What a power cut leaves of it."""
        content = bytearray(self.durable)
        for op in self.pending:
            if chance.random() < LOST_SHARE:
                continue
            if op.kind == "w" and len(op.data) > SECTOR and chance.random() < TORN_SHARE:
                for at in range(0, len(op.data), SECTOR):
                    if chance.random() < 0.5:
                        part = op.data[at : at + SECTOR]
                        _apply(content, Op("w", op.name, op.offset + at, part))
            else:
                _apply(content, op)
        return bytes(content)


def _apply(content: bytearray, op: Op) -> None:
    if op.kind == "t":
        del content[op.offset :]
        content.extend(bytes(op.offset - len(content)))
        return
    end = op.offset + len(op.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    content[op.offset : end] = op.data


class Disk:
    """A folder as the calls so far left it: what is sure, and what is on its way."""

    def __init__(self) -> None:
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}
        self._sure: dict[str, int] = {}
        self._changes: list[tuple[str, int | None]] = []
        self.acks = bytearray()

    def do(self, op: Op) -> None:
        """One call more."""
        if op.name == ACKS:
            self.acks += op.data
        elif op.kind == "c":
            self._name(op.name, len(self._files))
            self._files[len(self._files)] = _File()
        elif op.kind == "u":
            self._name(op.name, None)
        elif op.kind == "r":
            self._name(op.data.decode(), self._names[op.name])
            self._name(op.name, None)
        elif op.kind == "s" and not op.name:
            self._sure, self._changes = dict(self._names), []
        elif op.name in self._names:
            one = self._files[self._names[op.name]]
            if op.kind == "s":
                one.settled()
            else:
                one.pending.append(op)

    def _name(self, name: str, number: int | None) -> None:
        self._changes.append((name, number))
        if number is None:
            self._names.pop(name, None)
        else:
            self._names[name] = number

    def cut(self, folder: Path, chance: random.Random) -> None:
        """Write into `folder` one disk that a power cut could leave now."""
        names = dict(self._sure)
        # Names change in order: a journal of the file system keeps that much.
        for name, number in self._changes[: chance.randint(0, len(self._changes))]:
            if number is None:
                names.pop(name, None)
            else:
                names[name] = number
        for name, number in names.items():
            if name.endswith("-shm"):  # a shared memory, made anew by whoever comes first
                continue
            (folder / name).write_bytes(self._files[number].left(chance))
