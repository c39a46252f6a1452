"""Several clients at one cache at once, ours and others': one transfer where locks work, right bytes everywhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, WEIGHTS, hub_options, snapshot, unfinished, victim, wrongs
from tests.support.hub.fetching import SnapshotTask
from tests.support.hub_clients import HubClient, HubProcess, make_clients
from tests.support.hub_repos import Repo, contents
from tests.support.processes import ClientProcess
from tests.support.scene import MIB, quick_options
from tests.support.shims import Shims

MAKING_S = 400  # the first test waits until the client is installed


@pytest.fixture
def repo() -> Repo:
    return victim(weights_size=2 * MIB)


@pytest.fixture
def hub(repo: Repo) -> Iterator[FaultHub]:
    with FaultHub(repo) as running:
        yield running


@pytest.fixture(scope="session")
def newest() -> HubClient:
    return make_clients(["2.x"])["2.x"]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "home" / "hub"


@pytest.fixture
def task(hub: FaultHub, repo: Repo, cache: Path) -> SnapshotTask:
    options = quick_options(cache)
    del options["store"]["receipts"]
    return SnapshotTask(endpoint=hub.origin, cache=str(cache), repo_id=repo.name, options=options)


def size_of(repo: Repo) -> int:
    return sum(map(len, repo.main.values()))


def snapshot_of(cache: Path) -> Path:
    return cache / "models--acme--victim" / "snapshots" / COMMIT


def test_two_processes_make_one_transfer(
    hub: FaultHub, repo: Repo, task: SnapshotTask, cache: Path, tmp_path: Path
) -> None:
    """Two jobs on one machine pay for one snapshot."""
    gate = hub.cdn.gate(hub.cdn_path(repo, WEIGHTS), after=MIB)
    with ClientProcess(task, tmp_path / "one") as one, ClientProcess(task, tmp_path / "two") as two:
        gate.wait_reached()
        hub.wait_for(lambda: hub.tally.info == 2)
        gate.release()
        outcomes = [each.wait() for each in (one, two)]

    assert [each.code for each in outcomes] == [0, 0], [each.errors for each in outcomes]
    assert hub.file_bytes == size_of(repo)
    assert contents(snapshot_of(cache)) == repo.main
    assert unfinished(cache) == []


def test_process_waits_for_one_that_is_killed_and_goes_on_from_there(
    hub: FaultHub, repo: Repo, task: SnapshotTask, cache: Path, tmp_path: Path
) -> None:
    """Whoever waits takes over what the dead one had."""
    gate = hub.cdn.gate(hub.cdn_path(repo, WEIGHTS), after=MIB)
    with ClientProcess(task, tmp_path / "one") as one:
        gate.wait_reached()
        with ClientProcess(task, tmp_path / "two") as two:
            two.wait_for("FileWaiting")
            one.kill()
            gate.release()
            outcome = two.wait()

    assert outcome.code == 0, outcome.errors
    assert contents(snapshot_of(cache)) == repo.main
    assert hub.file_bytes <= size_of(repo) + MIB // 2
    assert unfinished(cache) == []


def test_four_processes_are_right_where_no_lock_locks(
    repo: Repo, task: SnapshotTask, cache: Path, tmp_path: Path, shims: Shims
) -> None:
    """Cluster file systems grant every lock to everybody."""
    with ExitStack() as stack:
        clients = [ClientProcess(task, tmp_path / f"log{each}", shims.without_locks()) for each in range(4)]
        outcomes = [stack.enter_context(each).wait() for each in clients]

    assert [each.code for each in outcomes] == [0] * 4, [each.errors for each in outcomes]
    assert contents(snapshot_of(cache)) == repo.main
    assert wrongs(cache, cache) == []
    assert unfinished(cache) == []


@pytest.mark.timeout(MAKING_S)
def test_real_client_in_the_middle_is_waited_for(hub: FaultHub, repo: Repo, newest: HubClient, cache: Path) -> None:
    """It holds the lock of a file: what it fetches is not fetched twice."""
    path = hub.cdn_path(repo, WEIGHTS)
    with newest.start(hub.origin, cache.parent) as theirs, hub.cdn.gate(path, after=MIB) as gate:
        calling = threading.Thread(target=theirs.call, args=("snapshot_download",), kwargs={"repo_id": repo.name})
        calling.start()
        gate.wait_reached()
        ours = threading.Thread(target=snapshot, args=(hub_options(hub, cache), repo))
        ours.start()
        hub.wait_for(lambda: hub.tally.info == 2)
        gate.release()
        ours.join()
        calling.join()

    assert contents(snapshot_of(cache)) == repo.main
    assert ["hf_hub" in each.headers["user-agent"] for each in hub.cdn.requests if each.path == path] == [True]
    assert unfinished(cache) == []


@pytest.mark.timeout(MAKING_S)
def test_killed_real_client_holds_nobody_up(hub: FaultHub, repo: Repo, newest: HubClient, cache: Path) -> None:
    """The lock of a dead process is free, and what it left is no blob."""
    with newest.start(hub.origin, cache.parent) as theirs, hub.cdn.gate(hub.cdn_path(repo, WEIGHTS), after=MIB) as gate:
        calling = threading.Thread(target=swallow, args=(theirs, repo.name))
        calling.start()
        gate.wait_reached()
        ours = threading.Thread(target=snapshot, args=(hub_options(hub, cache), repo))
        ours.start()
        hub.wait_for(lambda: hub.tally.info == 2)
        theirs.kill()
        gate.release()
        ours.join()
        calling.join()

    assert contents(snapshot_of(cache)) == repo.main
    assert wrongs(cache, cache) == []


@pytest.mark.timeout(MAKING_S)
def test_real_client_waits_for_us(hub: FaultHub, repo: Repo, newest: HubClient, cache: Path) -> None:
    """It finds our lock under the name it looks for, and then the blob."""
    path = hub.cdn_path(repo, WEIGHTS)
    with newest.start(hub.origin, cache.parent) as theirs, hub.cdn.gate(path, after=MIB) as gate:
        ours = threading.Thread(target=snapshot, args=(hub_options(hub, cache), repo))
        ours.start()
        gate.wait_reached()
        before = hub.tally.head
        calling = threading.Thread(target=theirs.call, args=("snapshot_download",), kwargs={"repo_id": repo.name})
        calling.start()
        hub.wait_for(lambda: hub.tally.head >= before + 1)
        gate.release()
        ours.join()
        calling.join()

    assert contents(snapshot_of(cache)) == repo.main
    assert [each for each in hub.cdn.requests if "hf_hub" in each.headers["user-agent"] and each.path == path] == []


def test_readers_never_see_half_a_ref(hub: FaultHub, repo: Repo, cache: Path) -> None:
    """A ref is there whole or not at all, however often it is written anew."""
    ref = cache / "models--acme--victim" / "refs" / "main"
    snapshot(hub_options(hub, cache), repo)
    seen, over = set(), threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.add(ref.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for commit in [*repo.commits] * 10:
        hub.move(repo, "main", commit)
        snapshot(hub_options(hub, cache), repo)
    over.set()
    reader.join()

    assert seen == set(repo.commits)


def swallow(process: HubProcess, repo_id: str) -> None:
    try:
        process.call("snapshot_download", repo_id=repo_id)
    except RuntimeError:
        return
