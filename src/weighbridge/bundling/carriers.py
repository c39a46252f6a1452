"""What carries a bundle: a directory, a tar file, or parts of one; of which not a byte is believed.

It needs Python 3.8 and nothing else, as it is a part of the script that goes along with every bundle.
"""
# ruff: noqa: PTH110, PTH112, PTH118, PTH119, PTH208 - it starts at once, wherever it is

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
from typing import Any

MANIFEST = "bundle.json"
PARTS_SUFFIX = ".parts.json"
NAME = re.compile(
    r"bundle\.json|check\.py|README\.txt|weighbridge\.lock|contents/[a-z0-9-]{1,16}-[0-9a-f]{32,128}"
    r"|pieces/[a-z0-9-]{1,16}-[0-9a-f]{32,128}\.json",
    re.ASCII,
)
"""What anything in a bundle may be called."""

FORMAT = 1
SIZE_MAX = 1 << 62
BLOCK = 512  # bytes of a header of an archive, of which everything in it fills whole ones

_PART = re.compile(r"(.+)\.([0-9]{3,6})", re.ASCII | re.DOTALL)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LARGEST_TEXT = 256 << 20  # bytes
_NAMED = 20  # parts, in a message
_FOLDERS = ("contents", "pieces")
READ = 1 << 20
_BASE_256 = 0x80
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)


class WrongError(Exception):
    """Something is not what it must be."""


class MissingError(WrongError):
    """Parts of a split archive are not there."""


class Reader:
    """Reads a range of bytes of files that are one after the other.

    Args:
        parts: Path and size of each.
        start: Of the range.
        stop: After its last byte.
        flags: More flags to open them with.
    """

    def __init__(self, parts: list[tuple[str, int]], start: int, stop: int, flags: int = 0) -> None:
        self.position = start
        self.sums = [hashlib.sha256() for _ in parts]  # of what was read of each by `skip` and `read_counted`
        self._parts = parts
        self._stop = stop
        self._flags = flags
        self._index, self._begin = 0, 0
        self._file: io.FileIO | None = None

    def read(self, amount: int) -> bytes:
        """Return up to so many bytes, none at the end only; raises ``OSError``, and ``WrongError`` if it ends early."""
        wanted = min(amount, self._stop - self.position)
        while wanted > 0 and self._index < len(self._parts):
            path, size = self._parts[self._index]
            rest = self._begin + size - self.position
            if rest <= 0:
                self.close()
                self._index, self._begin = self._index + 1, self._begin + size
                continue
            if self._file is None:
                self._file = io.FileIO(open_plain(path, self._flags), "rb")
                self._file.seek(self.position - self._begin)
            data = self._file.read(min(wanted, rest))
            self.position += len(data)
            if data:
                return data
            break
        if wanted > 0:
            raise WrongError(f"it ends {wanted} bytes early, or more")
        return b""

    def read_counted(self, amount: int) -> bytes:
        """Do as :meth:`read`, for one who reads all from the beginning and wants to know the digest of each part."""
        data = self.read(amount)
        if data:
            self.sums[self._index].update(data)
        return data

    def skip(self, position: int) -> None:
        """Read up to ``position`` as :meth:`read_counted` does."""
        while self.position < position:
            self.read_counted(min(READ, position - self.position))

    def close(self) -> None:
        """Let go of the file that is open; harmless twice."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Folder:
    """A bundle that is a directory.

    Attributes:
        path: Of the directory.
        sizes: Bytes of each plain file in it, by its name in the bundle.
        odd: Names of all else that is in it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.sizes: dict[str, int] = {}
        self.odd: list[str] = []
        self._look(path, "")

    def _look(self, path: str, start: str) -> None:
        with os.scandir(path) as entries:
            for each in entries:
                name, found = start + each.name, each.stat(follow_symlinks=False)
                if not start and each.name in _FOLDERS and stat.S_ISDIR(found.st_mode):
                    self._look(each.path, each.name + "/")
                elif stat.S_ISREG(found.st_mode) and NAME.fullmatch(name):
                    self.sizes[name] = found.st_size
                else:
                    self.odd.append(name)

    def reader(self, name: str, start: int, stop: int) -> Reader:
        """Return what reads a range of a file."""
        return Reader([(os.path.join(self.path, *name.split("/")), self.sizes[name])], start, stop, _NO_LINKS)


