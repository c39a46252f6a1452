"""What a commit has at a path: links to blobs, found quickly, made in one step, and never leading outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weighbridge.core.errors import StoreError, UnsafePathError
from weighbridge.core.options import CacheOptions
from weighbridge.store.cache.absences import is_absent
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.pointers import Pointers
from weighbridge.store.cache.root import prepare_folder

COMMIT, OTHER = "a" * 40, "b" * 40
ETAG, WRONG = "1" * 40, "2" * 64


@pytest.fixture(autouse=True)
def _blobs(folder: CacheFolder) -> None:
    prepare_folder(folder)
    folder.blob(ETAG).write_bytes(b"right")
    folder.blob(WRONG).write_bytes(b"wrong!")


@pytest.fixture
def pointers(folder: CacheFolder) -> Pointers:
    return Pointers(folder, CacheOptions())


@pytest.fixture
def plain(folder: CacheFolder) -> Pointers:
    """Those of a machine without symbolic links."""
    return Pointers(folder, CacheOptions(symlinks=False))


def point(folder: CacheFolder, path: str, target: Path | str) -> Path:
    """Make a link as any client might."""
    pointer = folder.pointer(COMMIT, path)
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.symlink_to(target)
    return pointer


def strays(folder: CacheFolder) -> list[Path]:
    """Return what is left under temporary names."""
    return [each for each in folder.own.rglob("*") if not each.is_dir() or each.is_symlink()]


@pytest.mark.parametrize("path", ["config.json", "onnx/model.onnx", "a b/c/d#e?.txt"])
def test_pointer_is_a_relative_link_to_its_blob(folder: CacheFolder, pointers: Pointers, path: str) -> None:
    """The cache can be moved, and every client finds the blob by the pointer."""
    pointers.make(COMMIT, path, ETAG)

    pointer = folder.pointer(COMMIT, path)
    found = pointers.has(COMMIT, path, ETAG)
    assert str(pointer.readlink()) == "../" * (path.count("/") + 2) + f"blobs/{ETAG}"
    assert pointer.read_bytes() == b"right"
    assert found is not None
    assert os.path.samestat(found, folder.blob(ETAG).stat())
    assert strays(folder) == []


def test_what_is_not_there_is_none(folder: CacheFolder, pointers: Pointers) -> None:
    """Absent, dangling, a directory, and a name below a file are all the same to those who want the file."""
    point(folder, "dangling", "../../blobs/" + "3" * 40)
    point(folder, "file", f"../../blobs/{ETAG}")
    folder.pointer(COMMIT, "directory").mkdir()

    found = [pointers.has(COMMIT, each, "3" * 40) for each in ("absent", "x/absent", "dangling", "directory", "file/x")]

    assert found == [None] * 5


def test_pointer_to_another_blob_is_not_the_file(folder: CacheFolder, pointers: Pointers) -> None:
    """The name of the blob is what tells which content it has."""
    point(folder, "direct", f"../../blobs/{WRONG}")
    point(folder, "absolute", folder.blob(WRONG))
    point(folder, "through", f"../../snapshots/{COMMIT}/direct")

    found = [pointers.has(COMMIT, each, ETAG) for each in ("direct", "absolute", "through")]

    assert found == [None] * 3


def test_pointer_may_take_another_way_to_its_blob(folder: CacheFolder, pointers: Pointers) -> None:
    """Other clients make absolute links where a relative one can't be, and users link what they like."""
    point(folder, "absolute", folder.blob(ETAG))
    point(folder, "through", f"../../snapshots/{COMMIT}/absolute")
    point(folder, "real/file", f"../../../blobs/{ETAG}")
    point(folder, "linked", "real")

    found = [pointers.has(COMMIT, each, ETAG) for each in ("absolute", "through", "linked/file")]

    assert [each is not None and each.st_size for each in found] == [5, 5, 5]


def test_blob_that_repositories_share_is_found(folder: CacheFolder, pointers: Pointers) -> None:
    """Newer clients keep some contents in the root, with a link in the place of the blob."""
    shared = folder.root / "blobs" / "ab" / ("ab" + "0" * 62)
    shared.parent.mkdir(parents=True)
    shared.write_bytes(b"shared by all")
    folder.blob("4" * 64).symlink_to(os.path.relpath(shared, folder.blobs))

    pointers.make(COMMIT, "model.bin", "4" * 64)

    found = pointers.has(COMMIT, "model.bin", "4" * 64)
    assert found is not None
    assert os.path.samestat(found, shared.stat())


