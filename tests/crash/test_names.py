"""Names that lead outside or can't be used everywhere: refused before anything is sent or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scene import Scene
from weighbridge.compat.inference_models import download_files_to_directory
from weighbridge.core.errors import InvalidNameError, InvalidParameterError, UnsafePathError

OUTSIDE = [
    "..",
    "../x",
    "a/../../x",
    "a/..",
    "./../x",
    "/x",
    "//host/share/x",
    "\\x",
    "\\\\host\\share\\x",
    "..\\x",
    "a\\..\\..\\x",
    "C:x",
    "C:\\x",
    "c:/x",
    "a\0b",
    "../x\0",
]

UNUSABLE = [
    "",
    ".",
    "./",
    "a/",
    "a\\b",
    "CON",
    "con.txt",
    "a/nul",
    "aux.tar.gz",
    "COM1",
    "lpt9.bin",
    "COM¹",
    "CONIN$",
    "name.",
    "name ",
    "a./b",
    "a /b",
    "tab\tname",
    "line\nname",
    "bell\aname",
    "del\x7fname",
    "x" * 256,
    "ü" * 128,
    f"a/{'x' * 256}/b",
    "half\ud800",
    "x.wb-partial",
    ".x.wb-claim",
    "a.wb-partial/data",
]

GOOD = [
    "a",
    "a/b/c",
    "..a",
    "a..b",
    "...a",
    ".hidden",
    "CONSOLE",
    "null",
    "ü" * 127,
    "日本語.bin",
    "a b",
    "-x",
    "~x",
    "%2e%2e",
]


def call(scene: Scene, name: str) -> dict[str, str]:
    good = ("good.bin", scene.file.url, scene.file.digest)
    return download_files_to_directory(
        str(scene.directory), [good, (name, scene.file.url, scene.file.digest)], verbose=False
    )


@pytest.fixture
def scene(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("WEIGHBRIDGE_CACHE", str(scene.root / "cache"))
    return scene


def everything_below(root: Path) -> list[str]:
    return sorted(str(each.relative_to(root)) for each in root.rglob("*"))


@pytest.mark.parametrize("name", OUTSIDE)
def test_name_that_leads_outside_is_refused(scene: Scene, name: str) -> None:
    """Nothing a caller or a server writes can name a file outside the directory."""
    with pytest.raises(UnsafePathError) as caught:
        call(scene, name)

    assert isinstance(caught.value, InvalidParameterError)
    assert scene.server.requests == []
    assert everything_below(scene.root) == []


@pytest.mark.parametrize("name", UNUSABLE)
def test_name_that_cannot_be_used_everywhere_is_refused(scene: Scene, name: str) -> None:
    """A directory filled on Linux can be read on Windows, and no name collides with our own."""
    with pytest.raises(InvalidNameError) as caught:
        call(scene, name)

    assert isinstance(caught.value, InvalidParameterError)
    assert scene.server.requests == []
    assert everything_below(scene.root) == []


@pytest.mark.parametrize("name", GOOD)
def test_name_that_only_looks_odd_is_taken(scene: Scene, name: str) -> None:
    """Caution is no reason to refuse what people really call their files."""
    paths = call(scene, name)

    assert paths[name] == str(scene.directory / name)
    assert (scene.directory / name).read_bytes() == scene.content.read()


@pytest.mark.parametrize("name", ["a//b", "./a/b", "a/./b"])
def test_untidy_name_means_the_tidy_one(scene: Scene, name: str) -> None:
    """Two spellings of one path are one file."""
    paths = call(scene, name)

    assert paths[name] == str(scene.directory / "a" / "b")


def test_longest_names_have_room_for_what_is_unfinished(scene: Scene) -> None:
    """A name of 255 bytes leaves none for a suffix; what lies beside it is named after a part of it."""
    name = "y" * 255

    paths = call(scene, name)

    assert Path(paths[name]).read_bytes() == scene.content.read()
    assert scene.listing() == ["good.bin", name]


def test_names_that_were_cut_to_the_same_beginning_are_kept_apart(scene: Scene) -> None:
    """Two long names that differ at their end are two files with two claims."""
    names = ["z" * 254 + "a", "z" * 254 + "b"]

    download_files_to_directory(
        str(scene.directory), [(name, scene.file.url, scene.file.digest) for name in names], verbose=False
    )

    assert scene.listing() == names


def test_directory_with_a_nul_is_refused(scene: Scene) -> None:
    """The system would see another directory than the caller."""
    with pytest.raises(InvalidParameterError, match="NUL"):
        download_files_to_directory("a\0b", [("x", scene.file.url, scene.file.digest)], verbose=False)

    assert scene.server.requests == []
