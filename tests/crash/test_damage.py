"""Bytes on disk that changed between two runs: found by prefix digests or by the whole, and only they are fetched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.fault_server import FaultServer
from tests.support.faults import FlipByte
from tests.support.processes import File
from tests.support.scene import MIB, Groups, Scene
from weighbridge.core.errors import DigestMismatchError
from weighbridge.core.events import Event, Retrying
from weighbridge.transfer.hasher import CHECKPOINT

SIZE = 3 * CHECKPOINT + CHECKPOINT // 4
ARRIVED = 2 * CHECKPOINT + CHECKPOINT // 2
OPTIONS: Groups = {
    "transfer": {"first_piece": MIB, "piece_min": MIB, "piece_max": MIB, "read_size": MIB, "hash_lag": 16 * MIB}
}


@pytest.fixture
def partial(scene: Scene) -> Path:
    """The partial of a client that was killed when two checkpoints and a bit had arrived and were hashed."""
    scene.put(SIZE)
    with scene.server.gate("/model.bin", after=ARRIVED):
        client = scene.start(scene.task(OPTIONS))
        scene.wait_recorded(ARRIVED - 2 * MIB)
        scene.wait_checkpoints(2)
        client.kill()
    scene.server.wait_idle()
    (found,) = scene.partials()
    return found


def damage(partial: Path, *offsets: int) -> None:
    """Change one byte at each offset; what the journal says stays as it is."""
    with (partial / "data").open("r+b") as data:
        for offset in offsets:
            data.seek(offset)
            before = data.read(1)
            data.seek(offset)
            data.write(bytes([before[0] ^ 0x10]))


DAMAGES: dict[str, Sequence[int]] = {
    "first byte": [0],
    "last byte before a checkpoint": [CHECKPOINT - 1],
    "first byte after a checkpoint": [CHECKPOINT],
    "somewhere": [CHECKPOINT + CHECKPOINT // 3],
    "twice in one span": [5, CHECKPOINT - 5],
}


@pytest.mark.parametrize("offsets", DAMAGES.values(), ids=DAMAGES)
def test_damage_before_a_checkpoint_costs_its_span(scene: Scene, partial: Path, offsets: Sequence[int]) -> None:
    """Bit rot in what was fetched yesterday is repaired for the price of 4 MiB, whatever the size of the file."""
    damage(partial, *offsets)
    notes: list[Event] = []

    (result,) = scene.fetch(scene.task(OPTIONS), observer=notes.append)

    assert scene.is_right
    assert result.bytes_fetched <= SIZE - result.bytes_resumed + CHECKPOINT
    assert "are damaged; fetching them again" in "".join(each.reason for each in notes if isinstance(each, Retrying))
    assert scene.listing() == ["model.bin"]


def test_damage_in_two_spans_costs_both(scene: Scene, partial: Path) -> None:
    """Each span is judged by itself."""
    damage(partial, 17, CHECKPOINT + 17)

    (result,) = scene.fetch(scene.task(OPTIONS))

    assert scene.is_right
    assert result.bytes_fetched <= SIZE - result.bytes_resumed + 2 * CHECKPOINT


def test_damage_behind_the_last_checkpoint_costs_what_an_earlier_run_wrote(scene: Scene, partial: Path) -> None:
    """Where no digest of a prefix can tell, all that is suspect is fetched again, once."""
    damage(partial, 2 * CHECKPOINT + 11)

    (result,) = scene.fetch(scene.task(OPTIONS))

    assert scene.is_right
    assert result.bytes_fetched <= SIZE
    assert scene.listing() == ["model.bin"]


def test_damage_is_repaired_from_the_primary_only(scene: Scene, partial: Path) -> None:
    """A helper that lies can't spoil the second pass as well."""
    damage(partial, 2 * CHECKPOINT + 11)
    with FaultServer({"/copy": scene.content}) as mirror:
        mirror.on(fault=FlipByte(12345))
        file = File(name="model.bin", url=scene.file.url, digest=scene.file.digest, mirrors=(mirror.url("/copy"),))

        scene.fetch(scene.task(OPTIONS, files=(file,)))

    assert scene.is_right


def test_digest_that_never_agrees_ends_and_leaves_nothing(scene: Scene, partial: Path) -> None:
    """A wrong promise costs each byte at most twice, and no later call starts from what is suspect."""
    damage(partial, 2 * CHECKPOINT + 11)
    scene.server.on(fault=FlipByte(SIZE - 7))
    before = scene.server.bytes_sent()

    with pytest.raises(DigestMismatchError):
        scene.fetch(scene.task(OPTIONS))

    assert scene.server.bytes_sent() - before <= 2 * SIZE
    assert scene.listing() == []


def test_zeros_where_bytes_should_be_are_found(scene: Scene, partial: Path) -> None:
    """A file system that lost the pages and kept the length is damage like any other."""
    with (partial / "data").open("r+b") as data:
        data.seek(CHECKPOINT)
        data.write(bytes(CHECKPOINT))

    (result,) = scene.fetch(scene.task(OPTIONS))

    assert scene.is_right
    assert result.bytes_fetched <= SIZE - result.bytes_resumed + CHECKPOINT
