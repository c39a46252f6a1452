"""What a bundle is written to: a directory, a tar file, or a tar file in parts; always under a temporary name."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from weighbridge.bundling.carriers import BLOCK, PARTS_SUFFIX
from weighbridge.core.errors import DiskFullError, InvalidParameterError
from weighbridge.core.options import MIB
from weighbridge.store.faults import flush_directory, free_bytes, storing

_FICLONE = 0x40049409  # ioctl_ficlone(2): both files share all blocks, until one of the two is changed
_CREATING = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_SPLIT_MIN = 2 * BLOCK
_PARTS_MAX = 99_999
_END = bytes(2 * BLOCK)

See = Callable[[memoryview], None]
"""Is shown every block of a content, in order; what it raises ends the copying."""


class Volume(Protocol):
    """Takes the files of a bundle, one after the other."""

    def put(self, name: str, content: bytes) -> None:
        """Take a small file."""

    def copy(self, name: str, reading: int, size: int, see: See) -> None:
        """Take ``size`` bytes of an open file from its beginning; one that is shorter ends early."""

    def finish(self) -> dict[str, Path]:
        """Make everything survive a power loss; return what there is now, by what its name is to end in."""


@dataclass(frozen=True, slots=True)
class FolderForm:
    """A plain directory."""

    def begin(self, place: Path, out: Path, size: int) -> Volume:
        """Return what takes a bundle; see :class:`Form`."""
        del out
        return _FolderVolume(place / "bundle", size)


@dataclass(frozen=True, slots=True)
class TarForm:
    """A tar file: not compressed, as weights hardly are; the same bytes for the same files.

    Attributes:
        split: Most bytes of each part; None: it is one file.

    Raises:
        InvalidParameterError: Parts can't be that small.
    """

    split: int | None = None

    def __post_init__(self) -> None:
        split: object = self.split
        if split is not None and (type(split) is not int or split < _SPLIT_MIN):
            raise InvalidParameterError(f"a part has at least {_SPLIT_MIN} bytes, not {split!r}")

    def begin(self, place: Path, out: Path, size: int) -> Volume:
        """Return what takes a bundle; see :class:`Form`."""
        _check_room(place, size)
        if self.split is not None and size // self.split >= _PARTS_MAX:
            raise InvalidParameterError(f"that would be more than {_PARTS_MAX} parts; let them be larger")
        return _TarVolume(_Parts(place, out.name, self.split))


class Form(Protocol):
    """What a bundle is to be."""

    def begin(self, place: Path, out: Path, size: int) -> Volume:
        """Return what takes a bundle.

        Args:
            place: An empty directory for it.
            out: What it is to be called.
            size: Of all that it is to take, in bytes.

        Raises:
            DiskFullError: It can't fit.
        """


class _FolderVolume:
    """A directory; contents share their blocks with the cache where the file system can do that, never the file."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._rest = size
        self._has_room = False  # it was looked whether all that is still to come fits
        with storing(path, "make"):
            for each in (path, path / "contents", path / "pieces"):
                each.mkdir()

    def put(self, name: str, content: bytes) -> None:
        """Take a small file."""
        path = self._path / name
        with storing(path, "write"), os.fdopen(os.open(path, _CREATING, 0o666), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self._rest -= len(content)

    def copy(self, name: str, reading: int, size: int, see: See) -> None:
        """Take a large one."""
        path = self._path / name
        with storing(path, "write", lambda: self._rest):
            writing = os.open(path, _CREATING, 0o666)
            try:
                if _share(reading, writing):
                    each_block(writing, size, see)
                else:
                    self._check_room()
                    each_block(reading, size, lambda block: _write_and(see, writing, block))
                os.fsync(writing)
            finally:
                os.close(writing)
        self._rest -= size

    def finish(self) -> dict[str, Path]:
        """Flush the names."""
        with storing(self._path, "flush"):
            if not any((self._path / "pieces").iterdir()):
                (self._path / "pieces").rmdir()
            for each in (self._path / "contents", self._path):
                flush_directory(each)
        return {"": self._path}

    def _check_room(self) -> None:
        if not self._has_room:
            _check_room(self._path, self._rest)
            self._has_room = True


class _TarVolume:
    """A tar file in one part or more."""

    def __init__(self, parts: _Parts) -> None:
        self._parts = parts

    def put(self, name: str, content: bytes) -> None:
        """Take a small file."""
        self._begin(name, len(content))
        self._parts.write(memoryview(content))
        self._parts.write(memoryview(_padding(len(content))))

    def copy(self, name: str, reading: int, size: int, see: See) -> None:
        """Take a large one."""
        self._begin(name, size)

        def write(block: memoryview) -> None:
            see(block)
            self._parts.write(block)

        each_block(reading, size, write)
        self._parts.write(memoryview(_padding(size)))

    def finish(self) -> dict[str, Path]:
        """Write the end, flush, and tell of the parts if there are any."""
        self._parts.write(memoryview(_END))
        return self._parts.finish()

    def _begin(self, name: str, size: int) -> None:
        header = tarfile.TarInfo(name)  # of nobody, from 1970, readable by all
        header.size = size
        self._parts.write(memoryview(header.tobuf(tarfile.GNU_FORMAT)))  # which alone has sizes above 8 GiB in place


class _Parts:
    """Files that are one after the other, each but the last of the same size."""

    def __init__(self, place: Path, name: str, split: int | None) -> None:
        self._place = place
        self._name = name
        self._split = split
        self._known: list[dict[str, str | int]] = []
        self._made: dict[str, Path] = {}
        self._descriptor = -1
        self._size = 0
        self._sum = hashlib.sha256()

    def write(self, data: memoryview) -> None:
        """Write at the end."""
        while data.nbytes:
            if self._descriptor < 0:
                self._open()
            room = data.nbytes if self._split is None else self._split - self._size
            with storing(self._place, "write in"):
                count = os.write(self._descriptor, data[:room])
            if self._split is not None:
                self._sum.update(data[:count])
            self._size += count
            data = data[count:]
            if self._size == self._split:
                self._close()

    def finish(self) -> dict[str, Path]:
        """Close the last, and write the list of all if there may be several."""
        self._close()
        if self._split is not None:
            content = json.dumps({"format": 1, "parts": self._known}, indent=1).encode("utf-8") + b"\n"
            path = self._place / "parts"
            with storing(path, "write"), os.fdopen(os.open(path, _CREATING, 0o666), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._made[PARTS_SUFFIX] = path
        return self._made

    def _open(self) -> None:
        suffix = "" if self._split is None else f".{len(self._known) + 1:03}"
        path = self._place / f"part{suffix}"
        with storing(path, "make"):
            self._descriptor = os.open(path, _CREATING, 0o666)
        self._made[suffix] = path
        self._size, self._sum = 0, hashlib.sha256()

    def _close(self) -> None:
        if self._descriptor < 0:
            return
        with storing(self._place, "flush what is in"):
            try:
                os.fsync(self._descriptor)
            finally:
                os.close(self._descriptor)
                self._descriptor = -1
        name = f"{self._name}.{len(self._known) + 1:03}"
        self._known.append({"name": name, "size": self._size, "sha256": self._sum.hexdigest()})


def each_block(descriptor: int, size: int, see: See) -> None:
    """Show the bytes of an open file from its beginning, at most ``size`` of them."""
    buffer = memoryview(bytearray(MIB))
    position = 0
    while position < size:
        count = os.preadv(descriptor, [buffer[: min(MIB, size - position)]], position)
        if not count:
            return
        see(buffer[:count])
        position += count


def _write_and(see: See, writing: int, block: memoryview) -> None:
    see(block)
    while block.nbytes:
        block = block[os.write(writing, block) :]


def _share(reading: int, writing: int) -> bool:
    """Let a new file share all blocks of another; tells whether the file system could."""
    try:
        fcntl.ioctl(writing, _FICLONE, reading)
    except OSError:
        return False
    return True


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _check_room(place: Path, needed: int) -> None:
    free = free_bytes(place)
    if free is not None and needed > free:
        raise DiskFullError(
            f"the bundle needs {needed} bytes and {place.parent} has room for {free}; make room, or choose another "
            "place",
            path=str(place.parent),
            needed=needed,
            free=free,
        )
