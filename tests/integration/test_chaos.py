"""Everything at once, by seed: whatever sources do in whatever order, the file is right or there is an error, in time."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.calls import ask, fetch, names, our_threads, quick, wait_until
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import (
    ChangeEtag,
    Chunked,
    CloseAfterResponse,
    CloseBeforeResponse,
    CloseDelimited,
    CutAfter,
    CutHeaders,
    Delay,
    EmptyBody,
    Exchange,
    Fault,
    FlipElsewhere,
    GarbageHeaders,
    Gzip,
    Honest,
    Html200,
    IgnoreRange,
    LengthLie,
    Multipart,
    NoContentRange,
    OverLong,
    RedirectLoop,
    Reply,
    RetryAfter,
    ShiftedBody,
    ShortRange,
    SlowBandwidth,
    StallAfter,
    StallBeforeHeaders,
    Status,
    Trickle,
    TrickleHeaders,
    UnknownTotal,
    WithoutHeaders,
    WrongOffset,
    WrongTotal,
)
from weighbridge.core.errors import DigestMismatchError, WeighbridgeError

SIZE = 1 << 20

CLUMSY = [
    CloseAfterResponse(),
    CloseBeforeResponse(),
    Chunked(),
    CloseDelimited(),
    CutAfter(0),
    CutAfter(10_000),
    CutAfter(-1, rst=False),
    CutHeaders(50, rst=False),
    Delay(0.1),
    EmptyBody(),
    GarbageHeaders(),
    Gzip(),
    Html200(),
    IgnoreRange(),
    IgnoreRange() & CutAfter(400_000),
    LengthLie(+10),
    Multipart(),
    NoContentRange(),
    OverLong(1000),
    RetryAfter(0),
    ShortRange(5000),
    SlowBandwidth(300_000),
    StallAfter(20_000),
    StallBeforeHeaders(),
    Status(404),
    Status(416),
    Status(500),
    Status(503),
    Trickle(10, after=1000),
    TrickleHeaders(100),
    UnknownTotal(),
    WithoutHeaders(("ETag",)),
    WrongOffset(500),
    WrongTotal(SIZE + 5),
]
LYING = [*CLUMSY, ChangeEtag(), FlipElsewhere(), ShiftedBody(3), RedirectLoop(), IgnoreRange() & FlipElsewhere()]


@dataclass(frozen=True, slots=True)
class Chaos(Fault):
    """Another fault for each request, or none; which one depends on the seed and the request's ordinal."""

    faults: tuple[Fault, ...]
    seed: str
    share: float

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        draw = random.Random(f"{self.seed}/{exchange.ordinal}")
        return draw.choice(self.faults if draw.random() < self.share else [Honest()]).shape(reply, exchange)


def fetch_or_not(request: object, place: Path) -> WeighbridgeError | None:
    options = quick(stall_window_s=0.5, straggler_s=0.3, http={"read_timeout_s": 5.0}, retry={"attempts": 6})
    try:
        fetch(request, place, options)
    except WeighbridgeError as error:
        return error
    return None


@pytest.mark.parametrize("share", [0.2, 0.6])
@pytest.mark.parametrize("seed", range(6))
def test_clumsy_server_gives_the_right_file_or_an_error(
    server: FaultServer, place: Path, seed: int, share: float
) -> None:
    """A server that means well never ends in wrong bytes, nor in an error that says so."""
    server.on(fault=Chaos(tuple(CLUMSY), f"primary {seed}", share))
    began = time.monotonic()

    error = fetch_or_not(ask(server, "/model.bin", size=SIZE if seed % 2 else None), place)

    assert time.monotonic() - began < 30
    assert not isinstance(error, DigestMismatchError)
    assert names(place) == ["model.bin"] or error is not None
    assert (place / "model.bin").read_bytes() == server.content("/model.bin") or error is not None
    assert wait_until(lambda: our_threads() == [])
