"""What else may be at a path: pipes, directories, devices, links; nothing hangs and nothing is written elsewhere."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import File
from tests.support.scene import MIB, Scene
from tests.support.shims import Shims
from weighbridge.core.errors import InvalidNameError, StoreError, UnsafePathError


def listen_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


NO_FILES: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "directory": Path.mkdir,
    "full directory": lambda path: (path / "x").mkdir(parents=True),
    "socket": listen_at,
    "device": lambda path: path.symlink_to("/dev/null"),
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "link to a directory": lambda path: path.symlink_to(".."),
    "link to itself": lambda path: path.symlink_to(path.name),
}


@pytest.fixture
def scene(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    scene.directory.mkdir()
    monkeypatch.chdir(scene.root)
    return scene


@pytest.mark.parametrize("make", NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_file_is_refused_and_left_alone(scene: Scene, make: Callable[[Path], object]) -> None:
    """Somebody put it there for a reason; the message says what is in the way."""
    make(Path("target/model.bin"))
    before = os.lstat(scene.path)

    with pytest.raises(StoreError, match=r"model\.bin"):
        scene.fetch()

    assert os.lstat(scene.path).st_ino == before.st_ino
    assert scene.server.requests == []
    assert not [each for each in scene.listing() if each.startswith(".")]


def test_link_to_the_right_file_is_taken_as_the_file(scene: Scene) -> None:
    """People link models to where there is room."""
    scene.content.write_to(scene.root / "elsewhere")
    scene.path.symlink_to(scene.root / "elsewhere")

    (result,) = scene.fetch()

    assert result.outcome == "present"
    assert scene.path.is_symlink()


@pytest.mark.parametrize("is_there", [True, False], ids=["wrong file", "nothing"])
def test_link_to_anything_else_is_replaced_and_not_followed(scene: Scene, *, is_there: bool) -> None:
    """Nothing is ever written through a link, dangling or not."""
    outside = scene.root / "outside"
    scene.path.symlink_to(outside)
    if is_there:
        outside.write_bytes(b"precious")

    scene.fetch()

    assert scene.is_right
    assert not scene.path.is_symlink()
    assert [each.read_bytes() for each in scene.root.glob("outside")] == [b"precious"] * is_there


@pytest.mark.parametrize("name", ["sub/model.bin", "sub/deeper/model.bin"])
def test_linked_parent_is_refused_before_anything_is_sent(scene: Scene, name: str) -> None:
    """A link planted inside the directory leads nowhere."""
    outside = scene.root / "outside"
    (outside / "deeper").mkdir(parents=True)
    (scene.directory / "sub").symlink_to(outside)
    file = File(name=name, url=scene.file.url, digest=scene.file.digest)

    with pytest.raises(UnsafePathError, match="symbolic link"):
        scene.fetch(scene.task(files=(file,)))

    assert scene.server.requests == []
    assert sorted(path.name for path in outside.rglob("*")) == ["deeper"]


def test_directory_that_is_a_link_itself_is_followed(scene: Scene) -> None:
    """Where the files go is the caller's choice."""
    real = scene.root / "real"
    real.mkdir()
    scene.directory.rmdir()
    scene.directory.symlink_to(real)

    scene.fetch()

    assert (real / "model.bin").read_bytes() == scene.content.read()
    assert scene.directory.is_symlink()


def test_link_named_like_a_partial_is_not_touched(scene: Scene) -> None:
    """Tidying up never leaves the directory."""
    outside = scene.root / "outside"
    outside.mkdir()
    for name in ("data", "journal", "journal.new"):
        (outside / name).write_bytes(b"precious")
    with scene.server.gate("/model.bin", after=MIB // 2):
        client = scene.start()
        client.wait_for("FileStarted")
        (partial,) = scene.partials()
        client.kill()
    trap = partial.with_name(partial.name.replace(".wb-partial", "0.wb-partial"))
    trap.symlink_to(outside)

    scene.fetch()
    scene.fetch()

    assert sorted(path.name for path in outside.iterdir()) == ["data", "journal", "journal.new"]
    assert trap.is_symlink()
    assert scene.is_right


@pytest.mark.parametrize("kind", ["pipe", "link", "noise", "zeros", "huge"])
def test_odd_claim_is_replaced_after_its_time(scene: Scene, kind: str) -> None:
    """Whatever lies where the claim should be holds nobody up for longer than a silent holder would."""
    with scene.server.gate("/model.bin", after=MIB // 2):
        client = scene.start()
        client.wait_for("FileStarted")
        client.kill()
    (claim,) = scene.directory.glob(".*.wb-claim")
    claim.unlink()
    make: dict[str, Callable[[], object]] = {
        "pipe": lambda: os.mkfifo(claim),
        "link": lambda: claim.symlink_to("/dev/zero"),
        "noise": lambda: claim.write_bytes(os.urandom(500)),
        "zeros": lambda: claim.write_bytes(bytes(500)),
        "huge": lambda: claim.write_bytes(b"[" * MIB),
    }
    make[kind]()

    scene.fetch(scene.task({"store": {"claim_ttl_s": 0.3}}))

    assert scene.is_right
    assert scene.listing() == ["model.bin"]


def two_names(scene: Scene, *names: str) -> tuple[File, ...]:
    scene.server.put("/other", b"other")
    digests = (scene.file.digest, f"sha256:{scene.server.digest('/other')}")
    urls = (scene.file.url, scene.server.url("/other"))
    return tuple(File(name=name, url=url, digest=each) for name, url, each in zip(names, urls, digests, strict=True))


def test_names_that_differ_in_case_are_refused_where_they_are_one_file(scene: Scene, shims: Shims) -> None:
    """On such a disk the second would silently replace the first."""
    task = scene.task(files=two_names(scene, "Model.bin", "model.BIN"))

    outcome = scene.start(task, shims.without_case(scene.directory)).wait()

    assert "InvalidNameError" in outcome.failure["kinds"]
    assert scene.server.requests == []
    assert scene.listing() == []


def test_names_that_differ_in_case_are_two_files_where_case_matters(scene: Scene) -> None:
    """Linux has repositories with both, and they are right."""
    results = scene.fetch(scene.task(files=two_names(scene, "Model.bin", "model.BIN")))

    assert [result.outcome for result in results] == ["fetched", "fetched"]
    assert scene.listing() == ["Model.bin", "model.BIN"]


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("x/y/z", "x/y")])
def test_file_and_directory_of_one_name_are_refused(scene: Scene, names: tuple[str, str]) -> None:
    """An object store may hold both; no directory can."""
    with pytest.raises(InvalidNameError, match="can't both be in one directory"):
        scene.fetch(scene.task(files=two_names(scene, *names)))

    assert scene.server.requests == []
    assert scene.listing() == []
