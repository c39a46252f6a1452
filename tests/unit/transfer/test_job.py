"""What is believed of answers, what is counted of bytes, and how the whole is judged."""

from __future__ import annotations

import pytest

from tests.support.jobs import CONTENT, SIZE, answer, bring, hash_all, make_job, md5, part, take, url, whole
from tests.support.memory_sink import MemorySink
from weighbridge.core.errors import (
    ArtifactChangedError,
    BadAnswerError,
    CancelledError,
    ConnectError,
    DigestMismatchError,
    RangeIgnoredError,
    SizeMismatchError,
)
from weighbridge.core.ranges import ByteRange, RangeSet
from weighbridge.core.recovery import Validator
from weighbridge.transfer.answers import Answer
from weighbridge.transfer.job import Job

ALL = RangeSet([ByteRange(0, SIZE)])


def fetch_all(job: Job, content: bytes = CONTENT) -> None:
    """Let every missing byte come from whoever is asked."""
    while not job.has_all_bytes:
        piece = take(job)
        answer(job, piece)
        assert piece.stop is not None
        bring(job, piece, piece.stop - piece.start, content=content)
        job.release(piece, 0.0)


def test_first_answer_tells_the_size() -> None:
    """That is what a HEAD would have been for."""
    job = make_job(digest=md5())
    piece = take(job)

    learned = job.accept(piece, part(0, 100), url(), 0.0)

    assert (learned, job.size, job.is_confirmed) == (True, SIZE, True)


def test_later_answer_tells_nothing_new() -> None:
    """The journal is told once."""
    job = make_job(digest=md5())
    answer(job, take(job))

    assert job.accept(take(job), part(100, 200), url(), 0.0) is False


def test_short_answer_shortens_the_piece() -> None:
    """What was left out is a gap again, not a wait."""
    job = make_job(digest=md5())
    piece = take(job)

    job.accept(piece, part(0, 40), url(), 0.0)

    assert piece.stop == 40
    assert take(job).start == 40


def test_answer_with_another_size_than_promised_is_wrong_content() -> None:
    """A promise is not corrected by a server."""
    job = make_job(digest=md5(), size=SIZE)

    with pytest.raises(SizeMismatchError) as caught:
        job.accept(take(job), part(0, 100, SIZE + 1), url(), 0.0)

    assert (caught.value.expected, caught.value.actual) == (SIZE, SIZE + 1)


def test_web_page_in_place_of_the_file_is_a_bad_answer() -> None:
    """A portal's sign-in page says nothing about the file; what is here is kept."""
    job = make_job(digest=md5())
    answer(job, take(job))
    bring(job, job.pieces[0], 50)
    page = Answer(start=0, stop=70, size=70, validator=Validator(), is_whole=True, is_page=True)

    with pytest.raises(BadAnswerError):
        job.accept(take(job), page, url(), 0.0)

    assert job.written.total == 50


def test_empty_answer_where_content_is_promised_is_a_bad_answer() -> None:
    """The digest says that there is something."""
    job = make_job(digest=md5())

    with pytest.raises(BadAnswerError):
        job.accept(take(job), whole(0), url(), 0.0)


def test_empty_answer_where_nothing_is_promised_is_the_file() -> None:
    """Empty files are files."""
    job = make_job(digest=md5(b""))

    answer_ = whole(0)
    job.accept(take(job), answer_, url(), 0.0)

    assert job.size == 0


@pytest.mark.parametrize(("size", "etag"), [(SIZE, '"2"'), (SIZE + 1, '"1"'), (SIZE, 'W/"2"')])
def test_other_size_or_etag_of_the_same_server_is_a_changed_file(size: int, etag: str) -> None:
    """Parts of two states are never mixed."""
    job = make_job(digest=md5())
    answer(job, take(job))

    with pytest.raises(ArtifactChangedError):
        job.accept(take(job), part(100, 200, size, etag), url(), 0.0)


@pytest.mark.parametrize("etag", ['"1"', 'W/"1"', None])
def test_same_or_missing_etag_is_no_change(etag: str | None) -> None:
    """A node that weakens or omits its tag does not void the file."""
    job = make_job(digest=md5())
    answer(job, take(job))

    job.accept(take(job), part(100, 200, SIZE, etag), url(), 0.0)

    assert job.generation == 0


