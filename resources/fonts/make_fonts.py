"""Makes the small fonts of this folder from Debian's fonts-noto-core, -extra and -dejavu-core.

Only needed to add a script or a sign: `python make_fonts.py NOTO_FOLDER DEJAVU_FOLDER`, with
fonttools installed. README.md says where the fonts come from and under which licences.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

HERE = Path(__file__).resolve().parent

# Latin of Europe and Africa (Hausa, Yoruba, Twi, Ewe ...), capitals of Greek for sums,
# spaces and dashes, currency signs, arrows, ticks, minus and the few signs of the screen.
RANGES = """20-7E A0-17F 181-199 1A0-1A1 1AF-1B0 1B3-1B4 1C4-1D4 1E6-1E7 1F4-1F5 218-21B 253-257
259 25B 268 272 289 2BC 2C6-2DD 300-30C 323-331 391-3A9 3B1-3C9 1E00-1EFF 2009-2015 2018-2022 2026
202F-2030 2032-2033 2039-203A 2044 20A0-20BF 2116 2122 2126 2190-2199 2202 2206 2211-2212 2215 2219
221A 221E 2248 2260 2264-2265 25A0-25A1 25B2-25BC 25C6 25CA 25CB 25CF 2713-2718 FB01-FB02
FFFD"""
BOXES = "2500-259F"  # monospaced only: rules of paper shown as text

# What Noto Sans itself does not hold, and the Noto font that does.
GRAFTS = {
    "NotoSansMath-Regular.ttf": "←↑→↓≈≠≤≥∞",
    "NotoSansSymbols2-Regular.ttf": "✓✔✗✘■□▲▼◆○●",
}


def code_points(ranges):
    for part in ranges.split():
        first, _, last = part.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


def make(source, target, points, features):
    options = subset.Options()
    options.layout_features = features
    options.name_IDs = ["*"]
    options.notdef_outline = True
    options.drop_tables += ["FFTM"]
    font = TTFont(source, recalcTimestamp=False)
    job = subset.Subsetter(options)
    job.populate(unicodes=points)
    job.subset(font)
    font.save(target)


def add_glyph(font, char, glyph, advance):
    name = f"uni{ord(char):04X}"
    font.setGlyphOrder([*font.getGlyphOrder(), name])
    font["glyf"].glyphs[name] = glyph
    font["glyf"].glyphOrder = font.getGlyphOrder()
    glyph.recalcBounds(font["glyf"])
    font["hmtx"].metrics[name] = (advance, getattr(glyph, "xMin", 0))
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap[ord(char)] = name


def minus_of(font):
    """A true minus: the plus sign's own bar, so that figures stay in their columns."""
    plus = font["glyf"][font.getBestCmap()[ord("+")]]
    ys = sorted({y for _, y in plus.getCoordinates(font["glyf"])[0]})
    low, high = ys[1], ys[-2]
    pen = TTGlyphPen(None)
    pen.moveTo((plus.xMin, low))
    for point in ((plus.xMin, high), (plus.xMax, high), (plus.xMax, low)):
        pen.lineTo(point)
    pen.closePath()
    return pen.glyph(), font["hmtx"][font.getBestCmap()[ord("+")]][0]


def graft(target, noto):
    font = TTFont(target, recalcTimestamp=False)
    have = font.getBestCmap()
    if ord("−") not in have:
        add_glyph(font, "−", *minus_of(font))
    for file, chars in GRAFTS.items():
        source = TTFont(noto / file)
        glyphs, names = source.getGlyphSet(), source.getBestCmap()
        scale = font["head"].unitsPerEm / source["head"].unitsPerEm
        for char in chars:
            if ord(char) in font.getBestCmap() or ord(char) not in names:
                continue
            glyph = glyphs[names[ord(char)]]
            pen = TTGlyphPen(None)
            glyph.draw(TransformPen(pen, (scale, 0, 0, scale, 0, 0)))
            add_glyph(font, char, pen.glyph(), round(glyph.width * scale))
    font.save(target)


def main():
    noto, dejavu = Path(sys.argv[1]), Path(sys.argv[2])
    points = set(code_points(RANGES))
    figures = ["kern", "mark", "mkmk", "ccmp", "locl", "tnum", "lnum", "pnum", "calt"]
    for weight in ("Regular", "Medium", "SemiBold"):
        target = HERE / f"NotoSans-{weight}.ttf"
        make(noto / target.name, target, points, figures)
        graft(target, noto)
    for name in ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf"):
        everything = points | set(code_points(BOXES))
        make(dejavu / name, HERE / name, everything, ["mark", "mkmk", "ccmp", "locl"])


main()
