"""What servers do wrong with bytes: a snapshot is right all the same, or an error that says why, and never wrong."""

from __future__ import annotations

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
    EmptyBody,
    EndlessBody,
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
    RedirectChain,
    RedirectLoop,
    RetryAfter,
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
from tests.support.hub.calls import (
    COMMIT,
    GRAPH,
    KIB,
    NOTES,
    WEIGHTS,
    hub_options,
    snapshot,
    unfinished,
    victim,
    wrongs,
)
from tests.support.hub.lies import Then
from tests.support.hub_repos import Repo, contents
from weighbridge.core.errors import (
    ArtifactChangedError,
    BadAnswerError,
    BadStatusError,
    DigestMismatchError,
    RateLimitedError,
    RedirectError,
    RetriesExhaustedError,
    SizeMismatchError,
    WeighbridgeError,
)

pytestmark = pytest.mark.timeout(30)

GATEWAY = Status(502, {"Content-Type": "text/html"}, b"<h1>Bad gateway</h1>")

PASSING = [
    CutAfter(0),
    CutAfter(1),
    CutAfter(-1),
    CutAfter(10, rst=False),
    CutHeaders(20),
    CloseBeforeResponse(),
    CloseAfterResponse(),
    GarbageHeaders(),
    LengthLie(+5),
    LengthLie(-5),
    CloseDelimited() & CutAfter(5, rst=False),
    Chunked() & CutAfter(5, rst=False),
    EmptyBody(),
    Html200(),
    Gzip(),
    Gzip() & Chunked(),
    GzipBomb(4 << 20),
    EndlessBody(),
    Status(500),
    GATEWAY,
    Status(503),
    RedirectChain(5),
]
"""What passes: the second time the truth is told."""

SLOW = [StallAfter(10), Trickle(5.0), RateLimited(1)]
"""What passes, and takes about a second to be sure of."""

PARTS = [
    IgnoreRange(),
    WrongOffset(+1),
    WrongOffset(-1000),
    OverLong(1),
    OverLong(100_000),
    WiderRange(5),
    ShortRange(10_000),
    NoContentRange(),
    UnknownTotal(),
    WrongTotal(5),
    Multipart(),
    ChangeEtag(),
]
"""What only parts can suffer from, and can be worked around however often it happens."""

LASTING: list[tuple[Fault, type[WeighbridgeError]]] = [
    (FlipByte(3), DigestMismatchError),
    (FlipElsewhere(), DigestMismatchError),
    (EmptyBody(), BadAnswerError),
    (Html200(), BadAnswerError),
    (CutAfter(0), RetriesExhaustedError),
    (CloseBeforeResponse(), RetriesExhaustedError),
    (GarbageHeaders(), RetriesExhaustedError),
    (Status(500), RetriesExhaustedError),
    (GATEWAY, RetriesExhaustedError),
    (Status(418), BadStatusError),
    (Status(416), BadStatusError),
    (RedirectLoop(), RedirectError),
    (WrongTotal(10_000_000), SizeMismatchError),
]
"""What lasts and can't be worked around."""


@pytest.fixture
def repo() -> Repo:
    """It has a file that is large enough to be kept account of while it is fetched."""
    return victim(600 * KIB)


@pytest.mark.parametrize("fault", PASSING, ids=repr)
def test_passing_trouble_with_a_large_file_costs_nothing_but_time(
    hub: FaultHub, repo: Repo, root: Path, fault: Fault
) -> None:
    """Resets, gateways, sign-in pages, once and at the CDN: the snapshot is whole and every byte is right."""
    hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), nth=2, fault=fault)

    result = snapshot(hub_options(hub, root / "hub"), repo, allow_patterns=[WEIGHTS])

    assert contents(result.path) == {WEIGHTS: repo.main[WEIGHTS]}
    assert wrongs(root, root / "hub") == []
    assert unfinished(root) == []


@pytest.mark.parametrize("fault", PASSING, ids=repr)
def test_passing_trouble_with_a_small_file_costs_nothing_but_time(
    hub: FaultHub, repo: Repo, root: Path, fault: Fault
) -> None:
    """The same for a file that is one answer."""
    hub.on(path=file_path(repo, NOTES), nth=1, fault=fault)

    result = snapshot(hub_options(hub, root / "hub"), repo, allow_patterns=[NOTES, "config.json"])

    assert contents(result.path) == {path: repo.main[path] for path in (NOTES, "config.json")}
    assert wrongs(root, root / "hub") == []
    assert unfinished(root) == []


