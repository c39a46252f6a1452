"""Removes commits and repositories from a cache, and nothing that lies outside of it, whatever links say.

What refers goes before what is referred to: refs, then snapshots, then blobs.  Whoever dies in between leaves a cache
that all clients can use and clean.  Files are only unlinked, so whoever reads one reads on.
"""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.core.repos import is_commit
from weighbridge.store.cache import shared
from weighbridge.store.cache.layout import tree_file
from weighbridge.store.cache.room.aside import (
    aside_of,
    aside_of_repos,
    put_back,
    read_meaning,
    refs_of,
    remove_tree,
    set_aside,
    settle,
)
from weighbridge.store.cache.scan import inside, linked_blobs
from weighbridge.store.faults import flush_directory
from weighbridge.store.layout import Place
from weighbridge.store.leftovers import find_leftovers, remove_free

_PLACES = {"snapshots", "blobs", "refs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What is to be removed of a cache; each a path in it.

    Attributes:
        root: The cache, links undone.
        repos: Folders of repositories.
        refs: Refs.
        snapshots: Directories of commits.
        files: Single files of snapshots.
        blobs: Contents; one to which a file of a snapshot is still a link then is kept.
    """

    root: Path
    repos: frozenset[Path] = field(default_factory=frozenset)
    refs: frozenset[Path] = field(default_factory=frozenset)
    snapshots: frozenset[Path] = field(default_factory=frozenset)
    files: frozenset[Path] = field(default_factory=frozenset)
    blobs: frozenset[Path] = field(default_factory=frozenset)


def remove(removal: Removal, tell: Callable[[str], None]) -> None:
    """Remove it, with all that was only noted about it, and what interrupted downloads have left of it.

    Takes no locks, as other clients take none: whoever fetches some of it right now may have to do so again.  A blob
    that somebody has come to need meanwhile is put back.

    Args:
        removal: What.
        tell: Takes a sentence about each thing that can't be removed; the rest is.
    """
    _Remover(removal, tell).run()


def freed_size(root: Path, blobs: Iterable[Path]) -> int:
    """Return how many bytes of the disk come free if blobs are removed.

    Those that are a file of another repository as well, or that it shares, free nothing unless all are removed.

    Args:
        root: The cache, links undone.
        blobs: Files, or links to shared contents.
    """
    gone = frozenset(blobs)
    plain: dict[tuple[int, int], list[os.stat_result]] = defaultdict(list)
    contents: set[Path] = set()
    for blob in gone:
        with suppress(OSError):
            found = blob.lstat()
            if stat.S_ISREG(found.st_mode):
                plain[found.st_dev, found.st_ino].append(found)
            elif content := shared.content_of(root, blob):
                contents.add(content)
    size = sum(each[0].st_size for each in plain.values() if len(each) >= each[0].st_nlink)
    for content in contents:
        references = shared.references_to(root, content)
        if references and references <= gone:
            with suppress(OSError):
                size += content.lstat().st_size
    return size


class _Remover:
    def __init__(self, removal: Removal, tell: Callable[[str], None]) -> None:
        self._removal = removal
        self._tell = tell
        self._root = os.path.realpath(removal.root)
        self._failed: set[Path] = set()  # repositories of which something could not be removed

    def run(self) -> None:
        plan = self._removal
        folders = [each / "blobs" for each in plan.repos if not each.is_symlink()]
        blobs = [*plan.blobs, *(blob for each in folders for blob in _inside(each))]
        contents = {content for each in blobs if (content := shared.content_of(plan.root, each))}
        for path in sorted(plan.files):
            self._remove(path, "file")
        for path in sorted(plan.repos):
            self._remove_repo(path)
        commits = {each.name for each in plan.snapshots}
        for path in sorted(plan.refs):
            self._remove_ref(path, commits)
        for folder in {each.parent for each in plan.refs}:
            with suppress(OSError):  # or a power loss might bring back what means a snapshot that is gone
                flush_directory(folder)
        for path in sorted(plan.snapshots):
            self._remove_snapshot(path)
        self._remove_blobs()
        for content in sorted(contents):
            shared.release(plan.root, content)

    def _remove_ref(self, path: Path, commits: Collection[str]) -> None:
        try:
            is_other = bool(commits) and read_meaning(path) not in commits
        except OSError as error:
            self._fail(path, f"couldn't read the ref {path}: {error.strerror}")
            return
        if is_other:
            self._tell(f"kept the ref {path}, which has come to mean something else")
        else:
            self._remove(path, "ref")

    def _remove_snapshot(self, path: Path) -> None:
        repo = path.parent.parent
        if repo in self._failed:
            self._tell(f"kept the snapshot {path}, as a ref may still refer to it")
            return
        try:
            is_meant = bool(refs_of(repo, {path.name}))
        except OSError as error:
            self._fail(path, f"kept the snapshot {path}, as a ref can't be read: {error.strerror}")
            return
        if is_meant:
            self._tell(f"kept the snapshot {path}, as a ref has come to mean it")
        elif self._set_aside(path, "snapshots") or self._remove(path, "snapshot"):
            with suppress(OSError):
                put_back(repo)  # at once, if somebody meanwhile means it
            self._remove_notes(path)

    def _fail(self, path: Path, problem: str) -> None:
        """Tell why something stays, and let all stay that may depend on it."""
        self._failed.update(each.parent for each in path.parents if each.name in _PLACES)
        self._tell(problem)

    def _remove_repo(self, path: Path) -> None:
        if self._is_inside(path) and not path.is_symlink():
            for ref in _inside(path / "refs"):  # a ref without its snapshot would make others drop the whole
                self._remove(ref, "ref")
        self._remove(path, "repository")

    def _remove_notes(self, snapshot: Path) -> None:
        """Remove what was noted about a commit."""
        repo, commit = snapshot.parent.parent, snapshot.name
        if is_commit(commit):
            for path in (repo / ".no_exist" / commit, tree_file(repo, commit)):
                if os.path.lexists(path):
                    self._remove(path, "note")

    def _remove_blobs(self) -> None:
        by_repo: dict[Path, list[Path]] = defaultdict(list)
        for blob in sorted(self._removal.blobs):
            by_repo[blob.parent.parent].append(blob)
        for repo, blobs in by_repo.items():
            if repo in self._failed:
                self._tell(f"kept {len(blobs)} blobs of {repo}, as something may still refer to them")
                continue
            try:
                needed = {blob for each in inside(repo / "snapshots") for _, blob in linked_blobs(each)}
            except OSError as error:
                self._fail(blobs[0], f"kept {len(blobs)} blobs of {repo}, which can't be read: {error.strerror}")
                continue
            for blob in blobs:
                if str(blob) not in needed and not self._set_aside(blob, "blobs") and self._remove(blob, "blob"):
                    self._remove_partials(blob)
        repos = by_repo.keys() | {each.parent.parent for each in self._removal.snapshots}
        for blob in settle(sorted(each for each in repos if self._is_inside(each))):
            self._remove_partials(blob)

    def _set_aside(self, path: Path, kind: str) -> bool:
        """Take something out of everybody's sight, as a download may come to need it; tells whether that was done."""
        if not self._is_inside(path) or path.parent.name != kind or path.parent.is_symlink() or path.is_symlink():
            return False
        try:
            set_aside(path)
        except OSError:
            return False
        return True

    def _remove_partials(self, blob: Path) -> None:
        """Remove what downloads of a blob have left, but not what one is still writing."""
        with suppress(OSError, StoreError):
            remove_free(Place(blob), find_leftovers(blob.parent))

    def _remove(self, path: Path, what: str) -> bool:
        """Remove a file or a directory; tells whether it is gone."""
        if not self._is_inside(path):
            problem = "it lies outside of the cache"
        else:
            try:
                if stat.S_ISDIR(path.lstat().st_mode):
                    remove_tree(path, self._aside_of(path))
                else:
                    path.unlink()
            except FileNotFoundError:
                problem = "it is not there"
            except OSError as error:
                problem = error.strerror or type(error).__name__
            else:
                return True
        if os.path.lexists(path):
            self._failed.update(each.parent for each in path.parents if each.name in _PLACES)
        self._tell(f"couldn't remove the {what} {path}: {problem}")
        return False

    def _aside_of(self, path: Path) -> Path:
        """Return where a snapshot's directory, or a repository's, is set aside."""
        in_repo = path.parent.name in {"snapshots", ".no_exist", "trees"}
        return aside_of(path.parent.parent) if in_repo else aside_of_repos(Path(self._root))

    def _is_inside(self, path: Path) -> bool:
        """Tell whether a path is of something in the cache; what it leads to, if it is a link, is left alone anyway."""
        parent = os.path.realpath(path.parent)
        is_below = parent == self._root or parent.startswith(os.path.join(self._root, ""))  # noqa: PTH118 - text
        return is_below and path.name not in {"", ".."}


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
