"""Uses of commits: held by live processes, seen by those who remove, and never in the way of anybody for long."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from weighbridge.store.cache import uses
from weighbridge.store.cache.room.leaving import leave

FOLDER, COMMIT = "models--acme--plain", "a" * 40
HOLDING = f"""
import sys
from pathlib import Path
from weighbridge.store.cache import uses
root = Path(sys.argv[1])
uses.hold(root, {FOLDER!r}, {COMMIT!r})
with uses.active(root, {FOLDER!r}):
    print("there", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / FOLDER).mkdir()
    return tmp_path


def start(root: Path) -> subprocess.Popen[str]:
    """Start a process that is at work in the repository and holds the commit; return once it does."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process: subprocess.Popen[str] = subprocess.Popen([sys.executable, "-c", HOLDING, str(root)], **pipes)  # type: ignore[call-overload]
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_held_commit_is_in_use_until_it_is_released(root: Path) -> None:
    """What a call has given a path to stays, until its caller says that it may go."""
    uses.hold(root, FOLDER, COMMIT)
    before = uses.is_used(root, FOLDER, COMMIT)

    uses.release(root)

    assert (before, uses.is_used(root, FOLDER, COMMIT)) == (True, False)


def test_use_ends_with_its_process(root: Path) -> None:
    """A killed process holds nothing for ever."""
    process = start(root)
    before = uses.is_used(root, FOLDER, COMMIT), uses.users_of(root, FOLDER, COMMIT)

    end(process)

    assert before == (True, (process.pid,))
    assert not uses.is_used(root, FOLDER, COMMIT)


def test_nobody_clears_where_somebody_is_at_work(root: Path) -> None:
    """A download never loses what it has just fetched."""
    process = start(root)
    with uses.clearing(root, FOLDER, wait_s=0.05) as beside:
        at_work = uses.users_at_work(root, FOLDER)
    end(process)
    with uses.clearing(root, FOLDER, wait_s=0.05) as alone:
        pass

    assert (beside, alone) == (False, True)
    assert at_work == (process.pid,)


def test_whoever_is_at_work_alone_may_clear(root: Path) -> None:
    """A download that needs room can let an older commit of the same repository leave."""
    with uses.active(root, FOLDER):
        with uses.clearing(root, FOLDER, wait_s=0.0) as is_clear:
            pass
        with uses.clearing(root, FOLDER, wait_s=0.0) as again:
            pass

    assert (is_clear, again) == (True, True)


def test_all_ways_to_a_cache_lead_to_the_same_locks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many a cache is a link to another disk: a download would stand in its own way."""
    link = root / "link"
    link.symlink_to(root)
    monkeypatch.chdir(root)

    with uses.active(link, FOLDER), uses.clearing(root, FOLDER, wait_s=0.0) as is_clear:
        pass
    uses.hold(Path("link"), FOLDER, COMMIT)
    held = uses.is_used(root, FOLDER, COMMIT)
    uses.release(root)

    assert (is_clear, held, uses.is_used(link, FOLDER, COMMIT)) == (True, True, False)


def test_remover_learns_who_did_not_wait_for_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been stopped for hours, and what it has seen is not so any more."""
    monkeypatch.setattr(uses, "PATIENCE_S", 0.05)
    snapshot = root / FOLDER / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)

    with uses.clearing(root, FOLDER):
        before = uses.is_still_clear(root, FOLDER)
        other = Thread(target=lambda: uses.active(root, FOLDER).__enter__())
        other.start()
        other.join()
        left = leave(root, root / FOLDER, [snapshot], [])

    assert before
    assert [each.reason for each in left.refused] == ["a download went on meanwhile"]
    assert snapshot.is_dir()


def test_whoever_has_no_descriptors_left_removes_nothing(root: Path) -> None:
    """That it can't see a lock does not mean that there is none."""
    process = start(root)
    descriptors = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, soft), hard))
    try:
        with suppress(OSError):
            while True:
                descriptors.append(os.open(os.devnull, os.O_RDONLY))
        with uses.clearing(root, FOLDER, 0.05) as is_clear, uses.sole(root, FOLDER, COMMIT) as is_free:
            used = uses.is_used(root, FOLDER, COMMIT)
    finally:
        for each in descriptors:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        end(process)

    assert (is_clear, is_free, used) == (False, False, True)


def test_stopped_remover_stops_no_download(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for, but not for ever."""
    monkeypatch.setattr(uses, "PATIENCE_S", 0.2)
    removing = HOLDING.replace("with uses.active(root, ", "with uses.clearing(root, ")
    command = [sys.executable, "-c", removing, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)

        began = time.monotonic()
        with uses.active(root, FOLDER):
            took_s = time.monotonic() - began

        process.kill()
    assert 0.1 < took_s < 30


def test_forked_child_shares_the_use(root: Path) -> None:
    """Workers of a training run read what their parent has asked for, and may outlive it."""
    uses.hold(root, FOLDER, COMMIT)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)

    descriptor = int(uses._held.popitem()[1][0])  # noqa: SLF001 - as the parent's end would do
    os.close(descriptor)
    while_it_lives = uses.is_used(root, FOLDER, COMMIT)
    os.close(writing)
    os.waitpid(child, 0)

    assert (while_it_lives, uses.is_used(root, FOLDER, COMMIT)) == (True, False)


def test_child_that_lets_go_leaves_the_use_to_its_parent(root: Path) -> None:
    """A worker speaks for itself."""
    uses.hold(root, FOLDER, COMMIT)
    child = os.fork()
    if child == 0:
        uses.release(root)
        os._exit(0)
    os.waitpid(child, 0)

    still = uses.is_used(root, FOLDER, COMMIT)
    uses.release(root)

    assert (still, uses.is_used(root, FOLDER, COMMIT)) == (True, False)


def test_only_the_latest_uses_are_held(root: Path) -> None:
    """A process that asks for thousands of commits does not run out of descriptors."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    commits = [f"{number:040x}" for number in range(200)]

    for each in commits:
        uses.hold(root, FOLDER, each)
    held = len(list(Path("/proc/self/fd").iterdir())) - before
    used = [uses.is_used(root, FOLDER, each) for each in (commits[0], commits[-1])]
    uses.release(root)

    assert held <= 128
    assert used == [False, True]
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_time_of_the_last_use_is_known(root: Path) -> None:
    """It decides which commit leaves first when room is needed."""
    before = time.time() - 1

    uses.hold(root, FOLDER, COMMIT)
    uses.release(root)

    assert before < uses.last_uses(root, FOLDER)[COMMIT] < time.time() + 1


def test_asking_whether_a_commit_may_go_is_no_use(root: Path) -> None:
    """Else every prune would make young what it looks at."""
    with uses.sole(root, FOLDER, COMMIT) as is_free:
        pass

    assert is_free
    assert uses.last_uses(root, FOLDER) == {}


def test_cache_that_can_not_be_written_to_is_done_without(tmp_path: Path) -> None:
    """A read-only cache on a shared disk works as before."""
    (tmp_path / ".locks").touch()
    (tmp_path / FOLDER).mkdir()

    uses.hold(tmp_path, FOLDER, COMMIT)
    with uses.active(tmp_path, FOLDER), uses.clearing(tmp_path, FOLDER) as is_clear:
        pass

    assert is_clear
    assert not uses.is_used(tmp_path, FOLDER, COMMIT)


def test_nothing_is_made_where_there_is_no_repository(tmp_path: Path) -> None:
    """To ask for what is not here leaves no trace."""
    with uses.active(tmp_path, FOLDER):
        pass

    assert list(tmp_path.iterdir()) == []
