"""The local side fails: read-only, broken or foreign disks, too few descriptors; a typed error, no hang, no orphan."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from tests.support.disks import on_read_only_disk, with_limits
from tests.support.processes import ClientProcess, File
from tests.support.scene import CONNECTIONS, MIB, PIECE, Scene
from tests.support.shims import Shims, failing

BROKEN_AT = {
    "claim": failing("excl", "*.wb-claim", errno.EROFS, 1),
    "directory of the partial": failing("mkdir", "*.wb-partial", errno.EACCES, 1),
    "journal made": failing("open", "*/journal.new", errno.EIO, 1),
    "data file": failing("open", "*/data", errno.EMFILE, 1),
    "journal opened": failing("open", "*/journal", errno.EMFILE, 1),
    "write": failing("pwrite", "*/data", errno.EIO, 20),
    "journal": failing("write", "*/journal", errno.EIO, 6),
    "time": failing("utime", "*/data", errno.EIO, 1),
    "name": failing("rename", "*/data", errno.EXDEV, 1),
    "flush of the name": failing("fsync", "*/target", errno.EIO, 1),
}

NO_DISK_IS_AT_FAULT = {
    "claim can't be removed": failing("unlink", "*.wb-claim", errno.EIO, 1),
    "old journal can't be removed": failing("unlink", "*/journal", errno.EIO),
    "directory can't be flushed there": failing("fsync", "*/target", errno.EINVAL),
    "receipts can't be written": failing("open", "*.jsonl", errno.EROFS),
    "receipts' directory can't be made": failing("mkdir", "*/receipts*", errno.EACCES),
    "time can't be set": failing("utime", "*/data", errno.EPERM, 1),
    "interrupted write": failing("pwrite", "*/data", errno.EINTR, 5),
}


@pytest.mark.parametrize("rule", BROKEN_AT.values(), ids=BROKEN_AT)
def test_broken_disk_is_a_typed_error_and_loses_nothing(scene: Scene, shims: Shims, rule: str) -> None:
    """Whatever the system says no to, the words name the path, and the next call goes on."""
    outcome = scene.start(scene.task(times=2), shims.acting(rule)).wait()

    before, after = outcome.usage
    assert "StoreError" in outcome.failure["kinds"], outcome.failure
    assert str(scene.directory) in outcome.failure["message"]
    assert len(outcome.results) == 1, outcome.errors
    assert scene.is_right
    assert scene.listing() == ["model.bin"]
    assert scene.server.bytes_sent() <= MIB + CONNECTIONS * PIECE
    assert after == before


FLUSH_FAILS = {
    "broken": failing("fsync", "*/data", errno.EIO, 1),
    "full": failing("fsync", "*/data", errno.ENOSPC, 1),
    "and nothing can be noted": f"{failing('fsync', '*/data', errno.EIO, 1)};fsync */journal 1 before errno:5",
}


@pytest.mark.parametrize("rule", FLUSH_FAILS.values(), ids=FLUSH_FAILS)
def test_bytes_whose_flush_has_failed_are_not_believed(scene: Scene, shims: Shims, rule: str) -> None:
    """After a failed flush nobody knows what is on the disk, and the next flush would not tell: fetched again."""
    outcome = scene.start(scene.task(times=2), shims.acting(rule)).wait()

    (result,) = outcome.results
    before, after = outcome.usage
    assert after == before
    assert "StoreError" in outcome.failure["kinds"]
    assert (result["bytes_resumed"], result["bytes_fetched"]) == (0, MIB)
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


@pytest.mark.parametrize("rule", NO_DISK_IS_AT_FAULT.values(), ids=NO_DISK_IS_AT_FAULT)
def test_what_is_not_needed_may_fail(scene: Scene, shims: Shims, rule: str) -> None:
    """Tidying up and taking notes are conveniences; a file that is right is right without them."""
    outcome = scene.start(environment=shims.acting(rule)).wait()
    scene.fetch()

    assert outcome.code == 0, outcome.failures
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


@pytest.mark.parametrize("files", [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 20])
def test_too_few_descriptors_are_a_typed_error(scene: Scene, files: int) -> None:
    """At any limit the call ends, with the file or with an error of ours, and blocks no later one."""
    outcome = scene.start(prefix=with_limits(nofile=files)).wait(30.0)

    scene.fetch()

    assert "Traceback" not in outcome.errors
    assert len(outcome.results) + len(outcome.failures) == 1
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_read_only_directory_is_told_before_anything_is_fetched(scene: Scene) -> None:
    """A mount without write permission costs no request."""
    scene.directory.mkdir()

    outcome = scene.start(prefix=on_read_only_disk(scene.directory)).wait()

    assert "StoreError" in outcome.failure["kinds"]
    assert "Read-only file system" in outcome.failure["message"]
    assert scene.server.requests == []
    assert scene.listing() == []


def test_read_only_directory_that_is_complete_is_enough(scene: Scene) -> None:
    """A shared, read-only copy of the models is used as it is."""
    scene.fetch()
    before = len(scene.server.requests)

    outcome = scene.start(prefix=on_read_only_disk(scene.root)).wait()

    assert outcome.code == 0, outcome.failures
    assert [each["outcome"] for each in outcome.results] == ["present"]
    assert len(scene.server.requests) == before


def test_read_only_home_costs_a_read_and_nothing_else(scene: Scene) -> None:
    """Receipts that can't be kept are not missed."""
    scene.directory.mkdir()
    (scene.root / "receipts").mkdir()

    outcome = scene.start(scene.task(times=2), prefix=on_read_only_disk(scene.root / "receipts")).wait()

    assert outcome.code == 0, outcome.failures
    assert [each["outcome"] for each in outcome.results] == ["fetched", "present"]


