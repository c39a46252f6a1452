"""Where what is being removed lies until that is done: out of everybody's sight, and from where it can be put back.

::

    <root>/models--org--name/.weighbridge/removed/snapshots/<commit>  a snapshot that no ref seemed to mean
    <root>/models--org--name/.weighbridge/removed/blobs/<etag>        a content that nothing seemed to link to
    <root>/models--org--name/.weighbridge/removed/<16 hex digits>     another directory
    <root>/.locks/.weighbridge/removed/<16 hex digits>                a repository

Other clients' downloads know no locks of ours: one may come to need a snapshot or a content at the very moment in which
it goes.  Who dies in between leaves it here, and the next who removes something puts it back, or ends the work.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import threading
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from weighbridge.store.cache.layout import OWN
from weighbridge.store.cache.refs import LARGEST_REF
from weighbridge.store.cache.scan import inside, linked_blobs, raise_unless_gone
from weighbridge.store.cache.staging import refuse_links
from weighbridge.store.faults import flush_directory
from weighbridge.store.sight import open_plain

_FOLDER, _BLOBS, _SNAPSHOTS = "removed", "blobs", "snapshots"
_GRACE_S = 0.25  # a client that has just seen a blob links to it in far less
_POLL_S = 0.005
_WRITING_S = 0.05  # a ref is empty for far less

_NO_REF = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ELOOP, errno.ENXIO})

_pause = threading.Event()  # never set


def aside_of(repo: Path) -> Path:
    """Return where things of a repository are set aside."""
    return repo / OWN / _FOLDER


def is_waiting(aside: Path) -> bool:
    """Tell whether anything may be set aside there."""
    try:
        refuse_links(aside)
    except OSError:
        return False
    return aside.is_dir()


def aside_of_repos(root: Path) -> Path:
    """Return where whole repositories are set aside: among the locks, as other clients warn of strangers in a cache."""
    return root / ".locks" / OWN / _FOLDER


def remove_tree(path: Path, aside: Path) -> None:
    """Remove a directory: it is gone in one step, then what is in it goes.

    Args:
        path: The directory.
        aside: Where to set it aside; if that can't be done, it goes piece by piece.

    Raises:
        OSError: A part of it is still there.
    """
    moved = aside / secrets.token_hex(8)
    try:
        refuse_links(aside)
        aside.mkdir(parents=True, exist_ok=True)
        path.rename(moved)
    except OSError:
        shutil.rmtree(path)
    else:
        shutil.rmtree(moved)
        _prune(aside)


def set_aside(path: Path) -> None:
    """Take a blob or a snapshot out of everybody's sight, until :func:`settle`.

    Raises:
        OSError: It is where it was.
    """
    place = aside_of(path.parent.parent) / path.parent.name
    refuse_links(place)
    place.mkdir(parents=True, exist_ok=True)
    if path.parent.name == _SNAPSHOTS:
        shutil.rmtree(place / path.name, ignore_errors=True)  # one that was put back in part
    path.replace(place / path.name)


def settle(repos: Iterable[Path]) -> set[Path]:
    """Put back what has come to be needed of what was set aside, and remove the rest.

    Args:
        repos: Folders of repositories.

    Returns:
        The blobs that are gone.
    """
    waiting = [each for each in repos if any(_names(aside_of(each) / kind) for kind in (_BLOBS, _SNAPSHOTS))]
    until = time.monotonic() + _GRACE_S
    while waiting and time.monotonic() < until:  # whoever needs something is not to miss it for longer than he must
        for each in waiting:
            with suppress(OSError):
                put_back(each)
        _pause.wait(_POLL_S)
    gone: set[Path] = set()
    for repo in waiting:
        try:
            flush_directory(repo / _SNAPSHOTS)  # or a power loss might bring back what needs a blob that is gone
            put_back(repo)
        except OSError:  # what is needed can't be told: all stays aside until somebody comes who can
            continue
        for name in _names(aside_of(repo) / _SNAPSHOTS):
            shutil.rmtree(aside_of(repo) / _SNAPSHOTS / name, ignore_errors=True)
        for name in _names(aside_of(repo) / _BLOBS):
            with suppress(OSError):
                (aside_of(repo) / _BLOBS / name).unlink()
                gone.add(repo / "blobs" / name)
        _prune(aside_of(repo) / _SNAPSHOTS)
        _prune(aside_of(repo) / _BLOBS)
    return gone


def refs_of(repo: Path, commits: Collection[str]) -> dict[Path, str]:
    """Return the refs of a repository that mean one of some commits, and which; those too that are being written.

    Raises:
        OSError: One can't be read, which may mean any of them.
    """
    found: dict[Path, str] = {}
    for directory, _, names in os.walk(repo / "refs", onerror=raise_unless_gone):
        for name in names:
            path = Path(directory, name)
            commit = read_meaning(path)
            if commit in commits:
                found[path] = commit
    return found


def read_meaning(ref: Path) -> str:
    """Return what a ref holds; one that is empty is waited for, as older clients are about to write it then.

    Raises:
        OSError: It is there and can't be read.
    """
    until = time.monotonic() + _WRITING_S
    while (content := _read(ref)) == b"" and time.monotonic() < until:
        _pause.wait(_POLL_S)
    return (content or b"").decode("ascii", "replace").strip()


def _read(ref: Path) -> bytes | None:
    """Return the content of a ref, as far as one can be long; None if it is not there, or no plain file."""
    try:
        with os.fdopen(open_plain(ref, os.O_NOFOLLOW), "rb") as file:
            return file.read(LARGEST_REF)
    except OSError as error:
        if error.errno in _NO_REF:
            return None
        raise


def put_back(repo: Path) -> None:
    """Put back those snapshots that a ref means, and those blobs that a snapshot needs and nobody has fetched anew.

    Raises:
        OSError: That can't be told, or can't be done.
    """
    place = aside_of(repo) / _SNAPSHOTS
    for commit in sorted(set(refs_of(repo, _kept(place)).values())):
        _merge(place / commit, repo / _SNAPSHOTS / commit)
    _put_back_blobs(repo)


def _merge(source: Path, target: Path) -> None:
    """Put a snapshot back where a client may have begun to make it anew."""
    with suppress(OSError):
        source.rename(target)
        return
    for directory, _, names in os.walk(source):
        for name in names:
            path = Path(directory, name)
            final = target / path.relative_to(source)
            with suppress(OSError):
                final.parent.mkdir(parents=True, exist_ok=True)
                if not os.path.lexists(final):
                    path.rename(final)


def _put_back_blobs(repo: Path) -> None:
    place, blobs = aside_of(repo) / _BLOBS, repo / "blobs"
    names = _kept(place)
    if not names:
        return
    needed = {blob for each in inside(repo / "snapshots") for _, blob in linked_blobs(each)}
    found = [blobs / each for each in names if f"{blobs}/{each}" in needed]
    for blob in found:
        with suppress(FileExistsError):
            try:
                os.link(place / blob.name, blob, follow_symlinks=False)
            except FileExistsError:
                raise
            except OSError:  # a file system without them
                (place / blob.name).rename(blob)
                continue
        (place / blob.name).unlink(missing_ok=True)


def end_removals(root: Path, repo: Path | None = None) -> None:
    """End what others, who were killed, have begun to remove: of a repository, or of the cache's whole ones."""
    place = aside_of_repos(root) if repo is None else aside_of(repo)
    if repo is not None:
        settle([repo])
    for name in _names(place):
        if name not in {_BLOBS, _SNAPSHOTS}:
            shutil.rmtree(place / name, ignore_errors=True)
    _prune(place)


def _prune(place: Path) -> None:
    """Remove directories that are empty by now, from ``place`` upwards, as far as they may be of our making."""
    with suppress(OSError):
        while place.name in {_BLOBS, _SNAPSHOTS, _FOLDER, OWN, ".locks"}:
            place.rmdir()
            place = place.parent


def _names(folder: Path) -> list[str]:
    try:
        refuse_links(folder)
        return sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is needed
    except OSError:
        return []


def _kept(place: Path) -> list[str]:
    """Return the names of what is set aside; raises ``OSError`` if that can't be told."""
    refuse_links(place)
    return [each.name for each in inside(place)]
