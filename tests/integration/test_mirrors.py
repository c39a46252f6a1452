"""Helpers: mirrors may save the day and cost time, and can do nothing else, whatever they answer."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import (
    ChangeEtag,
    CutAfter,
    Delay,
    Fault,
    FlipByte,
    FlipElsewhere,
    Gzip,
    GzipBomb,
    Html200,
    IgnoreRange,
    OverLong,
    RetryAfter,
    ShiftedBody,
    SlowBandwidth,
    StallAfter,
    StallBeforeHeaders,
    Status,
    Trickle,
    WrongTotal,
)
from tests.support.calls import Diary, ask, fetch, names, quick
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import DigestMismatchError, RetriesExhaustedError, TransferError

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

    result = fetch(ask_both(server, mirror, size=size), place)

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
