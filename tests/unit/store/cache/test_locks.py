"""The lock that newer clients hold: held by one at a time, left as it was found, and never waited for in vain."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from weighbridge.core.errors import UnsafePathError
from weighbridge.core.repos import RepoId
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.locks import BlobLock
from weighbridge.store.cache.root import prepare_folder

ETAG = "1" * 40
_HOLD = """
import sys
from filelock import FileLock
lock = FileLock(sys.argv[1], mode=0o664)
lock.acquire()
print(flush=True)
input()
"""
_FORK = """
import os, sys
from pathlib import Path
from weighbridge.core.repos import RepoId
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.locks import BlobLock

def lock():
    return BlobLock(CacheFolder(Path(sys.argv[1]), RepoId.parse("org/name")), "1" * 40)

held = lock()
assert held.try_enter()
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    os.close(writing)
    os.read(reading, 1)  # until the parent has left
    held.leave()
    os._exit(0 if lock().try_enter() else 1)
held.leave()
os.close(writing)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@contextmanager
def held_elsewhere(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold a lock, the way newer clients do."""
    command = [sys.executable, "-c", _HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_one_enters_at_a_time(folder: CacheFolder) -> None:
    """Two of one process too, as threads fetch at the same time; and none of them waits."""
    first, second = BlobLock(folder, ETAG), BlobLock(folder, ETAG)

    entered = [first.try_enter(), first.try_enter(), second.try_enter()]
    second.leave()
    entered.append(second.try_enter())
    first.leave()
    entered.append(second.try_enter())
    second.leave()

    assert entered == [True, True, False, False, True]


def test_threads_keep_each_other_out(folder: CacheFolder) -> None:
    """However many ask at once, one is inside."""
    locks = [BlobLock(folder, ETAG) for _ in range(8)]
    entered: list[bool] = []
    threads = [threading.Thread(target=lambda lock=lock: entered.append(lock.try_enter())) for lock in locks]

    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(entered) == [False] * 7 + [True]
    for lock in locks:
        lock.leave()


def test_other_blobs_and_other_repositories_are_not_locked(folder: CacheFolder) -> None:
    """Whoever waits for a small file should not wait for a large one."""
    other = CacheFolder(folder.root, RepoId.parse("org/other"))
    locks = [BlobLock(folder, ETAG), BlobLock(folder, "2" * 40), BlobLock(other, ETAG)]

    entered = [each.try_enter() for each in locks]

    assert entered == [True, True, True]
    for lock in locks:
        lock.leave()


def test_newer_client_keeps_us_out_until_it_dies(folder: CacheFolder) -> None:
    """Its kernel lock ends with it, however it ends."""
    lock = BlobLock(folder, ETAG)

    with held_elsewhere(folder.lock(ETAG)) as process:
        during = lock.try_enter()
        process.kill()
        process.wait()
    after = lock.try_enter()
    lock.leave()

    assert (during, after) == (False, True)


def test_we_keep_a_newer_client_out(folder: CacheFolder) -> None:
    """Both lock the same file in the same way."""
    lock = BlobLock(folder, ETAG)
    lock.try_enter()

    with folder.lock(ETAG).open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    lock.leave()
    with FileLock(folder.lock(ETAG), timeout=0):
        pass


def test_lock_file_is_empty_stays_and_can_be_opened_by_the_group(folder: CacheFolder) -> None:
    """Others may be waiting on that very file, and every user of a shared cache must be able to."""
    lock = BlobLock(folder, ETAG)
    before = os.umask(0o077)
    try:
        lock.try_enter()
        lock.leave()
    finally:
        os.umask(before)

    found = folder.lock(ETAG).stat()
    assert (found.st_size, found.st_mode & 0o777) == (0, 0o664)


def test_lock_file_of_somebody_else_stays_as_it_is(folder: CacheFolder) -> None:
    """Its content and its mode are not ours to change."""
    folder.lock(ETAG).parent.mkdir(parents=True)
    folder.lock(ETAG).write_text("theirs")
    folder.lock(ETAG).chmod(0o600)
    lock = BlobLock(folder, ETAG)

    entered = lock.try_enter()
    lock.leave()

    found = folder.lock(ETAG)
    assert (entered, found.read_text(), found.stat().st_mode & 0o777) == (True, "theirs", 0o600)


def test_lock_that_can_t_be_had_lets_everybody_in(folder: CacheFolder) -> None:
    """It saves work only: here a file is where its directory should be."""
    folder.root.mkdir()
    (folder.root / ".locks").touch()
    lock = BlobLock(folder, ETAG)

    entered = [lock.try_enter(), lock.try_enter()]
    lock.leave()

    assert entered == [True, True]


def test_lock_that_is_a_directory_or_a_link_lets_everybody_in(folder: CacheFolder, tmp_path: Path) -> None:
    """Nothing is made where a link leads."""
    folder.lock(ETAG).mkdir(parents=True)
    folder.lock("2" * 40).symlink_to(tmp_path / "outside")
    locks = [BlobLock(folder, ETAG), BlobLock(folder, "2" * 40)]

    entered = [each.try_enter() for each in locks]
    for lock in locks:
        lock.leave()

    assert entered == [True, True]
    assert not (tmp_path / "outside").exists()


def test_fork_does_not_take_the_lock_along(folder: CacheFolder) -> None:
    """A child that lives on must not keep others out after its parent has left, nor believe that it is inside."""
    done = subprocess.run([sys.executable, "-c", _FORK, str(folder.root)], check=False, timeout=30)

    assert done.returncode == 0


def test_signs_change_with_what_other_clients_fetch(folder: CacheFolder) -> None:
    """Whoever waits for them waits as long as they make progress."""
    prepare_folder(folder)
    lock = BlobLock(folder, ETAG)
    seen = [lock.signs()]

    for name in (f"{ETAG}.incomplete", f"{ETAG}.0123abcd.incomplete"):
        (folder.blobs / name).write_bytes(b"a")
        seen.append(lock.signs())
    with (folder.blobs / f"{ETAG}.incomplete").open("ab") as file:
        file.write(b"b")
    seen.append(lock.signs())
    (folder.blobs / f"{ETAG}.incomplete").unlink()
    seen.append(lock.signs())

    assert len(set(map(str, seen))) == 5


def test_other_files_are_no_signs(folder: CacheFolder) -> None:
    """What others fetch says nothing about this blob."""
    lock = BlobLock(folder, ETAG)
    before_there_is_a_folder = lock.signs()
    prepare_folder(folder)

    (folder.blobs / f"{'2' * 40}.incomplete").write_bytes(b"a")
    (folder.blobs / ETAG).write_bytes(b"a")

    assert lock.signs() == before_there_is_a_folder == ()


def test_etag_that_leads_elsewhere_has_no_lock(folder: CacheFolder) -> None:
    """Newer clients make a lock file outside of the cache for it."""
    with pytest.raises(UnsafePathError):
        BlobLock(folder, "../../../x")
