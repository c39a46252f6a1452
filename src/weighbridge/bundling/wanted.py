"""What is to be packed: which files of which commits, and where on this machine the content of each is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from weighbridge.core.bundles import PackedRepository
from weighbridge.core.digests import Digest
from weighbridge.core.errors import IncompleteSnapshotError, InvalidParameterError, LocalEntryNotFoundError
from weighbridge.core.events import Notice
from weighbridge.core.locks import LockedDownload, LockedRepository, LockFile
from weighbridge.core.repos import RepoFile, RepoId, check_revision, is_commit
from weighbridge.delivery import Means
from weighbridge.shelves.records import CacheRecords, named_by
from weighbridge.store.cache.kin import find_elsewhere
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.sight import open_plain

_NAMED = 5
_SCHEME = "hf://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Some bytes that are to be packed.

    Attributes:
        digest: Of them.
        size: How many.
        path: A file that has them, as far as a look can tell.
        name: What to call it in messages and events: a path in a repository or project.
    """

    digest: Digest
    size: int
    path: Path
    name: str


@dataclass(slots=True, kw_only=True)
class Wanted:
    """All that is to be packed.

    Attributes:
        repositories: Sorted.
        downloads: Sorted by path; each has a size.
        contents: By digest, each once.
    """

    repositories: list[PackedRepository] = field(default_factory=list)
    downloads: list[LockedDownload] = field(default_factory=list)
    contents: dict[Digest, Content] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision of a repository that somebody names.

    Attributes:
        repo: Which repository.
        name: A branch, a tag, a commit.
    """

    repo: RepoId
    name: str

    @classmethod
    def parse(cls, text: str) -> Revision:
        """Read ``[TYPES/]org/name[@REVISION]``, which may begin with ``hf://``.

        Raises:
            InvalidParameterError: It could be none.
        """
        given: object = text
        if not isinstance(given, str):
            raise InvalidParameterError(f"a repository is text like 'org/name@main', not {type(given).__name__}")
        name, _, revision = given.removeprefix(_SCHEME).partition("@")
        return cls(RepoId.parse(name.removeprefix("models/")), check_revision(revision or None))


class Search:
    """Finds what is to be packed; looks at files and reads none of them.

    Args:
        root: The cache.
        means: What is known of files, and who is told.
    """

    def __init__(self, root: Path, means: Means) -> None:
        self._root = root
        self._means = means
        self._wanted = Wanted()
        self._missing: list[str] = []

    def find(self, revisions: Iterable[Revision], lock: LockFile, directory: Path) -> Wanted:
        """Return what is to be packed.

        Args:
            revisions: As far as they are in the cache.
            lock: All of it is needed.
            directory: Of the project that the lock is of.

        Raises:
            LocalEntryNotFoundError: A revision is not in the cache.
            IncompleteSnapshotError: A locked file is not here, or none of a revision is.
        """
        packed = [self._locked(each, directory) for each in lock.repositories]
        packed += [self._cached(each) for each in revisions]
        for each in lock.downloads:
            self._locate_download(each, directory)
        if self._missing:
            shown = ", ".join(self._missing[:_NAMED])
            more = f" and {len(self._missing) - _NAMED} more" if len(self._missing) > _NAMED else ""
            raise IncompleteSnapshotError(
                f"to be packed and not on this machine: {shown}{more}; `weighbridge sync` brings what a project has "
                "locked, `weighbridge download` what a repository has",
                missing=tuple(self._missing),
            )
        self._wanted.repositories = _merge(packed)
        return self._wanted

    def _locked(self, locked: LockedRepository, directory: Path) -> PackedRepository:
        """Return a locked repository, all files of which must be here."""
        folder = CacheFolder(self._root, locked.repo)
        tree = CacheRecords(folder).tree(locked.commit)
        listed = {} if tree is None else {each.path: each for each in tree.files}
        place = None if locked.directory is None else directory.joinpath(*locked.directory.parts)
        files: list[RepoFile] = []
        for each in locked.files:
            known = listed.get(each.path)
            is_same = known is not None and (known.digest, known.size) == (each.digest, each.size)
            file = known if known is not None and is_same else each.repo_file
            more = () if place is None else (place / each.path,)
            if self._locate(folder, locked.commit, file, more) is None:
                self._missing.append(f"{each.path} of the {locked.repo}")
            files.append(file)
        return _packed(locked.repo, locked.revision, locked.commit, files, None if tree is None else tree.files)

    def _cached(self, revision: Revision) -> PackedRepository:
        """Return what is in the cache of a revision."""
        folder = CacheFolder(self._root, revision.repo)
        records = CacheRecords(folder)
        commit = records.commit_of(revision.name)
        where = f"the {revision.repo} at {revision.name}"
        if commit is None:
            raise LocalEntryNotFoundError(f"{where} is not in {self._root}; `weighbridge download` brings it")
        tree = records.tree(commit)
        files: list[RepoFile] = []
        for each in records.held(commit) if tree is None else tree.files:
            file = named_by(self._means.receipts, each, folder.pointer(commit, each.path))
            if file.digest is None:
                raise LocalEntryNotFoundError(
                    f"nobody can tell what {each.path} of {where} must be; fetch it once more"
                )
            content = None
            if os.path.lexists(folder.pointer(commit, each.path)):
                content = self._locate(folder, commit, file, ())
                if content is None:
                    self._missing.append(f"{each.path} of the {revision.repo}")
            if content is not None:
                files.append(replace(file, size=content.size))
        if not files and not self._missing:
            raise IncompleteSnapshotError(f"no file of {where} is in {self._root}; `weighbridge download` brings them")
        if tree is not None and len(files) < len(tree.files) and not self._missing:
            absent = len(tree.files) - len(files)
            message = f"{absent} of the {len(tree.files)} files of {where} are not here, and left out of the bundle"
            self._means.tell(Notice(message=message))
        return _packed(revision.repo, revision.name, commit, files, None if tree is None else tree.files)

    def _locate(self, folder: CacheFolder, commit: str, file: RepoFile, more: Sequence[Path]) -> Content | None:
        """Note where a file's content is; None if it is nowhere."""
        digest = file.digest
        if digest is None:
            return None
        if digest in self._wanted.contents:
            return self._wanted.contents[digest]
        places = (folder.blob(digest.value), folder.pointer(commit, file.path), *more)
        found = next((each for path in places if (each := _look(path, digest, file.size, file.path))), None)
        if found is None:
            kin = find_elsewhere(folder, [digest.value])
            found = next((each for path in kin.values() if (each := _look(path, digest, file.size, file.path))), None)
        if found is not None:
            self._wanted.contents[digest] = found
        return found

    def _locate_download(self, locked: LockedDownload, directory: Path) -> None:
        path = directory.joinpath(*locked.path.parts)
        found = _look(path, locked.digest, locked.size, locked.path.text)
        if found is None:
            self._missing.append(locked.path.text)
            return
        self._wanted.contents.setdefault(locked.digest, found)
        self._wanted.downloads.append(replace(locked, size=found.size))


