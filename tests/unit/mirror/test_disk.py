"""What the disk says is believed only of the file that was looked at."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from weighbridge.mirror.disk import is_absent, open_in_place, walk


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "root" / "sub").mkdir(parents=True)
    (tmp_path / "root" / "sub" / "file").write_bytes(b"inside")
    return tmp_path.resolve() / "root" / "sub" / "file"


def test_file_is_opened_where_it_lies(place: Path) -> None:
    """The check must let through what is right."""
    with open_in_place(place) as file:
        assert file.read() == b"inside"


def test_link_that_has_come_into_the_path_is_not_followed(place: Path, tmp_path: Path) -> None:
    """Whoever may edit a folder could read all that the server can, in the moment between look and open."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(b"secret")
    place.parent.rename(tmp_path / "away")
    place.parent.symlink_to(tmp_path / "outside")

    with pytest.raises(FileNotFoundError):
        open_in_place(place)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "nothing"])
def test_what_is_no_plain_file_is_not_opened(place: Path, kind: str) -> None:
    """A pipe would never end."""
    place.unlink()
    if kind == "link":
        place.symlink_to("/etc/hostname")
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))

    with pytest.raises(OSError, match=str(place)):
        open_in_place(place)

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_folder_that_is_not_there_is_walked_as_empty(tmp_path: Path) -> None:
    """It may be removed while somebody looks."""
    assert list(walk(str(tmp_path / "absent"))) == []


@pytest.mark.parametrize(("number", "expected"), [(errno.ENOENT, True), (errno.EIO, False), (errno.EMFILE, False)])
def test_failure_is_not_absence(number: int, expected: bool) -> None:
    """A failing disk would look like one that was emptied."""
    assert is_absent(OSError(number, "x")) is expected
