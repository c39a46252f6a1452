"""What a call about a repository asks for, would do, and has done."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from weighbridge.core.artifacts import FileResult
from weighbridge.core.patterns import Patterns
from weighbridge.core.repos import RepoFile, RepoId


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is wanted of a repository.

    Attributes:
        repo: Which one.
        revision: A branch, a tag, a commit.
        folder: Directory to have plain files in; None: the cache.
        is_fresh: Fetch what is here as well.
    """

    repo: RepoId
    revision: str
    folder: Path | None = None
    is_fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOrder(Order):
    """One file is wanted.

    Attributes:
        path: Of the file in the repository.
    """

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotOrder(Order):
    """Those files of a commit are wanted that are named, or that some patterns select.

    Attributes:
        patterns: Which.
        names: Paths in the repository, of files that there must be; empty: whatever the patterns select.
    """

    patterns: Patterns = field(default_factory=Patterns)
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What a branch or tag meant when it was asked for.

    Attributes:
        repo_id: Such as ``org/name``.
        repo_type: ``model``, ``dataset``, ``space`` or ``kernel``.
        name: As it was asked for.
        commit: 40 hex digits.
    """

    repo_id: str
    repo_type: str
    name: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """What would become of one file.

    Attributes:
        name: Its path in the repository.
        size: In bytes; None if nobody knows.
        path: Where it is, or would be.
        is_present: It is there already, as far as a look without reading it can tell.
        is_near: Its content is on this machine already and would only be linked or copied.
    """

    name: str
    size: int | None
    path: Path
    is_present: bool
    is_near: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a call would do; nothing was done.

    Attributes:
        path: Of the snapshot, or of the directory.
        commit: 40 hex digits.
        files: Those that are wanted, by path.
        free: Bytes that may still be written where they would go; None if nobody can tell.
    """

    path: Path
    commit: str
    files: tuple[PlannedFile, ...]
    free: int | None = None

    @property
    def size(self) -> int:
        """Bytes of all files, as far as sizes are known."""
        return sum(each.size or 0 for each in self.files)

    @property
    def fetched_size(self) -> int:
        """Bytes that would be fetched, as far as sizes are known."""
        return sum(each.size or 0 for each in self.files if not (each.is_present or each.is_near))


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that was in place and right.

    Attributes:
        file: Which.
        size: In bytes.
    """

    file: RepoFile
    size: int


@dataclass(frozen=True, kw_only=True)  # no slots: the results are put together once, if anybody wants them
class SnapshotResult:
    """What became of a snapshot.

    Attributes:
        path: Of the snapshot, or of the directory.
        commit: 40 hex digits.
        kept: Files that were there already.
        changed: What became of the others.
    """

    path: Path
    commit: str
    kept: tuple[Kept, ...] = ()
    changed: tuple[FileResult, ...] = ()

    @cached_property
    def files(self) -> tuple[FileResult, ...]:
        """A result for each file that was wanted, by path."""
        kept = (result_of(each, self.path) for each in self.kept)
        return tuple(sorted((*kept, *self.changed), key=lambda each: each.name))


def result_of(kept: Kept, root: Path) -> FileResult:
    """Return the result of a file that was there already, below ``root``."""
    file = kept.file
    return FileResult(name=file.path, path=root / file.path, size=kept.size, digest=file.digest, outcome="present")
