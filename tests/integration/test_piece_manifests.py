"""Piece manifests that downloads leave: right, whole, for large contents only, and never in a download's way."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.calls import ask, fetch
from tests.support.fault_hub import FaultHub
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import CutAfter
from tests.support.hub.calls import GRAPH, WEIGHTS, hub_options, snapshot, victim
from tests.support.hub.fetching import SnapshotTask
from tests.support.hub_repos import Repo, blob_name
from tests.support.processes import ClientProcess
from weighbridge.core.digests import Digest
from weighbridge.core.options import MIB
from weighbridge.core.pieces import PIECE, PieceManifest
from weighbridge.store.cache.layout import OWN
from weighbridge.store.cache.pieces import find_manifest

FOLDER = "models--acme--victim"
FED, FOLLOWED = PIECE + 1, 2 * PIECE + MIB
"""Sizes of a file that is hashed as it arrives, and of one that is hashed behind the writers."""


def manifest_of(content: bytes) -> PieceManifest | None:
    """Return the manifest of a content, computed in the plainest way."""
    prefixes = {end: hashlib.sha256(content[:end]).hexdigest() for end in range(PIECE, len(content), PIECE)}
    return PieceManifest.of(Digest("sha256", hashlib.sha256(content).hexdigest()), len(content), prefixes)


def kept(cache: Path, repo: Repo, path: str = WEIGHTS) -> PieceManifest | None:
    """Return what is kept of a file's pieces."""
    return find_manifest(cache, cache / FOLDER, Digest("sha256", blob_name(path, repo.main[path])))


@pytest.fixture(params=[FED, FOLLOWED], ids=["fed", "followed"], scope="module")
def repo(request: pytest.FixtureRequest) -> Repo:
    return victim(request.param)


@pytest.fixture(scope="module")
def hub(repo: Repo) -> Iterator[FaultHub]:
    with FaultHub(repo) as running:
        yield running


def test_download_leaves_the_manifest_of_what_came(hub: FaultHub, repo: Repo, tmp_path: Path) -> None:
    """Whatever rots later can be mended by pieces."""
    snapshot(hub_options(hub, tmp_path, first_piece=8 * MIB), repo)

    assert kept(tmp_path, repo) == manifest_of(repo.main[WEIGHTS])
    assert kept(tmp_path, repo) is not None
    assert [each.stem for each in (tmp_path / FOLDER / OWN / "pieces").iterdir()] == [
        blob_name(WEIGHTS, repo.main[WEIGHTS])
    ]
    assert kept(tmp_path, repo, GRAPH) is None


def test_download_that_was_cut_leaves_it_whole(hub: FaultHub, repo: Repo, tmp_path: Path) -> None:
    """Pieces that end where a connection broke are noted like the others."""
    path = hub.cdn_path(repo, WEIGHTS)
    hub.cdn.on(path=path, fault=CutAfter(PIECE - 100_000), times=2)
    try:
        snapshot(hub_options(hub, tmp_path, first_piece=8 * MIB), repo)
    finally:
        hub.cdn.clear_rules()

    assert kept(tmp_path, repo) == manifest_of(repo.main[WEIGHTS])


def test_download_that_was_killed_leaves_it_whole(hub: FaultHub, repo: Repo, tmp_path: Path) -> None:
    """What an earlier run has hashed counts as well, and is hashed again."""
    pieces = {"first_piece": MIB, "piece_min": MIB, "piece_max": MIB}
    task = SnapshotTask(
        endpoint=hub.origin, cache=str(tmp_path / "hub"), repo_id=repo.name, options={"transfer": pieces}
    )
    with (
        hub.cdn.gate(hub.cdn_path(repo, WEIGHTS), after=PIECE) as gate,
        ClientProcess(task, tmp_path / "log") as client,
    ):
        gate.wait_reached()
        client.kill()

    with ClientProcess(task, tmp_path / "log") as client:
        outcome = client.wait()

    assert outcome.code == 0, outcome
    assert kept(tmp_path / "hub", repo) == manifest_of(repo.main[WEIGHTS])


def test_manifest_that_can_not_be_kept_stops_no_download(hub: FaultHub, repo: Repo, tmp_path: Path) -> None:
    """P2: it is a help for later; the file is what was asked for."""
    (tmp_path / FOLDER / OWN).mkdir(parents=True)
    (tmp_path / FOLDER / OWN / "pieces").touch()

    result = snapshot(hub_options(hub, tmp_path, first_piece=8 * MIB), repo)

    assert (result.path / WEIGHTS).read_bytes() == repo.main[WEIGHTS]


def test_content_that_is_taken_over_has_one_from_where_it_was(hub: FaultHub, repo: Repo, tmp_path: Path) -> None:
    """One manifest serves all repositories of a cache."""
    options = hub_options(hub, tmp_path, first_piece=8 * MIB)
    snapshot(options, repo)
    (tmp_path / FOLDER).rename(tmp_path / "models--acme--twin")

    snapshot(options, repo)

    assert not (tmp_path / FOLDER / OWN / "pieces").exists()
    assert kept(tmp_path, repo) == manifest_of(repo.main[WEIGHTS])


def test_plain_directory_has_none(tmp_path: Path) -> None:
    """Nothing of ours lies beside other people's files."""
    with FaultServer({"/model.bin": SparseFile(FOLLOWED)}) as server:
        fetch(ask(server, "/model.bin"), tmp_path / "out")

    assert [each.name for each in (tmp_path / "out").rglob("*")] == ["model.bin"]


def test_repository_that_moves_takes_its_manifests_along(hub: FaultHub, repo: Repo, tmp_path: Path) -> None:
    """They name content and no place."""
    snapshot(hub_options(hub, tmp_path / "first", first_piece=8 * MIB), repo)

    shutil.copytree(tmp_path / "first" / FOLDER, tmp_path / "second" / FOLDER, symlinks=True)

    assert kept(tmp_path / "second", repo) == manifest_of(repo.main[WEIGHTS])
