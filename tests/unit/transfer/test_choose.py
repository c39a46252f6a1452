"""What a free connection does next: whom it asks, for which bytes, and whose rest it takes over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.jobs import CONTENT, SIZE, answer, bring, fail, make_job, md5, take, url
from tests.support.memory_sink import MemorySink
from weighbridge.core.errors import BadStatusError, ConnectError
from weighbridge.core.ranges import ByteRange, RangeSet
from weighbridge.core.recovery import Validator
from weighbridge.transfer.choose import next_piece
from weighbridge.transfer.piece import Piece


def span(piece: Piece | None) -> tuple[int, int | None] | None:
    return None if piece is None else (piece.start, piece.stop)


def test_first_piece_finds_out_for_all() -> None:
    """Without a size nobody else can ask for anything: one request, no HEAD."""
    job = make_job(digest=md5())

    first = take(job)

    assert span(first) == (0, 100)
    assert next_piece(job, 0.0) is None


def test_pieces_follow_each_other_from_the_front() -> None:
    """Arrival is nearly in order, so the hasher keeps up; no byte is asked for twice."""
    job = make_job(digest=md5())
    answer(job, take(job))
    bring(job, job.pieces[0], 10)

    more = [take(job), take(job), take(job)]

    assert [span(each) for each in more] == [(100, 200), (200, 300), (300, 400)]
    assert next_piece(job, 0.0) is None  # four connections is what the options allow


def test_known_size_does_not_let_everybody_try_an_unknown_server() -> None:
    """A server that is down, redirects or refuses is found out by one connection, not by eight."""
    job = make_job(digest=md5(), size=SIZE)

    first = take(job)
    second = next_piece(job, 1.0)
    answer(job, first, 1.0)
    third = next_piece(job, 1.0)

    assert span(first) == (0, 100)
    assert second is None
    assert span(third) == (100, 200)


def test_gaps_of_an_earlier_run_are_filled_and_nothing_else() -> None:
    """P2: what is here is not asked for."""
    written = RangeSet([ByteRange(0, 150), ByteRange(180, 950)])
    job = make_job(digest=md5(), sink=MemorySink.holding(CONTENT, written, Validator('"1"')))

    first = take(job)
    answer(job, first)
    second = take(job)

    assert [span(first), span(second)] == [(150, 180), (950, 1000)]


def test_nothing_is_asked_for_when_all_is_here() -> None:
    """P8: a partial that only lacks its hash makes no request."""
    job = make_job(digest=md5(), sink=MemorySink.holding(CONTENT, RangeSet([ByteRange(0, SIZE)])))

    assert next_piece(job, 0.0) is None


def test_small_file_is_one_request() -> None:
    """A file of one piece is not worth two connections."""
    job = make_job(digest=md5(CONTENT[:90]), size=90)

    piece = take(job)

    assert span(piece) == (0, 90)
    assert next_piece(job, 0.0) is None


def test_source_that_failed_is_left_alone_for_a_while() -> None:
    """The wait is the source's, so nobody hammers it meanwhile."""
    job = make_job(digest=md5())
    fail(job, take(job, 10.0), ConnectError("down"), 10.0)

    early, late = next_piece(job, 10.9), next_piece(job, 11.0)

    assert early is None
    assert span(late) == (0, 100)


def test_silent_connection_does_not_keep_a_source_that_failed_once_from_being_asked() -> None:
    """One connection reset, the other silent: three seconds, not the whole stall window."""
    job = make_job(digest=md5())
    silent = take(job)
    answer(job, silent)
    bring(job, silent, 10)
    fail(job, take(job), ConnectError("reset"), 0.1)

    late = next_piece(job, 5.0)

    assert late is not None


def test_helper_is_asked_while_the_primary_is_left_alone() -> None:
    """A mirror is there for exactly that."""
    job = make_job(2, digest=md5())
    fail(job, take(job), ConnectError("down"))

    piece = take(job)

    assert piece.state.index == 1


def test_helper_without_a_digest_is_asked_only_when_the_primary_is_dead() -> None:
    """P1 without a promise: bytes of two servers are never mixed."""
    job = make_job(2)
    fail(job, take(job), ConnectError("down"))

    waiting = next_piece(job, 0.5)
    fail(job, take(job, 1.0), BadStatusError("gone", status=404), 1.0)
    piece = take(job, 1.0)

    assert waiting is None
    assert piece.state.index == 1


def test_bytes_under_way_from_another_source_are_waited_for_before_the_next_is_asked() -> None:
    """Bytes that a dead source's worker is still writing must not land over those of the next."""
    job = make_job(2, size=SIZE)
    slow = take(job)
    answer(job, slow)
    bring(job, slow, 10)
    slow.reserve(20)
    landing = job.commit(slow, 20, 1.0)
    other = take(job, 1.0)
    fail(job, other, BadStatusError("gone", status=404), 1.0)

    early = next_piece(job, 2.0)
    with pytest.raises(Exception, match="void"):
        job.advance(slow, 20, landing, 2.0)
    job.release(slow, 2.0)
    late = next_piece(job, 2.0)

    assert early is None
    assert late is not None
    assert (late.state.index, late.start) == (1, 0)


