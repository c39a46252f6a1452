"""Temporary names: unique, out of sight, and gone afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fuzz.bounds import bounded
from weighbridge.core.errors import StoreError
from weighbridge.store.cache.staging import create, make_directories, read_whole, remove_abandoned, staged, write_whole

HOUR_S = 3600


def names(directory: Path) -> set[str]:
    return {each.name for each in directory.iterdir()}


def test_what_is_not_renamed_is_removed(tmp_path: Path) -> None:
    """Whatever goes wrong inside the block."""
    with pytest.raises(FileExistsError), staged(tmp_path) as path:
        [create(path, each) for each in (b"half", b"again")]

    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


def test_two_have_different_names(tmp_path: Path) -> None:
    """Processes know nothing of each other."""
    with staged(tmp_path) as first, staged(tmp_path) as second:
        assert first != second


def test_leftovers_of_the_dead_are_removed_and_those_of_the_living_are_not(tmp_path: Path) -> None:
    """Nobody else would ever remove them; a copy of a large file changes all the time it takes."""
    for name in ("left", "link"):
        (tmp_path / name).symlink_to("nowhere")
    create(tmp_path / "busy", b"mine")
    last = (tmp_path / "link").lstat().st_ctime
    os.utime(tmp_path / "busy", (last + 120, last + 120))

    remove_abandoned(str(tmp_path), last + HOUR_S - 60)
    early = names(tmp_path)
    remove_abandoned(str(tmp_path), last + HOUR_S + 60)

    assert (early, names(tmp_path)) == ({"left", "link", "busy"}, {"busy"})


def test_further_name_of_an_old_file_is_of_the_living(tmp_path: Path) -> None:
    """A file that is taken over keeps its time; only the change of its names tells that somebody is at it."""
    create(tmp_path / "blob", b"content")
    os.utime(tmp_path / "blob", (0, 0))
    with staged(tmp_path) as path:
        os.link(tmp_path / "blob", path)

        with staged(tmp_path):
            pass
        is_there = path.exists()

    assert is_there


def test_small_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    """A reader that has the old one open keeps it."""
    final = tmp_path / "file"
    write_whole(tmp_path, final, b"old")
    with final.open("rb") as reading:
        write_whole(tmp_path, final, b"new")
        before = reading.read()

    assert (before, final.read_bytes()) == (b"old", b"new")


def test_file_is_readable_as_the_umask_says(tmp_path: Path) -> None:
    """A shared cache is shared."""
    before = os.umask(0o002)
    try:
        write_whole(tmp_path, tmp_path / "file", b"x")
    finally:
        os.umask(before)

    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o664


def test_only_a_small_plain_file_is_read(tmp_path: Path) -> None:
    """A pipe would keep us waiting, a link may lead anywhere, and a huge file is none of ours."""
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")

    found = [read_whole(tmp_path / each, 5) for each in ("file", "link", "pipe", ".", "absent")]

    assert found == [b"12345", None, None, None, None]
    assert read_whole(tmp_path / "file", 4) is None


def test_link_in_place_of_a_directory_is_refused(tmp_path: Path) -> None:
    """Nothing is made where it leads."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "link").symlink_to("outside")

    with pytest.raises(StoreError, match="symbolic link"):
        make_directories(tmp_path, tmp_path / "link" / "below")

    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize("link", [".weighbridge", ".weighbridge/staged"])
def test_link_in_the_place_of_temporary_names_is_refused(tmp_path: Path, link: str) -> None:
    """What is old where it leads would be cleared away."""
    (tmp_path / "victim" / "staged").mkdir(parents=True)
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(tmp_path / "victim")

    with pytest.raises(OSError, match="symbolic link"), staged(tmp_path):
        pass


def test_reading_takes_no_more_memory_than_there_is_to_read(tmp_path: Path) -> None:
    """A listing may have a gigabyte: to ask for as much each time fails where memory is limited."""
    create(tmp_path / "small", b"content")

    with bounded(memory=1 << 27):
        content = read_whole(tmp_path / "small", 1 << 30)

    assert content == b"content"
