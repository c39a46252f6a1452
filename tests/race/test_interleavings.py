"""Two processes whose steps fall between each other: one is stopped at a known call while the other does its work."""

from __future__ import annotations

import os
import threading

import pytest

from tests.support.processes import ClientProcess, File, Outcome
from tests.support.scene import CONNECTIONS, MIB, PIECE, Scene
from tests.support.shims import Shims

HALF = MIB // 2

EVERYBODY_HOLDS_THE_CLAIM = "excl *.wb-claim 0 before share"


def stop_at(scene: Scene, shims: Shims, *rules: str, name: str = "model.bin") -> ClientProcess:
    """Start a client that stops where its rules say, and wait until it has."""
    file = File(name=name, url=scene.file.url, digest=scene.file.digest)
    client = scene.start(scene.task(files=(file,)), shims.acting(*rules))
    client.wait_stopped()
    return client


def go_on(client: ClientProcess) -> Outcome:
    client.resume()
    return client.wait()


@pytest.mark.parametrize(
    ("rule", "name"),
    [("excl *.wb-claim 1 before stop", "model.bin"), ("mkdir */sub 1 before stop", "sub/model.bin")],
    ids=["before the claim", "before anything"],
)
def test_file_published_since_we_looked_is_not_fetched_again(scene: Scene, shims: Shims, rule: str, name: str) -> None:
    """Between seeing nothing and holding the claim, another process may have finished the whole file."""
    scene.directory.mkdir()
    late = stop_at(scene, shims, rule, name=name)
    file = File(name=name, url=scene.file.url, digest=scene.file.digest)
    scene.fetch(scene.task(files=(file,)))

    outcome = go_on(late)

    assert outcome.code == 0, outcome.errors
    assert [each["outcome"] for each in outcome.results] == ["joined"]
    assert scene.server.bytes_sent() == MIB
    assert [each for each in scene.listing() if each.startswith(".")] == []


@pytest.mark.parametrize(
    "rule",
    [
        "mkdir *.wb-partial 1 after stop",
        "open */journal.new 1 after stop",
        "rename */journal.new 1 before stop",
        "rename */journal.new 1 after stop",
        "rename */data 1 before stop",
        "rename */data 1 after stop",
        "open */journal 1 before stop",
    ],
)
def test_two_who_adopt_at_once_never_write_to_one_file(scene: Scene, shims: Shims, rule: str) -> None:
    """Taking over is one rename, of a file into a directory that bears its new owner's name already."""
    with scene.server.gate("/model.bin", after=HALF):
        dead = scene.start()
        scene.wait_recorded(HALF - CONNECTIONS * PIECE)
        dead.kill()
    slow = stop_at(scene, shims, rule, EVERYBODY_HOLDS_THE_CLAIM)
    gate = scene.server.gate("/model.bin")
    quick = scene.start(environment=shims.acting(EVERYBODY_HOLDS_THE_CLAIM))
    quick.wait_for("FileStarted")
    slow.resume()
    slow.wait_for("FileStarted")
    files = [(each / "data").stat().st_ino for each in scene.partials() if (each / "data").exists()]
    gate.release()

    outcomes = [quick.wait(), slow.wait()]

    assert len(set(files)) == 2
    assert [outcome.code for outcome in outcomes] == [0, 0], [each.errors for each in outcomes]
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


@pytest.mark.parametrize(
    "rule",
    ["mkdir *.wb-partial 1 after stop", "rename */journal.new 1 before stop", "open */data 1 after stop"],
)
def test_process_stopped_while_it_began_is_not_harmed_by_those_who_tidy(scene: Scene, shims: Shims, rule: str) -> None:
    """An empty directory may be swept away under its maker, who then makes another."""
    slow = stop_at(scene, shims, rule, EVERYBODY_HOLDS_THE_CLAIM)
    scene.start(environment=shims.acting(EVERYBODY_HOLDS_THE_CLAIM)).wait()

    outcome = go_on(slow)

    assert outcome.code == 0, outcome.errors
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_receipt_speaks_of_the_bytes_that_were_checked(scene: Scene, shims: Shims) -> None:
    """A file that another process put in place before our receipt was noted is not taken for ours, ever."""
    ours = stop_at(scene, shims, "rename */data 1 after stop")
    scene.server.put("/other", bytes(MIB))
    rival = File(name="model.bin", url=scene.server.url("/other"), digest=f"sha256:{scene.server.digest('/other')}")
    scene.fetch(scene.task(files=(rival,)))
    go_on(ours)

    (result,) = scene.fetch()

    assert result.outcome == "fetched"
    assert scene.is_right


def test_unfinished_file_that_was_swapped_is_not_published(scene: Scene, shims: Shims) -> None:
    """What gets the name is the very file that was hashed, whoever can write to the directory."""
    client = stop_at(scene, shims, "utime */data 1 before stop")
    (partial,) = scene.partials()
    (scene.root / "forged").write_bytes(bytes(MIB))
    (scene.root / "forged").rename(partial / "data")

    outcome = go_on(client)

    assert "StoreError" in outcome.failure["kinds"]
    assert not scene.path.exists()
    scene.fetch()
    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def test_pipe_that_appears_while_we_look_does_not_hang_us(scene: Scene, shims: Shims) -> None:
    """A look can't be kept waiting by whoever swaps the file for something that never answers."""
    scene.directory.mkdir()
    scene.path.write_bytes(b"something else")
    client = stop_at(scene, shims, "read */model.bin 1 before stop")
    scene.path.unlink()
    os.mkfifo(scene.path)

    outcome = go_on(client)

    assert "StoreError" in outcome.failure["kinds"]
    assert scene.server.requests == []


def test_reader_sees_the_old_file_or_the_new_one(scene: Scene) -> None:
    """A wrong file is replaced in one step: no reader ever finds nothing, or half."""
    old, seen, is_over = bytes(MIB), set(), threading.Event()
    scene.directory.mkdir()
    scene.path.write_bytes(old)
    new = scene.content.read()

    def read() -> None:
        while not is_over.is_set():
            content = scene.path.read_bytes()
            seen.add({old: "old", new: "new"}.get(content, "neither"))

    reader = threading.Thread(target=read)
    reader.start()
    gate = scene.server.gate("/model.bin", after=HALF)
    fetcher = threading.Thread(target=scene.fetch)
    fetcher.start()
    gate.wait_reached()
    gate.release()
    fetcher.join()
    is_over.set()
    reader.join()

    assert seen - {"new"} == {"old"}
    assert scene.is_right