def test_unmeasured_source_is_tried_with_one_piece() -> None:
    """A mirror's speed is found out by use."""
    job = make_job(2, digest=md5())
    first = take(job)
    answer(job, first)
    bring(job, first, 50, 0.6)

    second, third = take(job, 0.6), take(job, 0.6)

    assert [each.state.index for each in (first, second, third)] == [0, 1, 0]


def test_fast_source_gets_the_work() -> None:
    """A mirror that is ten times slower is not given half of the file."""
    job = make_job(2, digest=md5(), size=SIZE)
    job.sources[0].measure(1000.0)
    job.sources[1].measure(100.0)
    for state in job.sources:
        state.is_open = state.ranges = True

    indexes = [take(job).state.index for _ in range(4)]

    assert indexes == [0, 0, 0, 0]


def test_equally_fast_sources_share_the_work() -> None:
    """Two servers give more than one."""
    job = make_job(2, digest=md5(), size=SIZE)
    for state in job.sources:
        state.measure(1000.0)
        state.is_open = state.ranges = True

    indexes = [take(job).state.index for _ in range(4)]

    assert indexes == [0, 1, 0, 1]


def test_source_without_ranges_sends_the_whole_file_alone() -> None:
    """While it comes nobody else writes."""
    job = make_job(digest=md5(), size=SIZE)
    job.sources[0].ranges = False

    piece = take(job)

    assert (piece.is_whole, piece.span) == (True, None)
    assert next_piece(job, 0.0) is None


def test_source_with_ranges_is_preferred_to_one_without() -> None:
    """It can go on where the other must begin again."""
    job = make_job(2, digest=md5(), size=SIZE)
    job.sources[0].ranges = False

    assert take(job).state.index == 1


def test_silent_piece_is_given_away_and_its_worker_woken() -> None:
    """P3: a connection that fell silent costs three seconds, not the read timeout."""
    job = make_job(digest=md5(), size=200)
    first = take(job)
    answer(job, first)
    bring(job, first, 30)
    second = take(job)
    answer(job, second, 0.1)
    bring(job, second, 100, 0.5)
    job.release(second, 0.5)

    early, late = next_piece(job, 3.0), next_piece(job, 3.1)

    assert early is None
    assert span(late) == (30, 100)
    assert first.stop == 30
    assert first.interrupt.reason is not None


def test_slow_piece_shares_its_rest_beyond_what_may_be_being_written() -> None:
    """The end of a file does not wait for the slowest connection."""
    job = make_job(digest=md5(), size=200)
    first = take(job)
    answer(job, first)
    bring(job, first, 2, 0.0)
    second = take(job, 0.1)
    answer(job, second, 0.1)
    bring(job, second, 100, 0.5)
    job.release(second, 0.5)
    bring(job, first, 2, 2.0)
    first.reserve(20)
    job.options = replace(job.options, split_min=10)

    helper = take(job, 2.6)

    assert first.interrupt.reason is None
    assert first.stop == helper.start
    assert helper.stop == 100
    assert helper.start >= 4 + 20 + 10


def test_takeovers_without_a_byte_come_to_an_end() -> None:
    """A server that is silent to everyone is not asked again and again."""
    job = make_job(digest=md5(), size=SIZE)
    job.sources[0].is_open = job.sources[0].ranges = True
    now, asked = 0.0, 0

    for _ in range(200):
        now += 1.0
        asked += next_piece(job, now) is not None

    assert asked <= 10 + 3  # ten pieces of a hundred bytes would be all; four connections, three takeovers


def test_no_piece_is_started_while_too_much_is_unhashed() -> None:
    """Bytes far ahead of the hasher fall out of the page cache; it opens again when it has caught up."""
    job = make_job(digest=md5(), hash_lag=150)
    first = take(job)
    answer(job, first)
    bring(job, first, 100)
    job.release(first, 0.0)
    second = take(job)
    answer(job, second)
    bring(job, second, 100)
    job.release(second, 0.0)
    assert job.hasher is not None

    shut = next_piece(job, 0.0)
    job.hasher.step(200)
    opened = next_piece(job, 0.0)

    assert shut is None
    assert span(opened) == (200, 300)


def test_strong_etag_pins_the_next_piece_only_where_it_came_from() -> None:
    """``If-Range`` makes a server send the new file whole if it changed; another host's ETag means nothing there."""
    job = make_job(digest=md5())
    first = take(job)
    answer(job, first)
    second = take(job)
    job.sources[0].address = "http://cdn.example/f?sig=1"
    third = take(job)

    assert [each.if_range for each in (first, second, third)] == [None, '"1"', None]
    assert third.address == "http://cdn.example/f?sig=1"


def test_weak_etag_is_never_sent_back() -> None:
    """RFC 9110, 13.1.5 forbids it."""
    job = make_job(digest=md5())
    answer(job, take(job), etag='W/"1"')

    assert take(job).if_range is None


def test_redirect_target_is_asked_directly() -> None:
    """One redirect for a file, not one for each piece."""
    job = make_job(digest=md5())
    first = take(job)
    answer(job, first, address="http://cdn.example/f?sig=1")

    second = take(job)

    assert (second.address, second.was_redirected) == ("http://cdn.example/f?sig=1", True)
    assert second.state.source.url == url()


def test_job_that_is_over_asks_for_nothing() -> None:
    """After the first error every connection goes to the next file."""
    job = make_job(digest=md5(), size=SIZE)
    job.fail(ConnectError("x"))

    assert next_piece(job, 0.0) is None
