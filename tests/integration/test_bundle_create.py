"""Packing: every byte is checked on the way, nothing half-done gets the name, the same files make the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.bundles import client_of, locked, pack
from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, EARLIER, GRAPH, NOTES, WEIGHTS, hub_options, snapshot
from tests.support.hub_repos import Repo, blob_name
from weighbridge.core.digests import Digest
from weighbridge.core.errors import (
    CancelledError,
    DamagedCacheError,
    IncompleteSnapshotError,
    InvalidParameterError,
    LocalEntryNotFoundError,
    StoreError,
)
from weighbridge.core.events import Event, FileFinished, Notice
from weighbridge.core.locks import LockedDownload, LockFile
from weighbridge.core.names import RelativeName
from weighbridge.store.layout import Place

VICTIM = "acme/victim"


@pytest.fixture
def cache(repo: Repo, tmp_path: Path) -> Path:
    repo.write_cache(tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "made" / "bundle"


def blob_of(cache: Path, repo: Repo, path: str) -> Path:
    """Return where the content of a file of the main branch lies."""
    return cache / "models--acme--victim" / "blobs" / blob_name(path, repo.main[path])


def told(bundle: Path) -> dict[str, Any]:
    """Return what a directory tells of itself."""
    found: dict[str, Any] = json.loads((bundle / "bundle.json").read_bytes())
    return found


def names_in(folder: Path) -> list[str]:
    """Return what lies directly in a directory."""
    return sorted(each.name for each in folder.iterdir())


def test_directory_holds_each_content_once(cache: Path, repo: Repo, out: Path) -> None:
    """Under its digest, however many names it has in however many commits."""
    with client_of(cache) as client:
        client.bundles.create(out, VICTIM, f"{VICTIM}@v1.0")

    blobs = {each.name for each in (cache / "models--acme--victim" / "blobs").iterdir()}
    assert {each.name.partition("-")[2].removeprefix("sha1-") for each in (out / "contents").iterdir()} == blobs
    assert [(each["commit"], each["refs"]) for each in told(out)["repositories"]] == [
        (COMMIT, ["main"]),
        (EARLIER, ["v1.0"]),
    ]
    assert names_in(out) == ["README.txt", "bundle.json", "check.py", "contents"]


def test_bundle_shares_no_file_with_the_cache(cache: Path, out: Path) -> None:
    """Whoever changes the bundle must not change the cache."""
    with client_of(cache) as client:
        client.bundles.create(out, VICTIM)

    assert {each.stat().st_nlink for each in (out / "contents").iterdir()} == {1}
    assert {each.is_symlink() for each in out.rglob("*")} == {False}


def test_same_files_make_the_same_archive(repo: Repo, tmp_path: Path) -> None:
    """Byte for byte, from another cache at another time: whoever has one can tell whether another is the same."""
    first = pack(repo, tmp_path / "a" / "x.tar", tar=True)
    second = pack(repo, tmp_path / "b" / "x.tar", tar=True)

    assert first.read_bytes() == second.read_bytes()


def test_archive_is_read_by_everybody(repo: Repo, tmp_path: Path) -> None:
    """It is a plain tar file of plain files of nobody."""
    made = pack(repo, tmp_path / "x.tar", tar=True)

    with tarfile.open(made, "r:") as archive:
        found = archive.getmembers()
    assert all(each.isreg() and (each.uid, each.gid, each.mtime, each.uname) == (0, 0, 0, "") for each in found)
    assert found[0].name == "bundle.json"
    assert made.stat().st_size % 512 == 0


def test_parts_are_the_archive(repo: Repo, tmp_path: Path) -> None:
    """Whoever puts them together with cat has it."""
    whole = pack(repo, tmp_path / "x.tar", tar=True).read_bytes()

    pack(repo, tmp_path / "y.tar", tar=True, split=70_000)

    parts = sorted(each for each in tmp_path.glob("y.tar.*") if each.suffix != ".json")
    assert b"".join(each.read_bytes() for each in parts) == whole
    assert {each.stat().st_size for each in parts[:-1]} == {70_000}
    listed = json.loads((tmp_path / "y.tar.parts.json").read_bytes())["parts"]
    assert [each["name"] for each in listed] == [each.name for each in parts]


def flipped(blob: Path) -> None:
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)


@pytest.mark.parametrize("path", [WEIGHTS, NOTES, GRAPH])
@pytest.mark.parametrize("tar", [False, True])
def test_damaged_file_is_named_and_nothing_is_made(cache: Path, repo: Repo, out: Path, path: str, *, tar: bool) -> None:
    """A receipt says what was; bytes that leave the machine are read."""
    with client_of(cache) as client:
        client.snapshot(VICTIM)  # everything has a receipt now
        before = blob_of(cache, repo, path).stat()
        flipped(blob_of(cache, repo, path))
        os.utime(blob_of(cache, repo, path), ns=(before.st_atime_ns, before.st_mtime_ns))

        with pytest.raises(DamagedCacheError, match=path) as caught:
            client.bundles.create(out, VICTIM, tar=tar)

    assert [each.path for each in caught.value.findings] == [blob_of(cache, repo, path)]
    assert names_in(out.parent) == []


def test_cancelled_packing_leaves_nothing(cache: Path, out: Path) -> None:
    """Not even under another name."""

    def stop(event: Event) -> None:
        if isinstance(event, FileFinished):
            raise CancelledError("enough")

    with client_of(cache) as client, pytest.raises(CancelledError):
        client.bundles.create(out, VICTIM, observer=stop)

    assert names_in(out.parent) == []


def test_file_that_is_gone_is_named(cache: Path, repo: Repo, out: Path) -> None:
    """A bundle that lacks something is noticed here, not on the other side."""
    blob_of(cache, repo, WEIGHTS).unlink()

    with client_of(cache) as client, pytest.raises(IncompleteSnapshotError, match=WEIGHTS) as caught:
        client.bundles.create(out, VICTIM)

    assert len(caught.value.missing) == 1
    assert not out.parent.exists()


def test_revision_that_is_not_here_is_named(cache: Path, out: Path) -> None:
    """With what to do about it."""
    with client_of(cache) as client, pytest.raises(LocalEntryNotFoundError, match="weighbridge download"):
        client.bundles.create(out, f"{VICTIM}@v9")


def test_part_of_a_commit_is_told_of_and_stays_a_part(hub: FaultHub, repo: Repo, tmp_path: Path, out: Path) -> None:
    """On the other side nobody may take it for the whole."""
    options = hub_options(hub, tmp_path / "hub")
    snapshot(options, repo, allow_patterns=[WEIGHTS])
    notices: list[str] = []

    with client_of(tmp_path / "hub") as client:
        client.bundles.create(
            out, VICTIM, observer=lambda event: notices.append(event.message) if isinstance(event, Notice) else None
        )

    assert len(notices) == 1
    assert "5 of the 6 files" in notices[0]
    packed = told(out)["repositories"][0]
    assert ([each["path"] for each in packed["files"]], len(packed["left_out"])) == ([WEIGHTS], 5)


def test_lock_file_is_packed_with_all_that_it_pins(cache: Path, repo: Repo, tmp_path: Path, out: Path) -> None:
    """Those files and no others, and the lock file itself to the byte."""
    lock = locked(repo, tmp_path / "project")

    with client_of(cache) as client:
        client.bundles.create(out, lock=lock)

    packed = told(out)["repositories"][0]
    assert [each["path"] for each in packed["files"]] == [WEIGHTS, NOTES]
    assert packed["refs"] == ["main"]
    assert (out / "weighbridge.lock").read_bytes() == lock.read_bytes()


def test_files_of_a_project_are_packed_from_there(repo: Repo, tmp_path: Path, out: Path) -> None:
    """Plain files of repositories and of addresses, none of which the cache has."""
    project, tool = tmp_path / "project", b"#!/bin/sh\n"
    download = LockedDownload(
        path=RelativeName("tools/run.sh"),
        url="https://host/run.sh",
        digest=Digest("md5", "3e2b31c72181b87149ff995e7202c0e3"),
    )
    lock = locked(repo, project, directory=RelativeName("weights"), more=LockFile(downloads=(download,)))
    repo.write_folder(project / "weights")
    (project / "tools").mkdir()
    (project / "tools" / "run.sh").write_bytes(tool)

    with client_of(tmp_path / "empty") as client:
        made = client.bundles.create(out, lock=lock)

    assert {each.name for each in made.files} == {WEIGHTS, NOTES, "tools/run.sh"}
    assert told(out)["downloads"][0]["size"] == len(tool)


@pytest.mark.parametrize("name", ["", "weighbridge.toml", "weighbridge.lock"])
def test_project_may_be_named_by_any_of_its_files(
    cache: Path, repo: Repo, tmp_path: Path, out: Path, name: str
) -> None:
    """As for lock and sync; of weighbridge.toml nothing is packed but what is locked."""
    project = locked(repo, tmp_path / "project").parent

    with client_of(cache) as client:
        client.bundles.create(out, lock=project / name)

    assert (out / "weighbridge.lock").read_bytes() == (project / "weighbridge.lock").read_bytes()


def test_missing_files_of_a_lock_are_all_named(repo: Repo, tmp_path: Path, out: Path) -> None:
    """One run tells what there is to fetch."""
    lock = locked(repo, tmp_path / "project")

    with client_of(tmp_path / "empty") as client, pytest.raises(IncompleteSnapshotError, match="sync") as caught:
        client.bundles.create(out, lock=lock)

    assert len(caught.value.missing) == 2


IN_THE_WAY: dict[str, Callable[[Path], object]] = {
    "a file": lambda path: path.write_bytes(b"mine"),
    "a directory": lambda path: path.mkdir(),
    "a directory with a list": lambda path: (
        path.mkdir(),
        (path / "bundle.json").write_bytes(b"{}"),
        (path / "mine").mkdir(),
    ),
    "a link": lambda path: path.symlink_to("/etc"),
}


@pytest.mark.parametrize("thing", IN_THE_WAY)
@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_bundle_is_never_replaced(cache: Path, out: Path, thing: str, *, force: bool) -> None:
    """Whatever is forced: it is somebody's."""
    out.parent.mkdir()
    IN_THE_WAY[thing](out)
    before = out.lstat()

    with client_of(cache) as client, pytest.raises(StoreError):
        client.bundles.create(out, VICTIM, force=force)

    assert out.lstat().st_ino == before.st_ino
    assert names_in(out.parent) == [out.name]


