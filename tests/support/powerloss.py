"""What a disk holds after the power failed: in this model only what was flushed, and by chance more.

A log (see ``shims/recorder.c``) tells all that a process did below a directory.  Of it survive for sure:

- bytes and size of a file as of its last ``fsync`` or ``fdatasync``;
- names in a directory as of the directory's last ``fsync``.

Of everything later, each 4 KiB page, each length and each name survives or not as the dice fall.
"""

from __future__ import annotations

import json
import os
import random
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from pathlib import Path

_HEADER = struct.Struct("<IIIIQQQ")
_PAGE = 4096


class Kind(IntEnum):
    """What was done; the numbers are those of the recorder."""

    CREATE = 1
    MKDIR = 2
    WRITE = 3
    TRUNCATE = 4
    SYNC = 5
    SYNC_DATA = 6
    RENAME = 7
    UNLINK = 8
    RMDIR = 9
    SYMLINK = 10
    LINK = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call.

    Attributes:
        kind: Which.
        inode: Of the file, where the call was made on a descriptor or made the file.
        path: Of the file, or its old name.
        target: New name of a rename or of a hard link; where a symbolic link leads.
        offset: Where was written, or the new length.
        data: What was written.
    """

    kind: Kind
    inode: int
    path: str
    target: str
    offset: int
    data: bytes = field(repr=False)


def read_log(log: Path) -> list[Operation]:
    """Return what a recorder wrote down; a record that its process died in is left out."""
    content, at, operations = log.read_bytes(), 0, []
    while at + _HEADER.size <= len(content):
        kind, length, more, _, inode, offset, size = _HEADER.unpack_from(content, at)
        path_at = at + _HEADER.size
        data_at = path_at + length + more
        at = data_at + (size if kind == Kind.WRITE else 0)
        operations.append(
            Operation(
                kind=Kind(kind),
                inode=inode,
                path=content[path_at : path_at + length].decode(),
                target=content[path_at + length : data_at].decode(),
                offset=offset,
                data=content[data_at:at],
            )
        )
    return operations


def as_safe(root: Path) -> list[Operation]:
    """Return operations after which the disk safely holds what is below ``root`` now."""
    operations = []
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            leads = os.readlink(path)  # noqa: PTH115 - text
            operations.append(Operation(kind=Kind.SYMLINK, inode=0, path=str(path), target=leads, offset=0, data=b""))
            continue
        found = path.stat()
        kind, data = (Kind.MKDIR, b"") if path.is_dir() else (Kind.CREATE, path.read_bytes())
        made = Operation(kind=kind, inode=found.st_ino, path=str(path), target="", offset=0, data=data)
        operations.append(made)
        if kind is Kind.CREATE:
            operations += [replace(made, kind=Kind.WRITE), replace(made, kind=Kind.SYNC)]
    directories = sorted({root, *(each for each in root.rglob("*") if each.is_dir() and not each.is_symlink())})
    for path in directories:
        operations.append(Operation(kind=Kind.SYNC, inode=0, path=str(path), target="", offset=0, data=b""))
    return operations


@dataclass(slots=True, eq=False)
class _File:
    """A file: what of it is safe, and what was done to it since."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[Operation] = field(default_factory=list)

    def sync(self) -> None:
        for each in self.pending:
            _apply(self.safe, each)
        self.pending.clear()

    def survivor(self, dice: random.Random) -> bytes:
        """Return what the disk may hold: any pages of any later write, and any length that was ever due."""
        content, chance = bytearray(self.safe), dice.choice((0.0, 0.5, 1.0))
        lengths = [len(content)]
        for each in self.pending:
            if each.kind is Kind.TRUNCATE:
                _apply(content, each)
            else:
                for page in _pages(each):
                    if dice.random() < chance:
                        _apply(content, page)
                end = each.offset + len(each.data)
                content.extend(bytes(max(0, end - len(content))))
            lengths.append(len(content))
        lowest, highest = min(lengths), len(content)
        return bytes(content[: dice.choice((lowest, highest, dice.randint(lowest, max(lowest, highest))))])


@dataclass(frozen=True, slots=True, eq=False)
class _Link:
    """A symbolic link, which is on the disk as soon as its name is."""

    target: str


@dataclass(slots=True, eq=False)
class _Directory:
    """A directory: its names as they would be now."""

    names: dict[str, _Node] = field(default_factory=dict)


_Node = _File | _Directory | _Link


@dataclass(slots=True, eq=False)
class _Change:
    """One change of names, and whether all directories it touched have been flushed since."""

    effects: list[tuple[_Directory, str, _Node | None]]
    is_safe: bool = False


