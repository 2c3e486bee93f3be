"""A list of meters is read in pieces that are large, but not as large as the file."""

import io

from posapp.sts.bulk.rows import Table

ROW = b"12345678901\n"


class Watched(io.BytesIO):
    """Remembers how much was asked for each time."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.asked: list[int] = []

    def read(self, size: int | None = -1) -> bytes:
        self.asked.append(-1 if size is None else size)
        return super().read(size)


def test_a_file_is_read_in_large_pieces_of_bounded_size() -> None:
    rows = 200_000
    source = Watched(b"meter\n" + ROW * rows)
    table = Table(source, {"meter": True})
    assert sum(len(chunk) for chunk in table.chunks(50_000)) == rows
    assert all(1 << 16 <= size <= 1 << 24 for size in source.asked)
    assert len(source.asked) < 50
