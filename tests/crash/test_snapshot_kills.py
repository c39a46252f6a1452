"""SIGKILL in the middle of a snapshot: the next call goes on from there, and nothing is left over."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.calls import names
from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, WEIGHTS, unfinished, victim, wrongs
from tests.support.hub.fetching import SnapshotTask
from tests.support.hub_clients import HubClient, make_clients
from tests.support.hub_repos import Repo, contents
from tests.support.processes import ClientProcess
from tests.support.scene import CONNECTIONS, MIB, PIECE, quick_options

KILLS = 20
COST = 2 * CONNECTIONS * PIECE  # a piece of each connection of a call


@pytest.fixture
def repo() -> Repo:
    return victim(weights_size=4 * MIB)


@pytest.fixture
def hub(repo: Repo) -> Iterator[FaultHub]:
    with FaultHub(repo) as running:
        yield running


@pytest.fixture
def task(hub: FaultHub, repo: Repo, tmp_path: Path) -> SnapshotTask:
    options = quick_options(tmp_path / "hub")
    del options["store"]["receipts"]
    return SnapshotTask(endpoint=hub.origin, cache=str(tmp_path / "hub"), repo_id=repo.name, options=options)


def snapshot_of(cache: Path) -> Path:
    return cache / "models--acme--victim" / "snapshots" / COMMIT


def test_twenty_kills_cost_at_most_a_piece_for_each_connection_each(
    hub: FaultHub, repo: Repo, task: SnapshotTask, tmp_path: Path
) -> None:
    """P2 in numbers, for a whole snapshot in the cache."""
    rng, size, weights = random.Random(11), sum(map(len, repo.main.values())), hub.cdn_path(repo, WEIGHTS)
    for _ in range(KILLS):
        after = rng.randrange(4 * MIB // KILLS)
        with hub.cdn.gate(weights, after=after) as gate, ClientProcess(task, tmp_path / "log") as client:
            gate.wait_reached()
            client.kill()
        assert wrongs(tmp_path / "hub", tmp_path / "hub") == []

    with ClientProcess(task, tmp_path / "log") as client:
        outcome = client.wait()

    assert outcome.code == 0, outcome.errors
    assert contents(snapshot_of(tmp_path / "hub")) == repo.main
    assert hub.file_bytes <= size + KILLS * COST
    assert unfinished(tmp_path / "hub") == []


@pytest.mark.timeout(400)
def test_real_clients_are_not_fooled_by_what_a_kill_leaves(
    hub: FaultHub, repo: Repo, task: SnapshotTask, tmp_path: Path
) -> None:
    """Those that resume whatever has the right name resume nothing of ours, and are right."""
    clients = make_clients(["2.x", "1.17.0", "0.36.2", "0.9.1"])
    gate = hub.cdn.gate(hub.cdn_path(repo, WEIGHTS), after=2 * MIB)
    with gate, ClientProcess(task, tmp_path / "log") as ours:
        gate.wait_reached()
        ours.kill()

    found = {name: had_by(client, hub, tmp_path, name) for name, client in clients.items()}

    assert found == dict.fromkeys(clients, repo.main)


def had_by(client: HubClient, hub: FaultHub, root: Path, name: str) -> dict[str, bytes]:
    """Return what a client makes of a copy of the cache."""
    cache = root / f"copy-{name}"
    shutil.copytree(root / "hub", cache, symlinks=True)
    with client.start(hub.origin, root / f"home-{name}") as process:
        return contents(process.call("snapshot_download", repo_id="acme/victim", cache_dir=cache))


def test_partial_of_a_real_client_is_no_part_of_ours(
    hub: FaultHub, repo: Repo, task: SnapshotTask, tmp_path: Path
) -> None:
    """What the others leave behind is neither believed nor taken away."""
    blobs = tmp_path / "hub" / "models--acme--victim" / "blobs"
    blobs.mkdir(parents=True)
    etag = hub.cdn_path(repo, WEIGHTS).rpartition("/")[2]
    left = [blobs / f"{etag}.incomplete", blobs / f"{etag}.0a1b2c3d.incomplete"]
    for each in left:
        each.write_bytes(bytes(len(repo.main[WEIGHTS])))

    with ClientProcess(task, tmp_path / "log") as client:
        outcome = client.wait()

    assert outcome.code == 0, outcome.errors
    assert contents(snapshot_of(tmp_path / "hub")) == repo.main
    assert [each.exists() for each in left] == [True, True]
    assert names(tmp_path / "hub" / "models--acme--victim" / "refs") == ["main"]