class Disk:
    """A disk on which ``operations`` were done below ``root``, before the power failed."""

    def __init__(self, operations: Sequence[Operation], root: Path) -> None:
        self._root = str(root)
        self._top = _Directory()
        self._files: dict[int, _File] = {}
        self._changes: list[_Change] = []
        for each in operations:
            self._do(each)

    def restore(self, target: Path, dice: random.Random) -> None:
        """Make ``target`` what the disk may hold."""
        survivors, chance = _Survivors(self._top), dice.choice((0.0, 0.5, 1.0))
        for change in self._changes:
            if change.is_safe or dice.random() < chance:
                survivors.apply(change)
        survivors.write(target, dice)

    def _do(self, operation: Operation) -> None:
        match operation.kind:
            case Kind.CREATE:
                self._files[operation.inode] = _File()
                self._change((operation.path, self._files[operation.inode]))
            case Kind.MKDIR:
                self._change((operation.path, _Directory()))
            case Kind.WRITE | Kind.TRUNCATE:
                self._files.setdefault(operation.inode, _File()).pending.append(operation)
            case Kind.SYNC | Kind.SYNC_DATA:
                self._sync(operation)
            case Kind.RENAME:
                self._change((operation.path, None), (operation.target, self._find(operation.path)))
            case Kind.UNLINK | Kind.RMDIR:
                self._change((operation.path, None))
            case Kind.SYMLINK:
                self._change((operation.path, _Link(operation.target)))
            case Kind.LINK:
                self._change((operation.target, self._find(operation.path)))

    def _sync(self, operation: Operation) -> None:
        found = self._find(operation.path)
        if not isinstance(found, _Directory):
            self._files.setdefault(operation.inode, _File()).sync()
            return
        for change in self._changes:
            change.is_safe = change.is_safe or any(directory is found for directory, _, _ in change.effects)

    def _change(self, *effects: tuple[str, _Node | None]) -> None:
        change = _Change([(self._parent(path), path.rpartition("/")[2], node) for path, node in effects])
        for directory, name, node in change.effects:
            _put(directory.names, name, node)
        self._changes.append(change)

    def _parent(self, path: str) -> _Directory:
        found = self._find(path.rpartition("/")[0])
        assert isinstance(found, _Directory)
        return found

    def _find(self, path: str) -> _Node | None:
        node: _Node | None = self._top
        for part in path.removeprefix(self._root).strip("/").split("/"):
            if part and isinstance(node, _Directory):
                node = node.names.get(part)
        return node


class _Survivors:
    """The names that survived."""

    def __init__(self, top: _Directory) -> None:
        self._top = top
        self._names: dict[_Directory, dict[str, _Node]] = {top: {}}

    def apply(self, change: _Change) -> None:
        for directory, name, node in change.effects:
            _put(self._names.setdefault(directory, {}), name, node)

    def write(self, target: Path, dice: random.Random) -> None:
        written: dict[_File, Path] = {}
        for path, node in self._walk(self._top, target):
            if isinstance(node, _Link):
                path.symlink_to(node.target)
            elif isinstance(node, _Directory):
                path.mkdir(exist_ok=True)
            elif node in written:
                path.hardlink_to(written[node])
            else:
                path.write_bytes(node.survivor(dice))
                written[node] = path

    def _walk(self, directory: _Directory, at: Path) -> Iterator[tuple[Path, _Node]]:
        yield at, directory
        for name, node in self._names.get(directory, {}).items():
            if isinstance(node, _Directory):
                yield from self._walk(node, at / name)
            else:
                yield at / name, node


def become_another_boot(directory: Path, *, written_at: float | None) -> None:
    """Make the unfinished files below ``directory`` look as if an earlier run of this machine's kernel left them.

    Args:
        directory: Where.
        written_at: Wall-clock seconds of their last change; None leaves them as they are, as where a clock was wrong.
    """
    for journal in directory.rglob("journal"):
        head, separator, rest = journal.read_bytes().partition(b"\n")
        if separator and _is_whole(head):
            journal.write_bytes(_with_boot(head, "another") + separator + rest)
    for claim in directory.rglob("*.wb-claim"):
        try:
            record = json.loads(claim.read_bytes())
            record["owner"]["boot"] = "another"
        except (ValueError, KeyError, TypeError):
            continue
        claim.write_text(json.dumps(record))
    if written_at is not None:
        for path in (*directory.rglob("*"), directory):
            os.utime(path, (written_at, written_at), follow_symlinks=False)


def boot_time() -> float:
    """Return when this machine's kernel started, in wall-clock seconds."""
    lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("btime "))


def _is_whole(line: bytes) -> bool:
    checksum, _, body = line.partition(b" ")
    return checksum == b"%08x" % zlib.crc32(body)


def _with_boot(line: bytes, boot: str) -> bytes:
    record = json.loads(line.partition(b" ")[2])
    record["owner"]["boot"] = boot
    body = json.dumps(record, separators=(",", ":"), sort_keys=True).encode()
    return b"%08x %s" % (zlib.crc32(body), body)


def _put(names: dict[str, _Node], name: str, node: _Node | None) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def _apply(content: bytearray, operation: Operation) -> None:
    end = operation.offset + len(operation.data)
    content.extend(bytes(max(0, end - len(content))))
    if operation.kind is Kind.TRUNCATE:
        del content[operation.offset :]
    else:
        content[operation.offset : end] = operation.data


def _pages(operation: Operation) -> Iterator[Operation]:
    start, stop = operation.offset, operation.offset + len(operation.data)
    for at in range(start // _PAGE * _PAGE, stop, _PAGE):
        low, high = max(at, start), min(at + _PAGE, stop)
        yield replace(operation, offset=low, data=operation.data[low - start : high - start])
