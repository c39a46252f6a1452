"""What is in a cache and what speaks for keeping it: who means it, who has pinned it, who uses it, and when last."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from weighbridge.core.errors import CorruptedCacheException
from weighbridge.core.repos import Kind
from weighbridge.store.cache import uses
from weighbridge.store.cache.pins import holders_of, pins_of
from weighbridge.store.cache.scan import ScannedRepo, ScannedRevision, Unfinished, scan_cache, scan_repo

Key = tuple[int, int]
"""Device and inode of a content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedRevision:
    """One commit.

    Attributes:
        repo: What its repository is called: ``org/name``, ``datasets/org/name``.
        commit: 40 hex digits.
        path: Of the snapshot.
        refs: The branches and tags that mean it, sorted.
        files: How many files it has.
        contents: Bytes of each of its contents.
        used_at: Wall-clock seconds of the last use: by us, or as far as the times of its contents tell of others.
        modified_at: Wall-clock seconds of the last change of a content; of the snapshot if it has none.
        pins: Who has pinned it, sorted: ``by hand``, or paths of lock files.
        is_used: A live process of ours uses it.
    """

    repo: str
    commit: str
    path: Path
    refs: tuple[str, ...]
    files: int
    contents: Mapping[Key, int]
    used_at: float
    modified_at: float
    pins: tuple[str, ...]
    is_used: bool

    @property
    def name(self) -> str:
        """What it is called, such as ``org/name@<commit>``."""
        return f"{self.repo}@{self.commit}"

    @property
    def size(self) -> int:
        """Bytes of all its contents, each counted once."""
        return sum(self.contents.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedRepo:
    """One repository.

    Attributes:
        kind: ``model``, ``dataset``, ``space`` or ``kernel``.
        name: What it is called: ``org/name``, ``datasets/org/name``.
        path: Its folder.
        revisions: Sorted by commit.
        contents: How many contents its revisions have.
        size: Bytes of all of them, each counted once.
        unfinished: Bytes on the disk of downloads that were interrupted, or are running.
        used_at: Wall-clock seconds of the last use of a revision; of the folder's last change if there is none.
        modified_at: Likewise of the last change.
    """

    kind: str
    name: str
    path: Path
    revisions: tuple[CachedRevision, ...]
    contents: int
    size: int
    unfinished: int
    used_at: float
    modified_at: float

    @property
    def refs(self) -> tuple[str, ...]:
        """All branches and tags, sorted."""
        return tuple(sorted(ref for each in self.revisions for ref in each.refs))

    @property
    def files(self) -> int:
        """How many files its revisions have."""
        return sum(each.files for each in self.revisions)

    @property
    def pins(self) -> tuple[str, ...]:
        """Who has pinned any of it, sorted."""
        return tuple(sorted({holder for each in self.revisions for holder in each.pins}))

    @property
    def is_used(self) -> bool:
        """Whether a live process of ours uses any of it."""
        return any(each.is_used for each in self.revisions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """A whole cache.

    Attributes:
        root: The cache, links undone.
        repos: Sorted by path.
        size: Bytes of all contents; one that several repositories have as one file is counted once.
        unfinished: What interrupted downloads have left, or running ones have so far, by path.
        problems: What is wrong with everything that is no repository, and is none of the files that a cache has.
    """

    root: Path
    repos: tuple[CachedRepo, ...]
    size: int
    unfinished: tuple[Unfinished, ...]
    problems: tuple[CorruptedCacheException, ...]

    @classmethod
    def empty(cls, root: Path) -> Self:
        """Return that of a cache that is not there yet."""
        return cls(root=root, repos=(), size=0, unfinished=(), problems=())

    @property
    def revisions(self) -> tuple[CachedRevision, ...]:
        """All revisions of all repositories."""
        return tuple(each for repo in self.repos for each in repo.revisions)


def take_inventory(root: Path) -> Inventory:
    """Read a whole cache; nothing is written.

    Raises:
        CacheNotFound: There is no such directory.
        InvalidParameterError: It is a file.
    """
    found = scan_cache(root)
    pins = pins_of(found.root)
    unfinished: dict[Path, int] = defaultdict(int)
    for each in found.unfinished:
        unfinished[each.path.parent.parent] += each.size
    return Inventory(
        root=found.root,
        repos=tuple(_repo(found.root, each, pins, unfinished[each.path]) for each in found.repos),
        size=found.size,
        unfinished=found.unfinished,
        problems=found.problems,
    )


def look_again(root: Path, repo: Path) -> tuple[CachedRevision, ...]:
    """Return the revisions of one repository, in a cache that was read before; none if it is no repository any more.

    Args:
        root: The cache, links undone.
        repo: The repository's folder in it.
    """
    try:
        return _repo(root, scan_repo(repo, {}), pins_of(root), 0).revisions
    except CorruptedCacheException:
        return ()


def name_of(kind: Kind, name: str) -> str:
    """Return what a repository is called: ``org/name``, ``datasets/org/name``."""
    return f"{kind.prefix}{name}"


def _repo(
    root: Path, found: ScannedRepo, pins: Mapping[tuple[str, str], tuple[str, ...]], unfinished: int
) -> CachedRepo:
    name = name_of(found.kind, found.name)
    noted = uses.last_uses(root, found.path.name)
    shared = Counter(key for each in found.revisions for key in {file.key for file in each.files})
    revisions: list[CachedRevision] = []
    for each in sorted(found.revisions, key=lambda revision: revision.commit):
        revision = CachedRevision(
            repo=name,
            commit=each.commit,
            path=each.path,
            refs=tuple(sorted(each.refs)),
            files=len(each.files),
            contents={file.key: file.size for file in each.files},
            used_at=_last_use(each, noted.get(each.commit), shared),
            modified_at=each.modified_at,
            pins=holders_of(pins, found.path.name, each.commit),
            is_used=each.commit in noted and uses.is_used(root, found.path.name, each.commit),
        )
        revisions.append(revision)
    return CachedRepo(
        kind=found.kind.word,
        name=name,
        path=found.path,
        revisions=tuple(revisions),
        contents=found.blobs,
        size=found.size,
        unfinished=unfinished,
        used_at=max((each.used_at for each in revisions), default=found.modified_at),
        modified_at=found.modified_at,
    )


def _last_use(found: ScannedRevision, noted: float | None, shared: Counter[Key]) -> float:
    """Return when a revision was last used, in wall-clock seconds.

    Other clients note nothing: what they read shows in the times of contents, if at all.  Those that several revisions
    have tell little about any of them.
    """
    own = [max(each.accessed_at, each.modified_at) for each in found.files if shared[each.key] == 1]
    if noted is not None:
        return max([noted, *own])
    every = [max(each.accessed_at, each.modified_at) for each in found.files]
    return max(own or every or [found.modified_at])