@pytest.mark.parametrize("tar", [False, True])
def test_what_is_only_called_as_a_part_is_never_replaced(cache: Path, out: Path, *, tar: bool) -> None:
    """A file of 2024 beside a bundle is no part of it, and was removed with the bundle before."""
    with client_of(cache) as client:
        client.bundles.create(out, VICTIM, tar=tar)
        out.with_name("bundle.2024").write_bytes(b"mine")

        with pytest.raises(StoreError, match=r"bundle\.2024 is no bundle"):
            client.bundles.create(out, VICTIM, tar=tar, force=True)

    assert names_in(out.parent) == ["bundle", "bundle.2024"]


def test_bundle_before_is_put_back_if_the_new_one_gets_no_name(cache: Path, out: Path) -> None:
    """Here its list of parts would have too long a name; a disk may refuse as well."""
    out = out.with_name("x" * 249)
    with client_of(cache) as client:
        client.bundles.create(out, VICTIM, tar=True)
        before = out.read_bytes()

        with pytest.raises(StoreError, match="publish"):
            client.bundles.create(out, f"{VICTIM}@v1.0", tar=True, split=100_000, force=True)

    assert names_in(out.parent) == [out.name]
    assert out.read_bytes() == before


def test_place_inside_of_the_cache_is_refused(cache: Path, tmp_path: Path) -> None:
    """Every client would stumble over it, also if a link leads there."""
    (tmp_path / "link").symlink_to(cache)

    with client_of(cache) as client:
        for out in (cache / "bundle", tmp_path / "link" / "bundle"):
            with pytest.raises(InvalidParameterError, match="inside the cache"):
                client.bundles.create(out, VICTIM)

    assert "bundle" not in names_in(cache)