def test_other_etag_of_another_machine_is_no_change_where_a_digest_decides() -> None:
    """The nodes of one CDN may name the same bytes differently."""
    job = make_job(digest=md5())
    answer(job, take(job), address="http://cdn1.example/f")

    job.accept(take(job), part(100, 200, SIZE, '"2"'), "http://cdn2.example/f", 0.0)

    assert job.generation == 0


def test_other_etag_of_another_machine_is_a_change_without_a_digest() -> None:
    """Nothing else could tell."""
    job = make_job()
    answer(job, take(job), address="http://cdn1.example/f")

    with pytest.raises(ArtifactChangedError):
        job.accept(take(job), part(100, 200, SIZE, '"2"'), "http://cdn2.example/f", 0.0)


def test_helper_with_another_size_is_wrong_and_the_primary_is_believed() -> None:
    """Only the primary speaks for the file."""
    job = make_job(2, digest=md5())
    answer(job, take(job))
    helper = take(job)

    with pytest.raises(SizeMismatchError):
        job.accept(helper, part(helper.start, helper.start + 10, SIZE + 1), url(1), 0.0)

    assert job.size == SIZE


def test_what_an_earlier_run_learned_gives_way_to_what_is_now() -> None:
    """A partial of yesterday's file is void; nothing has failed."""
    sink = MemorySink.holding(CONTENT, RangeSet([ByteRange(0, 500)]), Validator('"0"'))
    job = make_job(digest=md5(), sink=sink)
    piece = take(job)

    with pytest.raises(CancelledError):
        job.accept(piece, part(piece.start, piece.start + 10, SIZE + 5), url(), 0.0)

    assert (job.written.total, job.size, job.generation) == (0, None, 1)


def test_whole_file_in_place_of_a_later_range_is_refused() -> None:
    """The file's beginning is not written into its middle."""
    job = make_job(digest=md5())
    answer(job, take(job))
    later = take(job)

    with pytest.raises(RangeIgnoredError):
        job.accept(later, whole(), url(), 0.0)


def test_whole_file_stops_those_who_only_wait() -> None:
    """While it comes nobody else writes."""
    job = make_job(digest=md5(), size=SIZE)
    first = take(job)
    job.sources[0].is_open = True
    other = take(job)

    job.accept(first, whole(), url(), 0.0)

    assert (first.is_whole, first.stop) == (True, SIZE)
    assert other.interrupt.reason is not None


@pytest.mark.parametrize("is_landing", [True, False])
def test_whole_file_is_refused_while_others_write(is_landing: bool) -> None:
    """What they wrote may be hashed already, and must stay what it is."""
    job = make_job(digest=md5(), size=SIZE)
    first = take(job)
    job.sources[0].is_open = True
    other = take(job)
    job.accept(other, part(other.start, 200), url(), 0.0)
    other.reserve(10)
    spans = job.commit(other, 10, 0.0)
    if not is_landing:
        job.advance(other, 10, spans, 0.0)

    with pytest.raises(RangeIgnoredError):
        job.accept(first, whole(), url(), 0.0)


def test_whole_file_writes_only_what_is_missing() -> None:
    """Bytes that may be hashed already are left as they are on disk."""
    written = RangeSet([ByteRange(0, 30), ByteRange(50, 60)])
    job = make_job(digest=md5(), sink=MemorySink.holding(CONTENT, written, Validator('"1"')))
    job.sources[0].ranges = False
    piece = take(job)
    job.accept(piece, whole(), url(), 0.0)

    spans = job.commit(piece, 100, 0.0)

    assert spans == [ByteRange(30, 50), ByteRange(60, 100)]


def test_bytes_of_a_voided_piece_are_not_written() -> None:
    """The old state's bytes must not land in the new one's file."""
    job = make_job(digest=md5())
    answer(job, take(job))
    piece = job.pieces[0]
    piece.reserve(10)
    job.void()

    with pytest.raises(CancelledError):
        job.commit(piece, 10, 0.0)


def test_bytes_that_were_being_written_when_all_was_voided_do_not_count() -> None:
    """They are on the disk, but they are the old state's."""
    job = make_job(digest=md5())
    answer(job, take(job))
    piece = job.pieces[0]
    piece.reserve(10)
    spans = job.commit(piece, 10, 0.0)
    job.void()

    with pytest.raises(CancelledError):
        job.advance(piece, 10, spans, 0.0)

    assert job.written.total == 0


