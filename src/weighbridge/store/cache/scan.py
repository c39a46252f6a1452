"""Reads a whole cache: which repositories are in it, which of their commits, and how much room they take.

What counts as a repository, and what is wrong with one that is none, is as newer clients have it, so that both show
the same.  Nothing is written, and what others remove or add meanwhile is seen or not, but never an error.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from weighbridge.core.errors import CorruptedCacheException
from weighbridge.core.repos import Kind
from weighbridge.store.cache import shared
from weighbridge.store.cache.layout import OF_SYSTEMS
from weighbridge.store.cache.refs import LARGEST_REF, is_unfinished
from weighbridge.store.cache.root import list_root
from weighbridge.store.cache.staging import read_whole
from weighbridge.store.layout import DATA, PARTIAL_SUFFIX
from weighbridge.store.sight import room_of

_KINDS = {each.value: each for each in Kind}
_TRIES = 4
_PAUSE_S = 0.02  # between them

_pause = threading.Event()  # never set


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """One file of a snapshot.

    Attributes:
        path: In the snapshot.
        blob: What it is a link to, or itself; that may be a link as well.
        size: In bytes, all links followed; so are the times.
        accessed_at: Wall-clock seconds of the last reading, as far as the file system notes it.
        modified_at: Wall-clock seconds of the last change.
        key: Device and inode of the content.
    """

    path: Path
    blob: Path
    size: int
    accessed_at: float
    modified_at: float
    key: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedRevision:
    """One commit.

    Attributes:
        commit: Its name.
        path: Of the snapshot.
        files: In no order.
        refs: The branches and tags that mean it.
        size: Bytes of all blobs.
        modified_at: Wall-clock seconds of the last change of a blob; of the snapshot if it has none.
    """

    commit: str
    path: Path
    files: tuple[ScannedFile, ...]
    refs: frozenset[str]
    size: int
    modified_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedRepo:
    """One repository.

    Attributes:
        kind: What it is.
        name: Its id.
        path: Its folder.
        revisions: In no order.
        blobs: How many contents it has.
        size: Bytes of all of them.
        accessed_at: Wall-clock seconds of the last reading of one; of the folder if there are none.
        modified_at: Likewise of the last change.
    """

    kind: Kind
    name: str
    path: Path
    revisions: tuple[ScannedRevision, ...]
    blobs: int
    size: int
    accessed_at: float
    modified_at: float


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What an interrupted download has left, or a running one has so far.

    Attributes:
        path: A file of another client's, or a directory of ours.
        size: In bytes; of ours, those that take up room on the disk.
    """

    path: Path
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A whole cache.

    Attributes:
        root: The cache, links undone.
        repos: By path.
        unfinished: By path.
        problems: What is wrong with everything that is no repository, and is none of the files that a cache has.
        size: Bytes of all contents; one that several repositories have as one file is counted once.
    """

    root: Path
    repos: tuple[ScannedRepo, ...]
    unfinished: tuple[Unfinished, ...]
    problems: tuple[CorruptedCacheException, ...]
    size: int


def scan_cache(root: Path) -> Scan:
    """Read a whole cache.

    Raises:
        CacheNotFound: There is no such directory.
        InvalidParameterError: It is a file.
    """
    root = Path(os.path.realpath(root))
    names = list_root(root)
    sizes = {(found.st_dev, found.st_ino): found.st_size for found in map(_look, shared.shared_contents(root)) if found}
    repos: list[ScannedRepo] = []
    problems: list[CorruptedCacheException] = []
    for name in names:
        try:
            repos.append(scan_repo(root / name, sizes))
        except CorruptedCacheException as error:
            if os.path.lexists(root / name):  # it has not gone meanwhile
                problems.append(error)
    unfinished = [each for name in names for each in _unfinished(root / name / "blobs")]
    return Scan(
        root=root,
        repos=tuple(repos),
        unfinished=tuple(unfinished),
        problems=tuple(problems),
        size=sum(sizes.values()),
    )


def linked_blobs(snapshot: Path) -> Iterator[tuple[str, str]]:
    """Yield path and blob of each file of a snapshot, as text; the blob of a file that is no link is itself.

    Raises:
        OSError: A part of it can't be read, so nobody knows what it needs.
    """
    for directory, _, names in os.walk(snapshot, onerror=raise_unless_gone):
        for name in names:
            path = f"{directory}/{name}"
            try:
                target = os.readlink(path)  # noqa: PTH115 - text, as there are many
            except FileNotFoundError:
                continue  # gone meanwhile
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                yield path, path
            else:
                yield path, os.path.normpath(f"{directory}/{target}" if target[:1] != "/" else target)


def inside(folder: Path) -> list[Path]:
    """Return what is in a directory, sorted; nothing if there is no such directory.

    Raises:
        OSError: It can't be listed; to take that for nothing would let needed things go.
    """
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def raise_unless_gone(error: OSError) -> None:
    """Raise what went wrong in a walk through directories, unless one of them has gone meanwhile."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def scan_repo(path: Path, sizes: dict[tuple[int, int], int]) -> ScannedRepo:
    """Read one repository; what is wrong for a moment only, while others remove or add something, is read again.

    Args:
        path: Its folder.
        sizes: Gets the size of each content, by device and inode.

    Raises:
        CorruptedCacheException: It is none.
    """
    for _ in range(_TRIES - 1):
        with suppress(CorruptedCacheException, OSError):
            return _RepoScan(path).run(sizes)
        _pause.wait(_PAUSE_S)
    try:
        return _RepoScan(path).run(sizes)
    except OSError as error:
        raise CorruptedCacheException(f"{path} can't be read: {error.strerror}", path=str(path)) from error


