"""Forks of a process that has used a client, and clocks that jump: neither disturbs a call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.support.faults import Status
from tests.support.scene import CONNECTIONS, MIB, PIECE, Scene
from tests.support.shims import Shims

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import json, os, sys, threading
from dataclasses import replace
from tests.support.fetching import build_options, read_requests
from weighbridge.client import Client

task = json.loads(sys.argv[1])

def fetch(client, directory):
    (result,) = client.fetch(read_requests(task["files"]), directory)
    assert result.path.stat().st_size == result.size, result
    return result.outcome

"""


def run(scene: Scene, program: str, *, seconds: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Run a program that may use what is above, and end it if it hangs."""
    source = PROGRAM + textwrap.dedent(program)
    paths = [str(ROOT), *(each for each in sys.path if each.endswith("src"))]
    return subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            source,
            json.dumps(asdict(scene.task())),
            scene.root,
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def test_client_works_in_a_forked_child_and_goes_on_in_the_parent(scene: Scene) -> None:
    """Workers that fork after the model was fetched share no socket, no lock and no claim."""
    done = run(
        scene,
        """
        client = Client(build_options(task["options"]))
        assert fetch(client, sys.argv[2] + "/a") == "fetched"
        children = []
        for name in "bcd":
            child = os.fork()
            if child == 0:
                outcome = fetch(client, sys.argv[2] + "/" + name)
                os._exit(0 if outcome == "fetched" else 1)
            children.append(child)
        assert fetch(client, sys.argv[2] + "/e") == "fetched"
        codes = [os.waitpid(child, 0)[1] for child in children]
        assert codes == [0, 0, 0], codes
        """,
    )

    assert done.returncode == 0, done.stderr
    assert scene.server.bytes_sent() == 5 * MIB
    assert [each.read_bytes() == scene.content.read() for each in sorted(scene.root.glob("?/model.bin"))] == [True] * 5


def test_child_forked_in_the_middle_of_a_call_waits_for_its_parent(scene: Scene) -> None:
    """The child is another process: it doesn't take its parent's claim for its own."""
    gate = scene.server.gate("/model.bin", after=MIB // 2)
    gate.release()
    done = run(
        scene,
        """
        client = Client(build_options(task["options"]))
        started, children = threading.Event(), []

        def observer(event):
            if type(event).__name__ == "FileStarted" and not children:
                child = os.fork()
                if child == 0:
                    outcome = fetch(Client(build_options(task["options"])), sys.argv[2] + "/a")
                    os._exit({"joined": 0, "present": 0}.get(outcome, 1))
                children.append(child)

        client.fetch(read_requests(task["files"]), sys.argv[2] + "/a", observer=observer)
        assert os.waitpid(children[0], 0)[1] == 0
        """,
    )

    assert done.returncode == 0, done.stderr
    assert scene.server.bytes_sent() == MIB


def test_multiprocessing_pool_of_workers_makes_one_transfer(scene: Scene) -> None:
    """Eight forked workers that ask for one model at once pay for it once."""
    done = run(
        scene,
        """
        import multiprocessing
        client = Client(build_options(task["options"]))

        def work(_):
            return fetch(client, sys.argv[2] + "/a")

        with multiprocessing.get_context("fork").Pool(8) as pool:
            outcomes = pool.map(work, range(8))
        assert outcomes.count("fetched") == 1, outcomes
        """,
    )

    assert done.returncode == 0, done.stderr
    assert scene.server.bytes_sent() == MIB


JUMPS = [-86_400, 86_400 * 365]


@pytest.mark.parametrize("seconds", JUMPS)
def test_backoff_takes_no_notice_of_a_wall_clock_that_jumps(scene: Scene, shims: Shims, seconds: int) -> None:
    """Nobody waits a day because the clock was set back by one."""
    scene.server.on(fault=Status(503), nth=range(3, 6))
    began_s = time.monotonic()

    outcome = scene.start(environment=shims.with_jumping_clock(seconds)).wait()

    assert outcome.code == 0, outcome.failures
    assert time.monotonic() - began_s < 10.0
    assert scene.is_right


@pytest.mark.parametrize("seconds", JUMPS)
def test_claim_is_kept_under_a_wall_clock_that_jumps(scene: Scene, shims: Shims, seconds: int) -> None:
    """Silence is measured on the waiter's monotonic clock, so no holder is robbed by daylight saving."""
    clock = shims.with_jumping_clock(seconds)
    with scene.server.gate("/model.bin", after=MIB // 2) as gate:
        holder = scene.start(environment=clock)
        gate.wait_reached()
        waiter = scene.start(environment=clock)
        waiter.wait_for("FileWaiting")
        time.sleep(1.5)
    outcomes = [holder.wait(), waiter.wait()]

    assert [each["outcome"] for outcome in outcomes for each in outcome.results] == ["fetched", "joined"]
    assert scene.server.bytes_sent() == MIB
    assert scene.listing() == ["model.bin"]


@pytest.mark.parametrize("seconds", JUMPS)
def test_killed_call_goes_on_under_a_wall_clock_that_jumps(scene: Scene, shims: Shims, seconds: int) -> None:
    """Times of files say little; who is dead is found out otherwise."""
    clock = shims.with_jumping_clock(seconds)
    with scene.server.gate("/model.bin", after=MIB // 2):
        client = scene.start(environment=clock)
        scene.wait_recorded(MIB // 2 - CONNECTIONS * PIECE)
        client.kill()

    outcome = scene.start(environment=clock).wait()

    assert outcome.results[0]["bytes_resumed"] >= MIB // 2 - CONNECTIONS * PIECE
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


@pytest.mark.parametrize("seconds", JUMPS)
def test_change_is_noticed_under_a_wall_clock_that_jumps(scene: Scene, shims: Shims, seconds: int) -> None:
    """A receipt holds as long as the times are the same, whatever they say."""
    clock = shims.with_jumping_clock(seconds)
    first = scene.start(scene.task(times=2), environment=clock).wait()
    scene.path.write_bytes(bytes(MIB))

    second = scene.start(environment=clock).wait()

    assert [each["outcome"] for each in first.results] == ["fetched", "present"]
    assert [each["outcome"] for each in second.results] == ["fetched"]
    assert scene.is_right
