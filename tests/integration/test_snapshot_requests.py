"""One call, one bill: how many requests a snapshot costs, cold and warm, and what it does not ask for twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fault_hub import FaultHub, Manner, Tally, Way
from tests.support.hub.calls import COMMIT, NOTES, WEIGHTS, download, hub_options, snapshot
from tests.support.hub_repos import Repo, contents
from weighbridge.core.options import KIB, Options

WHOLE = {"first_piece": 1024 * KIB, "piece_max": 1024 * KIB}  # a piece a file


def one_piece(hub: FaultHub, cache: Path) -> Options:
    return hub_options(hub, cache, **WHOLE)


def test_cold_snapshot_costs_two_calls_and_a_get_for_each_file(hub: FaultHub, repo: Repo, root: Path) -> None:
    """No HEAD: the listing told everything.  The two large files cost one more each, the empty one nothing."""
    snapshot(one_piece(hub, root / "hub"), repo)

    assert hub.tally == Tally(info=1, tree=1, get=5, cdn=2)


def test_small_files_behind_redirects_cost_one_more_each(repo: Repo, root: Path) -> None:
    """Where the Hub sends small files from its cache."""
    with FaultHub(repo, manner=Manner(small=Way.CACHED)) as hub:
        result = snapshot(one_piece(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main
    assert hub.tally == Tally(info=1, tree=1, get=5, cached=3, cdn=2)


def test_warm_snapshot_of_a_branch_costs_one_request(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Where the branch is now is all that has to be asked."""
    snapshot(one_piece(hub, root / "hub"), repo)
    before = hub.tally

    snapshot(one_piece(hub, root / "hub"), repo)

    assert hub.tally == replace(before, info=2)


def test_warm_snapshot_of_a_commit_costs_nothing(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A commit never changes."""
    snapshot(one_piece(hub, root / "hub"), repo)
    before = len(hub.requests) + len(hub.cdn.requests)

    result = snapshot(one_piece(hub, root / "hub"), repo, revision=COMMIT)

    assert len(hub.requests) + len(hub.cdn.requests) == before
    assert {each.outcome for each in result.files} == {"present"}


def test_warm_snapshot_of_a_commit_needs_no_hub(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Not even a connection."""
    snapshot(one_piece(hub, root / "hub"), repo)

    with hub.outage():
        result = snapshot(one_piece(hub, root / "hub"), repo, revision=COMMIT)

    assert contents(result.path) == repo.main


def test_new_commit_costs_what_changed(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Content that is here already for another commit is linked."""
    snapshot(one_piece(hub, root / "hub"), repo, revision="v1.0")
    before = hub.tally

    result = snapshot(one_piece(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main
    assert hub.tally == replace(before, info=2, tree=2, get=before.get + 2, cdn=before.cdn + 1)


def test_content_of_another_repository_is_not_fetched(repo: Repo, root: Path) -> None:
    """Copies of a model under other names are common and large."""
    twin = Repo(kind="model", name="other/twin", commits=repo.commits, refs=repo.refs)
    with FaultHub(repo, twin) as hub:
        snapshot(one_piece(hub, root / "hub"), repo)
        before = hub.tally

        result = snapshot(one_piece(hub, root / "hub"), twin)

    assert contents(result.path) == repo.main
    assert hub.tally == replace(before, info=2, tree=2)


def test_missing_file_alone_is_fetched_again(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Somebody deleted one file: that one costs a request."""
    path = snapshot(one_piece(hub, root / "hub"), repo).path / NOTES
    path.resolve().unlink()
    path.unlink()
    before = hub.tally

    snapshot(one_piece(hub, root / "hub"), repo, revision=COMMIT)

    assert hub.tally == replace(before, get=before.get + 1)
    assert path.read_bytes() == repo.main[NOTES]


def test_patterns_are_paid_for_by_what_they_select(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Whoever wants the weights does not get the rest."""
    result = snapshot(one_piece(hub, root / "hub"), repo, allow_patterns=["*.safetensors"])

    assert list(contents(result.path)) == [WEIGHTS]
    assert hub.tally == Tally(info=1, tree=1, get=1, cdn=1)


def test_single_file_costs_a_head_and_a_get(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Nobody listed anything, so what it is has to be asked first."""
    download(one_piece(hub, root / "hub"), repo, NOTES)

    assert hub.tally == Tally(head=1, get=1)


def test_warm_file_of_a_branch_costs_a_head_and_of_a_commit_nothing(hub: FaultHub, repo: Repo, root: Path) -> None:
    """As with every other client, so that scripts cost no more than before."""
    options = one_piece(hub, root / "hub")
    download(options, repo, NOTES)

    download(options, repo, NOTES)
    after_branch = hub.tally
    download(options, repo, NOTES, revision=COMMIT)

    assert after_branch == Tally(head=2, get=1)
    assert hub.tally == after_branch


def test_file_of_a_listed_commit_is_not_asked_about(hub: FaultHub, repo: Repo, root: Path) -> None:
    """The listing of a commit is kept; what it says of a file is as good as a HEAD."""
    options = one_piece(hub, root / "hub")
    snapshot(options, repo, allow_patterns=[WEIGHTS])
    before = hub.tally

    download(options, repo, NOTES, revision=COMMIT)

    assert hub.tally == replace(before, get=before.get + 1)


def test_large_file_is_asked_for_once_and_then_at_the_cdn(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A signed address serves all pieces until it expires."""
    snapshot(hub_options(hub, root / "hub", connections=1, connections_per_file=1), repo, allow_patterns=[WEIGHTS])

    assert hub.tally.get == 1
    assert hub.tally.cdn >= 2


def test_connections_are_kept_between_files(root: Path) -> None:
    """A hundred small files are not a hundred handshakes."""
    many = Repo(
        kind="model",
        name="acme/many",
        commits={COMMIT: {f"part {index}.txt": b"%d\n" % index for index in range(100)}},
        refs={"main": COMMIT},
    )
    with FaultHub(many) as hub:
        result = snapshot(hub_options(hub, root / "hub", connections=4, small_connections=4), many)

    assert contents(result.path) == many.main
    assert hub.tally == Tally(info=1, tree=1, get=100)
    assert hub.connections <= 4 + 2


@pytest.mark.parametrize("connections", [1, 3])
def test_snapshot_keeps_to_its_connections(repo: Repo, root: Path, connections: int) -> None:
    """The budget is of the call, however many files and servers there are."""
    with FaultHub(repo) as hub:
        snapshot(hub_options(hub, root / "hub", connections=connections, small_connections=connections), repo)

    assert hub.max_concurrent + hub.cdn.max_concurrent <= 2 * connections
    assert hub.cdn.max_concurrent <= connections
