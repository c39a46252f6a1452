"""SIGKILL at each step of the walk: the next call ends right, fetches only what is missing and leaves nothing."""

from __future__ import annotations

import pytest

from tests.support.scene import CONNECTIONS, MIB, PIECE, Scene
from tests.support.shims import Shims

STEPS = {
    "claim file made, still empty": "excl *.wb-claim 1 after kill",
    "claim half written": "write *.wb-claim 1 before torn:20",
    "claim taken": "write *.wb-claim 1 after kill",
    "partial's directory made": "mkdir *.wb-partial 1 after kill",
    "journal made, still empty": "open */journal.new 1 after kill",
    "journal's first line torn": "write */journal.new 1 before torn:30",
    "journal written, not named": "write */journal.new 1 after kill",
    "journal named": "rename */journal.new 1 after kill",
    "data file made": "open */data 1 after kill",
    "size set, not recorded": "ftruncate */data 1 after kill",
    "size recorded": "write */journal 1 after kill",
    "first bytes written": "pwrite */data 1 after kill",
    "some pieces written": "pwrite */data 23 after kill",
    "record of a piece torn": "write */journal 5 before torn:25",
    "piece recorded": "write */journal 5 after kill",
    "all bytes here": "fsync */data 1 before kill",
    "flushed": "fsync */data 1 after kill",
    "time set": "utime */data 1 after kill",
    "about to get its name": "rename */data 1 before kill",
    "named": "rename */data 1 after kill",
    "named, partial still there": "unlink */journal 1 before kill",
    "partial half removed": "rmdir *.wb-partial 1 before kill",
    "claim not released": "unlink *.wb-claim 1 before kill",
    "name not flushed": "fsync */target 1 before kill",
    "receipt not written": "open *.jsonl 1 before kill",
    "receipt half written": "write *.jsonl 1 before torn:10",
}

FLUSH_STEPS = {
    "flush begun": "fdatasync */data 1 before kill",
    "data flushed, not yet marked": "fdatasync */data 1 after kill",
    "marked, journal not flushed": "fsync */journal 1 before kill",
    "marked": "fsync */journal 1 after kill",
    "partial's names flushed": "fsync *.wb-partial 1 after kill",
}

ADOPTION_STEPS = {
    "directory of our own made": "mkdir *.wb-partial 1 after kill",
    "journal torn": "write */journal.new 1 before torn:200",
    "journal written": "write */journal.new 1 after kill",
    "journal flushed": "fsync */journal.new 1 after kill",
    "journal named": "rename */journal.new 1 after kill",
    "about to move the data": "rename */data 1 before kill",
    "data moved": "rename */data 1 after kill",
    "data cut to size": "ftruncate */data 1 after kill",
    "old journal about to go": "unlink */journal 1 before kill",
    "old partial about to go": "rmdir *.wb-partial 1 before kill",
}


@pytest.mark.parametrize("rule", STEPS.values(), ids=STEPS)
def test_call_after_a_kill_ends_right_and_leaves_nothing(scene: Scene, shims: Shims, rule: str) -> None:
    """A kill at any step costs at most a piece for each connection, and no orphan stays behind."""
    killed = scene.start(environment=shims.acting(rule)).wait()

    (result,) = scene.fetch()

    assert killed.code == -9, killed.errors
    assert scene.is_right
    assert scene.listing() == ["model.bin"]
    assert result.outcome in {"fetched", "present"}
    assert scene.server.bytes_sent() <= MIB + CONNECTIONS * PIECE


@pytest.mark.parametrize("rule", FLUSH_STEPS.values(), ids=FLUSH_STEPS)
def test_kill_during_a_flush_costs_no_more_than_any_other(scene: Scene, shims: Shims, rule: str) -> None:
    """Flushing behind the writers adds no moment at which what was recorded is lost."""
    options = {"transfer": {"first_piece": MIB, "piece_min": MIB, "piece_max": MIB, "read_size": MIB}}
    scene.put(40 * MIB)
    scene.server.gate("/model.bin", after=36 * MIB)
    killed = scene.start(scene.task(options), shims.acting(rule)).wait()
    scene.server.gate("/model.bin").release()

    (result,) = scene.fetch(scene.task(options))

    assert killed.code == -9, killed.errors
    assert scene.is_right
    assert scene.listing() == ["model.bin"]
    assert result.bytes_resumed >= 32 * MIB


@pytest.mark.parametrize("rule", ADOPTION_STEPS.values(), ids=ADOPTION_STEPS)
def test_kill_while_taking_over_loses_nothing(scene: Scene, shims: Shims, rule: str) -> None:
    """The bytes of a dead process are with it or with its heir at every moment, however many heirs die."""
    scene.server.gate("/model.bin", after=MIB // 2)
    first = scene.start()
    first.wait_for("FileStarted")
    scene.server.wait_for(lambda: scene.server.bytes_sent() == MIB // 2)
    scene.wait_recorded(MIB // 2 - CONNECTIONS * PIECE)
    first.kill()
    heirs = [scene.start(environment=shims.acting(rule)).wait() for _ in range(2)]
    scene.server.gate("/model.bin").release()

    (result,) = scene.fetch()

    assert [heir.code for heir in heirs] == [-9, -9]
    assert result.bytes_resumed >= MIB // 2 - CONNECTIONS * PIECE
    assert scene.is_right
    assert scene.listing() == ["model.bin"]
