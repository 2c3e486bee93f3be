"""Shows a stored document the way it will print, and makes the A4 page of a report."""

from __future__ import annotations

from dataclasses import replace

from posapp.printing.layout import lay_out
from posapp.printing.profile import Profile
from posapp.printing.render.image import render_png
from posapp.printing.render.text import render_text
from posapp.reports.document import Document, Resolver

CELL_DOTS = 12


class DocumentPreviewer:
    """Implements `ports.Previewer` for one printer's profile. Safe on any thread."""

    def __init__(self, profile: Profile, resolver: Resolver) -> None:
        self._profile = profile
        self._resolver = resolver

    def preview(self, document: bytes) -> bytes:
        """PNG bytes, one pixel a dot; about 50 ms."""
        return render_png(lay_out(self._resolved(document), self._profile), self._profile)

    def text(self, document: bytes, columns: int = 48) -> str:
        """Lines of at most `columns` characters (20 to 80); a few ms."""
        profile = replace(self._profile, columns=columns, dots=-(-columns * CELL_DOTS // 8) * 8)
        return render_text(lay_out(self._resolved(document), profile), columns)

    def pdf(self, document: bytes) -> bytes:
        """An A4 PDF; the same document gives the same bytes."""
        from posapp.printing.render.pdf import render_pdf  # reportlab takes 100 ms to load

        return render_pdf(self._resolved(document))

    def _resolved(self, document: bytes) -> Document:
        return Document.from_bytes(document).resolve(self._resolver)
