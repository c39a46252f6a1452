"""Snapshots where there are no symbolic links: plain files, and everything else as ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import hub_options, snapshot
from tests.support.hub_repos import Repo, contents
from weighbridge.core.artifacts import FileResult, Source
from weighbridge.core.options import CacheOptions, Options, StoreOptions
from weighbridge.core.repos import RepoFile, RepoId
from weighbridge.shelves.cache import CacheShelf
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.receipts import Receipts

TWINS = {"a/one.txt": b"the same", "two.txt": b"the same", "three.safetensors": b"weights" * 1000}
FIRST, SECOND = "a" * 40, "b" * 40
REPO = Repo(
    kind="model",
    name="acme/twins",
    commits={FIRST: TWINS, SECOND: TWINS | {"two.txt": b"another"}},
    refs={"main": FIRST, "next": SECOND},
)


@pytest.fixture
def options(tmp_path: Path) -> Iterator[Options]:
    """For a cache without links."""
    with FaultHub(REPO) as hub:
        made = hub_options(hub, tmp_path / "hub")
        yield replace(made, cache=CacheOptions(root=tmp_path / "hub", symlinks=False))


def test_snapshot_holds_plain_files(options: Options, tmp_path: Path) -> None:
    """Two of the same content as well, which came once."""
    result = snapshot(options, REPO)

    folder = CacheFolder(tmp_path / "hub", RepoId.parse(REPO.name))
    assert contents(result.path) == TWINS
    assert [each for each in result.path.rglob("*") if each.is_symlink()] == []
    assert list(folder.blobs.iterdir()) == []


def test_warm_snapshot_is_left_alone(options: Options) -> None:
    """What is there and right is not fetched, and not copied."""
    first = snapshot(options, REPO)
    before = {path: path.stat() for path in first.path.rglob("*")}

    snapshot(options, REPO)

    assert {path: path.stat() for path in first.path.rglob("*")} == before


def test_damaged_file_is_mended(options: Options) -> None:
    """There is no blob whose name could tell, but the listing does."""
    place = snapshot(options, REPO).path / "three.safetensors"
    place.write_bytes(b"damages" * 1000)

    snapshot(options, REPO)

    assert place.read_bytes() == TWINS["three.safetensors"]


def test_other_commit_has_its_own_files(options: Options) -> None:
    """An edit of one must not show in the other."""
    first = snapshot(options, REPO).path
    second = snapshot(options, REPO, revision="next").path

    (first / "a" / "one.txt").write_bytes(b"edited")

    assert contents(second) == REPO.commits[SECOND]


@pytest.mark.parametrize(("outcome", "stays"), [("fetched", False), ("joined", True)])
def test_blob_that_somebody_else_has_fetched_stays(tmp_path: Path, outcome: Any, stays: bool) -> None:
    """Only what we have fetched is ours to move: others may refer to it, or be about to move it themselves."""
    folder = CacheFolder(tmp_path / "hub", RepoId.parse(REPO.name))
    shelf = CacheShelf(folder, FIRST, Receipts(), CacheOptions(root=folder.root, symlinks=False), StoreOptions())
    file = RepoFile(path="f", size=1, blob_id="1" * 40)
    (missing,) = shelf.missing([file], {"f": Source.parse("http://127.0.0.1:9/f")})
    blob = missing.place.final
    blob.write_bytes(b"x")

    shelf.settle(missing, FileResult(name="f", path=blob, size=1, digest=file.digest, outcome=outcome))

    assert (blob.exists(), folder.pointer(FIRST, "f").read_bytes()) == (stays, b"x")
