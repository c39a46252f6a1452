"""How large a piece is, when one is split, and that what may be being written is never given away."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from weighbridge.core.options import MIB, TransferOptions
from weighbridge.transfer.planner import Link, PieceView, find_split, is_laggard, piece_size

OPTIONS = TransferOptions()

sizes = st.integers(1, 300)
options = st.builds(
    lambda low, more, first, split, lag, files: TransferOptions(
        piece_min=low,
        piece_max=low + more,
        first_piece=first,
        split_min=split,
        hash_lag=lag,
        connections_per_file=files,
    ),
    sizes,
    sizes,
    sizes,
    sizes,
    sizes,
    st.integers(1, 16),
)
rates = st.one_of(st.none(), st.floats(0.001, 1e10))
links = st.builds(lambda rate, latency: Link(rate_bps=rate, latency_s=latency), rates, st.floats(0, 2))


@st.composite
def views(draw: st.DrawFn) -> PieceView:
    """Any piece under way."""
    position = draw(st.integers(0, 2000))
    reserved = position + draw(st.integers(0, 1000))
    stop = reserved + draw(st.integers(0, 5000))
    rate, silent = draw(rates), draw(st.floats(0, 100))
    return PieceView(position=position, reserved=reserved, stop=stop, rate_bps=rate, silent_s=silent)


@given(
    link=links,
    unassigned=st.integers(1, 1 << 40),
    previous=st.integers(0, 1 << 30),
    chosen=options,
)
def test_piece_is_never_empty_and_never_more_than_there_is(
    link: Link, unassigned: int, previous: int, chosen: TransferOptions
) -> None:
    """An empty piece is asked for for ever; one too large fetches what somebody else does."""
    size = piece_size(link, unassigned, previous, chosen)

    assert 1 <= size <= unassigned


@given(link=links, unassigned=st.integers(1, 1 << 40), previous=st.integers(0, 1 << 30), chosen=options)
def test_piece_is_not_much_larger_than_the_largest(
    link: Link, unassigned: int, previous: int, chosen: TransferOptions
) -> None:
    """What a killed process loses is bounded; only a rest too small for a piece of its own is added."""
    floor = max(chosen.split_min, int((link.rate_bps or 0.0) * link.latency_s * 4))

    size = piece_size(link, unassigned, previous, chosen)

    largest = max(chosen.piece_max, chosen.first_piece)
    assert size < largest + min(floor, largest) + 1


@given(link=links, unassigned=st.integers(1, 1 << 40), previous=st.integers(1, 1 << 20), chosen=options)
def test_piece_grows_at_most_twofold(link: Link, unassigned: int, previous: int, chosen: TransferOptions) -> None:
    """One lucky measurement does not make a piece of a minute."""
    size = piece_size(link, unassigned, previous, chosen)

    wanted = max(chosen.first_piece if link.rate_bps is None else 2 * previous, chosen.piece_min)
    assert size < 2 * wanted or size <= wanted + chosen.split_min


def test_first_piece_is_what_the_options_say() -> None:
    """The first answer tells size and speed, so it must come soon."""
    assert piece_size(Link(), 1 << 40, 0, OPTIONS) == OPTIONS.first_piece


@pytest.mark.parametrize(
    ("rate", "size"),
    [(1.0, 4 * MIB), (10.0 * MIB, 10 * MIB), (100.0 * MIB, 100 * MIB), (1e12, 128 * MIB)],
    ids=["slow", "10 MiB/s", "100 MiB/s", "fast"],
)
def test_piece_is_about_a_second_of_the_link(rate: float, size: int) -> None:
    """Large enough that round trips cost little, small enough that a failure does."""
    far = Link(rate_bps=rate, latency_s=0.05)

    found = piece_size(far, 1 << 40, 1 << 30, OPTIONS)

    assert found == size


@given(
    start=st.integers(1, 64 * 1024), connections=st.integers(1, 16), rate=st.floats(1e5, 1e9), latency=st.floats(0, 0.2)
)
def test_pieces_of_a_file_shrink_towards_its_end_and_cover_it(
    start: int, connections: int, rate: float, latency: float
) -> None:
    """All connections end together: nobody starts a large piece when little is left."""
    unassigned, previous, cut = start * 64 * 1024, 0, []
    chosen = replace(OPTIONS, connections_per_file=connections)
    link = Link(rate_bps=rate, latency_s=latency)

    while unassigned:
        previous = piece_size(link, unassigned, previous, chosen)
        cut.append((unassigned, previous))
        unassigned -= previous

    floor = max(chosen.split_min, int(rate * latency * 4))
    assert sum(size for _, size in cut) == start * 64 * 1024
    assert all(size <= max(left // (2 * connections), 2 * floor) for left, size in cut)


@given(rate=st.floats(1e8, 1e10), previous=st.integers(1 << 25, 1 << 30))
def test_piece_is_no_larger_than_order_allows_where_round_trips_cost_nothing(rate: float, previous: int) -> None:
    """Pieces of all connections together are what the hasher may have to wait for."""
    near = Link(rate_bps=rate, latency_s=0.0)

    size = piece_size(near, 1 << 40, previous, OPTIONS)

    assert size == OPTIONS.hash_lag // OPTIONS.connections_per_file


@given(pieces=st.lists(views(), max_size=8), link=links, steals=st.integers(0, 5), chosen=options)
def test_split_gives_away_nothing_that_may_be_being_written(
    pieces: list[PieceView], link: Link, steals: int, chosen: TransferOptions
) -> None:
    """Two connections never write the same bytes; a silent piece is broken first, so it loses all it hasn't got."""
    found = find_split(pieces, link, steals, chosen)
    assume(found is not None)

    assert found is not None
    piece, cut = pieces[found[0]], found[1]
    is_taken_whole = cut == piece.position and piece.silent_s > chosen.straggler_s * 2**steals
    assert is_taken_whole or piece.reserved + chosen.split_min <= cut <= piece.stop - chosen.split_min


