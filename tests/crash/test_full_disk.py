"""No room: a typed error with numbers, what arrived is kept, and once there is room the same call goes on."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.support.disks import on_small_disk, with_limits
from tests.support.faults import CloseDelimited, EndlessBody, IgnoreRange
from tests.support.scene import CONNECTIONS, KIB, MIB, PIECE, Groups, Scene
from tests.support.shims import Shims, failing

COST = CONNECTIONS * PIECE
HALF = MIB // 2

FULL_AT = {
    "directory of the partial": failing("mkdir", "*.wb-partial", errno.ENOSPC, 1),
    "claim": failing("write", "*.wb-claim", errno.ENOSPC, 1),
    "journal made": failing("write", "*/journal.new", errno.ENOSPC, 1),
    "data file": failing("open", "*/data", errno.ENOSPC, 1),
    "size": failing("ftruncate", "*/data", errno.ENOSPC, 1),
    "first bytes": failing("pwrite", "*/data", errno.ENOSPC, 1),
    "middle": failing("pwrite", "*/data", errno.ENOSPC, 30),
    "journal": failing("write", "*/journal", errno.ENOSPC, 6),
    "name": failing("rename", "*/data", errno.ENOSPC, 1),
    "quota": failing("pwrite", "*/data", errno.EDQUOT, 30),
}


@pytest.fixture
def directory(scene: Scene) -> Path:
    scene.directory.mkdir()
    return scene.directory


def test_file_that_cannot_fit_is_refused_before_it_is_fetched(scene: Scene, directory: Path) -> None:
    """Nobody waits for a hundred gigabytes to learn that there is no room for them."""
    scene.put(6 * MIB)

    outcome = scene.start(prefix=on_small_disk(directory, 4 * MIB)).wait()

    assert "DiskFullError" in outcome.failure["kinds"]
    assert outcome.failure["facts"]["needed"] == 6 * MIB
    assert 3 * MIB < outcome.failure["facts"]["free"] <= 4 * MIB
    assert "needs 6291456 bytes more" in outcome.failure["message"]
    assert scene.server.bytes_sent() <= COST
    assert outcome.listing == ["ballast"]


def test_what_an_earlier_run_left_counts_as_room(scene: Scene, directory: Path) -> None:
    """A disk that holds half of the file needs room for the other half only."""
    scene.put(5 * MIB)
    scene.server.gate("/model.bin", after=3 * MIB)
    client = scene.start(prefix=on_small_disk(directory, 6 * MIB, then_again=True))
    inside = Path(f"/proc/{client.pid}/root{directory}")
    scene.directory = inside
    scene.wait_recorded(3 * MIB - COST)
    (inside / "ballast").write_bytes(bytes(2 * MIB + 512 * KIB))
    scene.server.gate("/model.bin").release()

    outcome = client.wait()

    assert "DiskFullError" in outcome.failure["kinds"]
    assert outcome.failure["facts"]["free"] < MIB
    assert outcome.failure["facts"]["needed"] <= 2 * MIB + COST
    assert outcome.results[0]["bytes_resumed"] >= 3 * MIB - COST
    assert outcome.results[0]["bytes_fetched"] + outcome.results[0]["bytes_resumed"] == 5 * MIB
    assert outcome.listing == ["model.bin"]


@pytest.mark.parametrize("rule", FULL_AT.values(), ids=FULL_AT)
def test_full_disk_is_told_as_such_wherever_it_shows(scene: Scene, shims: Shims, rule: str) -> None:
    """One type to catch, whichever of our writes was the one too many."""
    outcome = scene.start(environment=shims.acting(rule)).wait()

    (result,) = scene.fetch()

    assert "DiskFullError" in outcome.failure["kinds"], outcome.failure
    assert "make room" in outcome.failure["message"]
    assert outcome.failure["facts"]["free"] > 0
    assert scene.is_right
    assert scene.listing() == ["model.bin"]
    assert scene.server.bytes_sent() <= MIB + COST
    assert result.bytes_fetched + result.bytes_resumed == MIB


@pytest.mark.parametrize("rule", FULL_AT.values(), ids=FULL_AT)
def test_same_process_goes_on_once_there_is_room(scene: Scene, shims: Shims, rule: str) -> None:
    """A notebook need not be restarted: its own unfinished file is not taken for somebody else's."""
    outcome = scene.start(scene.task(times=2), shims.acting(rule)).wait()

    (result,) = outcome.results
    assert "DiskFullError" in outcome.failure["kinds"]
    assert scene.is_right
    assert scene.listing() == ["model.bin"]
    assert scene.server.bytes_sent() <= MIB + COST
    assert result["bytes_fetched"] + result["bytes_resumed"] == MIB


