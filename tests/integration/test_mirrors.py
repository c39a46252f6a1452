"""Helpers: mirrors may save the day and cost time, and can do nothing else, whatever they answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.calls import UNHURRIED, ask, fetch, names, quick
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import (
    ChangeEtag,
    CutAfter,
    CutHeaders,
    Delay,
    Fault,
    FlipByte,
    FlipElsewhere,
    Gzip,
    GzipBomb,
    Html200,
    IgnoreRange,
    OverLong,
    Redirect,
    RetryAfter,
    ShiftedBody,
    SlowBandwidth,
    StallAfter,
    StallBeforeHeaders,
    Status,
    Trickle,
    WrongTotal,
)
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import BadStatusError, DigestMismatchError

LARGEST_PIECE = 256 << 10
SIZE = 1 << 20
PIECE = 64 << 10
GARBAGE = SparseFile(SIZE, seed=99)

LIES = [
    ChangeEtag(),
    CutAfter(100),
    FlipByte(SIZE // 2),
    FlipElsewhere(),
    Gzip(),
    Html200(),
    IgnoreRange(),
    OverLong(10),
    ShiftedBody(1000),
    Status(403),
    Status(500),
    Status(503),
    RetryAfter(600, 503),
    StallAfter(1000),
    StallBeforeHeaders(),
    Trickle(100),
    WrongTotal(SIZE + 1),
    IgnoreRange() & GzipBomb(8 << 20),
]


def ask_both(server: FaultServer, mirror: FaultServer, path: str = "/model.bin", **more: object) -> FileRequest:
    return ask(server, path, mirrors=(mirror.url(path),), **more)


@pytest.mark.parametrize("size", [None, SIZE], ids=["size unknown", "size promised"])
@pytest.mark.parametrize("lie", LIES, ids=repr)
def test_mirror_that_goes_wrong_costs_time_and_nothing_else(
    server: FaultServer, mirror: FaultServer, place: Path, lie: Fault, size: int | None
) -> None:
    """Whatever a helper does, the file comes from the primary, right and without an error."""
    server.always(SlowBandwidth(1_000_000))  # else the mirror would hardly be asked
    mirror.on(fault=lie)

    result = fetch(ask_both(server, mirror, size=size), place)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert names(place) == ["model.bin"]
    assert len(mirror.requests) > 0


@pytest.mark.parametrize("size", [None, SIZE], ids=["size unknown", "size promised"])
def test_mirror_with_other_content_of_the_same_size_is_overruled(
    server: FaultServer, mirror: FaultServer, place: Path, size: int | None
) -> None:
    """What a helper gave is suspect when the digest is wrong, and is fetched again from the primary, once."""
    mirror.put("/model.bin", GARBAGE)
    server.always(SlowBandwidth(1_000_000))

    result = fetch(ask_both(server, mirror, size=size), place, UNHURRIED)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert server.bytes_sent() <= 2 * SIZE


def test_mirror_with_another_size_is_left_out(server: FaultServer, mirror: FaultServer, place: Path) -> None:
    """The primary says how large the file is; a helper that says otherwise holds another file."""
    mirror.put("/model.bin", SparseFile(SIZE + 1))
    server.always(SlowBandwidth(1_000_000))

    result = fetch(ask_both(server, mirror), place)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert len(mirror.requests) <= 8  # all that were under way when the first one came back


def test_slow_piece_of_a_lying_mirror_never_lands_on_a_whole_answer(
    server: FaultServer, mirror: FaultServer, place: Path
) -> None:
    """Bytes that were hashed must not be written over by somebody who began before them."""
    server.on(fault=IgnoreRange() & Delay(0.1))
    mirror.put("/model.bin", GARBAGE)
    mirror.on(fault=StallAfter(40_000, 0.5))

    result = fetch(ask_both(server, mirror, size=SIZE), place)

    assert result.path.read_bytes() == server.content("/model.bin")


@pytest.mark.parametrize(
    "end",
    [
        Status(404),
        Status(403),
        Status(500),
        CutAfter(0),
        CutHeaders(0),
        RetryAfter(600),
        Html200(),
        Redirect("ftp://x/y"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("nth", [range(1, 1000), range(4, 1000)], ids=["from the start", "in the middle"])
def test_mirror_replaces_a_primary_that_is_gone(
    server: FaultServer, mirror: FaultServer, place: Path, end: Fault, nth: range
) -> None:
    """With a promised digest it does not matter who has the bytes."""
    server.on(nth=nth, fault=end)

    result = fetch(ask_both(server, mirror, size=SIZE), place)

    assert result.path.read_bytes() == mirror.content("/model.bin")


def test_mirror_replaces_a_primary_that_does_not_even_listen(
    server: FaultServer, mirror: FaultServer, place: Path
) -> None:
    """A refused connection is an end like any other."""
    request = ask_both(server, mirror)

    with server.outage():
        result = fetch(request, place)

    assert result.path.read_bytes() == mirror.content("/model.bin")
    assert result.source == mirror.url("/model.bin")


def test_mirror_replaces_a_primary_whose_data_host_has_no_name(
    server: FaultServer, mirror: FaultServer, place: Path
) -> None:
    """The hub answers, its store can't be found: the data plane fails over, too."""
    server.on(fault=Redirect("http://store.invalid/model.bin"))

    result = fetch(ask_both(server, mirror), place)

    assert result.path.read_bytes() == mirror.content("/model.bin")


