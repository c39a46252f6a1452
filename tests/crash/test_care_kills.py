"""Whoever removes something from the cache and dies at it leaves a cache that all clients can use and clear."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

from tests.support.hub.calls import COMMIT, EARLIER, victim, wrongs
from tests.support.hub_repos import contents
from tests.support.shims import Shims, failing
from weighbridge.compat.huggingface_hub import scan_cache_dir
from weighbridge.store.cache.removal import Removal, remove
from weighbridge.store.cache.room.aside import aside_of, aside_of_repos, refs_of, set_aside
from weighbridge.store.cache.room.leaving import leave as leave_here
from weighbridge.store.cache.room.pruning import find_waste, prune

LEAVING = """
import sys
from pathlib import Path
from weighbridge.store.cache.room.leaving import leave
root, repo, path = (Path(each) for each in sys.argv[1:])
print(leave(root, repo, {path}, ["v1.0"]))
"""
STEPS = [
    "unlink */refs/v1.0 1 before kill",
    "unlink */refs/v1.0 1 after kill",
    "named */removed/snapshots/* 1 before kill",
    "named */removed/snapshots/* 1 after kill",
    "named */removed/blobs/* 1 after kill",
    "named */removed/blobs/* 2 after kill",
    "unlink */removed/blobs/* 1 before kill",
    "unlink */removed/blobs/* 1 after kill",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A cache with a model of two commits that share contents."""
    victim().write_cache(tmp_path)
    return tmp_path.resolve()


def folder(root: Path) -> Path:
    return root / "models--acme--victim"


def leave(root: Path, path: Path, environment: dict[str, str]) -> int:
    command = [sys.executable, "-c", LEAVING, str(root), str(folder(root)), str(path)]
    return subprocess.run(command, env={**os.environ, **environment}, check=False, timeout=30).returncode


def clear(root: Path) -> None:
    """Do what the next one does who removes something, as if all were old."""
    prune(root, find_waste(root, age_s=0.0), age_s=0.0)


@pytest.mark.parametrize("step", STEPS)
def test_killed_removal_leaves_a_sound_cache_that_prune_clears(root: Path, shims: Shims, step: str) -> None:
    """What refers goes before what is referred to, and what was begun is ended."""
    code = leave(root, folder(root) / "snapshots" / EARLIER, shims.acting(step))
    warnings, held = scan_cache_dir(root).warnings, contents(folder(root) / "snapshots" / COMMIT)
    (folder(root) / "refs" / "v1.0").unlink(missing_ok=True)  # of the first step, so that there is always something
    clear(root)

    assert code == -signal.SIGKILL
    assert (warnings, held) == ([], victim().main)
    assert contents(folder(root) / "snapshots" / COMMIT) == victim().main
    assert [each.name for each in (folder(root) / "snapshots").iterdir()] == [COMMIT]
    assert len(list((folder(root) / "blobs").iterdir())) == len(set(victim().main.values()))
    assert not aside_of(folder(root)).exists()
    assert wrongs(root, root) == []


@pytest.mark.parametrize("error", [errno.EIO, errno.EMFILE])
def test_ref_that_can_t_be_read_keeps_its_snapshot(root: Path, shims: Shims, error: int) -> None:
    """It may mean anything: to take that for nothing would leave a ref without a snapshot, or take contents away."""
    code = leave(root, folder(root) / "snapshots" / EARLIER, shims.acting(failing("read", "*/refs/v1.0", error)))

    assert code == 0
    assert scan_cache_dir(root).warnings == []
    assert contents(folder(root) / "snapshots" / EARLIER) == victim().commits[EARLIER]


@pytest.mark.parametrize("when", ["before", "after"])
def test_repository_goes_in_one_step(root: Path, shims: Shims, when: str) -> None:
    """Half of one would be a corrupted one to other clients."""
    rule = f"named */.locks/.weighbridge/removed/* 1 {when} kill"
    code = leave(root, folder(root), shims.acting(rule))
    warnings = scan_cache_dir(root).warnings
    is_there = folder(root).exists()
    clear(root)

    assert (code, warnings, is_there) == (-signal.SIGKILL, [], when == "before")
    assert not aside_of_repos(root).exists()


def test_blob_that_has_come_to_be_needed_is_put_back(root: Path) -> None:
    """A client that knows no locks of ours may link to a content at the moment in which it goes."""
    blob = folder(root) / "blobs" / ("e" * 40)
    blob.write_bytes(b"needed")
    set_aside(blob)
    pointer = folder(root) / "snapshots" / COMMIT / "late.txt"
    pointer.symlink_to(f"../../blobs/{blob.name}")

    clear(root)

    assert pointer.read_bytes() == b"needed"


def test_snapshot_that_has_come_to_be_meant_is_put_back(root: Path) -> None:
    """A branch may move back to a commit at the moment in which that goes."""
    (folder(root) / "refs" / "v1.0").unlink()
    snapshot = folder(root) / "snapshots" / EARLIER
    set_aside(snapshot)
    (folder(root) / "refs" / "v2.0").write_text(EARLIER)

    clear(root)

    assert contents(snapshot) == victim().commits[EARLIER]


@pytest.mark.parametrize("name", ["v2.0", "main.0a1b2c3d.tmp"])
def test_ref_that_nobody_spoke_of_stays_with_its_snapshot(root: Path, name: str) -> None:
    """Another client is about to mean the commit, and newer ones rename what they have written."""
    late = folder(root) / "refs" / name
    late.write_text(EARLIER)

    left = leave_here(root, folder(root), [folder(root) / "snapshots" / EARLIER], ["v1.0"])

    assert (len(left.refused), left.removed) == (1, frozenset())
    assert late.read_text() == EARLIER
    assert contents(folder(root) / "snapshots" / EARLIER) == victim().commits[EARLIER]


def test_ref_that_is_being_written_is_waited_for(root: Path) -> None:
    """Older clients empty it first, and what it means would seem to be meant by nothing."""
    ref = folder(root) / "refs" / "v1.0"
    ref.write_text("")
    writer = Timer(0.01, lambda: ref.write_text(EARLIER))
    writer.start()

    found = refs_of(folder(root), {EARLIER})
    writer.join()

    assert found == {ref: EARLIER}


def test_ref_that_means_something_else_by_now_stays(root: Path) -> None:
    """A download has moved it."""
    ref = folder(root) / "refs" / "v1.0"
    ref.write_text(COMMIT)
    snapshots = frozenset({folder(root) / "snapshots" / EARLIER})

    remove(Removal(root=root, refs=frozenset({ref}), snapshots=snapshots), print)

    assert ref.read_text() == COMMIT


def test_snapshot_that_a_ref_means_by_now_stays(root: Path) -> None:
    """A plan may be older than the ref."""
    told: list[str] = []

    remove(Removal(root=root, snapshots=frozenset({folder(root) / "snapshots" / EARLIER})), told.append)

    assert contents(folder(root) / "snapshots" / EARLIER) == victim().commits[EARLIER]
    assert len(told) == 1
