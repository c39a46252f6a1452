"""The cache that all clients share, when a process dies between two steps or the file system lacks something."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.disks import on_read_only_disk
from tests.support.shims import Shims
from weighbridge.core.repos import RepoId
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.refs import read_ref, write_ref
from weighbridge.store.cache.root import prepare_folder
from weighbridge.store.cache.staging import remove_abandoned, staged

OLD, NEW, ETAG = "a" * 40, "b" * 40, "1" * 40
SETTING = f"""
import sys
from pathlib import Path
from weighbridge.core.options import CacheOptions
from weighbridge.core.repos import RepoFile, RepoId, Tree
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.kin import take_over
from weighbridge.store.cache.locks import BlobLock
from weighbridge.store.cache.pointers import Pointers
from weighbridge.store.cache.refs import write_ref
from weighbridge.store.cache.trees import write_tree
folder = CacheFolder(Path(sys.argv[1]), RepoId.parse("org/name"))
kin = CacheFolder(Path(sys.argv[1]), RepoId.parse("org/kin"))
pointers = Pointers(folder, CacheOptions())
NEW, ETAG = {NEW!r}, {ETAG!r}
tree = Tree(NEW, (RepoFile(path="a", size=1, blob_id=ETAG),))
"""


@pytest.fixture
def folder(tmp_path: Path) -> CacheFolder:
    """A repository with one commit, a ref to it, and the directory of a second."""
    made = CacheFolder(tmp_path / "hub", RepoId.parse("org/name"))
    prepare_folder(made)
    made.blob(ETAG).write_bytes(b"content")
    for commit in (OLD, NEW):
        made.snapshot(commit).mkdir()
    write_ref(made, "main", OLD)
    return made


def run(folder: CacheFolder, work: str, environment: Mapping[str, str], prefix: Sequence[str] = ()) -> int:
    """Do some work in a process of its own and return how it ended; what it said goes to our standard error."""
    command = [*prefix, sys.executable, "-c", SETTING + work, str(folder.root)]
    return subprocess.run(command, env={**os.environ, **environment}, check=False, timeout=30).returncode


def strays(folder: CacheFolder) -> list[str]:
    """Return what other clients would stumble over."""
    allowed = {folder.ref("main"), folder.snapshot(OLD), folder.snapshot(NEW), folder.blob(ETAG)}
    found = [*folder.refs.iterdir(), *folder.snapshots.iterdir(), *folder.blobs.iterdir()]
    return [each.name for each in found if each not in allowed]


def test_ref_is_the_old_one_until_it_is_the_new_one(folder: CacheFolder, shims: Shims) -> None:
    """Never empty, and nothing beside it."""
    work = 'write_ref(folder, "main", NEW)'

    ends = [run(folder, work, shims.acting("named */refs/main 1 before kill"))]
    before = read_ref(folder, "main"), strays(folder)
    ends.append(run(folder, work, shims.acting("named */refs/main 1 after kill")))

    assert ends == [-signal.SIGKILL] * 2
    assert before == (OLD, [])
    assert (read_ref(folder, "main"), strays(folder)) == (NEW, [])


def test_ref_is_on_the_disk_before_it_has_its_name(folder: CacheFolder, shims: Shims) -> None:
    """An empty one, as a power loss leaves, makes some clients return the folder of all snapshots."""
    assert run(folder, 'write_ref(folder, "main", NEW)', shims.acting("fsync */staged/* 1 before kill")) < 0
    assert run(folder, 'write_ref(folder, "main", NEW)', shims.acting("fsync */snapshots 1 before kill")) < 0

    assert read_ref(folder, "main") == OLD


def test_clock_that_jumps_takes_nothing_away_that_is_being_written(folder: CacheFolder) -> None:
    """A machine that learns the time while it downloads would tidy its own temporary files away."""
    with staged(folder.path) as path:
        path.touch()
        remove_abandoned(str(path.parent), time.time() + 86_400.0)
        was_there = path.exists()
    remove_abandoned(str(path.parent), time.time() + 86_400.0)

    assert (was_there, path.exists()) == (True, False)


@pytest.mark.parametrize("when", ["before", "after"])
def test_pointer_is_whole_or_not_there(folder: CacheFolder, shims: Shims, when: str) -> None:
    """The next call finds it, or makes it."""
    marker = folder.absence(NEW, "sub/a")
    marker.parent.mkdir(parents=True)
    marker.touch()
    work = 'pointers.make(NEW, "sub/a", ETAG)'

    end = run(folder, work, shims.acting(f"named */snapshots/*/sub/a 1 {when} kill"))
    after_death = os.path.lexists(folder.pointer(NEW, "sub/a")), marker.exists(), strays(folder)
    again = run(folder, work, {})

    assert (end, again) == (-signal.SIGKILL, 0)
    assert after_death == (when == "after", True, [])
    assert folder.pointer(NEW, "sub/a").read_bytes() == b"content"
    assert not marker.exists()


@pytest.mark.parametrize(
    ("work", "final"),
    [
        ("write_tree(folder.tree(NEW), tree)", f"trees/{NEW}.json"),
        ("take_over(kin.blob(ETAG), folder.blob(ETAG))", f"blobs/{ETAG}"),
    ],
)
def test_file_is_whole_or_as_it_was(folder: CacheFolder, shims: Shims, work: str, final: str) -> None:
    """Nobody ever reads the half of one."""
    kin = CacheFolder(folder.root, RepoId.parse("org/kin"))
    prepare_folder(kin)
    kin.blob(ETAG).write_bytes(b"content")
    place = folder.path / final
    before = place.read_bytes() if place.exists() else None

    end = run(folder, work, shims.acting(f"named */{final} 1 before kill"))

    assert end == -signal.SIGKILL
    assert (place.read_bytes() if place.exists() else None) == before
    assert strays(folder) == []


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_file_system_without_links_gets_files(folder: CacheFolder, shims: Shims, error: int) -> None:
    """A fresh blob is moved, any other is copied, and one that is shared by two names has both."""
    work = """