def start_as(scene: Scene, user: int, *, umask: int) -> ClientProcess:
    """Start a client that runs as another user, with receipts of his own."""
    options = {"store": {"receipts": str(scene.root / f"receipts-{user}")}}
    prefix = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return scene.start(scene.task(options, umask=umask), prefix=prefix)


@pytest.fixture
def shared(scene: Scene) -> Scene:
    """The directory is one that every user may write to."""
    if os.geteuid() != 0:
        pytest.skip("only root can become several users")
    for path in (scene.root, *scene.root.parents):
        if path.stat().st_uid == os.geteuid() and not path.stat().st_mode & stat.S_IXOTH:
            path.chmod(0o755)
    scene.directory.mkdir()
    scene.directory.chmod(0o777)
    return scene


@pytest.mark.parametrize("umask", [0o002, 0o022])
def test_two_users_of_one_directory_make_one_transfer(shared: Scene, umask: int) -> None:
    """The second one waits, though he may not write to what the first has made."""
    with shared.server.gate("/model.bin", after=MIB // 2) as gate:
        first = start_as(shared, 1001, umask=umask)
        gate.wait_reached()
        second = start_as(shared, 1002, umask=0o022)
        second.wait_for("FileWaiting")
    outcomes = [first.wait(), second.wait()]

    assert outcomes[0].code == 0, outcomes[0].errors
    assert shared.is_right
    assert shared.server.bytes_sent() == MIB
    assert shared.listing() == ["model.bin"]


@pytest.mark.parametrize("umask", [0o002, 0o022])
def test_partial_of_another_user_is_copied_where_it_may_not_be_moved(shared: Scene, umask: int) -> None:
    """Permissions decide how the bytes are taken over, not whether."""
    with shared.server.gate("/model.bin", after=MIB // 2):
        first = start_as(shared, 1001, umask=umask)
        shared.wait_recorded(MIB // 2 - CONNECTIONS * PIECE)
        first.kill()

    outcome = start_as(shared, 1002, umask=umask).wait()

    assert outcome.code == 0, outcome.errors
    assert outcome.results[0]["bytes_resumed"] >= MIB // 2 - CONNECTIONS * PIECE
    assert shared.is_right


@pytest.mark.parametrize("mode", [0o777, 0o1777], ids=["anybody may replace it", "only its owner may"])
def test_file_that_may_not_be_read_is_replaced_if_it_may_be(shared: Scene, mode: int) -> None:
    """Somebody else's private file is as good as none; where it can't be replaced, the error names it."""
    shared.path.write_bytes(b"private")
    shared.path.chmod(0o600)
    shared.directory.chmod(mode)

    outcome = start_as(shared, 1002, umask=0o022).wait()

    if mode == 0o777:
        assert outcome.code == 0, outcome.errors
        assert shared.is_right
    else:
        assert "StoreError" in outcome.failure["kinds"]
        assert str(shared.path) in outcome.failure["message"]
        assert shared.path.read_bytes() == b"private"


def test_parent_that_is_a_file_is_a_typed_error(scene: Scene) -> None:
    """A file where a directory is wanted is told by name."""
    scene.directory.mkdir()
    (scene.directory / "a").write_bytes(b"")
    file = File(name="a/model.bin", url=scene.file.url, digest=scene.file.digest)

    outcome = scene.start(scene.task(files=(file,))).wait()

    assert "StoreError" in outcome.failure["kinds"]
    assert scene.server.requests == []
    assert Path(scene.directory / "a").read_bytes() == b""
