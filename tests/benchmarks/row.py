"""One line of the benchmark table; bench_*.py files return lists of these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What ours costs beside the least it could cost, both measured in the same run.

    `ours` and `limit` are in `unit` and less is better. `limit` is a measurement of the bare
    thing (raw sqlcipher3, a bare window), or the promised ceiling itself where the promise is
    an absolute figure (then `target_ratio` is 1). The row is good while
    ours / limit <= target_ratio.
    """

    name: str
    ours: float
    limit: float
    unit: str
    target_ratio: float

    def __post_init__(self) -> None:
        if not self.name or self.limit <= 0 or self.ours < 0 or self.target_ratio <= 0:
            raise ValueError(f"not a measurement: {self}")

    @property
    def ratio(self) -> float:
        """How many times its limit ours costs."""
        return self.ours / self.limit

    @property
    def ok(self) -> bool:
        """Whether the promise is kept in this run."""
        return self.ratio <= self.target_ratio