def test_disk_too_full_to_note_that_we_let_go_loses_nothing(scene: Scene, shims: Shims) -> None:
    """Releasing a partial must not depend on room for one more record."""
    rules = [failing("write", "*/journal", errno.ENOSPC, nth) for nth in range(8, 16)]

    outcome = scene.start(scene.task(times=6), shims.acting(*rules)).wait()

    first = outcome.results[0]
    assert {"DiskFullError" in each["kinds"] for each in outcome.failures} == {True}
    assert first["bytes_resumed"] >= 3 * PIECE
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_disk_too_full_to_go_on_keeps_what_is_there(scene: Scene, shims: Shims) -> None:
    """A call that can't even begin for want of room takes nothing from the one that comes after."""
    with scene.server.gate("/model.bin", after=HALF):
        client = scene.start()
        scene.wait_recorded(HALF - COST)
        client.kill()
    rule = failing("write", "*/journal.new", errno.ENOSPC)
    outcomes = [scene.start(environment=shims.acting(rule)).wait() for _ in range(2)]

    (result,) = scene.fetch()

    assert ["DiskFullError" in each.failure["kinds"] for each in outcomes] == [True, True]
    assert result.bytes_resumed >= HALF - COST
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_file_larger_than_the_limit_is_a_typed_error(scene: Scene) -> None:
    """A limit of the shell, or of a file system such as FAT, is told before anything is fetched."""
    outcome = scene.start(prefix=with_limits(fsize=HALF)).wait()

    assert "StoreError" in outcome.failure["kinds"]
    assert "File too large" in outcome.failure["message"]
    assert scene.server.bytes_sent() <= COST
    assert not scene.path.exists()


def test_small_disk_takes_a_small_file_without_a_length(scene: Scene, directory: Path) -> None:
    """What is kept free for a body of unknown size is a small part of a small disk."""
    scene.server.on(fault=IgnoreRange() & CloseDelimited())

    outcome = scene.start(prefix=on_small_disk(directory, 4 * MIB)).wait()

    assert outcome.code == 0, outcome.failures
    assert "model.bin" in outcome.listing


def test_body_without_end_is_stopped_while_there_is_room_left(scene: Scene, directory: Path) -> None:
    """A server that never stops does not fill the disk to the brim."""
    scene.server.on(fault=IgnoreRange() & EndlessBody())

    outcome = scene.start(prefix=on_small_disk(directory, 100 * MIB)).wait()

    assert "DiskFullError" in outcome.failure["kinds"]
    assert "no announced size" in outcome.failure["message"]
    assert 0 < outcome.failure["facts"]["free"] < outcome.failure["facts"]["needed"] == 5 * MIB


def test_body_without_a_length_that_outgrows_the_limit_is_a_typed_error(scene: Scene) -> None:
    """Where no size is told the limit shows on the way; the message says what could not be written."""
    scene.server.on(fault=IgnoreRange() & CloseDelimited())
    options: Groups = {"retry": {"attempts": 1}}

    outcome = scene.start(scene.task(options), prefix=with_limits(fsize=HALF)).wait()

    assert "StoreError" in outcome.failure["kinds"]
    assert "can't write" in outcome.failure["message"]
    scene.fetch()
    assert scene.is_right
