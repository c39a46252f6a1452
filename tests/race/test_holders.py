"""Holders that die, fall silent, come back or dawdle, and what those who wait for them do."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.support.faults import SlowBandwidth
from tests.support.processes import ClientProcess
from tests.support.scene import CONNECTIONS, KIB, MIB, PIECE, Groups, Scene
from tests.support.shims import Shims
from weighbridge.compat.inference_models import download_files_to_directory
from weighbridge.core.errors import ClaimTimeoutError, RetryError

HALF = MIB // 2
COST = CONNECTIONS * PIECE

SLOW_TO_JUDGE: Groups = {"store": {"claim_ttl_s": 60.0, "wait_timeout_s": 60.0}}


def hold_half(scene: Scene, options: Groups | None = None) -> ClientProcess:
    """Start a client that has fetched half of the file and gets no more until the gate is opened."""
    scene.server.gate("/model.bin", after=HALF)
    holder = scene.start(scene.task(options))
    scene.wait_recorded(HALF - COST)
    return holder


def open_gate(scene: Scene) -> None:
    scene.server.gate("/model.bin").release()


@pytest.mark.parametrize("is_reaped", [True, False], ids=["reaped", "zombie"])
def test_dead_holder_is_replaced_at_once(scene: Scene, *, is_reaped: bool) -> None:
    """Nobody waits out a lease for a process that is provably gone, whether its parent has noticed or not."""
    holder = hold_half(scene, SLOW_TO_JUDGE)
    waiter = scene.start(scene.task(SLOW_TO_JUDGE))
    waiter.wait_for("FileWaiting")
    (holder.kill if is_reaped else holder.kill_unreaped)()
    open_gate(scene)
    began_s = time.monotonic()

    outcome = waiter.wait()

    assert outcome.code == 0, outcome.errors
    assert time.monotonic() - began_s < 5.0
    assert outcome.results[0]["bytes_resumed"] >= HALF - COST
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_dead_holder_among_eight_is_replaced_by_one(scene: Scene) -> None:
    """The death of the leader makes one new leader, not seven."""
    holder = hold_half(scene, SLOW_TO_JUDGE)
    waiters = [scene.start(scene.task(SLOW_TO_JUDGE)) for _ in range(7)]
    for waiter in waiters:
        waiter.wait_for("FileWaiting")
    holder.kill()
    open_gate(scene)

    outcomes = [waiter.wait() for waiter in waiters]

    assert [outcome.code for outcome in outcomes] == [0] * 7, [each.errors for each in outcomes]
    assert sum(each["outcome"] == "fetched" for outcome in outcomes for each in outcome.results) == 1
    assert scene.server.bytes_sent() <= MIB + COST
    assert scene.listing() == ["model.bin"]


def test_silent_holder_is_replaced_and_does_no_harm_when_it_comes_back(scene: Scene) -> None:
    """A stopped process costs others a second, and nobody a byte: it too ends well and nothing is left."""
    holder = hold_half(scene)
    holder.stop()
    open_gate(scene)

    outcome = scene.start().wait()
    after_waiter = (scene.is_right, len(scene.partials()))
    holder.resume()
    late = holder.wait()

    assert outcome.code == 0, outcome.errors
    assert outcome.results[0]["bytes_resumed"] >= HALF - COST
    assert after_waiter == (True, 1)  # the stopped one's own, which nobody else may touch
    assert late.code == 0, late.errors
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_holder_that_comes_back_in_the_middle_shares_no_file_with_its_heir(scene: Scene) -> None:
    """Two at work on one file at the same time write two partials."""
    holder = hold_half(scene)
    holder.stop()
    heir = scene.start()
    heir.wait_for("FileStarted")
    holder.resume()
    both = [(each / "data").stat().st_ino for each in scene.partials()]
    open_gate(scene)

    outcomes = [heir.wait(), holder.wait()]

    assert len(set(both)) == 2
    assert [outcome.code for outcome in outcomes] == [0, 0], [each.errors for each in outcomes]
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_holder_that_waits_for_its_server_keeps_its_claim(scene: Scene) -> None:
    """The heartbeat tells that a process is there, whatever the network does."""
    options: Groups = {"store": {"claim_ttl_s": 0.5}}
    holder = hold_half(scene, options)
    waiter = scene.start(scene.task(options))
    waiter.wait_for("FileWaiting")
    time.sleep(2.0)
    open_gate(scene)

    outcomes = [holder.wait(), waiter.wait()]

    assert [each["outcome"] for outcome in outcomes for each in outcome.results] == ["fetched", "joined"]
    assert scene.server.bytes_sent() == MIB


def test_waiting_for_a_slow_holder_has_no_end_while_it_makes_progress(scene: Scene) -> None:
    """A download of an hour may be waited for: the bound counts only time without progress."""
    options: Groups = {"store": {"wait_timeout_s": 1.0, "claim_ttl_s": 60.0}}
    scene.server.always(SlowBandwidth(160 * KIB))
    holder = scene.start(scene.task(options))
    holder.wait_for("FileStarted")
    began_s = time.monotonic()

    outcome = scene.start(scene.task(options)).wait()

    assert outcome.code == 0, outcome.failures
    assert outcome.results[0]["outcome"] == "joined"
    assert time.monotonic() - began_s > 2.0
    assert scene.server.bytes_sent() == MIB


def test_waiting_without_progress_ends_in_an_error_that_says_so(scene: Scene) -> None:
    """A frozen holder is not waited for for ever, and the words help to find it."""
    holder = hold_half(scene, SLOW_TO_JUDGE)
    options: Groups = {"store": {"wait_timeout_s": 0.6, "claim_ttl_s": 60.0}}
    began_s = time.monotonic()

    with pytest.raises(
        ClaimTimeoutError, match=r"model\.bin: another process holds .*\.wb-claim.* for 0\.6 s"
    ) as caught:
        scene.fetch(scene.task(options))

    waited_s = time.monotonic() - began_s
    assert isinstance(caught.value, RetryError)
    assert 0.6 <= caught.value.waited_s <= waited_s < 5.0
    assert caught.value.path is not None
    assert len(scene.partials()) == 1
    assert not holder.is_over


def test_lock_timeout_of_inference_models_bounds_waiting_without_progress(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parameter that made callers fail beside a healthy download no longer does, and still ends a dead wait."""
    holder = hold_half(scene, SLOW_TO_JUDGE)
    spec = ("model.bin", scene.file.url, scene.server.digest("/model.bin", "md5"))
    monkeypatch.setenv("WEIGHBRIDGE_CACHE", str(scene.root))

    with pytest.raises(RetryError, match="made no progress for 1 s"):
        download_files_to_directory(str(scene.directory), [spec], verbose=False, file_lock_acquire_timeout=1)

    assert not holder.is_over


def test_cancelled_wait_ends_at_once(scene: Scene) -> None:
    """Ctrl-C while waiting takes nothing from the one who works."""
    holder = hold_half(scene, SLOW_TO_JUDGE)
    waiter = scene.start(scene.task(SLOW_TO_JUDGE))
    waiter.wait_for("FileWaiting")
    began_s = time.monotonic()

    waiter.interrupt()
    outcome = waiter.wait()

    assert time.monotonic() - began_s < 3.0
    assert "KeyboardInterrupt" in outcome.errors
    open_gate(scene)
    assert holder.wait().code == 0
    assert scene.listing() == ["model.bin"]


def test_the_shim_takes_all_locks_away(scene: Scene, shims: Shims) -> None:
    """Tests of a world without locks must not pass because locks still work."""
    path = scene.root / "lock"
    program = f"import fcntl; fcntl.flock(open({str(path)!r}, 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    holder = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()

        codes = [
            subprocess.run([sys.executable, "-c", program], env=env, check=False, stderr=subprocess.DEVNULL).returncode
            for env in (None, shims.without_locks())
        ]
        process.communicate("\n")

    assert codes == [1, 0]