@pytest.mark.parametrize("tar", [False, True])
def test_bundle_is_replaced_only_if_told_so(cache: Path, out: Path, *, tar: bool) -> None:
    """The one before stays if nobody says otherwise, and until the new one is right."""
    with client_of(cache) as client:
        first = client.bundles.create(out, f"{VICTIM}@v1.0", tar=tar)
        with pytest.raises(StoreError, match="already"):
            client.bundles.create(out, VICTIM, tar=tar)

        second = client.bundles.create(out, VICTIM, tar=tar, force=True)

    assert second.digest != first.digest
    assert names_in(out.parent) == [out.name]


def test_parts_are_replaced_by_fewer(cache: Path, out: Path) -> None:
    """No part of the one before is left to be taken for one of the new."""
    with client_of(cache) as client:
        client.bundles.create(out, VICTIM, tar=True, split=20_000)
        client.bundles.create(out, VICTIM, tar=True, split=150_000, force=True)

    assert names_in(out.parent) == ["bundle.001", "bundle.002", "bundle.parts.json"]


def test_archive_may_be_replaced_by_a_directory(cache: Path, out: Path) -> None:
    """Both are bundles of that name."""
    with client_of(cache) as client:
        client.bundles.create(out, VICTIM, tar=True)
        client.bundles.create(out, VICTIM, force=True)

    assert out.is_dir()


