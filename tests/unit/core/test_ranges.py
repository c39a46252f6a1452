"""Range sets against a model that is plainly right: a set of integers."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.errors import InvalidRangeError
from weighbridge.core.ranges import ByteRange, RangeSet

SIZE = 60

Change = tuple[str, int, int]

changes = st.lists(
    st.tuples(st.sampled_from(["add", "discard"]), st.integers(0, SIZE), st.integers(0, SIZE)), max_size=25
)


def build(steps: list[Change]) -> tuple[RangeSet, set[int]]:
    """Apply the changes to a range set and to its model."""
    ranges, model = RangeSet(), set[int]()
    for kind, start, stop in steps:
        getattr(ranges, kind)(start, stop)
        span = set(range(start, stop))
        model = model | span if kind == "add" else model - span
    return ranges, model


def members(ranges: RangeSet) -> set[int]:
    return {byte for each in ranges for byte in range(each.start, each.stop)}


@given(steps=changes)
def test_set_holds_exactly_what_was_added_and_not_discarded(steps: list[Change]) -> None:
    """A byte that is wrongly held to be there is never fetched; one that is forgotten is fetched twice."""
    ranges, model = build(steps)

    assert members(ranges) == model
    assert ranges.total == len(model)
    assert bool(ranges) == bool(model)


@given(steps=changes)
def test_ranges_are_sorted_and_do_not_touch(steps: list[Change]) -> None:
    """The journal's replay and the frontier rely on one way to write a set down."""
    ranges, _ = build(steps)

    pairs = list(itertools.pairwise(ranges))

    assert all(left.stop < right.start for left, right in pairs)


@given(steps=changes)
def test_frontier_is_the_first_byte_not_there(steps: list[Change]) -> None:
    """The hasher must never read a byte that has not arrived."""
    ranges, model = build(steps)

    expected = next(byte for byte in itertools.count() if byte not in model)

    assert ranges.frontier == expected


@given(steps=changes, size=st.integers(0, SIZE + 5))
def test_missing_is_the_complement(steps: list[Change], size: int) -> None:
    """What is missing and what is there make up the file."""
    ranges, model = build(steps)

    missing = ranges.missing(size)

    assert members(missing) == set(range(size)) - model


@given(steps=changes)
def test_first_is_the_lowest_range(steps: list[Change]) -> None:
    """Pieces are handed out from the front, so that the hasher can follow."""
    ranges, model = build(steps)

    first = ranges.first()

    assert first == next(iter(ranges), None)
    assert (first.start if first else None) == min(model, default=None)


@given(steps=changes, more=changes)
def test_copy_is_independent(steps: list[Change], more: list[Change]) -> None:
    """The note of what an earlier run wrote does not change while this run writes."""
    ranges, model = build(steps)
    twin = ranges.copy()

    for kind, start, stop in more:
        getattr(twin, kind)(start, stop)

    assert members(ranges) == model


@given(steps=changes)
def test_equal_sets_are_equal_however_they_came_about(steps: list[Change]) -> None:
    """Sets are compared by what they hold."""
    ranges, model = build(steps)

    single_bytes = RangeSet(ByteRange(byte, byte + 1) for byte in model)

    assert ranges == single_bytes
    assert repr(ranges) == repr(single_bytes)


def test_set_is_not_equal_to_another_kind_of_thing() -> None:
    """A comparison that can't be right is not right."""
    assert RangeSet() != []
    assert RangeSet([ByteRange(0, 1)]) != {0}


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (5, 5), (5, 4), (-1, 3), (-3, -1)])
def test_range_that_is_empty_or_negative_is_not_made(start: int, stop: int) -> None:
    """An empty range has no form in HTTP: ``bytes=5-4`` means something else."""
    with pytest.raises(InvalidRangeError):
        ByteRange(start, stop)


@given(start=st.integers(0, 1 << 62), length=st.integers(1, 1 << 20))
def test_length_of_a_range_is_its_bytes(start: int, length: int) -> None:
    """The half-open form has no off-by-one."""
    assert len(ByteRange(start, start + length)) == length
