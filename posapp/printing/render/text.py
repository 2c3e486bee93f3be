"""A slip as plain text, for logs, tests and messages to a phone."""

from __future__ import annotations

from collections.abc import Iterable

from posapp.printing.lines import BarcodeLine, CutLine, Line, QrLine, TextLine, padded


def render_text(lines: Iterable[Line], columns: int) -> str:
    """Lines of at most `columns` characters; codes are named, not drawn."""
    out: list[str] = []
    for line in lines:
        if isinstance(line, TextLine):
            out.append(padded(line, columns).rstrip())
        elif isinstance(line, QrLine):
            out.append(f"[QR {line.data}]"[:columns])
            out += line.captions
        elif isinstance(line, BarcodeLine):
            out.append(f"[Code 128 {line.data}]".center(columns).rstrip())
        elif isinstance(line, CutLine):
            out.append("")
    return "\n".join(out)
