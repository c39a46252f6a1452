"""What servers do wrong when they tell of a repository: each is refused for what it is, in bounded time and space."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tests.support.calls import names
from tests.support.fault_hub import FaultHub, Manner
from tests.support.fault_server import FaultServer
from tests.support.faults import (
    CutAfter,
    EndlessBody,
    Fault,
    Gzip,
    GzipBomb,
    Html200,
    Redirect,
    RedirectLoop,
    StallAfter,
    StallBeforeHeaders,
    Status,
    Trickle,
)
from tests.support.hub.addresses import file_path, info_path, tree_path
from tests.support.hub.calls import COMMIT, EARLIER, NOTES, WEIGHTS, hub_options, snapshot, wrongs
from tests.support.hub.lies import (
    DeepJson,
    EndlessListing,
    EndlessPages,
    NextPage,
    Then,
    also_lists,
    leaves_out,
    lists,
    says,
)
from tests.support.hub.payloads import file_entry
from tests.support.hub_repos import Repo, contents
from weighbridge.core.errors import (
    BadAnswerError,
    DigestMismatchError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RedirectError,
    RemoteEntryNotFoundError,
    SizeMismatchError,
    StalledError,
    TransferError,
    WeighbridgeError,
)

pytestmark = pytest.mark.timeout(30)

OUTSIDE = [
    "../escaped",
    "notes/../../escaped",
    "/tmp/escaped-from-weighbridge",
    "//server/share/escaped",
    "C:/escaped",
    "C:escaped",
    "\\\\server\\share\\escaped",
    "..\\escaped",
    "a/./b",
    "a//b",
    "nul\0byte",
    "",
    ".",
    "..",
    "half \ud800 character",
]

NO_JSON: list[Fault] = [
    Html200(),
    Status(200, {"Content-Type": "application/json"}, b"not json"),
    Status(200, {"Content-Type": "application/json"}, b""),
    Status(200, {"Content-Type": "application/json"}, b"\xff\xfe\x00"),
    Status(200, {"Content-Type": "application/json"}, b"null"),
    Status(200, {"Content-Type": "application/json"}, b'"text"'),
    Status(200, {"Content-Type": "application/json"}, b'[{"sha": 5}]'),
    Status(200, {"Content-Type": "application/json"}, b'{"type": "file"}'),
    Status(200, {"Content-Type": "application/json"}, b"1" * 100_000),
    Status(204),
    DeepJson(),
]

ENDLESS: list[Fault] = [
    EndlessListing(),
    EndlessBody(),
    GzipBomb(256 << 20),
    EndlessPages(),
    EndlessPages(files=1),
    NextPage(),
    RedirectLoop(),
]

HOSTILE_COMMITS = ["../../escaped", "/tmp/escaped", "main", "", COMMIT.upper(), COMMIT[:-1], COMMIT + "\n", None, 5, []]


@pytest.mark.parametrize("path", OUTSIDE, ids=ascii)
def test_path_that_leads_elsewhere_is_refused_before_anything_is_written(
    hub: FaultHub, repo: Repo, root: Path, path: str
) -> None:
    """A listing names files for every client that reads it; one hostile name refuses the whole."""
    hub.on(path=tree_path(repo), fault=also_lists(path))

    with pytest.raises(BadAnswerError):
        snapshot(hub_options(hub, root / "hub"), repo)

    assert wrongs(root, root / "hub") == []
    assert hub.tally.get == 0


@pytest.mark.parametrize(
    "path",
    ["config.json/inside", "notes", f"{WEIGHTS}/a/b"],
    ids=["inside a file", "a file where a folder is", "far inside"],
)
def test_file_that_is_also_a_folder_is_refused(hub: FaultHub, repo: Repo, root: Path, path: str) -> None:
    """No disk can hold both, and which of both comes first must not decide what is on it."""
    hub.on(path=tree_path(repo), fault=also_lists(path))

    with pytest.raises(BadAnswerError, match="both"):
        snapshot(hub_options(hub, root / "hub"), repo)

    assert hub.tally.get == 0


def test_path_listed_twice_with_two_contents_is_refused(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Nobody could say which of the two is the file."""
    hub.on(path=tree_path(repo), fault=also_lists(file_entry(NOTES, b"another\n")))

    with pytest.raises(BadAnswerError, match=NOTES):
        snapshot(hub_options(hub, root / "hub"), repo)

    assert hub.tally.get == 0


