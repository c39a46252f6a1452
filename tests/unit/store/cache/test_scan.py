"""A whole cache, read: beside others at work, with our own things in it, and with strange ones."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from weighbridge.core.errors import CacheNotFound, InvalidParameterError
from weighbridge.core.repos import Kind
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.root import prepare_folder
from weighbridge.store.cache.scan import scan_cache
from weighbridge.store.layout import Place

COMMIT, OTHER = "a" * 40, "b" * 40


def fill(folder: CacheFolder, commit: str, **files: str) -> None:
    """Let a commit have files, whose contents are the names of their blobs."""
    prepare_folder(folder)
    folder.snapshot(commit).mkdir(parents=True)
    for name, etag in files.items():
        folder.blob(etag).write_text(etag)
        folder.pointer(commit, name).symlink_to(f"../../blobs/{etag}")


def refer(folder: CacheFolder, ref: str, content: str) -> None:
    """Write a ref."""
    folder.ref(ref).parent.mkdir(parents=True, exist_ok=True)
    folder.ref(ref).write_text(content)


def test_repository_is_read_whole(folder: CacheFolder) -> None:
    """Each commit with its files and refs, and each content counted once."""
    fill(folder, COMMIT, a="one", b="three")
    fill(folder, OTHER, a="three", c="three")
    refer(folder, "main", OTHER)
    refer(folder, "refs/pr/1", OTHER)

    found = scan_cache(folder.root)
    repo = found.repos[0]

    assert (repo.kind, repo.name, repo.path, repo.blobs, repo.size) == (Kind.MODEL, "org/name", folder.path, 2, 8)
    assert [(each.commit, each.size, len(each.files)) for each in repo.revisions] == [(COMMIT, 8, 2), (OTHER, 5, 2)]
    assert [each.refs for each in repo.revisions] == [frozenset(), {"main", "refs/pr/1"}]
    assert (found.size, found.problems, found.unfinished) == (8, (), ())


def test_one_file_in_two_repositories_is_counted_once(folder: CacheFolder) -> None:
    """We link contents between repositories, and the disk holds one."""
    fill(folder, COMMIT, a="one")
    other = CacheFolder(folder.root, type(folder.repo).parse("datasets/org/name"))
    fill(other, COMMIT, a="one")
    other.blob("one").unlink()
    other.blob("one").hardlink_to(folder.blob("one"))

    found = scan_cache(folder.root)

    assert ([each.size for each in found.repos], found.size) == ([3, 3], 3)


def test_ref_with_white_space_is_the_commit(folder: CacheFolder) -> None:
    """An editor's newline would make a whole repository disappear."""
    fill(folder, COMMIT, a="one")
    refer(folder, "main", f"{COMMIT}\n")

    assert scan_cache(folder.root).repos[0].revisions[0].refs == {"main"}


def test_ref_that_is_being_written_is_passed_over(folder: CacheFolder) -> None:
    """Newer clients write it beside its place first."""
    fill(folder, COMMIT, a="one")
    refer(folder, "main", COMMIT)
    refer(folder, "main.0123abcd.tmp", "")

    assert scan_cache(folder.root).repos[0].revisions[0].refs == {"main"}


def test_our_own_things_are_no_files_and_our_partials_are_unfinished(folder: CacheFolder) -> None:
    """What we leave is seen as what it is: room that an interrupted download takes."""
    fill(folder, COMMIT, a="one")
    (folder.own / "staged").mkdir(parents=True)
    (folder.own / "receipts.jsonl").touch()
    place = Place(folder.blob("two"))
    place.claim.touch()
    partial = place.new_partial()
    partial.mkdir()
    with (partial / "data").open("wb") as file:
        file.truncate(1 << 30)
        file.write(b"12345")
    (folder.blobs / "two.incomplete").write_bytes(b"123")

    found = scan_cache(folder.root)

    assert (found.problems, found.repos[0].blobs) == ((), 1)
    assert {each.path for each in found.unfinished} == {partial, folder.blobs / "two.incomplete"}
    assert 3 + 5 <= sum(each.size for each in found.unfinished) < 1 << 20


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "desktop.ini"])
def test_what_systems_leave_is_passed_over(folder: CacheFolder, name: str) -> None:
    """Opening the folder in a window must not corrupt the cache."""
    fill(folder, COMMIT, a="one")
    refer(folder, "main", COMMIT)
    for place in (folder.root, folder.refs, folder.snapshots):
        (place / name).touch()

    found = scan_cache(folder.root)

    assert (len(found.repos), found.problems) == (1, ())


def test_directory_that_can_t_be_read_is_a_problem_and_no_end(folder: CacheFolder) -> None:
    """One odd repository must not hide all others."""
    fill(folder, COMMIT, a="one")
    loop = folder.root / "models--a--loop" / "snapshots" / COMMIT
    loop.mkdir(parents=True)
    (loop / "f").symlink_to("f")
    (folder.root / "models--a--link").symlink_to("nowhere")

    found = scan_cache(folder.root)

    assert [each.name for each in found.repos] == ["org/name"]
    assert [Path(str(vars(each)["path"])).name for each in found.problems] == ["models--a--link", "models--a--loop"]


def test_link_to_a_directory_is_not_entered(folder: CacheFolder, tmp_path: Path) -> None:
    """A scan would walk through somebody's home, and its size would be told as the cache's."""
    fill(folder, COMMIT, a="one")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "large").write_bytes(b"x" * 1000)
    (folder.snapshot(COMMIT) / "d").symlink_to(tmp_path / "home")

    assert scan_cache(folder.root).size == 3


def test_scan_beside_a_client_at_work_finds_nothing_wrong(folder: CacheFolder) -> None:
    """Files come and go between one look and the next."""
    fill(folder, COMMIT, a="one")
    stop = threading.Event()
    turns = 0

    def work() -> None:
        nonlocal turns
        while not stop.is_set():
            folder.blob("two").write_text("two")
            folder.snapshot(OTHER).mkdir(exist_ok=True)
            folder.pointer(OTHER, "b").symlink_to("../../blobs/two")
            folder.pointer(OTHER, "b").unlink()
            folder.snapshot(OTHER).rmdir()
            folder.blob("two").unlink()
            turns += 1

    worker = threading.Thread(target=work)
    worker.start()
    found = []
    try:
        while turns < 300 and worker.is_alive():
            found.append(scan_cache(folder.root))
    finally:
        stop.set()
        worker.join()

    assert turns >= 300
    assert {each.problems for each in found} == {()}
    assert {each.repos[0].revisions[0].commit for each in found} == {COMMIT}


def test_missing_cache_is_told(tmp_path: Path) -> None:
    """A mistyped path is no empty cache."""
    with pytest.raises(CacheNotFound) as caught:
        scan_cache(tmp_path / "gone")

    assert caught.value.cache_dir == tmp_path / "gone"


def test_file_is_no_cache(tmp_path: Path) -> None:
    """It is a ``ValueError`` since there is such a function."""
    (tmp_path / "f").touch()

    with pytest.raises(InvalidParameterError):
        scan_cache(tmp_path / "f")


def test_scan_writes_nothing(folder: CacheFolder) -> None:
    """A cache may be somebody else's, and read-only."""
    fill(folder, COMMIT, a="one")
    before = {path: path.lstat().st_mtime_ns for path in sorted(folder.root.rglob("*"))}

    scan_cache(folder.root)

    assert {path: path.lstat().st_mtime_ns for path in sorted(folder.root.rglob("*"))} == before
