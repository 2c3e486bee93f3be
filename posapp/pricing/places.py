"""Where every value of a TOML text stands, so that a mistake is answered with its line.

The standard library parses TOML but forgets the lines; `reader` puts both together.
"""

from __future__ import annotations

import re
from bisect import bisect_right

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]+")
_STRINGS = (  # longest opening first
    re.compile(r'"""(?:[^\\]|\\[\s\S])*?"{3,5}'),
    re.compile(r"'''[\s\S]*?'{3,5}"),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


def find_places(text: str) -> dict[Path, int]:
    """The 1-based line of every table, key and array element of a TOML text that parses.

    `("component", 0, "blocks", 1, "price")` is a key of the second element of an array in the
    first `[[component]]`. Undefined for a text that `tomllib` refuses.
    """
    return _Scanner(text).scan()


class _Scanner:
    """One pass over a text known to be valid TOML."""

    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._newlines = [m.start() for m in re.finditer("\n", self._text)]
        self._at = 0
        self._places: dict[Path, int] = {(): 1}
        self._counts: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip():
            if self._text.startswith("[[", self._at):
                table = self._header(2)
            elif self._text[self._at] == "[":
                table = self._header(1)
            else:
                self._pair(table)
        return self._places

    def _line(self) -> int:
        return bisect_right(self._newlines, self._at - 1) + 1

    def _skip(self) -> bool:
        """Over blanks, line ends and comments; False at the end of the text."""
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            elif char in " \t\n":
                self._at += 1
            else:
                return True
        return False

    def _header(self, brackets: int) -> Path:
        line = self._line()
        self._at += brackets
        keys = self._key()
        self._skip()
        self._at += brackets
        path: Path = ()
        for part in keys[:-1]:
            path = self._last((*path, part))
        path = (*path, keys[-1])
        if brackets == 2:
            self._places.setdefault(path, line)
            count = self._counts.get(path, 0)
            self._counts[path] = count + 1
            path = (*path, count)
        self._places[path] = line
        return path

    def _last(self, path: Path) -> Path:
        """The newest element when `path` is an array of tables, else `path` itself."""
        count = self._counts.get(path, 0)
        return (*path, count - 1) if count else path

    def _key(self) -> tuple[str, ...]:
        parts = []
        while True:
            self._skip()
            bare = _BARE.match(self._text, self._at)
            if bare:
                parts.append(bare.group())
                self._at = bare.end()
            else:
                parts.append(self._string()[1:-1])
            self._skip()
            if not self._text.startswith(".", self._at):
                return tuple(parts)
            self._at += 1

    def _string(self) -> str:
        for form in _STRINGS:
            found = form.match(self._text, self._at)
            if found:
                self._at = found.end()
                return found.group()
        raise AssertionError("not a string")

    def _pair(self, table: Path) -> None:
        line = self._line()
        path: Path = table
        for part in self._key():
            path = (*path, part)
            self._places.setdefault(path, line)
        self._skip()
        self._at += 1  # the equals sign
        self._skip()
        self._value(path)

    def _value(self, path: Path) -> None:
        char = self._text[self._at]
        if char in "\"'":
            self._string()
        elif char == "[":
            self._array(path)
        elif char == "{":
            self._inline(path)
        else:
            scalar = _SCALAR.match(self._text, self._at)
            assert scalar is not None
            self._at = scalar.end()

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._skip() and self._text[self._at] != "]":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._places[(*path, index)] = self._line()
            self._value((*path, index))
            index += 1
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        while self._skip() and self._text[self._at] != "}":
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._pair(path)
        self._at += 1
