"""A resolved document straight to the bytes of a printer: what the spooler sends."""

from __future__ import annotations

from posapp.printing.layout import lay_out
from posapp.printing.profile import Profile
from posapp.printing.render.escpos import Slip, render_escpos
from posapp.reports.document import Document


def render_slip(document: Document, profile: Profile) -> Slip:
    """About 2 ms for a receipt of text; 5 ms with pictures."""
    return render_escpos(lay_out(document, profile), profile)