def test_path_listed_twice_alike_is_one_file(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Pages overlap when a listing is cut while it changes; that harms nobody."""
    hub.on(path=tree_path(repo), fault=also_lists(file_entry(NOTES, repo.main[NOTES])))

    assert contents(snapshot(hub_options(hub, root / "hub"), repo).path) == repo.main


@pytest.mark.parametrize("fault", NO_JSON, ids=lambda fault: repr(fault)[:60])
def test_answer_that_is_no_answer_is_refused(hub: FaultHub, repo: Repo, root: Path, fault: Fault) -> None:
    """Sign-in pages of networks, error pages with status 200, and worse."""
    hub.on(path=tree_path(repo), fault=fault)

    with pytest.raises((BadAnswerError, HfHubHTTPError)) as caught:
        snapshot(hub_options(hub, root / "hub"), repo)

    assert len(str(caught.value)) < 1000
    assert names(root) == []


@pytest.mark.parametrize("fault", ENDLESS, ids=repr)
def test_listing_without_an_end_is_ended_by_us(hub: FaultHub, repo: Repo, root: Path, fault: Fault) -> None:
    """Neither time nor memory is a server's to spend."""
    hub.on(path=tree_path(repo), fault=fault)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(WeighbridgeError):
        snapshot(hub_options(hub, root / "hub", hub_changes={"call_timeout_s": 1.0}), repo)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10
    assert wrongs(root, root / "hub") == []


@pytest.mark.parametrize("where", [info_path, tree_path])
@pytest.mark.parametrize("fault", [StallBeforeHeaders(), StallAfter(5), Trickle(50.0)], ids=repr)
def test_call_that_goes_on_for_ever_has_an_end(
    hub: FaultHub, repo: Repo, root: Path, fault: Fault, where: type[info_path]
) -> None:
    """A byte a second never trips a wait for the next byte; the call as a whole has a limit."""
    hub.on(path=where(repo), fault=fault)

    with pytest.raises(LocalEntryNotFoundError, match=r"0\.5 s") as caught:
        snapshot(hub_options(hub, root / "hub", hub_changes={"call_timeout_s": 0.5}), repo)

    assert isinstance(caught.value.__cause__, StalledError)
    assert hub.tally.get == 0


@pytest.mark.parametrize("where", [info_path, tree_path])
@pytest.mark.parametrize("fault", [CutAfter(5), Status(503), Gzip()], ids=repr)
def test_passing_trouble_of_a_call_costs_nothing_but_time(
    hub: FaultHub, repo: Repo, root: Path, fault: Fault, where: type[info_path]
) -> None:
    """A call for JSON is tried again like any other."""
    hub.on(path=where(repo), nth=1, fault=fault)

    assert contents(snapshot(hub_options(hub, root / "hub"), repo).path) == repo.main


@pytest.mark.parametrize("commit", HOSTILE_COMMITS, ids=repr)
def test_commit_that_is_none_is_refused(hub: FaultHub, repo: Repo, root: Path, commit: object) -> None:
    """It becomes the name of a folder and the content of a ref."""
    hub.on(path=info_path(repo), fault=says(sha=commit))

    with pytest.raises(BadAnswerError):
        snapshot(hub_options(hub, root / "hub"), repo)

    assert wrongs(root, root / "hub") == []
    assert hub.tally.tree == 0


@pytest.mark.parametrize(
    "lie",
    [
        lists(NOTES, size=-1),
        lists(NOTES, size="15"),
        lists(NOTES, size=1.5),
        lists(NOTES, size=True),
        lists(NOTES, size=None),
        lists(NOTES, size=1 << 70),
        lists(NOTES, oid="../../escaped"),
        lists(NOTES, oid=5),
        lists(WEIGHTS, lfs={"oid": "../../escaped", "size": 5, "pointerSize": 130}),
        lists(WEIGHTS, lfs={"oid": "0" * 64, "size": 5, "pointerSize": 130}),
        lists(WEIGHTS, lfs="0" * 64),
        lists(NOTES, path=5),
        lists(NOTES, path=None),
        lists(NOTES, type=None),
    ],
    ids=range(14),
)
def test_entry_that_can_not_be_true_refuses_the_listing(hub: FaultHub, repo: Repo, root: Path, lie: Fault) -> None:
    """Half a listing would pass for a whole snapshot."""
    hub.on(path=tree_path(repo), fault=lie)

    with pytest.raises(BadAnswerError):
        snapshot(hub_options(hub, root / "hub"), repo)

    assert wrongs(root, root / "hub") == []
    assert hub.tally.get == 0


@pytest.mark.parametrize("path", [NOTES, WEIGHTS])
def test_wrong_digest_in_the_listing_is_told_and_not_tried_for_ever(
    hub: FaultHub, repo: Repo, root: Path, path: str
) -> None:
    """What is served is the same each time and never what was promised: an error with both, after few requests."""
    true = file_entry(path, repo.main[path])
    lie = {"oid": "0" * 40} if "lfs" not in true else {"lfs": true["lfs"] | {"oid": "0" * 64}}
    hub.on(path=tree_path(repo), fault=lists(path, **lie))

    with pytest.raises(DigestMismatchError, match="0000") as caught:
        snapshot(hub_options(hub, root / "hub"), repo)

    assert path in str(caught.value)
    assert hub.file_bytes < 3 * sum(map(len, repo.main.values()))
    assert wrongs(root, root / "hub") == []


@pytest.mark.parametrize("delta", [-1, +1, +1_000_000])
@pytest.mark.parametrize("path", [NOTES, "onnx/model.onnx", WEIGHTS])
def test_wrong_size_in_the_listing_is_told(hub: FaultHub, repo: Repo, root: Path, path: str, delta: int) -> None:
    """A size is a promise, too: the file that is served is another one."""
    true = file_entry(path, repo.main[path])
    size = true["size"] + delta
    lie = {"size": size} | ({"lfs": true["lfs"] | {"size": size}} if "lfs" in true else {})
    hub.on(path=tree_path(repo), fault=lists(path, **lie))

    with pytest.raises((SizeMismatchError, DigestMismatchError)) as caught:
        snapshot(hub_options(hub, root / "hub"), repo)

    assert path in str(caught.value)
    assert wrongs(root, root / "hub") == []


def test_empty_file_that_should_have_content_is_told(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Servers that lose a file send an empty one with status 200."""
    hub.put(file_path(repo, NOTES), b"")

    with pytest.raises((SizeMismatchError, TransferError)) as caught:
        snapshot(hub_options(hub, root / "hub"), repo)

    assert NOTES in str(caught.value)
    assert wrongs(root, root / "hub") == []


def test_listed_file_that_is_not_there_is_told_by_name(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A snapshot that can't be whole is an error."""
    hub.on(path=tree_path(repo), fault=also_lists("ghost.txt"))

    with pytest.raises(RemoteEntryNotFoundError, match="ghost"):
        snapshot(hub_options(hub, root / "hub"), repo)


def test_page_on_another_origin_is_refused_unasked(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Whoever may add a link to a listing must not learn who asks, nor add files to it."""
    with FaultServer({"/page": b"[]"}) as elsewhere:
        hub.on(path=tree_path(repo), fault=NextPage(elsewhere.url("/page")))

        with pytest.raises(RedirectError, match="another server"):
            snapshot(hub_options(hub, root / "hub", hub_changes={"token": "secret"}), repo)

        assert elsewhere.requests == []


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://[broken", "javascript:1"])
def test_page_at_no_address_is_refused(hub: FaultHub, repo: Repo, root: Path, url: str) -> None:
    """Only pages of this Hub are pages."""
    hub.on(path=tree_path(repo), fault=NextPage(url))

    with pytest.raises(BadAnswerError):
        snapshot(hub_options(hub, root / "hub"), repo)


def test_pages_make_one_listing(root: Path, repo: Repo) -> None:
    """Large repositories come in pages of a thousand."""
    with FaultHub(repo, manner=Manner(page_size=2)) as hub:
        result = snapshot(hub_options(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main
    assert hub.tally.tree == 4


def test_last_page_that_fails_leaves_no_half_listing(root: Path, repo: Repo) -> None:
    """A listing without its last page would pass for a smaller repository, for ever."""
    with FaultHub(repo, manner=Manner(page_size=2)) as hub:
        hub.on(path=tree_path(repo), when=lambda asked: asked.query.get("cursor") == "6", fault=Status(500))

        with pytest.raises(WeighbridgeError):
            snapshot(hub_options(hub, root / "hub"), repo)
        hub.clear_rules()
        result = snapshot(hub_options(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main


def test_branch_that_moves_meanwhile_does_not_mix_two_commits(hub: FaultHub, root: Path, repo: Repo) -> None:
    """All files are those of the commit that the branch had at the beginning."""
    hub.on(path=info_path(repo), nth=1, fault=Then(lambda: hub.move(repo, "main", EARLIER)))

    result = snapshot(hub_options(hub, root / "hub"), repo)

    assert result.commit == COMMIT
    assert contents(result.path) == repo.main


def test_file_missing_from_the_listing_is_not_asked_for(hub: FaultHub, root: Path, repo: Repo) -> None:
    """A snapshot is what is listed."""
    hub.on(path=tree_path(repo), fault=leaves_out(NOTES))

    result = snapshot(hub_options(hub, root / "hub"), repo)

    assert contents(result.path) == {path: content for path, content in repo.main.items() if path != NOTES}


def test_call_that_is_redirected_to_another_origin_is_not_believed(hub: FaultHub, root: Path, repo: Repo) -> None:
    """A captive portal answers for everybody."""
    with FaultServer({"/portal": b'{"sha": "%s"}' % (b"0" * 40)}) as elsewhere:
        hub.on(path=info_path(repo), fault=Redirect(elsewhere.url("/portal")))

        with pytest.raises(WeighbridgeError):
            snapshot(hub_options(hub, root / "hub", hub_changes={"token": "secret"}), repo)

        assert [each for each in elsewhere.requests if "authorization" in each.headers] == []