def test_voided_piece_that_is_writing_keeps_others_away_until_it_is_done() -> None:
    """Its bytes could land on top of new ones."""
    job = make_job(digest=md5(), size=SIZE)
    answer(job, take(job))
    piece = job.pieces[0]
    piece.reserve(10)
    spans = job.commit(piece, 10, 0.0)
    job.void()

    busy = [each for each in job.live if each is piece]
    with pytest.raises(CancelledError):
        job.advance(piece, 10, spans, 0.0)
    idle = [each for each in job.live if each is piece]

    assert (busy, idle) == ([piece], [])


def test_body_without_a_length_tells_the_size_when_it_ends() -> None:
    """Close-delimited and chunked answers; the size is a guess that the digest has to confirm."""
    job = make_job(digest=md5(CONTENT[:70]))
    piece = take(job)
    job.accept(piece, whole(None), url(), 0.0)
    bring(job, piece, 70)

    job.end_body(piece)

    assert (job.size, job.is_guessed) == (70, True)


def test_right_digest_ends_it_well() -> None:
    """P1: that is what a file gets its name for."""
    job = make_job(digest=md5())
    fetch_all(job)
    hash_all(job)

    again = job.settle()

    assert (again, job.is_over, job.error) == (False, True, None)


def test_wrong_digest_of_the_primary_ends_it_badly() -> None:
    """Asking the same server the same question again is no check."""
    job = make_job(digest=md5())
    fetch_all(job, bytes(SIZE))
    hash_all(job)

    again = job.settle()

    assert again is False
    assert isinstance(job.error, DigestMismatchError)
    assert (job.error.expected, job.error.actual) == (md5(), md5(bytes(SIZE)))
    assert url() in str(job.error)


def test_what_an_earlier_run_left_is_suspect_and_fetched_again_once() -> None:
    """Rot between two runs costs those bytes, not the file."""
    left = bytes(300) + CONTENT[300:]
    job = make_job(digest=md5(), sink=MemorySink.holding(left, RangeSet([ByteRange(0, 400)]), Validator('"1"')))
    fetch_all(job)
    hash_all(job)

    again = job.settle()
    missing = [(each.start, each.stop) for each in job.written.missing(SIZE)]
    assert job.hasher is not None
    job.hasher.restart()
    fetch_all(job)
    hash_all(job)
    last = job.settle()

    assert (again, missing, last) == (True, [(0, 400)], False)
    assert job.error is None
    assert bytes(job.sink.content) == CONTENT  # type: ignore[attr-defined]


def test_what_a_helper_gave_is_suspect_and_fetched_again_from_the_primary_only() -> None:
    """A mirror that lies costs its bytes once."""
    job = make_job(2, digest=md5())
    first = take(job)
    answer(job, first)
    bring(job, first, 100)
    job.release(first, 0.0)
    job.sources[0].measure(1000.0)
    helper = take(job)
    assert helper.state.index == 1
    answer(job, helper)
    bring(job, helper, 100, content=bytes(SIZE))
    job.release(helper, 0.0)
    job.sources[1].dead = ConnectError("gone")
    fetch_all(job)
    hash_all(job)

    again = job.settle()

    assert again is True
    assert [(each.start, each.stop) for each in job.written.missing(SIZE)] == [(100, 200)]
    assert take(job).state.index == 0


def test_second_wrong_digest_is_the_end() -> None:
    """P3: a promise that is wrong is not chased for ever."""
    job = make_job(digest=md5(b"x" * SIZE), sink=MemorySink.holding(CONTENT, ALL, Validator('"1"')))
    job.hasher = None
    answer_job(job)
    first = job.settle()
    assert job.hasher is not None
    job.hasher.restart()
    fetch_all(job)
    hash_all(job)

    second = job.settle()

    assert (first, second) == (True, False)
    assert isinstance(job.error, DigestMismatchError)


def answer_job(job: Job) -> None:
    """Give a job that has all its bytes the hasher that a dispatcher would."""
    from weighbridge.transfer.hasher import FrontierHasher  # noqa: PLC0415 - here only

    assert job.artifact.digest is not None
    job.hasher = FrontierHasher(job.artifact.digest, job.size, {}, job.sink)
    job.is_confirmed, job.size_from = True, 0
    hash_all(job)


def test_first_error_stays() -> None:
    """What came of the error later does not hide it."""
    job = make_job(digest=md5())
    first = ConnectError("first")

    job.fail(first)
    job.fail(ConnectError("second"))

    assert job.error is first
