"""Parts of a span against sets of integers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.ranges import ByteRange, RangeSet
from weighbridge.transfer.spans import held_of, missing_of

spans = st.builds(lambda start, length: ByteRange(start, start + length), st.integers(0, 40), st.integers(1, 20))


@given(span=spans, held=st.lists(spans, max_size=6))
def test_span_is_divided_into_what_is_here_and_what_is_not(span: ByteRange, held: list[ByteRange]) -> None:
    """A byte that is here is not written again, one that isn't is."""
    here = {byte for each in held for byte in range(each.start, each.stop)}
    wanted = set(range(span.start, span.stop))

    found, missing = held_of(span, RangeSet(held)), missing_of(span, RangeSet(held))

    assert [byte for each in found for byte in range(each.start, each.stop)] == sorted(wanted & here)
    assert [byte for each in missing for byte in range(each.start, each.stop)] == sorted(wanted - here)