def test_mirror_serves_alone_without_a_digest_if_the_primary_is_gone(
    server: FaultServer, mirror: FaultServer, place: Path
) -> None:
    """Without a promise bytes of two sources are never mixed, but one source may stand in for another."""
    server.on(nth=range(4, 1000), fault=Status(404))
    mirror.put("/model.bin", GARBAGE)

    result = fetch(ask_both(server, mirror, digest=None), place)

    assert result.path.read_bytes() == GARBAGE.read()


def test_mirror_is_not_asked_without_a_digest_while_the_primary_answers(
    server: FaultServer, mirror: FaultServer, place: Path
) -> None:
    """Nothing could tell whose bytes are right."""
    fetch(ask_both(server, mirror, digest=None), place)

    assert mirror.requests == []


@pytest.mark.parametrize("lie", [FlipByte(SIZE // 3), ShiftedBody(1), FlipElsewhere()], ids=repr)
def test_lying_mirror_of_a_dead_primary_ends_in_an_error_that_names_it(
    server: FaultServer, mirror: FaultServer, place: Path, lie: Fault
) -> None:
    """Nobody is left to believe, so nobody is believed."""
    server.on(fault=Status(404))
    mirror.on(fault=lie)

    with pytest.raises(DigestMismatchError) as caught:
        fetch(ask_both(server, mirror), place)

    assert caught.value.url == mirror.url("/model.bin")
    assert names(place) == []


def test_dead_sources_end_in_the_error_of_the_primary(server: FaultServer, mirror: FaultServer, place: Path) -> None:
    """What the primary said is what matters to the one who asked."""
    server.on(fault=Status(410))
    mirror.on(fault=Status(500))

    with pytest.raises(BadStatusError) as caught:
        fetch(ask_both(server, mirror), place)

    assert caught.value.status == 410
    assert caught.value.url == server.url("/model.bin")


def test_dead_mirror_does_not_use_up_the_attempts_of_a_slow_primary(
    server: FaultServer, mirror: FaultServer, place: Path
) -> None:
    """Failures of a helper are the helper's; the file goes on coming as slowly as it does."""
    server.put("/slow.bin", SparseFile(60_000))
    server.always(SlowBandwidth(30_000))
    request = FileRequest.parse(
        "slow.bin",
        server.url("/slow.bin"),
        f"sha256:{server.digest('/slow.bin')}",
        mirrors=(f"{mirror.origin}/slow.bin",),
    )
    mirror.on(fault=Status(500))
    options = quick(first_piece=8 << 10, piece_min=8 << 10, split_min=4 << 10, connections_per_file=2)

    result = fetch(request, place, options)

    assert result.path.read_bytes() == server.content("/slow.bin")
    assert len(mirror.requests) == 4


def test_fast_mirror_does_most_of_the_work(server: FaultServer, mirror: FaultServer, place: Path) -> None:
    """The fastest source may be used, whoever it is."""
    server.put("/large.bin", SparseFile(4 << 20))
    mirror.put("/large.bin", SparseFile(4 << 20))
    server.always(SlowBandwidth(100_000))

    result = fetch(ask_both(server, mirror, "/large.bin"), place)

    assert result.path.read_bytes() == server.content("/large.bin")
    assert mirror.bytes_sent() > 3 << 20


def test_equal_sources_share_the_work(server: FaultServer, mirror: FaultServer, place: Path) -> None:
    """Two links bring twice as much as one."""
    server.put("/large.bin", SparseFile(2 << 20))
    mirror.put("/large.bin", SparseFile(2 << 20))
    server.always(SlowBandwidth(300_000))  # slow enough that a busy machine does not make one look slower
    mirror.always(SlowBandwidth(300_000))

    result = fetch(ask_both(server, mirror, "/large.bin"), place, UNHURRIED)

    assert result.path.read_bytes() == server.content("/large.bin")
    assert server.bytes_sent() > LARGEST_PIECE  # more than a try, however fast each looked on a busy machine
    assert mirror.bytes_sent() > LARGEST_PIECE


def test_mirror_that_told_the_size_first_is_believed_less_than_the_primary(
    server: FaultServer, mirror: FaultServer, place: Path
) -> None:
    """A primary that was busy at first still says how large the file is."""
    server.on(nth=1, fault=Status(503))
    mirror.put("/model.bin", SparseFile(SIZE + 50_000, seed=4))
    mirror.always(SlowBandwidth(200_000))
    options = quick(retry={"wait_initial_s": 0.2})

    result = fetch(ask_both(server, mirror), place, options)

    assert result.path.read_bytes() == server.content("/model.bin")
