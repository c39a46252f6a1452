"""What a failed piece means for its source and for the whole: who is asked next, when, and when it is over."""

from __future__ import annotations

import pytest

from tests.support.jobs import OPTIONS, SIZE, answer, bring, fail, make_job, md5, take, url
from weighbridge.core.errors import (
    ArtifactChangedError,
    BadAnswerError,
    BadStatusError,
    CancelledError,
    ConnectError,
    DiskFullError,
    RangeIgnoredError,
    RetriesExhaustedError,
    SizeMismatchError,
    TruncatedError,
)
from weighbridge.transfer.choose import next_piece
from weighbridge.transfer.job import Job

CDN = "http://cdn.example/f?sig=1"


def started(count: int = 1) -> Job:
    """Return a job whose primary has answered and given ten bytes."""
    job = make_job(count, digest=md5())
    answer(job, take(job))
    bring(job, job.pieces[0], 10)
    return job


def test_failed_piece_is_asked_for_again_from_where_it_broke() -> None:
    """P2: the bytes before the break are kept."""
    job = started()

    told = fail(job, job.pieces[0], TruncatedError("cut"), 1.0)
    again = take(job, 2.0)

    assert told == "cut"
    assert (again.start, again.stop) == (10, 110)
    assert not job.is_over


def test_error_says_where() -> None:
    """P3: source and offset are in the error that comes out."""
    job, error = started(), TruncatedError("cut")

    fail(job, job.pieces[0], error)

    assert error.offset == 10


def test_waits_grow_with_failures_in_a_row_and_start_over_with_progress() -> None:
    """A server that is down is asked less and less; one that stumbles is asked again soon."""
    job, now, waits = make_job(digest=md5(), retry=OPTIONS.retry), 0.0, []
    state = job.sources[0]

    for _ in range(2):
        fail(job, take(job, now), ConnectError("down"), now)
        waits.append(state.not_before - now)
        now = state.not_before
    piece = take(job, now)
    answer(job, piece, now)
    bring(job, piece, 10, now)
    fail(job, piece, ConnectError("down"), now)
    waits.append(state.not_before - now)

    assert waits == [1.0, 2.0, 1.0]


def test_attempts_without_progress_end_it() -> None:
    """The error holds every failure, oldest first."""
    job, now = make_job(digest=md5()), 0.0
    errors = [ConnectError("one"), TruncatedError("two"), BadStatusError("three", status=503)]

    for error in errors:
        fail(job, take(job, now), error, now)
        now += 10.0

    assert isinstance(job.error, RetriesExhaustedError)
    assert job.error.failures == tuple(errors)
    assert "three" in str(job.error)


def test_progress_gives_attempts_back() -> None:
    """A hundred bytes buy one failure here; without them three would be the end."""
    job, now = started(), 0.0

    for _ in range(8):
        piece = job.pieces[0] if job.pieces else take(job, now)
        answer(job, piece, now)
        bring(job, piece, 90, now)
        fail(job, piece, ConnectError("reset"), now)
        now += 10.0

    assert not job.is_over


def test_connections_that_broke_together_count_once() -> None:
    """A server that restarts cuts eight connections; that is one failure."""
    job = started()
    pieces = [job.pieces[0], take(job), take(job), take(job)]

    for piece in pieces:
        fail(job, piece, ConnectError("reset"), 5.0)

    assert job.sources[0].failures == 1
    assert not job.is_over


def test_dead_source_is_not_asked_again() -> None:
    """404 is an answer, not a failure to get one."""
    job = make_job(digest=md5())

    fail(job, take(job), BadStatusError("gone", status=404))

    assert isinstance(job.error, BadStatusError)
    assert next_piece(job, 100.0) is None


def test_job_lives_while_one_source_does() -> None:
    """Only when nobody is left it is over, with what the primary said."""
    job = make_job(3, digest=md5())
    gone = [BadStatusError(f"gone {index}", status=404) for index in range(3)]

    states = []
    for error in gone:
        states.append(job.is_over)
        fail(job, take(job), error)

    assert states == [False, False, False]
    assert job.error is gone[0]


def test_helper_that_lies_about_the_size_is_left_alone() -> None:
    """Wrong content is an answer as well."""
    job = started(2)
    helper = take(job)
    assert helper.state.index == 1

    fail(job, helper, SizeMismatchError("other file", expected=1, actual=2))

    assert job.sources[1].dead is not None
    assert not job.is_over


def test_expired_address_is_asked_for_again_at_once() -> None:
    """No wait, no attempt is lost; the source tells where it leads now."""
    job = make_job(digest=md5())
    first = take(job)
    answer(job, first, address=CDN)
    bring(job, first, 100)
    job.release(first, 0.0)
    second = take(job)

    fail(job, second, BadStatusError("expired", status=403), 1.0)
    again = take(job, 1.0)

    assert (second.address, again.address) == (CDN, url())
    assert job.sources[0].tokens == OPTIONS.retry.attempts