def test_plain_file_in_a_snapshot_is_found(folder: CacheFolder, pointers: Pointers) -> None:
    """That is what clients leave where there are no links."""
    pointer = folder.pointer(COMMIT, "sub/config.json")
    pointer.parent.mkdir(parents=True)
    pointer.write_bytes(b"plain")

    found = pointers.has(COMMIT, "sub/config.json", ETAG)

    assert found is not None
    assert os.path.samestat(found, pointer.stat())


def test_what_lies_outside_is_not_taken(folder: CacheFolder, pointers: Pointers, tmp_path: Path) -> None:
    """Whoever can make a link in a shared cache must not choose which of our files is read, nor which is sent on."""
    outside = tmp_path / "secret"
    outside.mkdir()
    (outside / ETAG).write_bytes(b"token")
    point(folder, "file", outside / ETAG)
    point(folder, "linked", outside)
    folder.blob("5" * 40).symlink_to(outside / ETAG)
    point(folder, "blob", "../../blobs/" + "5" * 40)
    other = CacheFolder(folder.root, type(folder.repo).parse("org/other"))
    prepare_folder(other)
    other.blob(ETAG).write_bytes(b"of another repository")
    point(folder, "other", other.blob(ETAG))

    found = [
        pointers.has(COMMIT, each, ETAG) for each in ("file", f"linked/{ETAG}", "other", f"../../../../secret/{ETAG}")
    ]

    assert [*found, pointers.has(COMMIT, "blob", "5" * 40)] == [None] * 5


def test_cache_behind_a_link_works(folder: CacheFolder, tmp_path: Path) -> None:
    """Many have their cache on another disk, with a link in their home."""
    (tmp_path / "link").symlink_to(folder.root)
    pointers = Pointers(CacheFolder(tmp_path / "link", folder.repo), CacheOptions())

    pointers.make(COMMIT, "onnx/model.onnx", ETAG)

    assert pointers.has(COMMIT, "onnx/model.onnx", ETAG) is not None


def test_wrong_pointer_is_replaced(folder: CacheFolder, pointers: Pointers) -> None:
    """Whatever it is: a link to another blob, to nothing, to outside, or somebody's file."""
    point(folder, "wrong", f"../../blobs/{WRONG}")
    point(folder, "dangling", "nowhere")
    point(folder, "outside", "/etc/passwd")
    folder.pointer(COMMIT, "file").write_bytes(b"edited")

    for path in ("wrong", "dangling", "outside", "file"):
        pointers.make(COMMIT, path, ETAG)

    assert {each.read_bytes() for each in folder.snapshot(COMMIT).iterdir()} == {b"right"}
    assert all(each.is_symlink() for each in folder.snapshot(COMMIT).iterdir())


def test_pointer_that_is_right_is_not_touched(folder: CacheFolder, pointers: Pointers) -> None:
    """A read-only cache can be warm."""
    pointers.make(COMMIT, "config.json", ETAG)
    before = folder.pointer(COMMIT, "config.json").lstat()

    pointers.make(COMMIT, "config.json", ETAG)

    assert folder.pointer(COMMIT, "config.json").lstat() == before


def test_note_that_there_is_no_such_file_goes(folder: CacheFolder, pointers: Pointers) -> None:
    """Newer clients believe it and never look for the file."""
    marker = folder.absence(COMMIT, "sub/config.json")
    marker.parent.mkdir(parents=True)
    marker.touch()

    pointers.make(COMMIT, "sub/config.json", ETAG)

    assert not is_absent(folder, COMMIT, "sub/config.json")


def test_pointer_to_no_blob_is_refused(folder: CacheFolder, pointers: Pointers) -> None:
    """A dangling one makes newer clients drop the whole repository."""
    with pytest.raises(StoreError, match="3333"):
        pointers.make(COMMIT, "config.json", "3" * 40)

    assert list(folder.snapshots.iterdir()) == []


