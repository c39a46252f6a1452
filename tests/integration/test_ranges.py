"""Answers to ranged requests: honest ones are used to the full, false ones are never written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.calls import UNHURRIED, Diary, ask, fetch, names, quick, started
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import (
    CutAfter,
    Delay,
    EmptyBody,
    Fault,
    FlipByte,
    IgnoreRange,
    Multipart,
    NoContentRange,
    OverLong,
    ShiftedBody,
    ShortRange,
    StallAfter,
    Status,
    UnknownTotal,
    WiderRange,
    WrongOffset,
    WrongTotal,
)
from tests.support.processes import wait_until
from weighbridge.core.errors import (
    ArtifactChangedError,
    DigestMismatchError,
    RetriesExhaustedError,
    SizeMismatchError,
    TransferError,
)

SIZE = 1 << 20
PIECE = 64 << 10

FALSE_PARTS = [
    WrongOffset(+1),
    WrongOffset(-1000),
    OverLong(1),
    OverLong(100_000),
    WiderRange(5),
    NoContentRange(),
    Multipart(),
]


def test_first_request_is_a_ranged_get(server: FaultServer, place: Path) -> None:
    """No HEAD: the first answer brings bytes, and its header tells the size."""
    fetch(ask(server, "/model.bin"), place)

    first = server.requests[0]
    assert (first.method, first.headers["range"]) == ("GET", f"bytes=0-{PIECE - 1}")
    assert {each.method for each in server.requests} == {"GET"}
    assert all("range" in each.headers for each in server.requests)
    assert all(each.headers["accept-encoding"] == "identity" for each in server.requests)


def test_every_byte_is_asked_for_once(server: FaultServer, place: Path) -> None:
    """A transfer in which nothing goes wrong has no waste."""
    result = fetch(ask(server, "/model.bin"), place, UNHURRIED)

    assert server.bytes_sent() == result.bytes_fetched == SIZE
    assert [each.status for each in server.requests] == [206] * len(server.requests)


def test_pieces_are_asked_for_in_order(server: FaultServer, place: Path) -> None:
    """Bytes that arrive nearly in order are hashed while they are still in memory."""
    server.put("/large.bin", SparseFile(8 << 20))
    server.always(Delay(0.01))

    fetch(ask(server, "/large.bin"), place, quick(connections=4))

    spans = [each.range for each in server.requests if each.range is not None]
    ahead = [span.start - sum(each.size for each in spans[:index]) for index, span in enumerate(spans)]
    assert max(ahead) <= 4 * (256 << 10)


def test_pieces_grow_with_the_link(server: FaultServer, place: Path) -> None:
    """A fast link is not asked for crumbs."""
    server.put("/large.bin", SparseFile(16 << 20))

    fetch(ask(server, "/large.bin"), place, quick(connections=2, piece_max=4 << 20))

    sizes = [each.range.size for each in server.requests if each.range is not None]
    assert max(sizes) >= 128 << 10  # twice the first; how much more depends on what else the machine does
    assert len(sizes) < 200


def test_small_file_costs_one_request(server: FaultServer, place: Path) -> None:
    """A file of one piece is one round trip."""
    fetch(ask(server, "/small.bin"), place)

    assert len(server.requests) == 1
    assert server.connections == 1


@pytest.mark.parametrize("digest", ["promised", None])
@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("fault", FALSE_PARTS, ids=repr)
def test_false_part_is_not_written(
    server: FaultServer, place: Path, fault: Fault, nth: int, digest: str | None
) -> None:
    """A 206 that contradicts the request or itself is dropped before its first byte, and the file is still had."""
    server.on(nth=nth, fault=fault)

    result = fetch(ask(server, "/model.bin", digest), place)

    assert result.path.read_bytes() == server.content("/model.bin")


@pytest.mark.parametrize("digest", ["promised", None])
@pytest.mark.parametrize("fault", [*FALSE_PARTS, IgnoreRange()], ids=repr)
def test_server_that_can_not_do_ranges_is_asked_for_the_whole(
    server: FaultServer, place: Path, fault: Fault, digest: str | None
) -> None:
    """Whoever never gets a range right may still have a whole file to give."""
    server.on(fault=fault)

    result = fetch(ask(server, "/model.bin", digest), place, UNHURRIED)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert server.bytes_sent() <= 2 * SIZE + PIECE


def test_first_range_answered_by_the_whole_is_read_on(server: FaultServer, place: Path) -> None:
    """A 200 to the first request is the file: it is streamed, not asked for again."""
    server.on(fault=IgnoreRange())

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert len(server.requests) == 1


@pytest.mark.parametrize("digest", ["promised", None])
@pytest.mark.parametrize("nth", [2, range(3, 6)], ids=["second", "third to fifth"])
def test_later_range_answered_by_the_whole_is_dropped(
    server: FaultServer, place: Path, nth: int | range, digest: str | None
) -> None:
    """A 200 in the middle is not written at the range's offset."""
    server.on(nth=nth, fault=IgnoreRange())

    result = fetch(ask(server, "/model.bin", digest), place)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert result.bytes_fetched < 2 * SIZE


