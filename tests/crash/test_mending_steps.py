"""SIGKILL at each step of mending a blob: it is damaged or right, and the same call goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, WEIGHTS, hub_options, snapshot, unfinished, victim, wrongs
from tests.support.hub.mending import MendTask
from tests.support.hub_repos import Repo, blob_name
from tests.support.processes import ClientProcess
from tests.support.shims import Shims
from weighbridge.client import Client
from weighbridge.core.pieces import PIECE
from weighbridge.store.layout import Place

SIZE = PIECE + 4321
BLOBS = Path("models--acme--victim", "blobs")

BEFORE_THE_NAME = [
    "named */journal 1 after kill",
    "named */journal 2 before kill",
    "named */journal 2 after kill",
    "named */journal 3 before kill",
    "named */data 1 before kill",
    "named */data 1 after kill",
    "named */pieces/* 1 after kill",
    "named */blobs/[0-9a-f]* 1 before kill",
]


@pytest.fixture(scope="module")
def repo() -> Repo:
    """Its weights have two pieces."""
    return victim(SIZE)


@pytest.fixture(scope="module")
def hub(repo: Repo) -> Iterator[FaultHub]:
    with FaultHub(repo) as running:
        yield running


@pytest.fixture(scope="module")
def whole(hub: FaultHub, repo: Repo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the last piece of the weights is damaged."""
    root = tmp_path_factory.mktemp("damaged")
    snapshot(hub_options(hub, root), repo)
    blob = root / BLOBS / blob_name(WEIGHTS, repo.main[WEIGHTS])
    with blob.open("r+b") as file:
        file.seek(SIZE - 9)
        file.write(b"damage")
    return root


@pytest.fixture
def task(hub: FaultHub, repo: Repo, whole: Path, tmp_path: Path) -> MendTask:
    shutil.copytree(whole, tmp_path / "hub", symlinks=True)
    return MendTask(
        endpoint=hub.origin,
        cache=str(tmp_path / "hub"),
        repo_id=repo.name,
        commit=COMMIT,
        path=WEIGHTS,
        etag=blob_name(WEIGHTS, repo.main[WEIGHTS]),
        options={"transfer": {"connections": 1}, "store": {"receipts": str(tmp_path / "receipts")}},
    )


@pytest.mark.parametrize("rule", BEFORE_THE_NAME)
def test_death_before_the_name_leaves_the_damaged_blob(task: MendTask, tmp_path: Path, shims: Shims, rule: str) -> None:
    """Readers keep what they have, and what was fetched for it is not fetched twice but for a piece."""
    cache = tmp_path / "hub"
    with ClientProcess(task, tmp_path / "log", shims.acting(rule)) as client:
        first = client.wait()
    found = wrongs(cache, cache)

    with ClientProcess(task, tmp_path / "log") as client:
        second = client.wait()

    assert first.code < 0
    assert found == [f"wrong bytes: {task.etag}"]
    assert second.code == 0, second
    assert second.fetched <= SIZE - PIECE
    assert wrongs(cache, cache) == []
    assert unfinished(cache) == []


def test_claim_that_a_power_loss_has_emptied_keeps_nothing_from_being_mended(
    hub: FaultHub, repo: Repo, whole: Path, tmp_path: Path
) -> None:
    """Whose it was can't be told; it was silent for longer than anybody may be."""
    cache = tmp_path / "hub"
    shutil.copytree(whole, cache, symlinks=True)
    claim = Place(cache / BLOBS / blob_name(WEIGHTS, repo.main[WEIGHTS])).claim
    claim.touch()
    os.utime(claim, (1e9, 1e9))

    with Client(hub_options(hub, cache)) as client:
        repair = client.cache.repair(full=True)
        client.cache.release()

    assert len(repair.mended) == 1
    assert wrongs(cache, cache) == []


def test_death_after_the_name_leaves_the_right_blob(task: MendTask, tmp_path: Path, shims: Shims) -> None:
    """There is no moment at which there is none."""
    cache = tmp_path / "hub"

    with ClientProcess(task, tmp_path / "log", shims.acting("named */blobs/[0-9a-f]* 1 after kill")) as client:
        outcome = client.wait()

    assert outcome.code < 0
    assert wrongs(cache, cache) == []
