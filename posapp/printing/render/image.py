"""The paper as a PNG: what the preview shows and what the virtual printer saves."""

from __future__ import annotations

import io
from collections.abc import Sequence

from posapp.printing.lines import Line
from posapp.printing.profile import Profile
from posapp.printing.render.draw import draw_lines

MARGIN_DOTS = 32  # the 4 mm at each edge that a print head cannot reach
GREYS = 16  # levels kept in the file; a slip needs no more


def render_png(lines: Sequence[Line], profile: Profile) -> bytes:
    """PNG bytes, one pixel a dot."""
    picture = draw_lines(lines, profile, margin=MARGIN_DOTS)
    picture = picture.quantize(GREYS)
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=6)
    return out.getvalue()
