"""What is wrong on the disk before a call: found, mended by as few bytes as can be, and never handed out."""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from tests.support.fault_hub import FaultHub
from tests.support.faults import Redirect
from tests.support.hub.addresses import file_path
from tests.support.hub.calls import COMMIT, KIB, NOTES, WEIGHTS, download, hub_options, snapshot, victim, wrongs
from tests.support.hub.lies import Then
from tests.support.hub_repos import Repo, blob_name, contents
from weighbridge.core.errors import ConnectError, LocalEntryNotFoundError, StoreError, WeighbridgeError

pytestmark = pytest.mark.timeout(30)

FOLDER = "models--acme--victim"


@pytest.fixture
def repo() -> Repo:
    """It has a file that is large enough to be kept account of while it is fetched."""
    return victim(600 * KIB)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def flip_in_secret(path: Path) -> None:
    """As a broken disk does it, or somebody who restores the times."""
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def blank(path: Path) -> None:
    size = path.stat().st_size
    path.write_bytes(b"")
    os.truncate(path, size)


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("path", [NOTES, WEIGHTS])
@pytest.mark.parametrize("damage", [flip, flip_in_secret, truncate, blank, remove])
def test_damaged_blob_is_found_and_fetched_again(
    hub: FaultHub, repo: Repo, root: Path, damage: Callable[[Path], None], path: str
) -> None:
    """Bits rot after a success, too; nothing but the one file is fetched for it."""
    options = hub_options(hub, root / "hub")
    damage((snapshot(options, repo).path / path).resolve())
    before = hub.file_bytes

    result = snapshot(options, repo, revision=COMMIT)

    assert contents(result.path) == repo.main
    assert hub.file_bytes - before == len(repo.main[path])
    assert wrongs(root, root / "hub") == []


@pytest.mark.parametrize("path", [NOTES, WEIGHTS])
def test_blob_of_others_that_is_wrong_is_not_believed(hub: FaultHub, repo: Repo, root: Path, path: str) -> None:
    """Clients that check nothing share the cache: what they left has the right name and length, and other bytes."""
    blob = root / "hub" / FOLDER / "blobs" / blob_name(path, repo.main[path])
    blob.parent.mkdir(parents=True)
    blob.write_bytes(bytes(len(repo.main[path])))

    result = snapshot(hub_options(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main
    assert wrongs(root, root / "hub") == []


def test_blob_of_others_that_is_right_is_not_fetched(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Read once instead, which is faster than any network."""
    repo.write_cache(root / "hub")

    result = snapshot(hub_options(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main
    assert hub.file_bytes == 0


def test_file_of_another_repository_that_is_wrong_is_not_taken_over(repo: Repo, root: Path) -> None:
    """A damaged copy must not spread."""
    twin = Repo(kind="model", name="other/twin", commits=repo.commits, refs=repo.refs)
    with FaultHub(repo, twin) as hub:
        options = hub_options(hub, root / "hub")
        flip((snapshot(options, twin).path / WEIGHTS).resolve())

        result = snapshot(options, repo)

    assert contents(result.path) == repo.main


def test_single_file_that_is_damaged_is_fetched_again(hub: FaultHub, repo: Repo, root: Path) -> None:
    """By commit nobody is asked about the file, and still it is the right one."""
    options = hub_options(hub, root / "hub")
    flip(download(options, repo, WEIGHTS).resolve())

    path = download(options, repo, WEIGHTS, revision=COMMIT)

    assert path.read_bytes() == repo.main[WEIGHTS]


def test_pointer_that_leads_out_of_the_cache_is_replaced(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A link planted at a file's place is not written through."""
    victim = root / "precious"
    victim.write_bytes(b"mine")
    pointer = root / "hub" / FOLDER / "snapshots" / COMMIT / NOTES
    pointer.parent.mkdir(parents=True)
    pointer.symlink_to(victim)

    result = snapshot(hub_options(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main
    assert victim.read_bytes() == b"mine"


def test_folder_that_leads_out_of_the_cache_is_not_entered(hub: FaultHub, repo: Repo, root: Path) -> None:
    """A link planted where a folder is needed is an error that names it."""
    elsewhere = root / "elsewhere"
    elsewhere.mkdir()
    folder = root / "hub" / FOLDER / "snapshots" / COMMIT / "notes"
    folder.parent.mkdir(parents=True)
    folder.symlink_to(elsewhere)

    with pytest.raises(WeighbridgeError, match="notes"):
        snapshot(hub_options(hub, root / "hub"), repo)

    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"main", b"../../escaped", b"\xff" * 40, COMMIT.encode() + b"\n"])
def test_ref_that_is_no_commit_is_written_anew(hub: FaultHub, repo: Repo, root: Path, content: bytes) -> None:
    """Older clients write refs in place, so an empty one is met; one with a newline is of no use to others."""
    ref = root / "hub" / FOLDER / "refs" / "main"
    ref.parent.mkdir(parents=True)
    ref.write_bytes(content)

    snapshot(hub_options(hub, root / "hub"), repo)

    assert ref.read_text() == COMMIT


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b'{"format_version": 1, "files": {"../x": {"size": 1}}}']
)
def test_kept_listing_that_is_damaged_is_asked_for_again(hub: FaultHub, repo: Repo, root: Path, content: bytes) -> None:
    """It is a note to save a request, no source of truth."""
    tree = root / "hub" / FOLDER / "trees" / f"{COMMIT}.json"
    tree.parent.mkdir(parents=True)
    tree.write_bytes(content)

    result = snapshot(hub_options(hub, root / "hub"), repo)

    assert contents(result.path) == repo.main
    assert hub.tally.tree == 1
    assert wrongs(root, root / "hub") == []


def test_cache_that_is_emptied_meanwhile_harms_nobody(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Somebody frees space while a snapshot arrives: an error of the disk, and the next call has it all."""
    options = hub_options(hub, root / "hub", connections=1)
    hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), nth=2, fault=Then(lambda: shutil.rmtree(root / "hub" / FOLDER)))

    with pytest.raises(StoreError):
        snapshot(options, repo)
    result = snapshot(options, repo)

    assert contents(result.path) == repo.main
    assert wrongs(root, root / "hub") == []


def test_data_host_that_can_not_be_found_is_told(hub: FaultHub, repo: Repo, root: Path) -> None:
    """The Hub is there and where it sends us is blocked: the error names the file and the host that fails."""
    hub.on(path=file_path(repo, WEIGHTS), fault=Redirect("http://cdn.invalid/weights"))

    with pytest.raises(WeighbridgeError, match=r"cdn\.invalid") as caught:
        snapshot(hub_options(hub, root / "hub", retry={"attempts": 2}), repo)

    assert WEIGHTS in str(caught.value)


def test_hub_of_an_unknown_authority_is_not_spoken_to(repo: Repo, root: Path) -> None:
    """Somebody in between is told nothing, and we are told that somebody is."""
    mine = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(mine)
    with FaultHub(repo, tls=mine) as hub:
        options = hub_options(hub, root / "hub", hub_changes={"token": "secret"})

        with pytest.raises(LocalEntryNotFoundError, match="certificate") as caught:
            snapshot(options, repo)

    assert isinstance(caught.value.__cause__, ConnectError)
    assert hub.requests == []
