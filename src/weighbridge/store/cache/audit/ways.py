"""Where the names in a repository's folder lead; links are followed, and nothing is opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.store.cache import shared
from weighbridge.store.cache.audit.views import Name, Snapshot, Way
from weighbridge.store.cache.layout import OF_SYSTEMS, CacheFolder

_SHARED = Path(shared.FOLDER)


class Ways:
    """Follows the links of one repository.

    Args:
        folder: Of the repository.
    """

    def __init__(self, folder: CacheFolder) -> None:
        real = os.path.realpath(folder.path)
        self._blobs = os.path.realpath(folder.blobs)
        self._inside = tuple(f"{each}/" for each in (real, self._blobs))
        self._shared = os.path.realpath(folder.root / _SHARED) + "/" if shared.is_shared(folder.root) else None
        self._straight = str(folder.blobs)  # by this name, if no link is on the way from a snapshot to the blobs
        is_straight = os.path.realpath(folder.snapshots) == f"{real}/snapshots" and self._blobs == f"{real}/blobs"
        self._is_straight = is_straight

    def blob(self, entry: os.DirEntry[str]) -> Name | None:
        """Return a blob; None if it is no file and no link, or has gone meanwhile."""
        place = Path(entry.path)
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError:
            return None
        if stat.S_ISREG(found.st_mode):
            return Name(path=entry.name, place=place, way=Way.ITSELF, found=found)
        return self._follow(entry.name, place) if stat.S_ISLNK(found.st_mode) else None

    def name(self, path: str, place: str, blobs: Mapping[str, Name]) -> Name | None:
        """Return a link or a file of a snapshot; None if it is neither, or has gone meanwhile.

        Args:
            path: Below the snapshot.
            place: Where that is.
            blobs: All blobs of the repository, by name.
        """
        try:
            target = os.readlink(place)  # noqa: PTH115 - of many
        except FileNotFoundError:
            return None
        except OSError:
            return _plain(path, place)
        first = os.path.normpath(f"{os.path.dirname(place)}/{target}")  # noqa: PTH120 - text
        parent, _, name = first.rpartition("/")
        if self._is_straight and parent == self._straight:
            blob = blobs.get(name)
            if blob is None:
                return Name(path=path, place=Path(place), way=Way.NOWHERE, blob=name)
            return Name(path=path, place=Path(place), way=_passed_on(blob.way), blob=name, found=blob.found)
        return self._follow(path, Path(place))

    def _follow(self, path: str, place: Path) -> Name:
        """Return where a link leads, whatever way it takes."""
        first = _first_step(place)
        blob = first.name if os.path.realpath(first.parent) == self._blobs else None
        try:
            real = os.path.realpath(place, strict=True)
            found = os.lstat(real)
        except OSError:
            return Name(path=path, place=place, way=Way.NOWHERE, blob=blob)
        if not stat.S_ISREG(found.st_mode):
            return Name(path=path, place=place, way=Way.ODD, blob=blob)
        if blob is None and os.path.dirname(real) == self._blobs:  # noqa: PTH120 - text
            blob = os.path.basename(real)  # noqa: PTH119
        is_shared = self._shared is not None and real.startswith(self._shared)
        way = Way.INSIDE if is_shared or real.startswith(self._inside) else Way.OUTSIDE
        return Name(path=path, place=place, way=way, blob=blob, found=found)


def look_into(path: Path, ways: Ways, blobs: Mapping[str, Name]) -> Snapshot:
    """Return all that is in the directory of a commit."""
    names: list[Name] = []
    odd: list[Path] = []
    top = str(path)
    for place in below(top):
        if place.rpartition("/")[2] in OF_SYSTEMS:
            continue
        found = ways.name(place[len(top) + 1 :], place, blobs)
        if found is not None:
            names.append(found)
        elif os.path.lexists(place):
            odd.append(Path(place))
    return Snapshot(commit=path.name, path=path, names=tuple(sorted(names, key=lambda each: each.path)), odd=tuple(odd))


def below(top: str) -> Iterator[str]:
    """Yield everything below a directory that is no directory itself; a link to one is none.

    However deep it is, and those of each directory together, sorted.

    Raises:
        StoreError: A directory can't be listed.
    """
    waiting = [top]
    while waiting:
        folders: list[str] = []
        for each in entries_of(waiting.pop()):
            if each.is_dir(follow_symlinks=False):
                folders.append(each.path)
            else:
                yield each.path
        waiting += reversed(folders)


def entries_of(directory: str) -> list[os.DirEntry[str]]:
    """Return what is in a directory, sorted by name; nothing if there is none.

    Raises:
        StoreError: It can't be listed.
    """
    try:
        with os.scandir(directory) as found:
            return sorted(found, key=lambda each: each.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        words = error.strerror or type(error).__name__
        raise StoreError(f"can't look into {directory}: {words}", path=directory) from error


def _plain(path: str, place: str) -> Name | None:
    """Return a file that is no link; None if it is no plain one."""
    try:
        found = os.lstat(place)
    except OSError:
        return None
    return Name(path=path, place=Path(place), way=Way.ITSELF, found=found) if stat.S_ISREG(found.st_mode) else None


def _passed_on(way: Way) -> Way:
    """Return where a link to a blob leads, which may be a link itself."""
    return Way.INSIDE if way is Way.ITSELF else way


def _first_step(place: Path) -> Path:
    try:
        target = os.readlink(place)  # noqa: PTH115 - text
    except OSError:
        return place
    return Path(os.path.normpath(place.parent / target))