@pytest.mark.parametrize("digest", ["promised", None])
def test_whole_answers_that_break_are_read_again_up_to_where_they_broke(
    server: FaultServer, place: Path, digest: str | None
) -> None:
    """Without ranges a cut costs a new start, but not an end."""
    server.on(nth=1, fault=IgnoreRange() & CutAfter(300_000))
    server.on(nth=2, fault=IgnoreRange() & CutAfter(700_000, rst=False))
    server.on(fault=IgnoreRange())

    result = fetch(ask(server, "/model.bin", digest), place)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert len(server.requests) == 3


@pytest.mark.timeout(15)
@pytest.mark.parametrize("digest", ["promised", None])
@pytest.mark.parametrize("etag", ['"same"', None])
def test_whole_answers_that_always_break_at_the_same_place_end_in_an_error(
    server: FaultServer, place: Path, etag: str | None, digest: str | None
) -> None:
    """Bytes that were here before are no progress: the attempts run out instead of starting over for ever."""
    server.put("/model.bin", SparseFile(SIZE), etag=etag)
    server.on(fault=IgnoreRange() & CutAfter(SIZE // 2, rst=False))

    with pytest.raises(RetriesExhaustedError) as caught:
        fetch(ask(server, "/model.bin", digest), place)

    assert caught.value.offset == SIZE // 2
    assert len(server.requests) <= 4 * 4


def test_whole_answer_does_not_write_over_what_was_hashed(server: FaultServer, place: Path) -> None:
    """What was hashed is what is on disk, even if a later answer brings other bytes for the same place."""
    gate = server.gate("/model.bin", after=600_000)
    received = [0]
    with started(
        ask(server, "/model.bin"),
        place,
        quick(connections=4),
        observer=lambda event: received.append(getattr(event, "received", 0)),
    ):
        gate.wait_reached()
        wait_until(lambda: max(received) > 300_000)  # what was sent may still be on its way
    gate.release()
    server.clear_rules()
    server.on(fault=IgnoreRange() & FlipByte(100_000))

    result = fetch(ask(server, "/model.bin"), place)

    assert result.bytes_resumed > 100_001
    assert result.path.read_bytes() == server.content("/model.bin")


def test_whole_answer_does_not_write_over_what_lies_behind_a_gap(server: FaultServer, place: Path) -> None:
    """Bytes behind a gap are hashed the moment it is filled, so nobody may change them while it is."""
    request = ask(server, "/model.bin", size=SIZE)
    server.on(when=lambda asked: asked.headers["range"].startswith("bytes=0-"), fault=StallAfter(1000))
    with started(request, place, quick(connections=4, stall_window_s=20.0, http={"read_timeout_s": 20.0})):
        server.wait_for(lambda: server.bytes_sent() > SIZE // 2)
    server.clear_rules()
    server.on(fault=IgnoreRange() & FlipByte(300_000))

    result = fetch(request, place)

    assert result.bytes_resumed > 200_000
    assert result.path.read_bytes() == server.content("/model.bin")


def test_short_parts_are_completed(server: FaultServer, place: Path) -> None:
    """A 206 may hold less than was asked for; the rest is asked for, too."""
    server.on(nth=range(1, 9), fault=ShortRange(10_000))

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert result.bytes_fetched == SIZE


@pytest.mark.parametrize("digest", ["promised", None])
def test_later_parts_need_not_repeat_the_total(server: FaultServer, place: Path, digest: str | None) -> None:
    """``*`` as the total is allowed once the size is known."""
    server.on(nth=range(2, 1000), fault=UnknownTotal())

    result = fetch(ask(server, "/model.bin", digest), place)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert result.bytes_fetched == SIZE


@pytest.mark.parametrize("size", [None, SIZE], ids=["size unknown", "size promised"])
def test_parts_that_never_tell_the_total_are_enough_if_the_size_is_promised(
    server: FaultServer, place: Path, size: int | None
) -> None:
    """Without any total the whole is asked for; with a promised one nothing is missing."""
    server.on(fault=UnknownTotal())

    result = fetch(ask(server, "/model.bin", size=size), place)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert ("range" in server.requests[-1].headers) == (size is not None)


@pytest.mark.parametrize("digest", ["promised", None])
@pytest.mark.parametrize("total", [SIZE - 1, SIZE + 1, 10 * SIZE])
def test_total_that_changes_in_the_middle_is_noticed(
    server: FaultServer, place: Path, total: int, digest: str | None
) -> None:
    """Two totals are two files; a passing lie costs a new start and nothing else."""
    server.on(nth=3, fault=WrongTotal(total))

    result = fetch(ask(server, "/model.bin", digest), place)

    assert result.path.read_bytes() == server.content("/model.bin")


@pytest.mark.parametrize("digest", ["promised", None])
@pytest.mark.parametrize("total", [SIZE + 1, 10 * SIZE])
def test_total_that_is_always_wrong_is_found_out_by_asking_for_the_whole(
    server: FaultServer, place: Path, total: int, digest: str | None
) -> None:
    """A file that is shorter than its server says is neither made up nor given up."""
    server.on(fault=WrongTotal(total))

    result = fetch(ask(server, "/model.bin", digest), place)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert len(server.requests) < 150


def test_size_other_than_promised_is_told_before_anything_is_written(server: FaultServer, place: Path) -> None:
    """A wrong size is an error of its own, with both numbers."""
    with pytest.raises(SizeMismatchError) as caught:
        fetch(ask(server, "/model.bin", size=SIZE - 1), place)

    assert (caught.value.expected, caught.value.actual) == (SIZE - 1, SIZE)
    assert names(place) == []
    assert len(server.requests) <= 8


@pytest.mark.parametrize("digest", ["promised", None])
@pytest.mark.parametrize("nth", [1, 3])
def test_refused_range_is_no_end_if_the_whole_is_given(
    server: FaultServer, place: Path, nth: int, digest: str | None
) -> None:
    """416 without a reason costs a request."""
    server.on(nth=nth, fault=Status(416))

    result = fetch(ask(server, "/model.bin", digest), place)

    assert result.path.read_bytes() == server.content("/model.bin")


def test_file_that_shrinks_is_fetched_anew_if_nothing_was_promised(server: FaultServer, place: Path) -> None:
    """416 with another size says that the file is another one now; what was fetched of the old one is void."""
    server.put("/model.bin", SparseFile(SIZE))
    gate = server.gate("/model.bin", after=400_000)

    with started(ask(server, "/model.bin", None), place, quick(connections=2)) as call:
        gate.wait_reached()
        server.put("/model.bin", SparseFile(300_000, seed=5))
        gate.release()
        call.join()

    assert call.errors == []
    assert (place / "model.bin").read_bytes() == SparseFile(300_000, seed=5).read()


def test_file_that_shrinks_is_an_error_if_its_digest_was_promised(server: FaultServer, place: Path) -> None:
    """What is there now can't be what was promised; it is fetched at most once to find that out."""
    request = ask(server, "/model.bin")
    gate = server.gate("/model.bin", after=400_000)

    with started(request, place, quick(connections=2)) as call:
        gate.wait_reached()
        server.put("/model.bin", SparseFile(300_000, seed=5))
        gate.release()
        call.join()

    assert isinstance(call.errors[0], ArtifactChangedError | DigestMismatchError)
    assert names(place) == []


@pytest.mark.parametrize("fault", [ShiftedBody(+1), ShiftedBody(-PIECE)], ids=repr)
def test_right_label_on_wrong_bytes_ends_in_the_digest_error(server: FaultServer, place: Path, fault: Fault) -> None:
    """No header check sees bytes from elsewhere; the digest does."""
    server.on(nth=3, fault=fault)

    with pytest.raises(DigestMismatchError):
        fetch(ask(server, "/model.bin"), place)

    assert names(place) == []


@pytest.mark.parametrize("fault", [EmptyBody(), IgnoreRange() & EmptyBody()], ids=repr)
def test_empty_answers_end_in_an_error_of_the_server(server: FaultServer, place: Path, fault: Fault) -> None:
    """An empty body where content was promised is a failure to get it, not content that is wrong."""
    server.on(fault=fault)

    with pytest.raises(TransferError, match="empty"):
        fetch(ask(server, "/model.bin"), place)

    assert len(server.requests) < 10
    assert names(place) == []


def test_server_that_stops_doing_ranges_is_followed(server: FaultServer, place: Path) -> None:
    """What was fetched by ranges stays when the rest has to come from a whole answer."""
    server.on(nth=range(6, 1000), fault=IgnoreRange())
    diary = Diary()

    result = fetch(ask(server, "/model.bin"), place, quick(connections=2), observer=diary)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert diary.reasons


def test_stalled_whole_answer_is_asked_for_again(server: FaultServer, place: Path) -> None:
    """A single stream has no other connection to help it, so the watch has to."""
    server.on(nth=1, fault=IgnoreRange() & StallAfter(200_000))
    server.on(fault=IgnoreRange())

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == server.content("/model.bin")
