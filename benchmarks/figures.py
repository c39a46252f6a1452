"""What was measured, as values, and the statistics on them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run of one contender.

    Attributes:
        seconds: Wall time of all its commands.
        peak_bytes: Largest resident set of any of them.
        cpu_s: User and system seconds of all of them.
        requests: What nginx logged.
        connections: Different ones that carried these requests.
        body_bytes: Bytes of bodies that nginx wrote.
        origin_cpu_s: CPU seconds of nginx meanwhile.
        problem: Empty when every file was right, else why the other figures must not be used.
    """

    seconds: float
    peak_bytes: int
    cpu_s: float
    requests: int
    connections: int
    body_bytes: int
    origin_cpu_s: float
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """All runs of one contender in one row.

    Attributes:
        name: The contender's.
        flushed: Whether its bytes are on the disk when it ends.
        samples: One a round, in order; empty when it never took part.
        problem: What went wrong in the first bad run, the one for nothing included; else empty.
        absent: Names of the tools that it lacked to take part; empty when it did.
    """

    name: str
    flushed: bool
    samples: Sequence[Sample]
    problem: str
    absent: Sequence[str]

    @property
    def remark(self) -> str:
        """Return in a few words what came of it."""
        return f"absent: {', '.join(self.absent)}" if self.absent else self.problem or "right"

    @property
    def good(self) -> list[Sample]:
        """Return the samples whose result was right."""
        return [sample for sample in self.samples if not sample.problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """Everything measured for one row.

    Attributes:
        name: The row's.
        title: The row's.
        size: Bytes that every contender had to bring.
        limits: Names of the cells that bound those which do not flush.
        flushed_limits: Names of the cells that bound those which do.
        cells: By name, in the order run.
    """

    name: str
    title: str
    size: int
    limits: Sequence[str]
    flushed_limits: Sequence[str]
    cells: Mapping[str, Cell]

    def ratio(self, name: str, others: Sequence[str]) -> float | None:
        """Return how many times as long ``name`` took as the slowest of ``others``.

        The ratio is taken round by round and its median returned, since a machine's speed drifts
        between rounds more than within one. Rounds in which anyone of them failed do not count.

        Returns:
            Nothing when no round counts, or when ``others`` is empty.
        """
        if not others or any(other not in self.cells for other in (name, *others)):
            return None
        columns = [self.cells[other].samples for other in (name, *others)]
        rounds = [entry for entry in zip(*columns, strict=False) if not any(sample.problem for sample in entry)]
        ratios = [ours.seconds / max(other.seconds for other in rest) for ours, *rest in rounds]
        return statistics.median(ratios) if ratios else None

    def median_s(self, name: str) -> float | None:
        """Return the median seconds of the good runs of ``name``, or nothing without any."""
        cell = self.cells.get(name)
        return statistics.median(sample.seconds for sample in cell.good) if cell and cell.good else None

    def rate(self, name: str) -> float | None:
        """Return the bytes a second of the median run of ``name``, or nothing without any."""
        seconds = self.median_s(name)
        return self.size / seconds if seconds else None
