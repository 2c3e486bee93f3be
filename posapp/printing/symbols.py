"""QR and Code 128 as rows of modules, and the bytes of a Code 128 for a printer's own encoder."""

from __future__ import annotations

from functools import lru_cache

# Bar and space widths of symbol values 0..105 (ISO/IEC 15417 table 1), and of the stop.
_TABLE_1 = """
212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212
112232 122132 122231 113222 123122 123221 223211 221132 221231 213212 223112 312131
311222 321122 321221 312212 322112 322211 212123 212321 232121 111323 131123 131321
112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121
313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111
314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 112412 122114
122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212
124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113
114311 411113 411311 113141 114131 311141 411131 211412 211214 211232"""
_WIDTHS = _TABLE_1.split()
_STOP = "2331112"
_CODE_B, _START_B, _START_C = 100, 104, 105
_DLE = 16  # the pair "16" would be this byte, the start of commands a printer obeys at once
MODULES_MAX = 2000


@lru_cache(maxsize=64)
def qr_modules(data: str) -> tuple[tuple[bool, ...], ...]:
    """The modules of a QR code at error level Q, without its quiet zone of four."""
    import segno  # late: only when something is drawn

    code = segno.make(data, error="q", micro=False, boost_error=False)
    return tuple(tuple(bool(cell) for cell in row) for row in code.matrix)


def _pairs(digits: str) -> tuple[int, ...]:
    return tuple(int(digits[i : i + 2]) for i in range(0, len(digits) - 1, 2))


def _dense(digits: str) -> bool:
    return len(digits) >= 4 and _DLE not in _pairs(digits)


def code128_bars(digits: str) -> tuple[bool, ...]:
    """One row of modules for a string of digits, without quiet zones."""
    assert digits.isascii() and digits.isdigit(), "only numbers go into a barcode"
    if _dense(digits):
        values = [_START_C, *_pairs(digits)]
        if len(digits) % 2:
            values += [_CODE_B, ord(digits[-1]) - 32]
    else:
        values = [_START_B, *(ord(char) - 32 for char in digits)]
    check = (values[0] + sum(i * v for i, v in enumerate(values))) % 103
    bars: list[bool] = []
    for widths in [_WIDTHS[value] for value in (*values, check)] + [_STOP]:
        for place, width in enumerate(widths):
            bars += [place % 2 == 0] * int(width)
    assert len(bars) <= MODULES_MAX
    return tuple(bars)


def code128_data(digits: str) -> bytes:
    """What follows `GS k 73 n`: code set C as far as it goes, never a DLE byte."""
    assert digits.isascii() and digits.isdigit(), "only numbers go into a barcode"
    if not _dense(digits):
        return b"{B" + digits.encode("ascii")
    data = b"{C" + bytes(_pairs(digits))
    return data + b"{B" + digits[-1:].encode("ascii") if len(digits) % 2 else data


def code128_digits(data: bytes) -> str:
    """The digits of `code128_data`'s bytes. Raises ValueError for anything else."""
    digits, place, dense = "", 0, False
    while place < len(data):
        if data[place : place + 2] in (b"{B", b"{C"):
            dense = data[place : place + 2] == b"{C"
            place += 2
            continue
        digits += f"{data[place]:02d}" if dense else chr(data[place])
        place += 1
    if not digits.isdigit():
        raise ValueError("not a barcode of digits")
    return digits