def _look(path: Path, digest: Digest, size: int | None, name: str) -> Content | None:
    """Return a content that may be at a path: a plain file of the right size."""
    try:
        descriptor = open_plain(path)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(found.st_mode) or size not in (None, found.st_size):
        return None
    return Content(digest=digest, size=found.st_size, path=path, name=name)


def _packed(
    repo: RepoId, revision: str, commit: str, files: Sequence[RepoFile], listed: Sequence[RepoFile] | None
) -> PackedRepository:
    """Return what of a commit is packed, and what is not."""
    paths = {each.path for each in files}
    left_out: tuple[RepoFile, ...] | None = None
    if listed is not None and paths <= {each.path for each in listed} and all(each.digest for each in listed):
        left_out = tuple(each for each in listed if each.path not in paths)
    refs = () if is_commit(revision) else (revision,)
    ordered = tuple(sorted(files, key=lambda each: each.path))
    return PackedRepository(repo=repo, commit=commit, refs=refs, files=ordered, left_out=left_out)


def _merge(packed: Sequence[PackedRepository]) -> list[PackedRepository]:
    """Return each commit once, with all that is wanted of it."""
    merged: dict[tuple[str, str], PackedRepository] = {}
    for each in packed:
        key = (each.repo.folder, each.commit)
        other = merged.get(key, each)
        files = {file.path: file for file in (*other.files, *each.files)}
        left_out = None
        if other.left_out is not None and each.left_out is not None:
            left_out = tuple(file for file in each.left_out if file.path not in files)
        merged[key] = replace(
            each,
            refs=tuple(sorted({*other.refs, *each.refs})),
            files=tuple(files[path] for path in sorted(files)),
            left_out=left_out,
        )
    return [merged[key] for key in sorted(merged)]
