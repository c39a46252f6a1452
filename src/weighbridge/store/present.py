"""Whether a file that is there already is the promised one."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import threading
import time
from pathlib import Path

from weighbridge.core.artifacts import Promise
from weighbridge.core.digests import Digest
from weighbridge.core.errors import CancelledError, StoreError, UnsafePathError
from weighbridge.core.names import RelativeName
from weighbridge.core.options import MIB
from weighbridge.store.faults import flush_directory, storing
from weighbridge.store.receipts import Receipts, is_settled
from weighbridge.store.sight import Sight, open_plain

_GONE = errno.ENOENT  # since we looked
_UNREADABLE = frozenset({_GONE, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE})


def look(path: Path) -> Sight:
    """Return what is at ``path``, following a symbolic link there; a dangling one counts as nothing.

    Raises:
        StoreError: Something is there that is no regular file, or it can't be looked at.
    """
    with storing(path, "look at"):
        try:
            found = path.stat()
        except FileNotFoundError:
            return Sight()
        except NotADirectoryError:
            raise StoreError(f"can't have {path}: a part of its path is a file", path=str(path)) from None
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"can't have {path}: something that is no regular file has that name", path=str(path))
    return Sight.of(found)


def is_right(path: Path, promise: Promise, receipts: Receipts, stop: threading.Event) -> bool:
    """Tell whether the file at ``path`` is the promised one: by its receipt, else by reading it.

    One that is there and can't be read is as good as none: who wants it fetches it, or learns why it can't be replaced.

    Args:
        path: The file.
        promise: What it must be; without a digest, being there with the promised size (if any) is enough.
        receipts: Asked first, told afterwards.
        stop: Ends the reading early.

    Raises:
        StoreError: Something else is there, or it can't be looked at.
        CancelledError: ``stop`` was set.
    """
    sight, digest = look(path), promise.digest
    if sight == Sight() or promise.size not in (None, sight.size):
        return False
    if digest is None or receipts.knows(path, digest):
        return True
    began_ns = time.time_ns()
    with storing(path, "read"):
        try:
            found, sight = _digest_file(path, digest, stop)
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
            return False
    if found != digest:
        return False
    if is_settled(sight, began_ns):
        receipts.note(path, digest, sight, is_flushed=False)
    return True


def _digest_file(path: Path, digest: Digest, stop: threading.Event) -> tuple[Digest, Sight]:
    """Return the digest of a whole file, of the algorithm that ``digest`` has, and what it looked like before."""
    buffer = memoryview(bytearray(MIB))
    with os.fdopen(open_plain(path), "rb", buffering=0) as file:
        sight = Sight.of(os.fstat(file.fileno()))
        hasher = digest.hasher(sight.size)
        while True:
            if stop.is_set():
                raise CancelledError(f"stopped while reading {path}")
            if not (count := file.readinto(buffer)):
                break
            hasher.update(buffer[:count])
    return Digest(digest.algorithm, hasher.hexdigest()), sight


def make_parents(directory: Path, name: RelativeName, *, durable: bool) -> Path:
    """Make the directories that ``name`` needs below ``directory`` and return its absolute path.

    Args:
        directory: Made as well if absent.
        name: Of the file.
        durable: Let what was made survive a power loss.

    Raises:
        UnsafePathError: A directory between the two is a symbolic link, which may lead anywhere.
        StoreError: One can't be made.
    """
    _make_directory(directory, durable=durable)
    check_parents(directory, name)
    final = directory.joinpath(*name.parts)
    _make_directory(final.parent, durable=durable)
    check_parents(directory, name)
    return final


def _make_directory(path: Path, *, durable: bool) -> None:
    with storing(path, "make"):
        absent = [each for each in (path, *path.parents) if not each.exists()]
        for each in reversed(absent):
            each.mkdir(exist_ok=True)
            if durable:
                flush_directory(each.parent)
        if not absent and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def check_parents(directory: Path, name: RelativeName) -> None:
    """Refuse a name whose directories below ``directory`` are not plain directories; see :func:`make_parents`."""
    parent = directory
    for part in name.parts[:-1]:
        parent = parent / part
        with storing(parent, "look at"):
            is_link, is_file = parent.is_symlink(), parent.exists() and not parent.is_dir()
        if is_link:
            raise UnsafePathError(f"{name} would go through {parent}, a symbolic link; refused", name=name.text)
        if is_file:
            raise StoreError(f"can't have {name}: {parent} is a file", path=str(parent))


def ignores_case(directory: Path) -> bool:
    """Tell whether names that differ only in case are one file in ``directory``, or where it would be made.

    Args:
        directory: There, or in the nearest of its parents that is there, a directory is made and removed: it must be
            one in which that disturbs nobody.
    """
    try:
        place = next((each for each in (directory, *directory.parents) if each.is_dir()), None)
        if place is None or not os.access(place, os.W_OK):
            return False
        with tempfile.TemporaryDirectory(prefix=".wb-Case-", dir=place) as probe:
            return Path(place, Path(probe).name.swapcase()).exists()
    except OSError:
        return False
