"""Sums people carry: notes and coins, suggestions for a tender, change in notes. No Qt.

Face values are a fact of each currency; a currency that is not in the table gets the usual ones.
"""

from __future__ import annotations

from posapp.domain.money import Currency

# Face values in major units, largest first, and the least that is a note.
_FACES: dict[str, tuple[tuple[int, ...], int]] = {
    "KES": ((1000, 500, 200, 100, 50, 20, 10, 5, 1), 50),
    "ZAR": ((200, 100, 50, 20, 10, 5, 2, 1), 10),
    "UGX": ((50000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100), 1000),
    "TZS": ((10000, 5000, 2000, 1000, 500, 200, 100, 50), 500),
    "GHS": ((200, 100, 50, 20, 10, 5, 2, 1), 1),
    "NGN": ((1000, 500, 200, 100, 50, 20, 10, 5), 5),
    "XOF": ((10000, 5000, 2000, 1000, 500, 200, 100, 50, 25), 500),
}
_USUAL = ((200, 100, 50, 20, 10, 5, 2, 1), 5)
_PRESETS: dict[str, tuple[int, ...]] = {
    "KES": (100, 200, 500, 1000, 1500, 2000),
    "ZAR": (20, 50, 100, 200, 300, 500),
    "UGX": (5000, 10000, 20000, 30000, 50000, 100000),
    "TZS": (2000, 5000, 10000, 20000, 30000, 50000),
    "NGN": (500, 1000, 2000, 5000, 10000, 20000),
    "XOF": (1000, 2000, 5000, 10000, 15000, 20000),
}
_USUAL_PRESETS = (10, 20, 50, 100, 150, 200)
SUGGESTIONS = 6


def faces(unit: Currency) -> tuple[tuple[int, bool], ...]:
    """(face in minor units, whether it is a note), largest first."""
    values, least_note = _FACES.get(unit.code, _USUAL)
    return tuple((value * unit.scale, value >= least_note) for value in values)


def presets(unit: Currency) -> tuple[int, ...]:
    """Six sums in minor units that people buy for."""
    return tuple(v * unit.scale for v in _PRESETS.get(unit.code, _USUAL_PRESETS))


def suggestions(due_minor: int, unit: Currency) -> tuple[int, ...]:
    """The next six sums above what is due that people can make with notes, in minor units."""
    notes = [face for face, note in faces(unit) if note]
    sums = {_up(due_minor + 1, note) for note in notes}
    largest = notes[0]
    sums.add(due_minor + notes[min(1, len(notes) - 1)])
    top = _up(due_minor + 1, largest)
    more = top + largest
    while len(sums) < SUGGESTIONS:
        sums.add(more)
        more += 2 * largest
    return tuple(sorted(sums)[:SUGGESTIONS])


def _up(amount: int, step: int) -> int:
    return -(-amount // step) * step


def pieces(amount_minor: int, unit: Currency) -> tuple[tuple[int, int], ...]:
    """(face in minor units, count) that make a sum, fewest first; a rest below the least face
    is left out.
    """
    result: list[tuple[int, int]] = []
    for face, _ in faces(unit):
        count, amount_minor = divmod(amount_minor, face)
        if count:
            result.append((face, count))
    return tuple(result)
