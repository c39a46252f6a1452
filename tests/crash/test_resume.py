"""Whatever ended a call, the same call goes on from there: only what is missing is fetched."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import Status
from tests.support.processes import File, wait_until
from tests.support.scene import CONNECTIONS, KIB, MIB, PIECE, Groups, Scene
from weighbridge.core.errors import BadStatusError, CancelledError, RetriesExhaustedError
from weighbridge.core.events import Event, FileProgress, FileStarted

HALF = MIB // 2
COST = CONNECTIONS * PIECE

OTHER_SETTINGS: dict[str, Groups] = {
    "one connection": {"transfer": {"connections_per_file": 1}},
    "more connections": {"transfer": {"connections": 8, "connections_per_file": 8}},
    "odd pieces": {"transfer": {"first_piece": 100_003, "piece_min": 77_777, "piece_max": 100_003}},
    "tiny pieces": {"transfer": {"first_piece": 9000, "piece_min": 9000, "piece_max": 9000, "split_min": 9000}},
    "one piece": {"transfer": {"first_piece": 8 * MIB, "piece_min": 8 * MIB, "piece_max": 8 * MIB}},
    "not durable": {"store": {"durable": False}},
}


def kill_half_way(scene: Scene) -> None:
    with scene.server.gate("/model.bin", after=HALF):
        client = scene.start()
        scene.wait_recorded(HALF - COST)
        client.kill()
    scene.server.wait_idle()


def count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_twenty_kills_cost_at_most_a_piece_for_each_connection_each(scene: Scene) -> None:
    """P2 in numbers, at twenty random moments of one download."""
    rng, size, kills = random.Random(7), 6 * MIB, 20
    scene.put(size)
    for _ in range(kills):
        with scene.server.gate("/model.bin", after=rng.randrange(size // kills)) as gate:
            client = scene.start()
            gate.wait_reached()
            client.kill()

    (result,) = scene.fetch()

    assert scene.is_right
    assert scene.listing() == ["model.bin"]
    assert scene.server.bytes_sent() <= size + kills * COST
    assert result.bytes_fetched + result.bytes_resumed <= size + COST


@pytest.mark.parametrize("options", OTHER_SETTINGS.values(), ids=OTHER_SETTINGS)
def test_killed_call_goes_on_with_other_settings(scene: Scene, options: Groups) -> None:
    """The journal speaks of bytes, so nobody is punished for having changed an option."""
    kill_half_way(scene)

    (result,) = scene.fetch(scene.task(options))

    assert scene.is_right
    assert result.bytes_resumed >= HALF - COST
    assert result.bytes_fetched == MIB - result.bytes_resumed


def test_killed_call_goes_on_from_a_mirror(scene: Scene) -> None:
    """The promised digest names the bytes, not the server they began to come from."""
    kill_half_way(scene)
    with FaultServer({"/copy": scene.content}) as mirror:
        file = scene.file
        task = scene.task(files=(File(name=file.name, url=mirror.url("/copy"), digest=file.digest),))
        before = len(scene.server.requests)

        (result,) = scene.fetch(task)

        assert scene.is_right
        assert result.bytes_fetched == MIB - result.bytes_resumed <= HALF + COST
        assert len(scene.server.requests) == before


def test_call_that_failed_goes_on(scene: Scene) -> None:
    """A server that gives up at half does not take the first half with it."""
    scene.server.on(fault=Status(404), nth=range(9, 1000))
    with pytest.raises(BadStatusError):
        scene.fetch()
    scene.server.clear_rules()

    (result,) = scene.fetch()

    assert scene.is_right
    assert result.bytes_fetched == MIB - result.bytes_resumed
    assert result.bytes_resumed >= 6 * PIECE


def test_call_whose_retries_ran_out_goes_on(scene: Scene) -> None:
    """An outage longer than the retries costs time, not bytes."""
    scene.server.on(fault=Status(503), nth=range(9, 1000))
    with pytest.raises(RetriesExhaustedError):
        scene.fetch()
    scene.server.clear_rules()

    (result,) = scene.fetch()

    assert scene.is_right
    assert result.bytes_fetched == MIB - result.bytes_resumed
    assert result.bytes_resumed >= 6 * PIECE


def test_cancelled_call_goes_on(scene: Scene) -> None:
    """Stopping from code keeps what arrived."""
    cancel = threading.Event()

    def stop_at_half(event: Event) -> None:
        if isinstance(event, FileProgress) and event.received >= HALF - COST:
            cancel.set()

    with scene.server.gate("/model.bin", after=HALF), pytest.raises(CancelledError):
        scene.fetch(observer=stop_at_half, cancel=cancel)

    (result,) = scene.fetch()

    assert scene.is_right
    assert result.bytes_resumed >= HALF - COST
    assert result.bytes_fetched == MIB - result.bytes_resumed


def test_interrupted_command_goes_on(scene: Scene) -> None:
    """Ctrl-C ends the process at once and keeps what arrived, claims and partials let go."""
    with scene.server.gate("/model.bin", after=HALF):
        client = scene.start()
        scene.wait_recorded(HALF - COST)
        client.interrupt()
        outcome = client.wait(10.0)
    left = scene.listing()

    (result,) = scene.fetch()

    assert "KeyboardInterrupt" in outcome.errors
    assert not [each for each in left if each.endswith(".wb-claim")]
    assert scene.is_right
    assert result.bytes_resumed >= HALF - COST


@pytest.mark.parametrize("kind", [FileStarted, FileProgress])
def test_observer_that_raises_ends_the_call_and_keeps_what_arrived(scene: Scene, kind: type[Event]) -> None:
    """A broken progress bar loses no bytes, no claim and no descriptor."""

    def complain(event: Event) -> None:
        if isinstance(event, kind):
            raise ZeroDivisionError

    kill_half_way(scene)
    descriptors = count_descriptors()
    with pytest.raises(ZeroDivisionError):
        scene.fetch(observer=complain)
    left = [each for each in scene.listing() if each.endswith(".wb-claim")]
    wait_until(lambda: count_descriptors() <= descriptors)  # the server, in this process too, lets go a little later

    (result,) = scene.fetch()

    assert left == []
    assert scene.is_right
    assert scene.listing() == ["model.bin"]
    assert result.bytes_fetched <= HALF + COST
    assert scene.server.bytes_sent() <= MIB + 2 * COST


def test_resumed_file_without_a_digest_needs_the_same_etag(scene: Scene) -> None:
    """Without a digest only the validator ties the halves together; another one means another file."""
    plain = scene.task(files=(File(name="model.bin", url=scene.file.url, digest=None),), allow_unverified=True)
    with scene.server.gate("/model.bin", after=HALF):
        client = scene.start(plain)
        scene.wait_recorded(HALF - COST)
        client.kill()
    other = scene.put(MIB, seed=2)

    (result,) = scene.fetch(plain)

    assert scene.path.read_bytes() == other.read()
    assert result.bytes_fetched >= MIB


def test_resumed_file_without_a_digest_is_not_fetched_again(scene: Scene) -> None:
    """A strong ETag that still agrees is enough to go on."""
    plain = scene.task(files=(File(name="model.bin", url=scene.file.url, digest=None),), allow_unverified=True)
    with scene.server.gate("/model.bin", after=HALF):
        client = scene.start(plain)
        scene.wait_recorded(HALF - COST)
        client.kill()

    (result,) = scene.fetch(plain)

    assert scene.is_right
    assert result.bytes_fetched == MIB - result.bytes_resumed <= HALF + COST


def test_promised_size_that_differs_makes_a_partial_worthless(scene: Scene) -> None:
    """Bytes of a file of another size are never mixed in, digest or not."""
    task = scene.task(files=(File(name="model.bin", url=scene.file.url, digest=None),), allow_unverified=True)
    with scene.server.gate("/model.bin", after=HALF):
        client = scene.start(task)
        scene.wait_recorded(HALF - COST)
        client.kill()
    other = SparseFile(MIB + KIB, seed=3)
    scene.server.put("/model.bin", other, etag=scene.server.resource("/model.bin").etag)
    sized = File(name="model.bin", url=scene.file.url, digest=None, size=MIB + KIB)

    (result,) = scene.fetch(scene.task(files=(sized,), allow_unverified=True))

    assert scene.path.read_bytes() == other.read()
    assert result.bytes_resumed == 0
