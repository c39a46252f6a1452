"""Half-open byte ranges and the arithmetic on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from weighbridge.core.errors import InvalidRangeError


@dataclass(frozen=True, slots=True, order=True)
class ByteRange:
    """The bytes from ``start`` up to, not including, ``stop``; never empty.

    Raises:
        InvalidRangeError: ``start`` is negative or not below ``stop``.
    """

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise InvalidRangeError(f"not a byte range: [{self.start}, {self.stop})")

    def __len__(self) -> int:
        return self.stop - self.start


class RangeSet:
    """A set of bytes kept as sorted, disjoint, non-adjacent ranges.

    Not safe to change from two threads at once; whoever shares one guards it.
    """

    __slots__ = ("_ranges",)

    def __init__(self, ranges: Iterable[ByteRange] = ()) -> None:
        self._ranges: list[tuple[int, int]] = []
        for each in ranges:
            self.add(each.start, each.stop)

    def __iter__(self) -> Iterator[ByteRange]:
        return (ByteRange(start, stop) for start, stop in self._ranges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RangeSet) and self._ranges == other._ranges

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"RangeSet({self._ranges})"

    def __bool__(self) -> bool:
        return bool(self._ranges)

    @property
    def total(self) -> int:
        """How many bytes are in the set."""
        return sum(stop - start for start, stop in self._ranges)

    @property
    def frontier(self) -> int:
        """Where the first missing byte is: the end of the range that starts at 0, or 0."""
        return self._ranges[0][1] if self._ranges and self._ranges[0][0] == 0 else 0

    def copy(self) -> RangeSet:
        """Return an independent set of the same bytes."""
        twin = RangeSet()
        twin._ranges = list(self._ranges)
        return twin

    def add(self, start: int, stop: int) -> None:
        """Add ``[start, stop)``; an empty range adds nothing."""
        if start >= stop:
            return
        before = [each for each in self._ranges if each[1] < start]
        after = [each for each in self._ranges if each[0] > stop]
        touching = self._ranges[len(before) : len(self._ranges) - len(after)]
        if touching:
            start, stop = min(start, touching[0][0]), max(stop, touching[-1][1])
        self._ranges = [*before, (start, stop), *after]

    def discard(self, start: int, stop: int) -> None:
        """Take ``[start, stop)`` out; bytes that are not in the set are ignored."""
        if start >= stop:
            return
        kept: list[tuple[int, int]] = []
        for left, right in self._ranges:
            if left < min(right, start):
                kept.append((left, min(right, start)))
            if max(left, stop) < right:
                kept.append((max(left, stop), right))
        self._ranges = kept

    def missing(self, size: int) -> RangeSet:
        """Return what of ``[0, size)`` is not in this set."""
        gaps = RangeSet()
        gaps.add(0, size)
        for start, stop in self._ranges:
            gaps.discard(start, stop)
        return gaps

    def first(self) -> ByteRange | None:
        """Return the lowest range, or None when the set is empty."""
        return ByteRange(*self._ranges[0]) if self._ranges else None
