"""What is noted on this machine about a repository's revisions: good enough to work without the Hub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from weighbridge.core.errors import InvalidParameterError, StoreError
from weighbridge.core.repos import RepoFile, RepoId, Tree, is_commit, repo_path
from weighbridge.store.cache.absences import is_absent, note_absence
from weighbridge.store.cache.folders import LocalFolder
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.refs import read_ref, write_ref
from weighbridge.store.cache.root import prepare_folder
from weighbridge.store.cache.trees import read_tree, write_tree
from weighbridge.store.receipts import Receipts


class Records(Protocol):
    """What is known here; reading never fails, it only finds nothing."""

    def commit_of(self, revision: str) -> str | None:
        """Return the commit that a branch or tag meant when it was last asked for."""

    def note_commit(self, revision: str, commit: str, was: str | None) -> None:
        """Note what a branch or tag means, unless somebody has noted something else since it meant ``was``.

        Raises:
            StoreError: It can't be written.
        """

    def tree(self, commit: str) -> Tree | None:
        """Return all files of a commit, if they were listed once."""

    def keep_tree(self, tree: Tree) -> None:
        """Keep a listing, if that can be done."""

    def held(self, commit: str) -> list[RepoFile]:
        """Return what is here of a commit whose files were never listed."""

    def held_at(self, commit: str, path: str) -> RepoFile | None:
        """Return one file that is here of a commit that was never listed."""

    def is_absent(self, commit: str, path: str) -> bool:
        """Tell whether the Hub has said that a commit has no such file."""

    def note_absence(self, commit: str, path: str) -> None:
        """Note that it has said so, if that can be done."""


class CacheRecords:
    """Records in a repository's folder in the cache, where other clients read and write them, too.

    Args:
        folder: The repository's.
    """

    def __init__(self, folder: CacheFolder) -> None:
        self._folder = folder

    def commit_of(self, revision: str) -> str | None:
        """Return what the ref says."""
        return revision if is_commit(revision) else read_ref(self._folder, revision)

    def note_commit(self, revision: str, commit: str, was: str | None) -> None:
        """Write the ref, unless it says so already; only to a snapshot that exists, since others would be told off."""
        if revision == commit or not self._folder.snapshot(commit).is_dir():
            return
        if read_ref(self._folder, revision) == was:  # else a later call has ended before this one
            write_ref(self._folder, revision, commit)

    def tree(self, commit: str) -> Tree | None:
        """Return the kept listing."""
        return read_tree(self._folder.tree(commit), commit)

    def keep_tree(self, tree: Tree) -> None:
        """Keep a listing."""
        with suppress(StoreError):
            prepare_folder(self._folder)
            write_tree(self._folder.tree(tree.commit), tree)

    def held(self, commit: str) -> list[RepoFile]:
        """Return the files that the snapshot has pointers to, with the digests that these tell."""
        root = self._folder.snapshot(commit)
        return [_pointed(root, path) for path in files_below(root)]

    def held_at(self, commit: str, path: str) -> RepoFile | None:
        """Return the file that one pointer tells of."""
        root = self._folder.snapshot(commit)
        return _pointed(root, path) if os.path.isfile(root / path) else None  # noqa: PTH113 - never raises

    def is_absent(self, commit: str, path: str) -> bool:
        """Tell whether there is a marker."""
        return is_absent(self._folder, commit, path)

    def note_absence(self, commit: str, path: str) -> None:
        """Leave a marker."""
        with suppress(StoreError):
            prepare_folder(self._folder)
            note_absence(self._folder, commit, path)


class FolderRecords:
    """Records of a folder of plain files: its own, and what the cache knows.

    Args:
        folder: The folder.
        repo: Whose files are wanted there; it may have those of others as well.
        cache: Of the repository in the cache; None if there is no cache.  Only read.
    """

    def __init__(self, folder: LocalFolder, repo: RepoId, cache: CacheRecords | None) -> None:
        self._folder = folder
        self._repo = repo
        self._cache = cache

    def commit_of(self, revision: str) -> str | None:
        """Return what was noted in the folder, or what the cache's ref says."""
        if is_commit(revision):
            return revision
        own = self._folder.revision(self._repo, revision)
        return own if own is not None or self._cache is None else self._cache.commit_of(revision)

    def note_commit(self, revision: str, commit: str, was: str | None) -> None:
        """Note it in the folder; other clients look for it in the cache, where a ref without a snapshot is a fault."""
        if revision != commit and self.commit_of(revision) == was:
            self._folder.note_revision(self._repo, revision, commit)

    def tree(self, commit: str) -> Tree | None:
        """Return the listing kept in the folder, or in the cache."""
        own = read_tree(self._folder.tree(commit), commit)
        return own if own is not None or self._cache is None else self._cache.tree(commit)

    def keep_tree(self, tree: Tree) -> None:
        """Keep a listing."""
        with suppress(StoreError):
            write_tree(self._folder.tree(tree.commit), tree)

    def held(self, commit: str) -> list[RepoFile]:
        """Return the files whose notes say that they are of the commit."""
        notes = {path: self._folder.note_of(path) for path in files_below(self._folder.root)}
        return [
            RepoFile.of_etag(path, note.etag)
            for path, note in notes.items()
            if note is not None and note.commit == commit
        ]

    def held_at(self, commit: str, path: str) -> RepoFile | None:
        """Return the file if its note says that it is of the commit."""
        note = self._folder.note_of(path)
        return RepoFile.of_etag(path, note.etag) if note is not None and note.commit == commit else None

    def is_absent(self, commit: str, path: str) -> bool:
        """Tell nothing: a folder has no markers."""
        del commit, path
        return False

    def note_absence(self, commit: str, path: str) -> None:
        """Do nothing: a folder has no markers."""


def named_by(receipts: Receipts, file: RepoFile, path: Path) -> RepoFile:
    """Return a file with the digest that was noted when it was put in its place, if nobody has touched it since."""
    if file.etag:
        return file
    sha256, blob = receipts.recall(path, "sha256"), receipts.recall(path, "git-sha1")
    return replace(file, sha256=sha256.value if sha256 else None, blob_id=blob.value if blob else "")


def _pointed(root: Path, path: str) -> RepoFile:
    """Return the file that a pointer tells of; of a plain file in its place nothing is known but that it is there."""
    try:
        name = os.path.basename(os.readlink(root / path))  # noqa: PTH115, PTH119 - many of them
    except OSError:
        name = ""
    return RepoFile.of_etag(path, name)


def files_below(root: Path) -> Iterator[str]:
    """Yield the paths of all files below a folder, sorted in each directory; other clients' and our own left out."""
    for directory, folders, names in os.walk(root):
        folders[:] = sorted(each for each in folders if not each.endswith(".wb-partial") and each != ".cache")
        for name in sorted(names):
            path = Path(directory, name).relative_to(root).as_posix()
            with suppress(InvalidParameterError):
                yield repo_path(path).text
