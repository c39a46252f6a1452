"""A look at one repository's folder in a cache: cheap, and nothing but small notes is opened."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from weighbridge.core.etags import is_blob_name
from weighbridge.core.repos import is_commit
from weighbridge.store.cache.audit.rests import is_rest, look_at_rest
from weighbridge.store.cache.audit.views import Listing, Marker, Name, Ref, Repository, Rest, Snapshot, State, Stray
from weighbridge.store.cache.audit.ways import Ways, below, entries_of, look_into
from weighbridge.store.cache.layout import OF_SYSTEMS, OWN, CacheFolder
from weighbridge.store.cache.refs import LARGEST_REF, is_unfinished
from weighbridge.store.cache.room.aside import aside_of
from weighbridge.store.cache.staging import read_whole, refuse_links
from weighbridge.store.cache.trees import LARGEST_TREE, TREE_FORMAT, read_tree

_KNOWN = OF_SYSTEMS | {"blobs", "refs", "snapshots", "trees", ".no_exist", OWN}
_STAGED = "a temporary name, which somebody is about to replace, or has left"
_REMOVED = "a removal was interrupted; the next one ends it, and puts back what is needed"


def look_at(folder: CacheFolder) -> Repository:
    """Return what is in a repository's folder.

    What others add, remove or replace meanwhile is seen or not, but never an error.

    Raises:
        StoreError: The folder, or a directory in it, can't be listed: then nobody can tell what is missing.
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
        self._strays += [
            Stray(Path(each.path), "nobody knows what it is for")
            for each in entries_of(str(folder.path))
            if each.name not in _KNOWN
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
        for entry in entries_of(str(self._folder.blobs)):
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
        for entry in entries_of(str(self._folder.snapshots)):
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
        for path in map(Path, below(str(place))):
            if path.name in OF_SYSTEMS:
                continue
            if is_unfinished(path.name):
                self._rests.append(Rest(path, _size(path) or 0, detail=_STAGED))
                continue
            content = read_whole(path, LARGEST_REF)
            if content is not None or os.path.lexists(path):
                yield Ref(path.relative_to(place).as_posix(), path, content)

    def _listings(self) -> Iterator[Listing]:
        for entry in entries_of(str(self._folder.path / "trees")):
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
        for path in map(Path, below(str(top))):
            if path.name in OF_SYSTEMS:
                continue
            commit, _, name = path.relative_to(top).as_posix().partition("/")
            if os.path.lexists(path):
                yield Marker(commit, name, path, _size(path))

    def _staged(self) -> None:
        """Note temporary names of ours, and what was on its way out."""
        aside = aside_of(self._folder.path)
        details = {self._folder.own / "staged": _STAGED} | dict.fromkeys(
            (aside, aside / "blobs", aside / "snapshots"), _REMOVED
        )
        for place, detail in details.items():
            try:
                refuse_links(place)
            except OSError as error:
                self._strays.append(Stray(self._folder.own, str(error.strerror)))
                return
            for entry in entries_of(str(place)):
                if entry.name not in {"blobs", "snapshots"}:
                    self._rests.append(Rest(Path(entry.path), _size(Path(entry.path)) or 0, detail=detail))


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
        version = json.loads(read_whole(path, LARGEST_TREE) or b"")["format_version"]
        is_later = type(version) is int and version != TREE_FORMAT
    return Listing(commit=path.stem, path=path, state=State.LATER if is_later else State.DAMAGED)


def _size(path: Path) -> int | None:
    """Return the size of a plain file in bytes; None if it is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
