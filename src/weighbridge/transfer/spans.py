"""What of a span is in a set of ranges, and what is not; pure."""

from __future__ import annotations

from weighbridge.core.ranges import ByteRange, RangeSet


def held_of(span: ByteRange, ranges: RangeSet) -> list[ByteRange]:
    """Return the parts of ``span`` that are in ``ranges``, in order."""
    clipped = ((max(span.start, each.start), min(span.stop, each.stop)) for each in ranges)
    return [ByteRange(start, stop) for start, stop in clipped if start < stop]


def missing_of(span: ByteRange, ranges: RangeSet) -> list[ByteRange]:
    """Return the parts of ``span`` that are not in ``ranges``, in order."""
    rest = RangeSet([span])
    for each in held_of(span, ranges):
        rest.discard(each.start, each.stop)
    return list(rest)