@given(pieces=st.lists(views(), min_size=1, max_size=8), link=links)
def test_piece_that_ends_last_is_the_one_split(pieces: list[PieceView], link: Link) -> None:
    """Help goes where the time is lost."""
    found = find_split(pieces, link, 0, OPTIONS)

    latest = max(each.eta_s for each in pieces)
    assert found is None or pieces[found[0]].eta_s == latest


def busy(rate: float, rest: int = 64 * MIB) -> PieceView:
    return PieceView(position=MIB, reserved=2 * MIB, stop=2 * MIB + rest, rate_bps=rate, silent_s=0.0)


def test_rest_is_shared_by_speed() -> None:
    """Both connections end together: one four times faster takes four fifths."""
    found = find_split([busy(1.0 * MIB)], Link(rate_bps=4.0 * MIB), 0, OPTIONS)

    assert found is not None
    assert found[1] - 2 * MIB == pytest.approx(64 * MIB / 5, abs=1)


@pytest.mark.parametrize(
    "piece",
    [
        busy(1.0 * MIB, rest=2 * MIB - 1),  # too little to share
        busy(1e9),  # done before the other has its first byte
        PieceView(position=0, reserved=MIB, stop=64 * MIB, rate_bps=None, silent_s=1.0),  # nothing is known of it yet
    ],
    ids=["small", "fast", "new"],
)
def test_piece_not_worth_splitting_is_left_alone(piece: PieceView) -> None:
    """A split costs a request and a connection."""
    assert find_split([piece], Link(rate_bps=1.0 * MIB), 0, OPTIONS) is None


@pytest.mark.parametrize(("steals", "patience"), [(0, 3.0), (1, 6.0), (2, 12.0)])
def test_silent_piece_is_taken_over_with_growing_patience(steals: int, patience: float) -> None:
    """A server that is silent to everyone is not hammered by takeovers."""
    early = replace(busy(1.0 * MIB), silent_s=patience)
    late = replace(busy(1.0 * MIB), silent_s=patience + 0.1, reserved=65 * MIB)

    assert find_split([early], Link(rate_bps=1e9), steals, OPTIONS) != (0, early.position)
    assert find_split([late], Link(rate_bps=1e9), steals, OPTIONS) == (0, late.position)


def test_nothing_under_way_is_nothing_to_split() -> None:
    """The end of a file is no crash."""
    assert find_split([], Link(), 0, OPTIONS) is None


@pytest.mark.parametrize(
    ("rate", "best", "rest", "expected"),
    [
        (1.0 * MIB, 5.0 * MIB, 64 * MIB, True),
        (1.0 * MIB, 3.9 * MIB, 64 * MIB, False),  # not much slower than the best
        (1.0 * MIB, 5.0 * MIB, 1 * MIB, False),  # done soon
        (None, 5.0 * MIB, 64 * MIB, False),
        (1.0 * MIB, None, 64 * MIB, False),
    ],
)
def test_laggard_is_slow_against_the_best_and_far_from_its_end(
    rate: float | None, best: float | None, rest: int, expected: bool
) -> None:
    """The piece that the hasher waits for must not hold everyone up, and a healthy one is not disturbed."""
    piece = replace(busy(1.0, rest), rate_bps=rate)

    assert is_laggard(piece, Link(rate_bps=best), OPTIONS) is expected
