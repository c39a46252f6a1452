"""SIGKILL at each step of the walk: the next call ends right, fetches only what is missing and leaves nothing."""

from __future__ import annotations

import pytest

from tests.support.scene import CONNECTIONS, MIB, PIECE, Scene
from tests.support.shims import Shims

SIZE = MIB

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
    "all bytes here": "utime */data 1 before kill",
    "time set": "utime */data 1 after kill",
    "flushed": "fsync */data 1 after kill",
    "about to get its name": "rename */data 1 before kill",
    "named": "rename */data 1 after kill",
    "name flushed, partial still there": "unlink */journal 1 before kill",
    "partial half removed": "rmdir *.wb-partial 1 before kill",
    "claim not released": "unlink *.wb-claim 1 before kill",
    "receipt half written": "write *.json.* 1 before torn:10",
    "receipt not named": "rename *.json.* 1 before kill",
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
    assert scene.server.bytes_sent() <= SIZE + CONNECTIONS * PIECE
