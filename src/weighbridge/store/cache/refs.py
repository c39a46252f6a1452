"""Which commit a branch or tag meant when it was last asked for."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.core.repos import is_commit
from weighbridge.store.cache.layout import CacheFolder, checked_commit
from weighbridge.store.cache.staging import create, make_directories, read_whole, staged
from weighbridge.store.faults import flush_directory, flush_file, storing

LARGEST_REF = 4096
"""Bytes of a ref that are read."""

_UNFINISHED = re.compile(r"\.[0-9a-f]{8}\.tmp$", re.ASCII)


def is_unfinished(name: str) -> bool:
    """Tell whether something among the refs is a temporary name, which its writer will rename in a moment."""
    return _UNFINISHED.search(name) is not None


def read_ref(folder: CacheFolder, revision: str) -> str | None:
    """Return the commit that is noted for a branch or tag; None if there is none.

    White space around it is forgiven.  Whatever is no plain file, or holds no commit, counts as none: an older client
    may be writing it right now, and it is empty then.

    Raises:
        UnsafePathError: The revision could lead elsewhere.
    """
    content = read_whole(folder.ref(revision), LARGEST_REF)
    text = (content or b"").decode("ascii", "replace").strip()
    return text if is_commit(text) else None


def write_ref(folder: CacheFolder, revision: str, commit: str) -> None:
    """Note the commit of a branch or tag, in one step for everybody who looks; nothing happens if it is noted already.

    If the process dies before the rename, what was noted before still is.  Both the snapshot and the bytes are on the
    disk by then: a ref to a missing snapshot makes other clients drop the repository, and an empty one makes some of
    them return the folder of all snapshots.

    Raises:
        UnsafePathError: The revision or the commit could lead elsewhere.
        StoreError: The commit has no snapshot, another ref is in the way, or the disk says no; nothing has changed.
    """
    ref, snapshot = folder.ref(revision), folder.snapshot(commit)
    if revision == checked_commit(commit) or _holds(ref, commit):
        return
    if not snapshot.is_dir():
        raise StoreError(f"can't note that {revision} is {commit}: there is no {snapshot}", path=str(ref))
    _check_way(folder, ref)
    make_directories(folder.path, ref.parent)
    with storing(ref, "write"), staged(folder.path) as path:
        create(path, commit.encode("ascii"))  # no newline: older clients would take it for a part of the commit
        flush_file(path)
        flush_directory(folder.snapshots)
        path.replace(ref)


def _holds(ref: Path, commit: str) -> bool:
    """Tell whether a ref is to the byte what it should be: what we forgive when reading, others don't."""
    return read_whole(ref, LARGEST_REF) == commit.encode("ascii")


def _check_way(folder: CacheFolder, ref: Path) -> None:
    """Refuse a ref whose name is a directory of others, or that would lie in a directory whose name is a ref."""
    if ref.is_dir() and not ref.is_symlink():
        with suppress(OSError):  # refs that were removed leave empty directories
            ref.rmdir()
        if ref.is_dir():
            inside = next((each for each in sorted(ref.rglob("*")) if not each.is_dir()), ref)
            raise _clash(folder, ref, inside)
    for parent in ref.relative_to(folder.refs).parents:
        above = folder.refs / parent
        if above.is_file():
            raise _clash(folder, ref, above)


def _clash(folder: CacheFolder, ref: Path, other: Path) -> StoreError:
    name, in_the_way = (each.relative_to(folder.refs).as_posix() for each in (ref, other))
    return StoreError(
        f"can't note which commit {name!r} is: the ref {in_the_way!r} is in the way, as one of them would have to be a "
        f"file and a directory; if it is out of date, remove {other}",
        path=str(ref),
    )
