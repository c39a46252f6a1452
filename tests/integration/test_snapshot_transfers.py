"""What servers do wrong with bytes: a snapshot is right all the same, or an error that says why, and never wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fault_hub import FaultHub
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
    EndlessBody,
    ExtraHeaders,
    Fault,
    FlipByte,
    FlipElsewhere,
    GarbageHeaders,
    Gzip,
    GzipBomb,
    Html200,
    IgnoreRange,
    LengthLie,
    Multipart,
    NoContentRange,
    OverLong,
    RateLimited,
    RateLimitedOld,
    RedirectChain,
    RedirectLoop,
    RetryAfter,
    RetryAfterDate,
    ShiftedBody,
    ShortRange,
    StallAfter,
    StallBeforeHeaders,
    Status,
    Trickle,
    UnknownTotal,
    WiderRange,
    WrongOffset,
    WrongTotal,
)
from tests.support.hub.addresses import file_path
from tests.support.hub.calls import COMMIT, NOTES, WEIGHTS, download, hub_options, snapshot, unfinished, wrongs
from tests.support.hub_repos import Repo, contents
from weighbridge.core.errors import (
    BadAnswerError,
    BadStatusError,
    ConnectError,
    DigestMismatchError,
    IntegrityError,
    RateLimitedError,
    RedirectError,
    RetriesExhaustedError,
    RetryError,
    StalledError,
    TransferError,
    WeighbridgeError,
)

pytestmark = pytest.mark.timeout(30)

PASSING = [
    CutAfter(0),
    CutAfter(1),
    CutAfter(-1),
    CutAfter(1000, rst=False),
    CutHeaders(20),
    CloseBeforeResponse(),
    CloseAfterResponse(),
    GarbageHeaders(),
    StallBeforeHeaders(),
    StallAfter(100),
    Trickle(20.0),
    LengthLie(+5),
    LengthLie(-5),
    CloseDelimited() & CutAfter(5, rst=False),
    Chunked() & CutAfter(5, rst=False),
    EmptyBody(),
    FlipByte(3),
    FlipElsewhere(),
    Html200(),
    Gzip(),
    Gzip() & Chunked(),
    GzipBomb(4 << 20),
    EndlessBody(),
    Status(408),
    Status(500),
    Status(502, {"Content-Type": "text/html"}, b"<h1>Bad gateway</h1>"),
    Status(503),
    Status(504),
    RetryAfter(1),
    RetryAfterDate(0.1),
    RateLimited(1),
    RateLimitedOld(1),
    Status(429),
    ExtraHeaders({"Content-Type": "text/html"}),
    RedirectChain(5),
    Delay(0.1),
]
"""What passes: the second time the truth is told."""

PASSING_PARTS = [
    IgnoreRange(),
    WrongOffset(+1),
    WrongOffset(-1000),
    OverLong(1),
    OverLong(100_000),
    WiderRange(5),
    ShortRange(1000),
    NoContentRange(),
    UnknownTotal(),
    WrongTotal(5),
    WrongTotal(10_000_000),
    Multipart(),
    ShiftedBody(+1),
    ChangeEtag(),
    Status(416),
]
"""What passes, and only parts can suffer from."""

LASTING: list[tuple[Fault, type[WeighbridgeError]]] = [
    (FlipByte(3), DigestMismatchError),
    (FlipElsewhere(), DigestMismatchError),
    (EmptyBody(), RetryError),
    (Html200(), WeighbridgeError),
    (CutAfter(0), RetriesExhaustedError),
    (CloseBeforeResponse(), RetriesExhaustedError),
    (StallBeforeHeaders(), RetriesExhaustedError),
    (Status(503), RetriesExhaustedError),
    (Status(500), RetriesExhaustedError),
    (RetryAfter(1000), RateLimitedError),
    (RedirectLoop(), RedirectError),
    (GarbageHeaders(), RetriesExhaustedError),
    (Status(418), BadStatusError),
]
"""What lasts."""


def small_one(hub: FaultHub, repo: Repo) -> tuple[Callable[..., object], str]:
    return hub.on, file_path(repo, NOTES)


def large_one(hub: FaultHub, repo: Repo) -> tuple[Callable[..., object], str]:
    return hub.cdn.on, hub.cdn_path(repo, WEIGHTS)


Where = Callable[[FaultHub, Repo], tuple[Callable[..., object], str]]


@pytest.mark.parametrize("where", [small_one, large_one])
@pytest.mark.parametrize("fault", PASSING, ids=repr)
def test_passing_trouble_costs_nothing_but_time(
    hub: FaultHub, repo: Repo, root: Path, fault: Fault, where: Where
) -> None:
    """Resets, stalls, gateways and wrong bytes, once: the snapshot is whole and every byte is right."""
    lie, path = where(hub, repo)
    lie(path=path, nth=1, fault=fault)

    result = snapshot(hub_options(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main
    assert wrongs(root, root / "hub") == []
    assert unfinished(root) == []


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("fault", PASSING_PARTS, ids=repr)
def test_passing_lie_about_a_part_is_never_written(
    hub: FaultHub, repo: Repo, root: Path, fault: Fault, nth: int
) -> None:
    """A part that is another than asked for, or of another file, does not end up in the middle of this one."""
    hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), nth=nth, fault=fault)

    result = snapshot(hub_options(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main
    assert wrongs(root, root / "hub") == []


@pytest.mark.parametrize("fault", PASSING_PARTS, ids=repr)
def test_lasting_lie_about_parts_ends_well_or_says_why(hub: FaultHub, repo: Repo, root: Path, fault: Fault) -> None:
    """Whatever a server always gets wrong about parts, it is either worked around or told; nothing wrong is kept."""
    hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), fault=fault)

    try:
        assert contents(snapshot(hub_options(hub, root / "hub"), repo).path) == repo.main
    except (TransferError, IntegrityError) as error:
        assert WEIGHTS in str(error)

    assert wrongs(root, root / "hub") == []


@pytest.mark.parametrize("where", [small_one, large_one])
@pytest.mark.parametrize(("fault", "kind"), LASTING, ids=repr)
def test_lasting_trouble_is_an_error_that_names_the_file(
    hub: FaultHub, repo: Repo, root: Path, fault: Fault, kind: type[WeighbridgeError], where: Where
) -> None:
    """The error says which file of the many, and neither it nor its pointer is there under its name."""
    lie, path = where(hub, repo)
    lie(path=path, fault=fault)
    name = NOTES if where is small_one else WEIGHTS

    with pytest.raises(kind) as caught:
        snapshot(hub_options(hub, root / "hub"), repo)

    assert name in str(caught.value)
    assert not (root / "hub/models--acme--victim/snapshots" / COMMIT / name).is_symlink()
    assert wrongs(root, root / "hub") == []
