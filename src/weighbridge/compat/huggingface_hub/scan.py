"""What is in the cache, and how to make room in it: ``scan_cache_dir`` and the values it gives."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.compat.huggingface_hub.calls import read_directory
from weighbridge.compat.huggingface_hub.recast import as_known
from weighbridge.compat.huggingface_hub.wording import age_words, size_words, write_table
from weighbridge.config import hub_cache_root
from weighbridge.core.errors import CorruptedCacheException, InvalidParameterError
from weighbridge.store.cache.removal import Removal, freed_size, remove
from weighbridge.store.cache.scan import ScannedFile, ScannedRepo, ScannedRevision, scan_cache

_LOG = logging.getLogger("weighbridge")


@dataclass(frozen=True)
class CachedFileInfo:
    """One file of a snapshot.

    Attributes:
        file_name: The last part of its path.
        file_path: Its path in the snapshot.
        blob_path: What that is a link to, or itself; only the first link is followed.
        size_on_disk: In bytes.
        blob_last_accessed: Wall-clock seconds, as far as the file system notes it.
        blob_last_modified: Wall-clock seconds.
    """

    file_name: str
    file_path: Path
    blob_path: Path
    size_on_disk: int
    blob_last_accessed: float
    blob_last_modified: float

    @property
    def blob_last_accessed_str(self) -> str:
        """How long ago that was, in words."""
        return age_words(self.blob_last_accessed)

    @property
    def blob_last_modified_str(self) -> str:
        """How long ago that was, in words."""
        return age_words(self.blob_last_modified)

    @property
    def size_on_disk_str(self) -> str:
        """The size in a unit of powers of 1000."""
        return size_words(self.size_on_disk)


@dataclass(frozen=True)
class CachedRevisionInfo:
    """One commit of a repository.

    Attributes:
        commit_hash: Which.
        snapshot_path: Its directory.
        size_on_disk: Bytes of all its blobs, each counted once.
        files: All its files.
        refs: The branches and tags that mean it.
        last_modified: Wall-clock seconds of the last change of a blob; of the directory if there is none.
    """

    commit_hash: str
    snapshot_path: Path
    size_on_disk: int
    files: frozenset[CachedFileInfo]
    refs: frozenset[str]
    last_modified: float

    @property
    def last_modified_str(self) -> str:
        """How long ago that was, in words."""
        return age_words(self.last_modified)

    @property
    def size_on_disk_str(self) -> str:
        """The size in a unit of powers of 1000."""
        return size_words(self.size_on_disk)

    @property
    def nb_files(self) -> int:
        """How many files it has."""
        return len(self.files)


@dataclass(frozen=True)
class CachedRepoInfo:
    """One repository.

    Attributes:
        repo_id: Such as ``org/name``.
        repo_type: ``model``, ``dataset``, ``space`` or ``kernel``.
        repo_path: Its folder.
        size_on_disk: Bytes of all its blobs, each counted once.
        nb_files: How many blobs that are.
        revisions: All its commits that are here.
        last_accessed: Wall-clock seconds of the last reading of a blob, as far as the file system notes it.
        last_modified: Wall-clock seconds of the last change of a blob.
    """

    repo_id: str
    repo_type: str
    repo_path: Path
    size_on_disk: int
    nb_files: int
    revisions: frozenset[CachedRevisionInfo]
    last_accessed: float
    last_modified: float

    @property
    def last_accessed_str(self) -> str:
        """How long ago that was, in words."""
        return age_words(self.last_accessed)

    @property
    def last_modified_str(self) -> str:
        """How long ago that was, in words."""
        return age_words(self.last_modified)

    @property
    def size_on_disk_str(self) -> str:
        """The size in a unit of powers of 1000."""
        return size_words(self.size_on_disk)

    @property
    def cache_id(self) -> str:
        """Its type and id, such as ``model/org/name``."""
        return f"{self.repo_type}/{self.repo_id}"

    @property
    def refs(self) -> dict[str, CachedRevisionInfo]:
        """The commits that branches and tags mean."""
        return {ref: revision for revision in self.revisions for ref in revision.refs}


@dataclass(frozen=True)
class CachedIncompleteFileInfo:
    """What a download has left that was interrupted, or has so far.

    Attributes:
        file_path: A file of huggingface_hub's, or a directory of ours.
        size_on_disk: In bytes.
    """

    file_path: Path
    size_on_disk: int


@dataclass(frozen=True)
class DeleteCacheStrategy:
    """What :meth:`execute` would remove; nothing is removed before.

    Attributes:
        expected_freed_size: Bytes of the disk that come free.
        blobs: Contents that no other commit of the repository has.
        refs: Files of refs.
        repos: Whole folders of repositories.
        snapshots: Directories of commits.
        files: Single files of snapshots.
        cache_dir: The cache; nothing outside of it is ever removed.
    """

    expected_freed_size: int
    blobs: frozenset[Path]
    refs: frozenset[Path]
    repos: frozenset[Path]
    snapshots: frozenset[Path]
    files: frozenset[Path] = frozenset()
    cache_dir: Path | None = None

    @property
    def expected_freed_size_str(self) -> str:
        """The size in a unit of powers of 1000."""
        return size_words(self.expected_freed_size)

    def execute(self) -> None:
        """Remove it all; what can't be removed is told in the log, and the rest is removed.

        Raises:
            InvalidParameterError: There is no ``cache_dir``.
        """
        if self.cache_dir is None:
            raise InvalidParameterError("a strategy without cache_dir can't be executed; let delete_revisions make one")
        removal = Removal(
            root=self.cache_dir,
            repos=self.repos,
            refs=self.refs,
            snapshots=self.snapshots,
            files=self.files,
            blobs=self.blobs,
        )
        remove(removal, lambda problem: _LOG.warning("%s", problem))


@dataclass(frozen=True)
class HFCacheInfo:
    """A whole cache.

    Attributes:
        size_on_disk: Bytes of all blobs; one that several repositories have as one file is counted once.
        repos: All repositories.
        incomplete_files: What downloads have left.
        warnings: What is wrong with each thing that is no repository.
        cache_dir: The cache.
    """

    size_on_disk: int
    repos: frozenset[CachedRepoInfo]
    incomplete_files: frozenset[CachedIncompleteFileInfo] = frozenset()
    warnings: list[CorruptedCacheException] = field(default_factory=list)
    cache_dir: Path | None = None

    @property
    def size_on_disk_str(self) -> str:
        """The size in a unit of powers of 1000."""
        return size_words(self.size_on_disk)

    @property
    def incomplete_size_on_disk(self) -> int:
        """Bytes of all that downloads have left."""
        return sum(each.size_on_disk for each in self.incomplete_files)

    def delete_revisions(self, *revisions: str) -> DeleteCacheStrategy:
        """Return what there is to remove if some commits are not wanted any more.

        A repository without any other commit goes as a whole.  Of another one go snapshots, refs and those blobs that
        no other commit has.

        Args:
            revisions: Commits, of any repositories; one that is not here is told in the log.
        """
        wanted = set(revisions)
        repos: set[Path] = set()
        chosen: set[CachedRevisionInfo] = set()
        refs: set[Path] = set()
        blobs: set[Path] = set()
        unlinked: set[Path] = set()
        for repo in self.repos:
            gone = {each for each in repo.revisions if each.commit_hash in wanted}
            if not gone:
                continue
            inside, beside = _own_blobs(repo.repo_path, _blobs_of(gone) - _blobs_of(repo.revisions - gone))
            unlinked |= inside | beside
            if gone == repo.revisions:
                repos.add(repo.repo_path)
            else:
                chosen |= gone
                blobs |= beside
                refs |= {repo.repo_path / "refs" / ref for each in gone for ref in each.refs}
        unknown = wanted - {each.commit_hash for repo in self.repos for each in repo.revisions}
        if unknown:
            _LOG.warning("not in the cache, so they can't be deleted: %s", ", ".join(sorted(unknown)))
        return DeleteCacheStrategy(
            expected_freed_size=self._freed_size(unlinked),
            blobs=frozenset(blobs),
            refs=frozenset(refs),
            repos=frozenset(repos),
            snapshots=frozenset(each.snapshot_path for each in chosen),
            cache_dir=self.cache_dir,
        )

    def delete_files(self, *files: CachedFileInfo) -> DeleteCacheStrategy:
        """Return what there is to remove if some files are not wanted any more; refs and snapshots stay.

        Args:
            files: As they are found in here.
        """
        gone = set(files)
        blobs: set[Path] = set()
        unlinked: set[Path] = set()
        for repo in self.repos:
            held = {file for revision in repo.revisions for file in revision.files}
            unneeded = {each.blob_path for each in gone & held} - {each.blob_path for each in held - gone}
            inside, beside = _own_blobs(repo.repo_path, unneeded)
            unlinked |= inside | beside
            blobs |= beside
        nothing: frozenset[Path] = frozenset()
        return DeleteCacheStrategy(
            expected_freed_size=self._freed_size(unlinked),
            blobs=frozenset(blobs),
            refs=nothing,
            repos=nothing,
            snapshots=nothing,
            files=frozenset(each.file_path for each in gone),
            cache_dir=self.cache_dir,
        )

    def export_as_table(self, *, verbosity: int = 0) -> str:
        """Return a table of it, for people.

        Args:
            verbosity: 0 has a row for each repository, 1 for each commit.
        """
        repos = sorted(self.repos, key=lambda repo: repo.repo_path)
        if verbosity == 0:
            heads = ("REPO ID", "REPO TYPE", "SIZE ON DISK", "NB FILES", "LAST_ACCESSED", "LAST_MODIFIED", "REFS")
            return write_table((*heads, "LOCAL PATH"), [_repo_row(each) for each in repos])
        heads = ("REPO ID", "REPO TYPE", "REVISION", "SIZE ON DISK", "NB FILES", "LAST_MODIFIED", "REFS")
        rows = [
            _revision_row(repo, each)
            for repo in repos
            for each in sorted(repo.revisions, key=lambda revision: revision.commit_hash)
        ]
        return write_table((*heads, "LOCAL PATH"), rows)

    def _freed_size(self, unlinked: set[Path]) -> int:
        return 0 if self.cache_dir is None else freed_size(self.cache_dir, unlinked)


@as_known()
def scan_cache_dir(cache_dir: str | os.PathLike[str] | None = None) -> HFCacheInfo:
    """Read a whole cache; nothing is written.

    Args:
        cache_dir: The cache; None is this user's.

    Raises:
        CacheNotFound: There is no such directory.
        InvalidParameterError: It is a file.
    """
    root = hub_cache_root() if cache_dir is None else read_directory(cache_dir, "cache_dir")
    found = scan_cache(root)
    return HFCacheInfo(
        size_on_disk=found.size,
        repos=frozenset(_repo(each) for each in found.repos),
        incomplete_files=frozenset(CachedIncompleteFileInfo(each.path, each.size) for each in found.unfinished),
        warnings=list(found.problems),
        cache_dir=found.root,
    )


def _repo(found: ScannedRepo) -> CachedRepoInfo:
    return CachedRepoInfo(
        repo_id=found.name,
        repo_type=found.kind.word,
        repo_path=found.path,
        size_on_disk=found.size,
        nb_files=found.blobs,
        revisions=frozenset(_revision(each) for each in found.revisions),
        last_accessed=found.accessed_at,
        last_modified=found.modified_at,
    )


def _revision(found: ScannedRevision) -> CachedRevisionInfo:
    return CachedRevisionInfo(
        commit_hash=found.commit,
        snapshot_path=found.path,
        size_on_disk=found.size,
        files=frozenset(_file(each) for each in found.files),
        refs=found.refs,
        last_modified=found.modified_at,
    )


def _file(found: ScannedFile) -> CachedFileInfo:
    return CachedFileInfo(
        file_name=found.path.name,
        file_path=found.path,
        blob_path=found.blob,
        size_on_disk=found.size,
        blob_last_accessed=found.accessed_at,
        blob_last_modified=found.modified_at,
    )


def _blobs_of(revisions: Iterable[CachedRevisionInfo]) -> set[Path]:
    return {file.blob_path for revision in revisions for file in revision.files}


def _own_blobs(repo: Path, blobs: set[Path]) -> tuple[set[Path], set[Path]]:
    """Return which blobs are files of snapshots themselves, and which lie where a repository has its own.

    Others are neither: a link in a snapshot may lead anywhere.
    """
    own, snapshots = repo / "blobs", repo / "snapshots"
    beside = {each for each in blobs if each.parent == own}
    return {each for each in blobs - beside if snapshots in each.parents}, beside


def _repo_row(repo: CachedRepoInfo) -> list[str]:
    whose, size = [repo.repo_id, repo.repo_type], f"{repo.size_on_disk_str:>12}"
    times = [repo.last_accessed_str, repo.last_modified_str]
    return [*whose, size, str(repo.nb_files), *times, ", ".join(sorted(repo.refs)), str(repo.repo_path)]


def _revision_row(repo: CachedRepoInfo, revision: CachedRevisionInfo) -> list[str]:
    whose = [repo.repo_id, repo.repo_type, revision.commit_hash]
    size = [f"{revision.size_on_disk_str:>12}", str(revision.nb_files)]
    return [*whose, *size, revision.last_modified_str, ", ".join(sorted(revision.refs)), str(revision.snapshot_path)]
