"""What the modules of this package share: the kinds of arrays, and how they are cut.

Rows are meters or tokens. Keys are (rows, 8 or 16) bytes; blocks are 64-bit numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint16]
Blocks = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# So many rows keep their arrays in a core's cache and numpy's cost of a call small beside them.
ROWS_A_CHUNK = 16_384


def slices(rows: int) -> Iterator[slice]:
    """Cuts of at most ROWS_A_CHUNK rows, in order."""
    for start in range(0, rows, ROWS_A_CHUNK):
        yield slice(start, min(start + ROWS_A_CHUNK, rows))


def groups(which: Integers) -> Iterator[tuple[int, Integers]]:
    """Each different number in `which`, and the rows where it stands."""
    order = np.argsort(which, kind="stable")
    values, starts = np.unique(which[order], return_index=True)
    yield from zip(values.tolist(), np.split(order, starts)[1:], strict=True)


def big_endian(raw: Bytes) -> Blocks:
    """(rows, 8) bytes as 64-bit numbers, first byte highest."""
    return np.ascontiguousarray(raw).view(">u8").ravel().astype(np.uint64)
