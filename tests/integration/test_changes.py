"""Files that become others while they are fetched: one or the other arrives, never a mixture."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from tests.support.calls import ask, fetch, names, quick, started
from tests.support.fault_server import FaultServer, Request, SparseFile
from tests.support.faults import ChangeEtag, CutAfter, FlipByte, Html200, IgnoreRange, Status, WithoutHeaders
from weighbridge.core.errors import ArtifactChangedError, DigestMismatchError, TransferError

SIZE = 1 << 20
OLD, NEW = SparseFile(SIZE, seed=10), SparseFile(SIZE, seed=20)
ETAGS = [('"old"', '"new"'), ('W/"old"', 'W/"new"'), (None, None)]


def swap_in_the_middle(
    server: FaultServer, place: Path, digest: str | None, new: SparseFile, etag: str | None
) -> list[BaseException]:
    gate = server.gate("/model.bin", after=300_000)
    few = quick(connections=4, piece_max=64 << 10)  # so that not all of the old file can have been asked for by then
    with started(ask(server, "/model.bin", digest), place, few) as call:
        gate.wait_reached()
        server.put("/model.bin", new, etag=etag)
        gate.release()
        call.join()
    return call.errors


@pytest.mark.parametrize("size", [SIZE, SIZE - 7777, SIZE + 7777])
@pytest.mark.parametrize(("before", "after"), ETAGS, ids=["strong", "weak", "none, but a date"])
def test_file_that_changes_is_fetched_as_what_it_became(
    server: FaultServer, place: Path, before: str | None, after: str | None, size: int
) -> None:
    """Without a promised digest the new state of the file arrives whole, not a mixture."""
    new = SparseFile(size, seed=20)
    server.put("/model.bin", OLD, etag=before)

    errors = swap_in_the_middle(server, place, None, new, after)

    assert errors == []
    assert (place / "model.bin").read_bytes() == new.read()


@pytest.mark.parametrize("size", [SIZE, SIZE - 7777, SIZE + 7777])
@pytest.mark.parametrize(("before", "after"), ETAGS, ids=["strong", "weak", "none, but a date"])
def test_file_that_changes_is_an_error_if_its_digest_was_promised(
    server: FaultServer, place: Path, before: str | None, after: str | None, size: int
) -> None:
    """What was promised is not there any more, and nothing else takes its place."""
    server.put("/model.bin", OLD, etag=before)

    errors = swap_in_the_middle(server, place, "promised", SparseFile(size, seed=20), after)

    assert isinstance(errors[0], DigestMismatchError | ArtifactChangedError)
    assert names(place) == []


@pytest.mark.parametrize("nth", range(6, 14))
def test_change_under_full_steam_mixes_nothing(server: FaultServer, place: Path, nth: int) -> None:
    """Bytes of the old file that are just being written when the new one is noticed do not count for it."""
    old, new = SparseFile(16 << 20, seed=10), SparseFile(16 << 20, seed=20)
    server.put("/large.bin", old)
    asked = count(1)

    def swap(request: Request) -> bool:
        if next(asked) == nth:
            server.put("/large.bin", new)
        return False

    server.on(when=swap, fault=Status(500))
    whole_mebibytes = quick(first_piece=1 << 20, piece_min=1 << 20, piece_max=1 << 20)

    result = fetch(ask(server, "/large.bin", None), place, whole_mebibytes)

    assert result.path.read_bytes() == new.read()


@pytest.mark.parametrize("digest", ["promised", None])
def test_file_whose_etag_changes_with_every_answer_is_taken_in_one_answer(
    server: FaultServer, place: Path, digest: str | None
) -> None:
    """One answer is of one piece, whatever the machines behind a name call it."""
    server.on(fault=ChangeEtag())

    result = fetch(ask(server, "/model.bin", digest), place)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert [each.outcome for each in server.requests if "range" not in each.headers] == ["whole"]


@pytest.mark.parametrize("digest", ["promised", None])
def test_file_whose_etag_changes_with_every_answer_and_never_comes_whole_is_an_error(
    server: FaultServer, place: Path, digest: str | None
) -> None:
    """Two answers of two files are not put together, however often it is tried."""
    server.on(fault=ChangeEtag() & CutAfter(300_000))

    with pytest.raises(ArtifactChangedError):
        fetch(ask(server, "/model.bin", digest), place)

    assert "model.bin" not in names(place)
    assert len(server.requests) < 60


def test_etag_that_appears_or_vanishes_is_no_change(server: FaultServer, place: Path) -> None:
    """What one of two answers lacks proves nothing."""
    server.on(nth=range(2, 1000, 2), fault=WithoutHeaders(("ETag",)))

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert result.bytes_fetched == SIZE


def test_ranges_of_an_unverified_file_are_pinned_to_its_state(server: FaultServer, place: Path) -> None:
    """The server is told which state of the file the other bytes are of."""
    server.put("/model.bin", OLD, etag='"state-1"')

    fetch(ask(server, "/model.bin", None), place)

    assert {each.headers.get("if-range") for each in server.requests[1:]} == {'"state-1"'}


def test_weak_etag_pins_nothing(server: FaultServer, place: Path) -> None:
    """A weak ETag may stand for other bytes, so it is never sent as a condition (RFC 9110, 13.1.5)."""
    server.put("/model.bin", OLD, etag='W/"state-1"')

    fetch(ask(server, "/model.bin", None), place)

    assert {each.headers.get("if-range") for each in server.requests} == {None}


def interrupt_halfway(server: FaultServer, place: Path, digest: str | None) -> None:
    gate = server.gate("/model.bin", after=500_000)
    with started(ask(server, "/model.bin", digest), place, quick(connections=2)):
        gate.wait_reached()
    gate.release()


def test_resumed_file_without_a_digest_goes_on_if_it_is_the_same(server: FaultServer, place: Path) -> None:
    """A strong ETag tells that what is here and what is there belong together."""
    server.put("/model.bin", OLD, etag='"same"')
    interrupt_halfway(server, place, None)

    result = fetch(ask(server, "/model.bin", None), place)

    assert result.bytes_resumed > 200_000
    assert result.path.read_bytes() == OLD.read()
    assert result.bytes_fetched == SIZE - result.bytes_resumed


@pytest.mark.parametrize("etag", ['"new"', 'W/"old"', None])
@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
def test_resumed_file_without_a_digest_starts_over_unless_it_is_surely_the_same(
    server: FaultServer, place: Path, etag: str | None, ranges: bool
) -> None:
    """An old half and a new half are not a file; that nobody contradicts is not enough."""
    server.put("/model.bin", OLD, etag='"old"')
    interrupt_halfway(server, place, None)
    server.put("/model.bin", NEW, etag=etag)
    server.on(times=0 if ranges else None, fault=IgnoreRange())

    result = fetch(ask(server, "/model.bin", None), place)

    assert result.path.read_bytes() == NEW.read()


def test_resumed_file_with_a_digest_goes_on_whatever_it_is_called_now(server: FaultServer, place: Path) -> None:
    """The digest says what the bytes are; a new name of the same bytes on another machine costs nothing."""
    server.put("/model.bin", OLD, etag='"old"')
    interrupt_halfway(server, place, "promised")
    server.put("/model.bin", OLD, etag='"moved"')

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == OLD.read()


@pytest.mark.parametrize("size", [None, SIZE], ids=["size unknown", "size promised"])
def test_portal_page_costs_no_progress(server: FaultServer, place: Path, size: int | None) -> None:
    """A sign-in page in place of the file is an error; what arrived before stays and is used when the page is gone."""
    interrupt_halfway(server, place, "promised")
    server.on(fault=Html200())
    with pytest.raises(TransferError, match="web page"):
        fetch(ask(server, "/model.bin", size=size), place)
    server.clear_rules()

    result = fetch(ask(server, "/model.bin", size=size), place)

    assert result.bytes_resumed > 200_000
    assert result.path.read_bytes() == server.content("/model.bin")


def test_passing_status_costs_no_progress(server: FaultServer, place: Path) -> None:
    """A server that is down today is asked again tomorrow for the rest alone."""
    interrupt_halfway(server, place, "promised")
    server.on(fault=Status(503))
    with pytest.raises(TransferError):
        fetch(ask(server, "/model.bin"), place)
    server.clear_rules()

    result = fetch(ask(server, "/model.bin"), place)

    assert result.bytes_resumed > 200_000
    assert result.bytes_fetched == SIZE - result.bytes_resumed


@pytest.mark.parametrize("digest", ["promised", None])
def test_partial_of_a_longer_file_is_no_hindrance(server: FaultServer, place: Path, digest: str | None) -> None:
    """416 on resume: the file is shorter now than what is here of it."""
    server.put("/model.bin", OLD, etag='"old"')
    interrupt_halfway(server, place, digest)
    server.put("/model.bin", SparseFile(100_000, seed=3), etag='"new"')

    result = fetch(ask(server, "/model.bin", digest), place)

    assert result.path.read_bytes() == SparseFile(100_000, seed=3).read()


def test_flipped_byte_of_an_earlier_run_is_fetched_again(server: FaultServer, place: Path) -> None:
    """What an earlier run wrote is suspect when the digest is wrong, and is fetched once more."""
    server.on(fault=FlipByte(1000))
    interrupt_halfway(server, place, "promised")
    server.clear_rules()

    result = fetch(ask(server, "/model.bin"), place)

    assert result.bytes_resumed > 200_000
    assert result.path.read_bytes() == server.content("/model.bin")
    assert result.bytes_fetched <= SIZE + 100_000
