"""How large a read is: large where it costs less, small where a slow connection must show early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.options import KIB
from weighbridge.transfer.worker import _next_amount

READ = 256 * KIB

amounts = st.integers(4 * KIB, READ)


def after(amount: int, took_s: float, reads: int, read_size: int = READ) -> int:
    """Return the size after so many reads that each were full and took so long."""
    for _ in range(reads):
        amount = _next_amount(amount, amount, took_s, read_size)
    return amount


def test_quick_reads_grow_to_the_largest() -> None:
    """A fast link soon costs one call for each quarter of a mebibyte."""
    assert after(4 * KIB, 0.001, 4) == READ


def test_slow_reads_shrink_to_the_smallest() -> None:
    """A stalling connection is seen within seconds, and what it brought is not lost with it."""
    assert after(READ, 1.0, 10) == 4 * KIB


@pytest.mark.parametrize("took_s", [0.05, 0.1])
def test_reads_of_a_fraction_of_a_second_stay_as_they_are(took_s: float) -> None:
    """There is a size that is right for the link."""
    assert after(64 * KIB, took_s, 10) == 64 * KIB


def test_short_read_is_no_reason_to_grow() -> None:
    """It was the end of the piece, not a fast link."""
    assert _next_amount(64 * KIB, 100, 0.001, READ) == 64 * KIB


@given(amount=amounts, took=st.floats(0, 100), came=st.integers(1, READ))
def test_read_stays_within_its_bounds(amount: int, took: float, came: int) -> None:
    """Memory is buffers times connections, whatever the link does; and nobody reads nothing."""
    assert 4 * KIB <= _next_amount(amount, min(came, amount), took, READ) <= READ


@given(took=st.floats(0, 100), reads=st.integers(1, 20), limit=st.integers(1024, 4 * KIB))
def test_capped_read_stays_below_its_cap(took: float, reads: int, limit: int) -> None:
    """A rate limit makes reads smaller than the smallest otherwise."""
    assert after(limit, took, reads, limit) <= limit