def test_expired_address_does_not_idle_the_others_while_one_piece_goes_on() -> None:
    """A large piece that began in time may take minutes; the rest of the file does not wait for it."""
    job = make_job(digest=md5())
    long = take(job)
    answer(job, long, address=CDN)
    bring(job, long, 10)
    fail(job, take(job), BadStatusError("expired", status=403), 1.0)
    bring(job, long, 10, 2.0)

    finding_out = take(job, 2.0)
    answer(job, finding_out, 2.0, address=CDN + "2")
    more = take(job, 2.0)

    assert (finding_out.address, more.address) == (url(), CDN + "2")


def test_address_that_expires_again_and_again_ends_it() -> None:
    """A clock that is wrong there makes every signature old; that is no endless loop."""
    job, asked = make_job(digest=md5(), size=SIZE), 0

    while not job.is_over and asked < 50:
        asked += 1
        piece = take(job, float(asked))
        piece.landed = CDN
        fail(job, piece, BadStatusError("expired", status=403), float(asked))

    assert asked == 3
    assert isinstance(job.error, BadStatusError)


def test_expiry_that_several_noticed_counts_once() -> None:
    """Eight connections hit the expired address in the same moment."""
    job = make_job(digest=md5())
    answer(job, take(job), address=CDN)
    bring(job, job.pieces[0], 10)
    pieces = [take(job), take(job), take(job)]

    for piece in pieces:
        fail(job, piece, BadStatusError("expired", status=403), 1.0)

    assert job.sources[0].fruitless == 1
    assert not job.is_over


@pytest.mark.parametrize("error", [RangeIgnoredError("whole"), BadAnswerError("nonsense")])
def test_source_that_never_did_ranges_right_is_asked_for_the_whole(error: BadAnswerError) -> None:
    """Failures 3, 4 and 6: what it can't do is not asked of it."""
    job = make_job(digest=md5(), size=SIZE)

    fail(job, take(job), error)
    piece = take(job, 10.0)

    assert (piece.is_whole, piece.span) == (True, None)


def test_one_bad_answer_of_a_good_server_does_not_end_ranges() -> None:
    """One odd node of a CDN costs one answer."""
    job = started()
    bring(job, job.pieces[0], 90)
    job.release(job.pieces[0], 0.0)

    fail(job, take(job), BadAnswerError("nonsense"))
    one = job.sources[0].ranges
    fail(job, take(job, 10.0), BadAnswerError("nonsense"), 10.0)
    two = job.sources[0].ranges

    assert (one, two) == (True, False)


def test_source_that_can_not_send_the_whole_either_is_dead() -> None:
    """There is nothing left to ask of it."""
    job = make_job(digest=md5(), size=SIZE)
    fail(job, take(job), BadAnswerError("nonsense"))

    fail(job, take(job, 10.0), BadAnswerError("nonsense"), 10.0)

    assert isinstance(job.error, BadAnswerError)


def test_changed_file_is_begun_again() -> None:
    """Nothing of the old state is kept, and nobody who still writes it may go on."""
    job = started()
    old = take(job)

    fail(job, job.pieces[0], ArtifactChangedError("another file"))
    piece = take(job, 1.0)

    assert job.written.total == 0
    assert old.interrupt.reason is not None
    assert (piece.start, piece.generation) == (0, 1)


def test_file_that_keeps_changing_ends_it() -> None:
    """It is tried in one piece once, then it is an error."""
    job, asked = started(), 0

    while not job.is_over and asked < 20:
        asked += 1
        piece = job.pieces[0] if job.pieces else take(job, float(asked))
        fail(job, piece, ArtifactChangedError("another file"), float(asked))

    assert asked == 3
    assert isinstance(job.error, ArtifactChangedError)


def test_error_of_the_disk_ends_it_at_once() -> None:
    """No server can help a full disk."""
    job = started()
    other = take(job)

    fail(job, job.pieces[0], DiskFullError("full"))

    assert isinstance(job.error, DiskFullError)
    assert other.interrupt.reason is not None


def test_piece_that_was_told_to_stop_is_no_failure() -> None:
    """Ctrl-C and takeovers cost no attempts and tell nobody."""
    job = started()

    told = fail(job, job.pieces[0], CancelledError("stopped"))

    assert told is None
    assert (job.failures, job.sources[0].tokens) == ([], OPTIONS.retry.attempts)


def test_piece_whose_rest_was_given_away_is_no_failure() -> None:
    """Its worker is only woken."""
    job = started()
    piece, reason = job.pieces[0], ConnectError("given away")
    piece.stop = piece.position
    piece.interrupt.trigger(reason)

    told = fail(job, piece, reason)

    assert told is None
    assert job.failures == []


def test_failure_of_a_voided_piece_is_of_no_interest() -> None:
    """What belongs to the old state of the file says nothing about the new one."""
    job = started()
    job.void()

    told = fail(job, job.pieces[0], ConnectError("reset"))

    assert told is None
    assert job.failures == []