@pytest.mark.parametrize("make", ["make", "make_fresh"])
@pytest.mark.parametrize("has_links", [True, False])
def test_file_or_link_on_the_way_is_a_typed_error(
    folder: CacheFolder, tmp_path: Path, make: str, *, has_links: bool
) -> None:
    """Nothing is written where a link leads."""
    outside = tmp_path / "outside"
    outside.mkdir()
    point(folder, "linked", outside)
    folder.pointer(COMMIT, "file").touch()
    folder.pointer(COMMIT, "directory").mkdir()
    pointers = Pointers(folder, CacheOptions(symlinks=has_links))

    with pytest.raises(StoreError, match="symbolic link"):
        getattr(pointers, make)(COMMIT, "linked/config.json", ETAG)
    with pytest.raises(StoreError, match="no directory"):
        getattr(pointers, make)(COMMIT, "file/config.json", ETAG)
    with pytest.raises(StoreError, match="directory"):
        getattr(pointers, make)(COMMIT, "directory", ETAG)

    assert list(outside.iterdir()) == []
    assert folder.blob(ETAG).read_bytes() == b"right"
    assert strays(folder) == []


@pytest.mark.parametrize(
    ("commit", "path", "etag"),
    [("main", "a", ETAG), (COMMIT, "../a", ETAG), (COMMIT, "a", "../x"), (COMMIT, "/a", ETAG)],
)
def test_name_that_leads_elsewhere_is_refused(pointers: Pointers, commit: str, path: str, etag: str) -> None:
    """Before anything is made."""
    with pytest.raises(UnsafePathError):
        pointers.make(commit, path, etag)
    with pytest.raises(UnsafePathError):
        pointers.make_fresh(commit, path, etag)


def test_commit_that_is_removed_meanwhile_is_made_again(folder: CacheFolder, pointers: Pointers) -> None:
    """Other clients remove snapshots without asking anybody."""
    pointers.make(COMMIT, "sub/first", ETAG)
    folder.pointer(COMMIT, "sub/first").unlink()
    folder.pointer(COMMIT, "sub").rmdir()
    folder.snapshot(COMMIT).rmdir()

    pointers.make(COMMIT, "sub/second", ETAG)

    assert pointers.has(COMMIT, "sub/second", ETAG) is not None


def test_fresh_blob_is_moved_where_there_are_no_links(folder: CacheFolder, plain: Pointers) -> None:
    """A copy would take twice the room for a file that nothing else refers to."""
    inode = folder.blob(ETAG).stat().st_ino

    plain.make_fresh(COMMIT, "sub/config.json", ETAG)

    pointer = folder.pointer(COMMIT, "sub/config.json")
    assert (pointer.is_symlink(), pointer.read_bytes(), pointer.stat().st_ino) == (False, b"right", inode)
    assert not folder.blob(ETAG).exists()
    assert plain.has(COMMIT, "sub/config.json", ETAG) is not None


def test_blob_stays_where_others_may_refer_to_it(folder: CacheFolder, plain: Pointers) -> None:
    """Without links its second place is a copy of its own, which the user may edit."""
    plain.make(COMMIT, "config.json", ETAG)
    folder.pointer(COMMIT, "config.json").write_bytes(b"edited")

    assert folder.blob(ETAG).read_bytes() == b"right"
    assert strays(folder) == []


def test_shared_blob_is_never_moved(folder: CacheFolder, plain: Pointers) -> None:
    """It belongs to other repositories as well, and its link would lead nowhere from a snapshot."""
    shared = folder.root / "blobs" / "payload"
    shared.parent.mkdir()
    shared.write_bytes(b"shared")
    folder.blob("4" * 64).symlink_to(shared)

    plain.make_fresh(COMMIT, "model.bin", "4" * 64)

    pointer = folder.pointer(COMMIT, "model.bin")
    assert (pointer.is_symlink(), pointer.read_bytes(), shared.read_bytes()) == (False, b"shared", b"shared")


def test_fresh_blob_is_linked_where_there_are_links(folder: CacheFolder, pointers: Pointers) -> None:
    """Other commits will want it."""
    pointers.make_fresh(COMMIT, "config.json", ETAG)
    pointers.make_fresh(OTHER, "config.json", ETAG)

    assert folder.pointer(OTHER, "config.json").is_symlink()
    assert folder.blob(ETAG).exists()