@pytest.mark.parametrize("wrong", ["no repositories", "../x", "a/b/c", "a@", "a@../x"])
def test_arguments_that_mean_nothing_are_refused(cache: Path, out: Path, wrong: str) -> None:
    """Before anything is made."""
    targets = () if wrong == "no repositories" else (wrong,)

    with client_of(cache) as client, pytest.raises((InvalidParameterError, LocalEntryNotFoundError)):
        client.bundles.create(out, *targets)

    assert not out.parent.exists()


@pytest.mark.parametrize("split", [0, -1, 1023, True])
def test_parts_that_are_too_small_are_refused(cache: Path, out: Path, split: int) -> None:
    """A million files help nobody."""
    with client_of(cache) as client, pytest.raises(InvalidParameterError, match="part"):
        client.bundles.create(out, VICTIM, tar=True, split=split)


def test_rest_of_a_killed_run_is_cleared_away(cache: Path, out: Path) -> None:
    """And told of: it was begun again."""
    with client_of(cache) as client:
        client.bundles.create(out, VICTIM)
        rest = out.with_name(".bundle." + Place(out).prefix.split(".")[-2] + ".0123456789abcdef.wb-partial")
        shutil.copytree(out, rest / "bundle")
        notices: list[Event] = []

        client.bundles.create(out, VICTIM, force=True, observer=notices.append)

    assert any(isinstance(each, Notice) and "interrupted" in each.message for each in notices)
    assert names_in(out.parent) == [out.name]


def test_second_writer_of_the_same_bundle_is_refused(cache: Path, out: Path) -> None:
    """Two would take each other's rest for that of somebody who was killed."""
    refused: list[str] = []

    def intrude(event: Event) -> None:
        if isinstance(event, FileFinished) and not refused:
            with client_of(cache) as other, pytest.raises(StoreError) as caught:
                other.bundles.create(out, VICTIM)
            refused.append(str(caught.value))

    with client_of(cache) as client:
        client.bundles.create(out, VICTIM, observer=intrude)

    assert ["another process" in each for each in refused] == [True]
    assert names_in(out.parent) == [out.name]