class _RepoScan:
    """Reads one repository's folder.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stats: dict[str, os.stat_result] = {}  # by blob

    def run(self, sizes: dict[tuple[int, int], int]) -> ScannedRepo:
        """Return the repository, and add the size of each of its contents to ``sizes``, by device and inode.

        Raises:
            CorruptedCacheException: It is none.
        """
        try:
            kind, name = self._identify()
            refs = self._refs()
            found = [self._revision(each, refs.pop(each.name, set())) for each in self._snapshots()]
            if refs:
                raise self._corrupted(f"the refs {_listed(refs)} are of commits that have no snapshot")
            stats = list(self._stats.values()) or [self._path.stat()]
        except OSError as error:
            raise self._corrupted(f"it can't be read: {error}") from error
        sizes.update({(each.st_dev, each.st_ino): each.st_size for each in self._stats.values()})
        return ScannedRepo(
            kind=kind,
            name=name,
            path=self._path,
            revisions=tuple(each for each in found if each is not None),
            blobs=len(self._stats),
            size=sum(each.st_size for each in self._stats.values()),
            accessed_at=max(each.st_atime for each in stats),
            modified_at=max(each.st_mtime for each in stats),
        )

    def _identify(self) -> tuple[Kind, str]:
        kind, separator, rest = self._path.name.partition("--")
        if not self._path.is_dir():
            raise self._corrupted("it is no directory")
        if not separator or kind not in _KINDS:
            raise self._corrupted(f"its name does not begin with one of {', '.join(f'{each}--' for each in _KINDS)}")
        if not (self._path / "snapshots").is_dir():
            raise self._corrupted("it has no directory 'snapshots'")
        return _KINDS[kind], rest.replace("--", "/")

    def _refs(self) -> dict[str, set[str]]:
        """Return the names of refs by what they hold."""
        place = self._path / "refs"
        if place.is_file():
            raise self._corrupted("its 'refs' is a file")
        found: dict[str, set[str]] = {}
        for directory, _, names in os.walk(place, onerror=raise_unless_gone):
            for name in names:
                path = Path(directory, name)
                if name in OF_SYSTEMS or is_unfinished(name) or path.is_dir():
                    continue
                content = read_whole(path, LARGEST_REF)
                if content is not None or os.path.lexists(path):
                    commit = (content or b"").decode("utf-8", "replace").strip()
                    found.setdefault(commit, set()).add(path.relative_to(place).as_posix())
        return found

    def _snapshots(self) -> Iterator[Path]:
        for path in sorted((self._path / "snapshots").iterdir()):
            if path.name in OF_SYSTEMS:
                continue
            if path.is_file():
                raise self._corrupted(f"{path} is a file, among directories of commits")
            if path.is_dir():
                yield path

    def _revision(self, path: Path, refs: set[str]) -> ScannedRevision | None:
        """Return a commit; None if it has gone meanwhile."""
        here = _look(path)
        if here is None:
            return None
        files: list[ScannedFile] = []
        for pointer, blob in linked_blobs(path):
            found = self._stats.get(blob) or _look(blob)
            if found is not None:
                self._stats[blob] = found
                files.append(_file(pointer, blob, found))
            elif os.path.lexists(pointer):
                raise self._corrupted(f"{pointer} is a link to {blob}, which is not there")
        blobs = {str(each.blob) for each in files}
        times = [each.modified_at for each in files] or [here.st_mtime]
        return ScannedRevision(
            commit=path.name,
            path=path,
            files=tuple(files),
            refs=frozenset(refs),
            size=sum(self._stats[each].st_size for each in blobs),
            modified_at=max(times),
        )

    def _corrupted(self, what: str) -> CorruptedCacheException:
        return CorruptedCacheException(f"{self._path} is no repository of a cache: {what}", path=str(self._path))


def _file(pointer: str, blob: str, found: os.stat_result) -> ScannedFile:
    key = (found.st_dev, found.st_ino)
    return ScannedFile(Path(pointer), Path(blob), found.st_size, found.st_atime, found.st_mtime, key)


def _look(path: str | Path) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - text, as there are many
    except OSError:
        return None


def _unfinished(blobs: Path) -> Iterator[Unfinished]:
    """Yield what downloads have left in a directory of blobs, whosever they are."""
    with suppress(OSError), os.scandir(blobs) as entries:
        for each in sorted(entries, key=lambda entry: entry.name):
            path = blobs / each.name
            with suppress(OSError):
                if each.name.endswith(".incomplete"):
                    yield Unfinished(path, path.stat().st_size)
                elif each.name.endswith(PARTIAL_SUFFIX) and each.is_dir(follow_symlinks=False):
                    yield Unfinished(path, _room(path / DATA))


def _room(path: Path) -> int:
    try:
        return room_of(path.lstat())
    except FileNotFoundError:
        return 0


def _listed(refs: dict[str, set[str]]) -> str:
    return ", ".join(sorted(repr(name) for names in refs.values() for name in names))
