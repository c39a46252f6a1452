"""Where what is being removed lies until that is done: out of everybody's sight, and from where it can be put back.

::

    <root>/models--org--name/.weighbridge/removed/blobs/<etag>     a content that nothing seemed to refer to
    <root>/models--org--name/.weighbridge/removed/<16 hex digits>  a snapshot
    <root>/.locks/.weighbridge/removed/<16 hex digits>             a repository

Other clients' downloads know no locks of ours: one may come to need a content at the very moment in which it goes.
Who dies in between leaves it here, and the next who removes something puts it back, or ends the work.
"""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from weighbridge.store.cache.layout import OWN
from weighbridge.store.cache.scan import linked_blobs

_FOLDER, _BLOBS = "removed", "blobs"
_GRACE_S = 0.25  # a client that has just seen a blob links to it in far less

_pause = threading.Event()  # never set


def aside_of(repo: Path) -> Path:
    """Return where things of a repository are set aside."""
    return repo / OWN / _FOLDER


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
        aside.mkdir(parents=True, exist_ok=True)
        path.rename(moved)
    except OSError:
        shutil.rmtree(path)
    else:
        shutil.rmtree(moved)
        _prune(aside)


def set_aside(blob: Path) -> None:
    """Take a blob out of everybody's sight.

    Raises:
        OSError: It is where it was.
    """
    place = aside_of(blob.parent.parent) / _BLOBS
    place.mkdir(parents=True, exist_ok=True)
    blob.replace(place / blob.name)


def settle(repos: Iterable[Path]) -> set[Path]:
    """Put back what has come to be needed of the blobs that were set aside, and remove the rest.

    Args:
        repos: Folders of repositories.

    Returns:
        The blobs that are gone.
    """
    waiting = [each for each in repos if _names(aside_of(each) / _BLOBS)]
    for each in waiting:
        put_back(each)
    if waiting:
        _pause.wait(_GRACE_S)
    gone: set[Path] = set()
    for repo in waiting:
        put_back(repo)
        for name in _names(aside_of(repo) / _BLOBS):
            with suppress(OSError):
                (aside_of(repo) / _BLOBS / name).unlink()
                gone.add(repo / "blobs" / name)
        _prune(aside_of(repo) / _BLOBS)
    return gone


def put_back(repo: Path) -> list[Path]:
    """Put back those blobs that a snapshot needs and that nobody has fetched anew; returns them."""
    place, blobs = aside_of(repo) / _BLOBS, repo / "blobs"
    names = _names(place)
    if not names:
        return []
    needed = {blob for each in _entries(repo / "snapshots") for _, blob in linked_blobs(each)}
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
    return found


def end_removals(root: Path, repo: Path | None = None) -> None:
    """End what others, who were killed, have begun to remove: of a repository, or of the cache's whole ones."""
    place = aside_of_repos(root) if repo is None else aside_of(repo)
    if repo is not None:
        settle([repo])
    for name in _names(place):
        if name != _BLOBS:
            shutil.rmtree(place / name, ignore_errors=True)
    _prune(place)


def _prune(place: Path) -> None:
    """Remove directories that are empty by now, from ``place`` upwards, as far as they may be of our making."""
    with suppress(OSError):
        while place.name in {_BLOBS, _FOLDER, OWN, ".locks"}:
            place.rmdir()
            place = place.parent


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is needed
    except OSError:
        return []


def _entries(folder: Path) -> list[Path]:
    return [folder / each for each in _names(folder)]
