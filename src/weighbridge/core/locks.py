"""What a project has pinned: the values that ``weighbridge.lock`` holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from weighbridge.core.artifacts import FileResult
from weighbridge.core.digests import Digest
from weighbridge.core.names import RelativeName, find_collision
from weighbridge.core.repos import RepoFile, RepoId, Tree
from weighbridge.core.snapshots import Plan, PlannedFile, SnapshotResult

_SHA256 = "sha256"
_KEPT = frozenset({"weighbridge.toml", "weighbridge.lock"})
_FOREIGN = ".git"  # whoever may write there decides what runs on this machine


@dataclass(frozen=True, slots=True)
class LockedFile:
    """One file of a commit.

    Attributes:
        path: In the repository; :func:`~weighbridge.core.repos.repo_path` has read it.
        size: In bytes.
        digest: ``sha256``, or ``git-sha1`` of a file that git itself keeps.
    """

    path: str
    size: int
    digest: Digest

    @property
    def repo_file(self) -> RepoFile:
        """The file as the cache knows it."""
        if self.digest.algorithm == _SHA256:
            return RepoFile(path=self.path, size=self.size, blob_id="", sha256=self.digest.value)
        return RepoFile(path=self.path, size=self.size, blob_id=self.digest.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRepository:
    """One commit of a repository, as far as the project needs it.

    Attributes:
        repo: Which repository.
        revision: The branch, tag or commit that was asked for.
        commit: What it meant then.
        is_tag: The project says that it is a tag, which must not move.
        include: Globs of files, as asked for; None is all.
        exclude: Likewise of files to leave out.
        directory: Where to have plain files, relative to the project; None is the cache.
        files: Sorted by path.
    """

    repo: RepoId
    revision: str
    commit: str
    is_tag: bool = False
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    directory: RelativeName | None = None
    files: tuple[LockedFile, ...]

    @property
    def tree(self) -> Tree:
        """The files as a listing has them; it may lack some of the commit's."""
        return Tree(self.commit, tuple(each.repo_file for each in self.files))


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedDownload:
    """One file from anywhere.

    Attributes:
        path: Where to have it, relative to the project.
        url: Without credentials.
        mirrors: More addresses of the same bytes.
        digest: Of its content.
        size: In bytes; None if nobody has told.
    """

    path: RelativeName
    url: str
    mirrors: tuple[str, ...] = ()
    digest: Digest
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFile:
    """All that a project has pinned.

    Attributes:
        repositories: Sorted by kind, name, revision and directory.
        downloads: Sorted by path.
    """

    repositories: tuple[LockedRepository, ...] = ()
    downloads: tuple[LockedDownload, ...] = ()

    def commits(self) -> Iterator[tuple[RepoId, str]]:
        """Yield all that is to be kept in the cache."""
        for each in self.repositories:
            if each.directory is None:
                yield each.repo, each.commit

    def places(self) -> Iterator[RelativeName]:
        """Yield where plain files are to be, relative to the project."""
        for repository in self.repositories:
            if repository.directory is not None:
                yield from (RelativeName(f"{repository.directory}/{each.path}") for each in repository.files)
        yield from (each.path for each in self.downloads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """What has become of a lock file.

    Attributes:
        lock: What it holds.
        path: Where it is.
        changes: A sentence for each thing that is not as it was; empty if it was left as it is.
    """

    lock: LockFile
    path: Path
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What a project has on this machine now.

    Attributes:
        locked: What it has to have.
        snapshots: Of its repositories, in the order of the lock file.
        downloads: Of its files from anywhere, in the order of the lock file.
    """

    locked: Locked
    snapshots: tuple[SnapshotResult, ...] = ()
    downloads: tuple[FileResult, ...] = ()

    @property
    def files(self) -> tuple[FileResult, ...]:
        """A result for each file."""
        return (*(file for each in self.snapshots for file in each.files), *self.downloads)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Of each snapshot or directory, then of each file from anywhere."""
        return (*(each.path for each in self.snapshots), *(each.path for each in self.downloads))


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What it would take to have what a project has pinned.

    Attributes:
        repositories: In the order of the lock file.
        downloads: Likewise, files from anywhere.
    """

    repositories: tuple[Plan, ...] = ()
    downloads: tuple[PlannedFile, ...] = ()

    @property
    def files(self) -> tuple[PlannedFile, ...]:
        """All of them."""
        return (*(file for each in self.repositories for file in each.files), *self.downloads)


def find_clash(names: Iterable[RelativeName]) -> str | None:
    """Say what keeps files from being in one project, on any system; None if nothing does."""
    given = list(names)
    for each in given:
        parts = [part.casefold() for part in each.parts]
        if each.collision_key in _KEPT or _FOREIGN in parts:
            return f"{each.text!r} is no place for a file that comes from elsewhere; choose another"
    clash = find_collision(given, ignore_case=True)
    if clash is not None:
        first, second = clash
        return f"{first!r} and {second!r} can't both be files of one project on every system; move or leave out one"
    if len({each.text for each in given}) < len(given):
        twice = next(each.text for each in given if given.count(each) > 1)
        return f"{twice!r} is to be two files; choose another name for one of them"
    return None