pointers.make(NEW, "first", ETAG)
pointers.make_fresh(NEW, "sub/second", ETAG)
assert pointers.has(NEW, "first", ETAG).st_size == pointers.has(NEW, "sub/second", ETAG).st_size == 7
"""

    end = run(folder, work, shims.refusing(symlink=error))

    found = [folder.pointer(NEW, each) for each in ("first", "sub/second")]
    assert end == 0
    assert [(each.is_symlink(), each.read_bytes()) for each in found] == [(False, b"content")] * 2
    assert list(folder.blobs.iterdir()) == []


def test_link_that_can_t_be_made_for_another_reason_is_an_error(folder: CacheFolder, shims: Shims) -> None:
    """A full disk is no reason to copy."""
    work = """
from weighbridge.core.errors import DiskFullError
try:
    pointers.make(NEW, "first", ETAG)
except DiskFullError:
    sys.exit(3)
"""

    assert run(folder, work, shims.refusing(symlink=errno.ENOSPC)) == 3
    assert not folder.pointer(NEW, "first").exists()


def test_file_system_without_hard_links_gets_a_copy(folder: CacheFolder, shims: Shims) -> None:
    """It costs room and time, and is right."""
    kin = CacheFolder(folder.root, RepoId.parse("org/kin"))
    prepare_folder(kin)
    kin.blob(ETAG).write_bytes(b"from the kin" * 200_000)

    end = run(folder, "take_over(kin.blob(ETAG), folder.blob(ETAG))", shims.refusing(link=errno.EPERM))

    assert (end, folder.blob(ETAG).read_bytes()) == (0, b"from the kin" * 200_000)
    assert folder.blob(ETAG).stat().st_ino != kin.blob(ETAG).stat().st_ino


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EIO])
def test_file_system_without_locks_lets_everybody_in(folder: CacheFolder, shims: Shims, error: int) -> None:
    """And nothing is left that anybody could wait for: a file that is the lock itself would outlive its owner."""
    work = """
lock = BlobLock(folder, ETAG)
assert lock.try_enter() and lock.try_enter()
lock.leave()
assert BlobLock(folder, ETAG).try_enter()
"""

    end = run(folder, work, {**shims.refusing(flock=error), "PYTHONWARNINGS": "error"})

    assert end == 0
    assert not folder.lock(ETAG).exists()


def test_lock_file_of_somebody_else_stays_where_there_are_no_locks(folder: CacheFolder, shims: Shims) -> None:
    """There its mere name is the lock: whoever made it may be inside."""
    folder.lock(ETAG).parent.mkdir(parents=True)
    folder.lock(ETAG).touch()

    end = run(folder, "assert BlobLock(folder, ETAG).try_enter()", shims.refusing(flock=errno.ENOSYS))

    assert end == 0
    assert folder.lock(ETAG).exists()


def test_locks_of_one_process_exclude_each_other_without_the_kernel(folder: CacheFolder, shims: Shims) -> None:
    """Over NFS its locks are the process's, and some file systems only pretend to have any."""
    work = """
first, second = BlobLock(folder, ETAG), BlobLock(folder, ETAG)
assert first.try_enter() and not second.try_enter()
first.leave()
assert second.try_enter()
"""

    assert run(folder, work, shims.without_locks()) == 0


def test_read_only_cache_can_be_used(folder: CacheFolder) -> None:
    """What is right is left as it is, locks let everybody in, and only what has to be written is an error."""
    assert run(folder, 'pointers.make(NEW, "a", ETAG); write_tree(folder.tree(NEW), tree)', {}) == 0
    work = """
from weighbridge.core.errors import StoreError
from weighbridge.store.cache.absences import note_absence
from weighbridge.store.cache.root import prepare_folder
prepare_folder(folder)
pointers.make(NEW, "a", ETAG)
write_ref(folder, "main", "a" * 40)
write_tree(folder.tree(NEW), tree)
note_absence(folder, NEW, "nope")
assert BlobLock(folder, ETAG).try_enter()
try:
    write_ref(folder, "main", NEW)
except StoreError:
    sys.exit(3)
"""

    end = run(folder, work, {}, on_read_only_disk(folder.root))

    assert end == 3
    assert read_ref(folder, "main") == OLD