class Archive:
    """A bundle that is a tar file, maybe split; only what ``weighbridge bundle create`` writes is understood.

    Args:
        paths: The file, or its parts in their order.

    Attributes:
        path: What to call it.
        sizes: Bytes of each file in it, by its name in the bundle.
        odd: Nothing: an archive with anything else is none of ours.
        parts: Path and size of each part.
        size: Of all parts, in bytes.
        starts: Where each file begins.
        is_cut: It does not end as an archive does.
    """

    def __init__(self, paths: list[str]) -> None:
        match = _PART.fullmatch(paths[0])
        self.path = match.group(1) if match else paths[0]
        self.parts = [(each, _size_of(each)) for each in paths]
        self.size = sum(size for _, size in self.parts)
        self.sizes: dict[str, int] = {}
        self.odd: list[str] = []
        self.starts: dict[str, int] = {}
        self.is_cut = True
        position = 0
        while position + BLOCK <= self.size:
            block = read_all(Reader(self.parts, position, position + BLOCK))
            if not block.strip(b"\0"):
                self.is_cut = position + 2 * BLOCK > self.size
                break
            name, size = _read_header(block)
            if name in self.starts:
                raise WrongError(f"the archive holds {name} twice")
            self.starts[name], self.sizes[name] = position + BLOCK, size
            position += BLOCK - (-size // BLOCK) * BLOCK

    def reader(self, name: str, start: int, stop: int) -> Reader:
        """Return what reads a range of a file."""
        begin = self.starts[name]
        return Reader(self.parts, begin + start, begin + stop)


def open_plain(path: str, flags: int = 0) -> int:
    """Open a plain file for reading; anything else raises ``OSError`` at once, and no pipe keeps us waiting."""
    descriptor = os.open(path, _FLAGS | flags)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(f"{path} is no plain file")


def find_bundle(paths: list[str]) -> Folder | Archive:
    """Open the bundle that some paths mean: a directory, a tar file, or the first or all parts of one in any order.

    Raises:
        WrongError: It is no bundle, or, as ``MissingError``, not all of it.
        OSError: It can't be read.
    """
    first = paths[0]
    if len(paths) == 1 and os.path.isdir(first):
        return Folder(first)
    if len(paths) > 1:
        return Archive(_in_order(paths))
    if first.endswith(PARTS_SUFFIX):
        return Archive(_siblings(first[: -len(PARTS_SUFFIX)]))
    if not os.path.exists(first) and (os.path.exists(first + ".001") or os.path.exists(first + PARTS_SUFFIX)):
        return Archive(_siblings(first))
    match = _PART.fullmatch(first)
    return Archive([first] if match is None else _siblings(match.group(1)))


def read_parts(path: str) -> list[tuple[str, int, str]]:
    """Return name, size and SHA-256 of each part of a split archive, as its list tells; nothing if there is no list.

    Raises:
        WrongError: The list can't be understood.
    """
    place = path + PARTS_SUFFIX
    if not os.path.exists(place):
        return []
    found = _parse(read_all(Reader([(place, _size_of(place))], 0, _size_of(place))), place)
    try:
        listed = [(part["name"], part["size"], part["sha256"]) for part in found["parts"]]
    except (KeyError, TypeError):
        raise WrongError(f"{place} can't be understood") from None
    for number, (name, size, digest) in enumerate(listed, 1):
        is_named = name == f"{os.path.basename(path)}.{number:03}"
        if not is_named or type(size) is not int or not 0 < size < SIZE_MAX or not is_sha256(digest):
            raise WrongError(f"{place} can't be understood")
    return listed


def read_manifest(bundle: Folder | Archive) -> bytes:
    """Return what a bundle tells of itself; raises ``WrongError`` if it tells nothing, or too much."""
    if MANIFEST not in bundle.sizes:
        raise WrongError(f"{bundle.path} is no bundle, or not whole: there is no {MANIFEST} in it")
    return read_all(bundle.reader(MANIFEST, 0, bundle.sizes[MANIFEST]))


def read_members(content: bytes) -> dict[str, tuple[int, str]]:
    """Return size and SHA-256 of everything that has to be in a bundle but its manifest, by name.

    Raises:
        WrongError: The manifest can't be understood.
    """
    found = _parse(content, MANIFEST)
    try:
        is_known = found["format"] == FORMAT
        listed = [(each["name"], each["size"], each["sha256"]) for each in found["members"]]
    except (KeyError, TypeError):
        raise WrongError(f"{MANIFEST} can't be understood") from None
    if not is_known:
        raise WrongError(f"{MANIFEST} is of another format than this can read")
    members: dict[str, tuple[int, str]] = {}
    for name, size, digest in listed:
        is_named = isinstance(name, str) and NAME.fullmatch(name) and name != MANIFEST and name not in members
        if not is_named or type(size) is not int or not 0 <= size < SIZE_MAX or not is_sha256(digest):
            raise WrongError(f"{MANIFEST} can't be understood")
        members[name] = size, digest
    return members


def is_sha256(text: object) -> bool:
    """Tell whether something is a SHA-256 in lower-case hex."""
    return isinstance(text, str) and _HEX.fullmatch(text) is not None


def _parse(content: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise WrongError(f"{name} can't be understood")
    return found


def read_all(reader: Reader) -> bytes:
    """Return all bytes of a range that is to be small; raises as :meth:`Reader.read`."""
    blocks: list[bytes] = []
    try:
        block = reader.read(READ)
        while block:
            blocks.append(block)
            if len(blocks) * READ > _LARGEST_TEXT:
                raise WrongError("what should be a short text is too long to be one")
            block = reader.read(READ)
    finally:
        reader.close()
    return b"".join(blocks)


def _size_of(path: str) -> int:
    descriptor = open_plain(path)
    try:
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _read_header(block: bytes) -> tuple[str, int]:
    """Return name and size that a header of an archive tells; raises ``WrongError`` for any that we do not write."""
    name = block[:100].split(b"\0", 1)[0].decode("ascii", "replace")
    if _octal(block[148:156]) != sum(block[:148]) + 8 * 0x20 + sum(block[156:]):
        raise WrongError("it is no bundle, or damaged where its archive tells what comes next")
    is_plain = block[257:262] == b"ustar" and block[156:157] in (b"0", b"\0") and not block[345:500].strip(b"\0")
    if not is_plain or not NAME.fullmatch(name):
        raise WrongError(f"the archive holds {name!r}, which no bundle has; if it was packed anew, unpack it with tar")
    field = block[124:136]  # above 8 GiB a number in base 256, as GNU tar has it
    size = int.from_bytes(field[1:], "big") if field[0] == _BASE_256 else _octal(field)
    if not 0 <= size < SIZE_MAX:
        raise WrongError(f"the archive holds {name} with a size that can't be")
    return name, size


def _octal(field: bytes) -> int:
    """Return a number of a header; -1 if it is none."""
    text = field.strip(b"\0 ")
    return int(text, 8) if text and not text.translate(None, b"01234567") else -1


def _in_order(paths: list[str]) -> list[str]:
    numbered: dict[int, str] = {}
    for path in paths:
        match = _PART.fullmatch(path)
        if match is None or int(match.group(2)) in numbered:
            raise WrongError(f"{path} is no part of a split archive, or there are two of it")
        numbered[int(match.group(2))] = path
    start = paths[0].rpartition(".")[0]
    absent = [f"{start}.{number:03}" for number in range(1, max(numbered, default=0)) if number not in numbered]
    if absent or not numbered:
        raise _missing(absent or ["all parts"])
    return [numbered[number] for number in sorted(numbered)]


def _missing(names: list[str]) -> MissingError:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return MissingError("missing: " + ", ".join(names[:_NAMED]) + rest)


def _siblings(path: str) -> list[str]:
    """Return all parts beside each other, in their order."""
    folder, start = os.path.split(path)
    listed = [name for name, _, _ in read_parts(path)]
    matches = [_PART.fullmatch(each) for each in os.listdir(folder or ".")]
    here = {match.group(0) for match in matches if match and match.group(1) == start}
    absent = [os.path.join(folder, name) for name in listed if name not in here]
    if absent:
        raise _missing(absent)
    return _in_order([os.path.join(folder, each) for each in (listed or here)])
