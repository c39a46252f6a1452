"""The contents that newer clients share between the repositories of a cache; any doubt keeps one.

::

    <root>/blobs/.huggingface-shared-blobs       "1"; without it the directory is none of theirs
    <root>/blobs/ab/ab…                          a content
    <root>/blobs/ab/ab….refs                     who has it: a line such as models--org--name/blobs/<etag> for each
    <root>/blobs/ab/ab….lock                     held while this changes
    <root>/models--org--name/blobs/<etag>        a link to the content
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from weighbridge.store.cache.staging import read_whole

FOLDER = "blobs"
_MARKER = ".huggingface-shared-blobs"
_VERSION = b"1\n"
_NAME = re.compile(r"[0-9a-f]{64}", re.ASCII)
_REFERENCE = re.compile(r"(?:models|datasets|spaces|kernels)--[^/]+/blobs/[^/]+")
_LARGEST = 1 << 26  # bytes of a list of references
_LOCKING = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def is_shared(root: Path) -> bool:
    """Tell whether a cache has shared contents, of a kind that we know."""
    folder = root / FOLDER
    return folder.is_dir() and not folder.is_symlink() and read_whole(folder / _MARKER, len(_VERSION)) == _VERSION


def shared_contents(root: Path) -> list[Path]:
    """Return all shared contents of a cache."""
    found: list[Path] = []
    if is_shared(root):
        for prefix in _names(root / FOLDER):
            place = root / FOLDER / prefix
            if not place.is_symlink():
                found += [place / each for each in _names(place) if _is_content(place / each)]
    return found


def content_of(root: Path, blob: Path) -> Path | None:
    """Return the shared content that a repository's blob is a link to; None if it is none."""
    try:
        return _content_of(root, blob) if is_shared(root) else None
    except OSError:
        return None


def references_to(root: Path, content: Path) -> frozenset[Path] | None:
    """Return the blobs that are links to a shared content; None if nobody can tell."""
    listed = read_whole(content.with_name(f"{content.name}.refs"), _LARGEST)
    if listed is None:
        return None
    try:
        lines = listed.decode("utf-8").splitlines()
        blobs = {root / each for each in lines if _REFERENCE.fullmatch(each) and ".." not in each.split("/")}
        return frozenset(each for each in blobs if _content_of(root, each) == content)
    except (OSError, ValueError):
        return None


def release(root: Path, content: Path) -> None:
    """Remove a shared content that nobody has any more; kept if that is not certain, or somebody is at work with it."""
    if not is_shared(root) or not _is_content(content):
        return
    with suppress(OSError), _locked(content.with_name(f"{content.name}.lock")) as is_ours:
        if is_ours and references_to(root, content) == frozenset():
            content.unlink()
            content.with_name(f"{content.name}.refs").unlink()


def _content_of(root: Path, blob: Path) -> Path | None:
    try:
        target = os.readlink(blob)  # noqa: PTH115 - text
    except OSError as error:
        if isinstance(error, FileNotFoundError) or not blob.is_symlink():
            return None
        raise
    content = Path(os.path.normpath(blob.parent / target))
    return content if content.parent.parent == root / FOLDER and _is_content(content) else None


def _is_content(path: Path) -> bool:
    """Tell whether something is called as a shared content is, and is a plain file."""
    if not _NAME.fullmatch(path.name) or path.parent.name != path.name[:2]:
        return False
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is needed
    except OSError:
        return []


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold the lock of a content as newer clients do; gives False if another has it, or there are no such locks."""
    try:
        import fcntl  # noqa: PLC0415 - not everywhere
    except ImportError:
        yield False
        return
    descriptor = os.open(path, _LOCKING, 0o666)
    try:
        with suppress(OSError):
            os.fchmod(descriptor, 0o666)  # all users of the cache must be able to open it
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
