"""SIGKILL while a project is locked or synced: its files are whole, and the next call goes on from there."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, EARLIER, WEIGHTS, hub_options, unfinished, victim, wrongs
from tests.support.hub.projecting import ProjectFolder, SyncTask
from tests.support.hub_repos import Repo, contents
from tests.support.processes import ClientProcess
from tests.support.scene import CONNECTIONS, MIB, PIECE, quick_options
from tests.support.shims import Shims

COST = 2 * CONNECTIONS * PIECE  # a piece of each connection of a call


@pytest.fixture
def repo() -> Repo:
    return victim(weights_size=2 * MIB)


@pytest.fixture
def hub(repo: Repo) -> Iterator[FaultHub]:
    with FaultHub(repo) as running:
        yield running


@pytest.fixture
def project(hub: FaultHub, repo: Repo, tmp_path: Path) -> ProjectFolder:
    """A project that is locked, with nothing in the cache."""
    made = ProjectFolder(tmp_path / "project")
    made.write(repo.name)
    made.lock(hub_options(hub, tmp_path / "hub"))
    return made


@pytest.fixture
def task(hub: FaultHub, project: ProjectFolder, tmp_path: Path) -> SyncTask:
    options = quick_options(tmp_path / "hub")
    del options["store"]["receipts"]
    return SyncTask(endpoint=hub.origin, cache=str(tmp_path / "hub"), project=str(project.path), options=options)


@pytest.mark.parametrize(
    ("rule", "is_new"),
    [
        ("excl */.weighbridge.lock.*.tmp 1 after kill", False),
        ("write */.weighbridge.lock.*.tmp 1 after kill", False),
        ("named */weighbridge.lock 1 before kill", False),
        ("named */weighbridge.lock 1 after kill", True),
    ],
)
def test_lock_file_is_whole_whenever_its_writer_dies(
    hub: FaultHub, repo: Repo, project: ProjectFolder, shims: Shims, rule: str, *, is_new: bool
) -> None:
    """Half of one would be an error for everybody else."""
    before = project.lock_file.read_text()
    hub.move(repo, "main", EARLIER)
    task = SyncTask(
        endpoint=hub.origin,
        cache=str(project.path.parent / "hub"),
        project=str(project.path),
        call="lock",
        arguments={"upgrade": True},
    )

    with ClientProcess(task, project.path.parent / "log", shims.acting(rule)) as client:
        end = client.wait().code

    now = project.lock_file.read_text()
    assert end == -signal.SIGKILL
    assert (now == before, EARLIER in now) == (not is_new, is_new)


def test_killed_sync_goes_on_and_its_ref_comes_last(
    hub: FaultHub, repo: Repo, task: SyncTask, project: ProjectFolder, tmp_path: Path
) -> None:
    """Nothing that is half done looks whole, and little is fetched again."""
    cache = tmp_path / "hub"
    with hub.cdn.gate(hub.cdn_path(repo, WEIGHTS), after=MIB) as gate, ClientProcess(task, tmp_path / "log") as client:
        gate.wait_reached()
        client.kill()
    refs_then, wrongs_then = list(cache.glob("*/refs/*")), wrongs(cache, cache)

    with ClientProcess(task, tmp_path / "log") as client:
        outcome = client.wait()

    folder = cache / "models--acme--victim"
    assert (refs_then, wrongs_then, outcome.code) == ([], [], 0)
    assert contents(folder / "snapshots" / COMMIT) == repo.main
    assert (folder / "refs" / "main").read_text() == COMMIT
    assert hub.file_bytes <= sum(map(len, repo.main.values())) + COST
    assert unfinished(cache) == []
