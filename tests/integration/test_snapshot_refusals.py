"""What the Hub refuses: each refusal is told as what it is, and never mistaken for a failure of the network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.calls import names
from tests.support.fault_hub import FaultHub
from tests.support.faults import Fault, RetryAfter, Status
from tests.support.hub.addresses import file_path, info_path, tree_path
from tests.support.hub.calls import COMMIT, EARLIER, WEIGHTS, download, hub_options, snapshot, unfinished, wrongs
from tests.support.hub.lies import (
    BAD_TOKEN,
    DISABLED,
    ENTRY_NOT_FOUND,
    GATED,
    REPO_HIDDEN,
    REPO_NOT_FOUND,
    REVISION_NOT_FOUND,
    Refused,
    Then,
)
from tests.support.hub_repos import Repo, contents
from weighbridge.core.errors import (
    BadStatusError,
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RateLimitedError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    WeighbridgeError,
)

pytestmark = pytest.mark.timeout(30)

FINAL: list[tuple[Fault, type[WeighbridgeError]]] = [
    (REPO_NOT_FOUND, RepositoryNotFoundError),
    (REPO_HIDDEN, RepositoryNotFoundError),
    (Status(401), RepositoryNotFoundError),
    (Status(404), RepositoryNotFoundError),
    (REVISION_NOT_FOUND, RevisionNotFoundError),
    (GATED, GatedRepoError),
    (DISABLED, DisabledRepoError),
    (Status(403), HfHubHTTPError),
    (BAD_TOKEN, HfHubHTTPError),
    (Refused(400, None, "no"), HfHubHTTPError),
    (Refused(451, "SomethingNew", "for legal reasons"), HfHubHTTPError),
]


@pytest.mark.parametrize(("fault", "kind"), FINAL, ids=repr)
def test_refused_repository_is_an_error_of_its_kind(
    hub: FaultHub, repo: Repo, root: Path, fault: Fault, kind: type[WeighbridgeError]
) -> None:
    """Asked once, told at once, and nothing is left behind."""
    hub.on(path=f"*/{repo.name}/*", fault=fault)

    with pytest.raises(kind) as caught:
        snapshot(hub_options(hub, root / "hub"), repo)

    assert isinstance(caught.value, HfHubHTTPError)
    assert len(hub.requests) == 1
    assert [each for each in names(root) if "models--" in each] == []


@pytest.mark.parametrize(("fault", "kind"), [(GATED, GatedRepoError), (REPO_HIDDEN, RepositoryNotFoundError)])
def test_refusal_is_not_hidden_by_what_is_here(
    hub: FaultHub, repo: Repo, root: Path, fault: Fault, kind: type[WeighbridgeError]
) -> None:
    """Who lost access is told so, whatever an earlier call left in the cache."""
    snapshot(hub_options(hub, root / "hub"), repo)
    hub.on(path=f"*/{repo.name}/*", fault=fault)

    with pytest.raises(kind):
        snapshot(hub_options(hub, root / "hub"), repo)


@pytest.mark.parametrize("fault", [Status(500), Status(503), Refused(502, None, "Bad gateway")], ids=repr)
def test_hub_in_trouble_is_no_trouble_for_what_is_here(hub: FaultHub, repo: Repo, root: Path, fault: Fault) -> None:
    """An outage of the Hub does not stop what needs nothing of it."""
    snapshot(hub_options(hub, root / "hub"), repo)
    hub.on(fault=fault)

    result = snapshot(hub_options(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main


@pytest.mark.parametrize("fault", [Status(500), Status(503)], ids=repr)
def test_hub_in_trouble_is_told_if_something_is_missing(hub: FaultHub, repo: Repo, root: Path, fault: Fault) -> None:
    """Tried again some times, and then said."""
    hub.on(fault=fault)

    with pytest.raises(LocalEntryNotFoundError, match="acme/victim"):
        snapshot(hub_options(hub, root / "hub"), repo)

    assert 2 <= len(hub.requests) <= 8


def test_gone_hub_is_no_trouble_for_what_is_here(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A machine that lost its network goes on with what it has."""
    snapshot(hub_options(hub, root / "hub"), repo)

    with hub.outage():
        result = snapshot(hub_options(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main


def test_too_many_requests_for_longer_than_we_wait_are_told(hub: FaultHub, repo: Repo, root: Path) -> None:
    """``Retry-After: 1000`` is not slept through."""
    hub.on(fault=RetryAfter(1000))

    with pytest.raises((RateLimitedError, HfHubHTTPError)) as caught:
        snapshot(hub_options(hub, root / "hub"), repo)

    assert "1000" in str(caught.value)
    assert len(hub.requests) == 1


def test_too_many_requests_slow_everyone_and_lose_nothing(hub: FaultHub, repo: Repo, root: Path) -> None:
    """After the first 429 nobody asks for a while, so few requests are refused."""
    limiter = hub.limit_rate(20, burst=2)

    result = snapshot(hub_options(hub, root / "hub", retry={"attempts": 20}), repo)

    assert contents(result.path) == repo.main
    assert limiter.refused <= limiter.admitted


@pytest.mark.parametrize(("fault", "kind"), [(GATED, GatedRepoError), (ENTRY_NOT_FOUND, RemoteEntryNotFoundError)])
def test_refused_file_is_told_by_its_name(
    hub: FaultHub, repo: Repo, root: Path, fault: Fault, kind: type[WeighbridgeError]
) -> None:
    """Listings are open to everybody where files are not."""
    hub.on(path=file_path(repo, WEIGHTS), fault=fault)

    with pytest.raises(kind):
        snapshot(hub_options(hub, root / "hub"), repo)

    assert wrongs(root, root / "hub") == []


def test_token_revoked_halfway_keeps_what_was_fetched(hub: FaultHub, repo: Repo, root: Path) -> None:
    """The same call with another token goes on from there."""
    hub.admit_only("old")
    hub.on(path=file_path(repo, WEIGHTS), nth=1, fault=Then(lambda: hub.admit_only("new")))

    with pytest.raises(HfHubHTTPError):
        snapshot(hub_options(hub, root / "hub", hub_changes={"token": "old"}, connections=1, files=1), repo)
    result = snapshot(hub_options(hub, root / "hub", hub_changes={"token": "new"}), repo)

    assert contents(result.path) == repo.main
    assert hub.file_bytes == sum(map(len, repo.main.values()))
    assert unfinished(root) == []


def test_link_to_the_cdn_that_expires_is_asked_for_again(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A signed address is good for minutes, a large file takes hours."""
    path = hub.cdn_path(repo, WEIGHTS)
    hub.cdn.on(path=path, nth=2, fault=Then(hub.cdn.expire_signatures))

    result = snapshot(hub_options(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main
    assert 403 in [each.status for each in hub.cdn.requests]


def test_commit_that_vanishes_between_two_calls_is_told(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A force-push may take a commit away under a reader."""
    gone = Repo(kind=repo.kind, name=repo.name, commits={EARLIER: repo.commits[EARLIER]}, refs={"main": EARLIER})
    hub.on(path=info_path(repo), fault=Then(lambda: hub.serve(gone)))

    with pytest.raises(RevisionNotFoundError, match=COMMIT[:7]):
        snapshot(hub_options(hub, root / "hub"), repo)

    assert hub.tally.get == 0


def test_renamed_repository_is_had_under_the_name_that_was_asked_for(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Other clients look for it under the old name, too."""
    hub.rename("acme/former", repo)
    former = Repo(kind=repo.kind, name="acme/former", commits=repo.commits, refs=repo.refs)

    result = snapshot(hub_options(hub, root / "hub"), former)

    assert result.path.relative_to(root / "hub").parts[0] == "models--acme--former"
    assert contents(result.path) == repo.main


def test_absent_file_is_told_with_the_revision(hub: FaultHub, repo: Repo, root: Path) -> None:
    """What people get wrong is the name, the case of it, or the branch."""
    with pytest.raises(RemoteEntryNotFoundError, match=r"nothing\.txt") as caught:
        download(hub_options(hub, root / "hub"), repo, "nothing.txt")

    assert caught.value.path == "nothing.txt"
    assert "v1.0" not in str(caught.value)


def test_wrong_revision_is_told_as_such(hub: FaultHub, repo: Repo, root: Path) -> None:
    """The repository is there; what is missing is the branch."""
    with pytest.raises(RevisionNotFoundError, match="nowhere"):
        snapshot(hub_options(hub, root / "hub"), repo, revision="nowhere")

    assert tree_path(repo) not in [each.path for each in hub.requests]


@pytest.mark.parametrize("status", [401, 403])
def test_refusal_of_the_cdn_is_no_word_on_the_repository(hub: FaultHub, repo: Repo, root: Path, status: int) -> None:
    """A CDN that always refuses its own links is broken, and says nothing about who may see what."""
    hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), fault=Status(status))

    with pytest.raises(BadStatusError) as caught:
        snapshot(hub_options(hub, root / "hub"), repo)

    assert WEIGHTS in str(caught.value)
    assert len(hub.cdn.requests) < 20
