"""What a project has pinned: the values that ``weighbridge.lock`` holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weighbridge.core.digests import Digest
from weighbridge.core.names import RelativeName
from weighbridge.core.repos import RepoFile, RepoId, Tree

_SHA256 = "sha256"


@dataclass(frozen=True, slots=True, order=True)
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
