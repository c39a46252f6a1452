"""Power loss: what was flushed is there, the rest is there or not; the next call ends right from whatever there is."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.fault_server import FaultServer, SparseFile
from tests.support.powerloss import Disk, Kind, Operation, as_safe, become_another_boot, boot_time, read_log
from tests.support.scene import MIB, Groups, Scene
from tests.support.shims import Shims

SIZE = 40 * MIB
FLUSHED = 28 * MIB  # a partial is flushed when 32 MiB of it are new, less what is not recorded by then
SEEDS = range(3)
LONG_AGO = boot_time() - 25 * 3600.0  # so that even where nobody can tell machines apart the owner is given up
OPTIONS: Groups = {
    "transfer": {
        "first_piece": MIB,
        "piece_min": MIB,
        "piece_max": MIB,
        "read_size": MIB,
        "hash_lag": 16 * MIB,
        "flush_interval_s": 0.01,
    }
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One origin for all tests here, and a directory deep below a disk that each test makes anew."""
    root = tmp_path_factory.mktemp("power")
    with FaultServer() as server:
        made = Scene(server, root, SparseFile(SIZE), root / "disk" / "a" / "b")
        made.put(SIZE)
        yield made
        made.close()


@pytest.fixture(scope="module")
def run(scene: Scene, shims: Shims) -> list[Operation]:
    """All that a client did to an empty disk."""
    return record(scene, shims, "run")


@pytest.fixture(scope="module")
def careless_run(scene: Scene, shims: Shims) -> list[Operation]:
    """The same without flushes."""
    return record(scene, shims, "careless", durable=False)


@pytest.fixture(scope="module")
def heir_run(scene: Scene, shims: Shims) -> list[Operation]:
    """All that a client did which went on where another had been killed."""
    clear(scene)
    with scene.server.gate("/model.bin", after=38 * MIB):
        client = scene.start(scene.task(OPTIONS))
        scene.wait_durable(FLUSHED)
        client.kill()
    return record(scene, shims, "heir", keep=True)


def clear(scene: Scene) -> Path:
    disk = scene.root / "disk"
    shutil.rmtree(disk, ignore_errors=True)
    disk.mkdir()
    return disk


def record(scene: Scene, shims: Shims, name: str, *, durable: bool = True, keep: bool = False) -> list[Operation]:
    """Run a client to its end and return what it did to the disk, after what was there before."""
    disk, log = scene.root / "disk" if keep else clear(scene), scene.root / name
    before = as_safe(disk)
    task = scene.task({**OPTIONS, "store": {"durable": durable}})
    outcome = scene.start(task, shims.recording(log, disk)).wait()
    assert outcome.code == 0, outcome.errors
    return before + read_log(log)


def fail_power(scene: Scene, operations: Sequence[Operation], dice: random.Random, written_at: float | None) -> None:
    """Leave on the disk what may be left of ``operations``, to another run of the kernel."""
    disk = clear(scene)
    Disk(operations, disk).restore(disk, dice)
    become_another_boot(disk, written_at=written_at)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("clock", ["right", "wrong"])
def test_power_loss_at_any_moment_is_harmless(scene: Scene, run: list[Operation], seed: int, clock: str) -> None:
    """A name never stands without its bytes, and what is left is gone on from, whatever the clock says."""
    dice = random.Random(seed)
    cut = dice.randrange(len(run))
    fail_power(scene, run[:cut], dice, {"right": LONG_AGO, "wrong": None}[clock])
    published = [path.read_bytes() for path in (scene.root / "disk").rglob("model.bin")]

    scene.fetch(scene.task(OPTIONS))

    assert published in ([], [scene.content.read()])
    assert scene.is_right


@pytest.mark.parametrize("seed", SEEDS)
def test_partials_of_an_earlier_boot_leave_nothing(scene: Scene, run: list[Operation], seed: int) -> None:
    """What the power loss left is adopted or removed: no orphan outlives the next call."""
    dice = random.Random(100 + seed)
    fail_power(scene, run[: dice.randrange(len(run))], dice, LONG_AGO)

    scene.fetch(scene.task(OPTIONS))

    assert scene.listing() == ["model.bin"]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_marked_durable_is_not_fetched_again(scene: Scene, run: list[Operation], seed: int) -> None:
    """A flush that was paid for is worth its price: from then on only what came later can be lost."""
    marked = next(at for at, each in enumerate(run) if each.kind is Kind.SYNC and each.path.endswith("/disk/a/b"))
    fail_power(scene, run[: marked + 1], random.Random(seed), LONG_AGO)

    (result,) = scene.fetch(scene.task(OPTIONS))

    assert result.bytes_resumed >= FLUSHED
    assert result.bytes_fetched == SIZE - result.bytes_resumed
    assert scene.is_right


@pytest.mark.parametrize("seed", SEEDS)
def test_power_loss_while_taking_over_loses_nothing_durable(scene: Scene, heir_run: list[Operation], seed: int) -> None:
    """Going on with a partial never puts at risk what its first writer had made safe."""
    dice = random.Random(seed)
    moved = next(at for at, each in enumerate(heir_run) if each.kind is Kind.RENAME and each.path.endswith("/data"))
    done = next(at for at, each in enumerate(heir_run) if each.target == str(scene.path))
    cut = dice.choice((moved, moved + 1, moved + 4, dice.randrange(moved, done)))
    fail_power(scene, heir_run[:cut], dice, LONG_AGO)

    (result,) = scene.fetch(scene.task(OPTIONS))

    assert result.bytes_resumed >= FLUSHED
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


@pytest.mark.parametrize("seed", SEEDS)
def test_file_survives_once_the_call_has_returned(scene: Scene, run: list[Operation], seed: int) -> None:
    """Durable means: bytes, name and every directory above it that the call made."""
    returned = next(at for at, each in reversed(list(enumerate(run))) if each.kind is Kind.SYNC) + 1

    fail_power(scene, run[:returned], random.Random(seed), None)

    assert scene.is_right


@pytest.mark.parametrize("seed", SEEDS)
def test_power_loss_is_noticed_where_nothing_was_flushed(
    scene: Scene, careless_run: list[Operation], seed: int
) -> None:
    """Without flushes a wrong file may stand there; the next call finds it and replaces it."""
    flushes = [each.path for each in careless_run if each.kind in {Kind.SYNC, Kind.SYNC_DATA}]
    assert not [path for path in flushes if ".wb-partial" in path]
    dice = random.Random(seed)
    named = next(at for at, each in enumerate(careless_run) if each.target == str(scene.path))
    fail_power(scene, careless_run[: dice.randrange(named, len(careless_run)) + 1], dice, LONG_AGO)

    scene.fetch(scene.task(OPTIONS))

    assert scene.is_right
    assert Path(scene.path).stat().st_size == SIZE
