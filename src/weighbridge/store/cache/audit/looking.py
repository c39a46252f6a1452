"""A look at one repository's folder in a cache: cheap, and nothing but small notes is opened."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.core.etags import is_blob_name
from weighbridge.core.repos import is_commit
from weighbridge.store.cache.aside import aside_of
from weighbridge.store.cache.audit.rests import is_rest, look_at_rest
from weighbridge.store.cache.audit.views import Listing, Marker, Name, Ref, Repository, Rest, Snapshot, State, Stray
from weighbridge.store.cache.audit.ways import OF_SYSTEMS, Ways, look_into
from weighbridge.store.cache.layout import OWN, CacheFolder
from weighbridge.store.cache.staging import read_whole
from weighbridge.store.cache.trees import read_tree

_KNOWN = OF_SYSTEMS | {"blobs", "refs", "snapshots", "trees", ".no_exist", OWN}
_UNFINISHED_REF = re.compile(r"\.[0-9a-f]{8}\.tmp$", re.ASCII)
_STAGED = "a temporary name, which somebody is about to replace, or has left"
_REMOVED = "a removal was interrupted; the next one ends it, and puts back what is needed"
_FORMAT = 1
_LARGEST_REF = 4096
_LARGEST_TREE = 1 << 30


def look_at(folder: CacheFolder) -> Repository:
    """Return what is in a repository's folder.

    What others add, remove or replace meanwhile is seen or not, but never an error.

    Raises:
        StoreError: The folder can't be listed.
    """
    return _Look(folder).run()


class _Look:
    """Collects what is seen of one folder."""

    def __init__(self, folder: CacheFolder) -> None:
        self._folder = folder
        self._ways = Ways(folder)
        self._strays: list[Stray] = []
        self._rests: list[Rest] = []

    def run(self) -> Repository:
        folder = self._folder
        try:
            entries = sorted(os.listdir(folder.path))  # noqa: PTH208 - names are all that is needed
        except FileNotFoundError:
            entries = []
        except OSError as error:
            words = error.strerror or type(error).__name__
            raise StoreError(f"can't look into {folder.path}: {words}", path=str(folder.path)) from error
        self._strays += [
            Stray(folder.path / each, "nobody knows what it is for") for each in entries if each not in _KNOWN
        ]
        blobs = self._blobs()
        snapshots = tuple(self._snapshots(blobs))
        self._staged()
        return Repository(
            folder=folder,
            has_snapshots=folder.snapshots.is_dir(),
            snapshots=snapshots,
            blobs=blobs,
            refs=tuple(self._refs()),
            listings={each.commit: each for each in self._listings()},
            markers=tuple(self._markers()),
            strays=tuple(self._strays),
            rests=tuple(self._rests),
        )

    def _blobs(self) -> dict[str, Name]:
        found: dict[str, Name] = {}
        for entry in _entries(self._folder.blobs):
            if entry.name in OF_SYSTEMS:
                continue
            if is_rest(entry):
                self._rests += look_at_rest(self._folder, entry)
            elif is_blob_name(entry.name) and (name := self._ways.blob(entry)) is not None:
                found[entry.name] = name
            elif os.path.lexists(entry.path):
                self._strays.append(Stray(Path(entry.path), "it is no content, and no unfinished download"))
        return found

    def _snapshots(self, blobs: dict[str, Name]) -> Iterator[Snapshot]:
        for entry in _entries(self._folder.snapshots):
            path = Path(entry.path)
            if entry.name in OF_SYSTEMS:
                continue
            if path.is_dir():
                if not is_commit(entry.name):
                    self._strays.append(Stray(path, "only commits have their directories here"))
                yield look_into(path, self._ways, blobs)
            elif os.path.lexists(path):
                detail = "a file among the directories of commits, for which other clients drop the repository"
                self._strays.append(Stray(path, detail, is_fault=True))

    def _refs(self) -> Iterator[Ref]:
        place = self._folder.refs
        if os.path.lexists(place) and not place.is_dir():
            detail = "a file where the directory of refs should be, for which other clients drop the repository"
            self._strays.append(Stray(place, detail, is_fault=True))
        for path in _files(place):
            if path.name in OF_SYSTEMS:
                continue
            if _UNFINISHED_REF.search(path.name):
                self._rests.append(Rest(path, _size(path) or 0, detail=_STAGED))
                continue
            content = read_whole(path, _LARGEST_REF)
            if content is not None or os.path.lexists(path):
                yield Ref(path.relative_to(place).as_posix(), path, content)

    def _listings(self) -> Iterator[Listing]:
        for entry in _entries(self._folder.path / "trees"):
            path = Path(entry.path)
            if entry.name in OF_SYSTEMS:
                continue
            if entry.name.endswith(".tmp") or entry.name.startswith("tmp"):
                self._rests.append(Rest(path, _size(path) or 0, detail=_STAGED))
            elif path.suffix == ".json" and is_commit(path.stem):
                if (listing := _listing(path)) is not None:
                    yield listing
            else:
                self._strays.append(Stray(path, "only listings of commits are kept here"))

    def _markers(self) -> Iterator[Marker]:
        top = self._folder.path / ".no_exist"
        for path in _files(top):
            if path.name in OF_SYSTEMS:
                continue
            commit, _, name = path.relative_to(top).as_posix().partition("/")
            if os.path.lexists(path):
                yield Marker(commit, name, path, _size(path))

    def _staged(self) -> None:
        """Note temporary names of ours, and what was on its way out."""
        for entry in _entries(self._folder.own / "staged"):
            path = Path(entry.path)
            self._rests.append(Rest(path, _size(path) or 0, detail=_STAGED))
        aside = aside_of(self._folder.path)
        for path in (aside, aside / "blobs", aside / "snapshots"):
            for entry in _entries(path):
                if entry.name not in {"blobs", "snapshots"}:
                    self._rests.append(Rest(Path(entry.path), _size(Path(entry.path)) or 0, detail=_REMOVED))


def _listing(path: Path) -> Listing | None:
    """Return a kept listing; None if it has gone meanwhile."""
    tree = read_tree(path, path.stem)
    if tree is not None:
        return Listing(commit=path.stem, path=path, state=State.GOOD, tree=tree)
    if not os.path.lexists(path):
        return None
    if path.is_file() and not os.access(path, os.R_OK):
        return Listing(commit=path.stem, path=path, state=State.UNREADABLE)
    is_later = False
    with suppress(ValueError, RecursionError, TypeError, KeyError):
        version = json.loads(read_whole(path, _LARGEST_TREE) or b"")["format_version"]
        is_later = type(version) is int and version != _FORMAT
    return Listing(commit=path.stem, path=path, state=State.LATER if is_later else State.DAMAGED)


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    """Return what is in a directory, sorted by name; nothing if there is none that can be listed."""
    try:
        with os.scandir(directory) as found:
            return sorted(found, key=lambda each: each.name)
    except OSError:
        return []


def _files(top: Path) -> Iterator[Path]:
    """Yield everything below a directory that is no directory, sorted in each; a link to one is a file."""
    for directory, folders, names in os.walk(top):
        folders.sort()
        links = [each for each in folders if Path(directory, each).is_symlink()]
        for name in sorted(names + links):
            yield Path(directory, name)


def _size(path: Path) -> int | None:
    """Return the size of a plain file in bytes; None if it is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