@pytest.mark.parametrize("fault", SLOW, ids=repr)
def test_server_that_makes_us_wait_is_not_waited_for_in_vain(
    hub: FaultHub, repo: Repo, root: Path, fault: Fault
) -> None:
    """Silence, a trickle, and the wish to be left alone, once at the Hub and once at the CDN."""
    hub.on(path=file_path(repo, NOTES), nth=1, fault=fault)
    hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), nth=3, fault=fault)

    result = snapshot(hub_options(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main
    assert unfinished(root) == []


@pytest.mark.parametrize("path", [WEIGHTS, GRAPH])
@pytest.mark.parametrize("fault", PARTS, ids=repr)
def test_lie_about_parts_is_never_written(hub: FaultHub, repo: Repo, root: Path, fault: Fault, path: str) -> None:
    """A part that is another than asked for, or of another file, does not end up in the middle of this one."""
    hub.cdn.on(path=hub.cdn_path(repo, path), nth=range(3, 1000), fault=fault)
    hub.cdn.on(path=hub.cdn_path(repo, path), nth=1, fault=fault)

    result = snapshot(hub_options(hub, root / "hub", first_piece=8 * KIB), repo, allow_patterns=[path])

    assert contents(result.path) == {path: repo.main[path]}
    assert wrongs(root, root / "hub") == []
    assert unfinished(root) == []


@pytest.mark.parametrize("path", [NOTES, GRAPH, WEIGHTS])
@pytest.mark.parametrize("fault", [FlipByte(3), FlipElsewhere()], ids=repr)
def test_flipped_bit_never_gets_a_name(hub: FaultHub, repo: Repo, root: Path, fault: Fault, path: str) -> None:
    """The error has both digests; the same call again is right."""
    hub.on(path=file_path(repo, path), nth=1, fault=fault)
    hub.cdn.on(path=hub.cdn_path(repo, path), nth=1, fault=fault)

    with pytest.raises(DigestMismatchError, match=path) as caught:
        snapshot(hub_options(hub, root / "hub"), repo)
    between = wrongs(root, root / "hub")
    result = snapshot(hub_options(hub, root / "hub"), repo)

    assert caught.value.expected != caught.value.actual
    assert between == []
    assert contents(result.path) == repo.main
    assert unfinished(root) == []


def test_shifted_bytes_never_get_a_name(hub: FaultHub, repo: Repo, root: Path) -> None:
    """The right label and the right length, with the bytes of another place."""
    hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), nth=2, fault=ShiftedBody(+1))

    with pytest.raises(DigestMismatchError, match=WEIGHTS):
        snapshot(hub_options(hub, root / "hub"), repo)

    assert wrongs(root, root / "hub") == []


def test_file_of_another_commit_never_gets_a_name(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A cache in between that is behind sends the file as it was: same name, same size, other bytes."""
    earlier = next(iter(repo.commits.values()))
    hub.put(file_path(repo, WEIGHTS), earlier[WEIGHTS])

    with pytest.raises(DigestMismatchError, match=WEIGHTS):
        snapshot(hub_options(hub, root / "hub"), repo)

    assert wrongs(root, root / "hub") == []


def test_file_that_changes_between_two_parts_is_not_mixed(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A new ETag in the middle, and with it other bytes of the same size."""
    path, earlier = hub.cdn_path(repo, WEIGHTS), next(iter(repo.commits.values()))
    hub.cdn.on(path=path, nth=2, fault=Then(lambda: hub.cdn.put(path, earlier[WEIGHTS])))
    options = hub_options(hub, root / "hub", connections=1, piece_max=128 * KIB)

    with pytest.raises((ArtifactChangedError, DigestMismatchError), match=WEIGHTS):
        snapshot(options, repo)

    assert wrongs(root, root / "hub") == []


@pytest.mark.parametrize(("fault", "kind"), LASTING, ids=repr)
def test_lasting_trouble_is_an_error_that_names_the_file(
    hub: FaultHub, repo: Repo, root: Path, fault: Fault, kind: type[WeighbridgeError]
) -> None:
    """The error says which file of the many, in bounded time; nothing is there under its name."""
    hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), fault=fault)

    with pytest.raises(kind, match=WEIGHTS):
        snapshot(hub_options(hub, root / "hub"), repo)

    assert not (root / "hub/models--acme--victim/snapshots" / COMMIT / WEIGHTS).is_symlink()
    assert wrongs(root, root / "hub") == []


def test_server_that_never_answers_is_given_up(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Silence is not waited for more often than allowed, and the error says at which byte it ended."""
    hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), fault=StallBeforeHeaders())

    with pytest.raises(RetriesExhaustedError, match=WEIGHTS) as caught:
        snapshot(hub_options(hub, root / "hub", retry={"attempts": 2}, http={"read_timeout_s": 0.5}), repo)

    assert caught.value.offset == 0
    assert wrongs(root, root / "hub") == []


def test_server_that_wants_to_be_left_alone_for_long_is(hub: FaultHub, repo: Repo, root: Path) -> None:
    """``Retry-After: 1000`` is told at once, and by the time it is over somebody else has read the error."""
    hub.cdn.on(fault=RetryAfter(1000))

    with pytest.raises(RateLimitedError, match="1000 s"):
        snapshot(hub_options(hub, root / "hub"), repo)

    assert wrongs(root, root / "hub") == []


def test_what_came_before_an_error_is_kept(hub: FaultHub, repo: Repo, root: Path) -> None:
    """The next call fetches what is missing, and nothing twice."""
    options = hub_options(hub, root / "hub", connections=1, first_piece=64 * KIB, piece_max=64 * KIB)
    hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), nth=range(5, 1000), fault=Status(418))
    with pytest.raises(BadStatusError):
        snapshot(options, repo, allow_patterns=[WEIGHTS])
    before = hub.file_bytes
    hub.cdn.clear_rules()

    result = snapshot(options, repo, allow_patterns=[WEIGHTS])

    assert contents(result.path) == {WEIGHTS: repo.main[WEIGHTS]}
    assert before >= 4 * 16 * KIB
    assert hub.file_bytes == len(repo.main[WEIGHTS])
