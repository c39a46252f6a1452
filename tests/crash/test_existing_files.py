"""Files that are there already: right ones cost nothing, wrong ones are found and replaced."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fault_server import SparseFile
from tests.support.processes import File
from tests.support.scene import MIB, Scene

SIZE = 2 * MIB


def bytes_read() -> int:
    """Return how many bytes this process has asked the system for so far, from anywhere."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("rchar:"))


def replaced(path: Path, content: bytes) -> None:
    fresh = path.with_name("fresh")
    fresh.write_bytes(content)
    fresh.replace(path)


def with_its_times(path: Path, change: Callable[[Path], object]) -> None:
    """Change a file and set its modification time back to what it was."""
    found = path.stat()
    change(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def flip(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(SIZE // 2)
        before = file.read(1)
        file.seek(SIZE // 2)
        file.write(bytes([before[0] ^ 1]))


WRONG: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "shorter": lambda path: os.truncate(path, SIZE - 1),
    "longer": lambda path: os.truncate(path, SIZE + 1),
    "one bit": flip,
    "one bit, time set back": lambda path: with_its_times(path, flip),
    "zeros of its size": lambda path: path.write_bytes(bytes(SIZE)),
    "another file moved there": lambda path: replaced(path, bytes(SIZE)),
    "another file moved there, time set back": lambda path: with_its_times(path, lambda at: replaced(at, bytes(SIZE))),
    "another revision": lambda path: SparseFile(SIZE, seed=9).write_to(path),
}


@pytest.fixture
def scene(scene: Scene) -> Scene:
    scene.put(SIZE)
    scene.directory.mkdir()
    return scene


def test_right_file_costs_no_request(scene: Scene) -> None:
    """What is there and right is not fetched, whoever put it there."""
    scene.content.write_to(scene.path)

    (result,) = scene.fetch()

    assert (result.outcome, result.size) == ("present", SIZE)
    assert scene.server.requests == []
    assert scene.listing() == ["model.bin"]


def test_right_file_is_read_once(scene: Scene) -> None:
    """A file that was verified costs a look from then on, not a read."""
    scene.content.write_to(scene.path)
    time.sleep(2.1)  # younger files could change again without a trace
    before = bytes_read()
    scene.fetch()
    first = bytes_read() - before

    before = bytes_read()
    (result,) = scene.fetch()
    second = bytes_read() - before

    assert result.outcome == "present"
    assert first >= SIZE
    assert second < SIZE // 8


def test_fetched_file_is_not_read_again(scene: Scene) -> None:
    """The digest was checked on the way in; the next call relies on it at once."""
    scene.fetch()
    before = bytes_read()

    (result,) = scene.fetch()

    assert result.outcome == "present"
    assert bytes_read() - before < SIZE // 8


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_wrong_file_is_replaced(scene: Scene, change: Callable[[Path], object]) -> None:
    """The name of a file is no proof of what is in it."""
    scene.content.write_to(scene.path)
    change(scene.path)

    (result,) = scene.fetch()

    assert result.outcome == "fetched"
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_change_right_after_the_fetch_is_noticed(scene: Scene, change: Callable[[Path], object]) -> None:
    """A receipt does not outlive what it speaks of, not even by a tick of the clock."""
    scene.fetch()
    change(scene.path)

    (result,) = scene.fetch()

    assert result.outcome == "fetched"
    assert scene.is_right


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_change_after_a_look_is_noticed(scene: Scene, change: Callable[[Path], object]) -> None:
    """A file that was only just written is read again rather than trusted."""
    scene.content.write_to(scene.path)
    scene.fetch()
    change(scene.path)

    (result,) = scene.fetch()

    assert result.outcome == "fetched"
    assert scene.is_right


def test_receipt_for_one_digest_says_nothing_about_another(scene: Scene) -> None:
    """That a file is one revision is no reason to take it for another."""
    scene.fetch()
    scene.put(SIZE, seed=5)

    (result,) = scene.fetch()

    assert result.outcome == "fetched"
    assert scene.is_right


def test_file_without_a_digest_is_taken_as_it_is(scene: Scene) -> None:
    """Nothing was promised, so nothing can be missing but the file."""
    scene.path.write_bytes(b"mine")
    file = File(name="model.bin", url=scene.file.url, digest=None)

    (result,) = scene.fetch(scene.task(files=(file,), allow_unverified=True))

    assert result.outcome == "present"
    assert scene.server.requests == []


def test_file_without_a_digest_must_have_the_promised_size(scene: Scene) -> None:
    """A size is a promise too."""
    scene.path.write_bytes(b"mine")
    file = File(name="model.bin", url=scene.file.url, digest=None, size=SIZE)

    (result,) = scene.fetch(scene.task(files=(file,), allow_unverified=True))

    assert result.outcome == "fetched"
    assert scene.is_right


def test_failed_replacement_leaves_the_old_file(scene: Scene) -> None:
    """Whoever has something keeps it until there is something better."""
    scene.path.write_bytes(b"old")
    scene.server.remove("/model.bin")

    with pytest.raises(Exception, match="404"):
        scene.fetch(scene.task(files=(File(name="model.bin", url=scene.file.url, digest="sha256:" + "1" * 64),)))

    assert scene.path.read_bytes() == b"old"
    assert scene.listing() == ["model.bin"]


RECEIPTS: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "noise": lambda path: path.write_bytes(os.urandom(4096)),
    "torn": lambda path: os.truncate(path, path.stat().st_size // 2),
    "deep JSON": lambda path: path.write_bytes(b"[" * 100_000 + b"\n" + b'{"a":' * 100_000),
    "long number": lambda path: path.write_bytes(b'{"name": ' + b"1" * 5000 + b"}\n"),
    "lists": lambda path: path.write_bytes(b'[]\n[1]\n"name"\n{"name": ["model.bin"]}\nnull\n'),
    "other fields": lambda path: path.write_bytes(b'{"name": "model.bin"}\n'),
    "odd fields": lambda path: path.write_bytes(b'{"name": "model.bin", "file": 1, "digests": 2, "boot": 3}\n'),
    "a directory": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a link to nowhere": lambda path: (path.unlink(), path.symlink_to("nowhere")),
    "no room": lambda path: shutil.rmtree(path.parent.parent),
}


@pytest.mark.parametrize("change", RECEIPTS.values(), ids=RECEIPTS)
def test_damaged_receipts_cost_a_read(scene: Scene, change: Callable[[Path], object]) -> None:
    """Receipts are a convenience: whatever happens to them, the answer is the same."""
    scene.fetch()
    (receipts,) = (scene.root / "receipts").rglob("*.jsonl")
    change(receipts)

    (present,) = scene.fetch()
    flip(scene.path)
    (fetched,) = scene.fetch()

    assert (present.outcome, fetched.outcome) == ("present", "fetched")
    assert scene.is_right


def test_receipt_that_was_forged_for_another_file_is_not_believed(scene: Scene) -> None:
    """A receipt copied from a right file does not make a wrong one right."""
    scene.fetch()
    (receipts,) = (scene.root / "receipts").rglob("*.jsonl")
    line = json.loads(receipts.read_bytes().splitlines()[-1])
    scene.path.write_bytes(bytes(SIZE))
    line["file"]["mtime_ns"] = scene.path.stat().st_mtime_ns
    receipts.write_text(json.dumps(line) + "\n", encoding="utf-8")

    scene.fetch()

    assert scene.is_right
