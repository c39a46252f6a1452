"""A folder of files as a repository with one branch, whose commit follows from the content alone."""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.core.repos import RepoId
from weighbridge.mirror.digests import ChangedWhileReadError, DigestIndex, NotKnownYetError
from weighbridge.mirror.disk import is_absent, is_text, passing_over_absence, walk
from weighbridge.mirror.git import commit_id, tree_ids
from weighbridge.mirror.listing import Held, Listing, Outline, digest_kind
from weighbridge.mirror.refusals import no_entry, no_revision, try_later
from weighbridge.mirror.repository import find_prefix
from weighbridge.store.receipts import is_settled
from weighbridge.store.sight import Sight

_log = logging.getLogger("weighbridge.mirror")
_FRESH_S = 1.0  # how long a look at the folder is believed
_FRESH_LOOKS = 10  # or so many times as long as it took, if that is longer
_KEPT_S = 3600.0  # how long a commit is remembered after it was asked for last: whoever is in the middle of it can end
_KEPT_FILES = 1_000_000  # in all commits that are remembered
_SKIPPED_FOLDERS = frozenset({".git", ".cache", "__pycache__"})
_UNFINISHED = (".wb-partial", ".wb-claim", ".incomplete", ".aria2", ".part")

_PATIENCE_S = 2.0  # for the digest of a file that was touched; then its computation goes on alone

Progress = Callable[[int, int], None]


class _Meter:
    """Counts the bytes whose digests are known, and tells of them."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total = total
        self._progress = progress
        self._done = self._of_file = 0

    def read(self, count: int) -> None:
        """Account for bytes of a file that had to be read."""
        self._of_file += count
        self._progress(self._done + self._of_file, self._total)

    def end_file(self, size: int) -> None:
        """Account for a whole file."""
        self._done, self._of_file = self._done + size, 0
        self._progress(self._done, self._total)


class FolderRepository:
    """One folder.

    Its files are looked at again when somebody asks for its branch; digests are computed only of what has changed.
    An older commit can be had as long as the files that are asked for are what they were.

    Args:
        repo: What it is called.
        root: The folder.
        index: Computes digests.

    Raises:
        StoreError: It is no folder, or can't be read.
    """

    def __init__(self, repo: RepoId, root: Path, index: DigestIndex) -> None:
        self.repo = repo
        self._root = Path(os.path.realpath(root))
        self._index = index
        self._looking = threading.Lock()  # one look at a time, which may take long; guards all below but _listings
        self._lock = threading.Lock()  # guards _listings and _asked_at
        self._listings: OrderedDict[str, Listing] = OrderedDict()  # the newest last
        self._asked_at: dict[str, float] = {}
        self._fresh_s = _FRESH_S
        self._seen: dict[str, tuple[Path, Sight]] = {}
        self._is_young = False  # a file was so new that it may have changed since without looking otherwise
        self._told: set[str] = set()
        self._looked_at = float("-inf")
        try:
            os.scandir(self._root).close()
        except OSError as error:
            raise StoreError(f"can't serve {root}: {error.strerror}", path=str(root)) from error

    def prepare(self, progress: Progress) -> Listing:
        """Look at everything, and compute the digests that are not known.

        Args:
            progress: Told the bytes whose digests are known by now, and those of all files.
        """
        with self._looking:
            return self._look(progress)

    def refs(self) -> Mapping[str, str]:
        """Return its one branch."""
        return {"main": self._current().commit}

    def commits(self) -> list[str]:
        """Return its commit."""
        return [self._current().commit]

    def resolve(self, revision: str) -> str:
        """Return the commit that a revision means."""
        with self._lock:
            if revision in self._listings:
                return revision
        current = self._current().commit
        if revision == "main" or find_prefix(revision, [current]):
            return current
        raise no_revision(str(self.repo), revision)

    def listing(self, commit: str) -> Listing:
        """Return what a commit holds."""
        with self._lock:
            found = self._listings.get(commit)
            if found is not None:
                self._asked_at[commit] = time.monotonic()
        if found is None:
            raise no_revision(str(self.repo), commit)
        return found

    def outline(self, commit: str) -> Outline:
        """Return what a commit holds, without digests."""
        found = self.listing(commit)
        return Outline(commit, {path: held.size for path, held in found.files.items()}, 0, found.modified_ns)

    def find(self, commit: str, path: str) -> Held:
        """Return one file of a commit, if it still is what it was."""
        held = self.listing(commit).files.get(path)
        if held is None:
            raise no_entry(str(self.repo), path, commit, is_known=True)
        now = None
        with passing_over_absence():
            now = self._look_again(path, held)
        if now is None:  # the commit has that file, only it is gone: nobody may note that it does not exist
            raise no_entry(str(self.repo), path, commit, is_known=False)
        return now

    def _look_again(self, path: str, held: Held) -> Held | None:
        """Return the file as it is now, if its content is what it was: it may have been touched, or linked."""
        sight = Sight.of(held.place.lstat())
        if sight == held.sight:
            return held
        try:
            name = self._index.digest(held.place, digest_kind(path, sight.size), sight, wait_s=_PATIENCE_S)
        except (ChangedWhileReadError, NotKnownYetError) as error:
            raise try_later(f"{path} can't be had now: {error}") from error
        return Held(held.place, sight, name) if name == held.name else None

    def _current(self) -> Listing:
        known = self._newest()
        if not self._looking.acquire(blocking=known is None) and known is not None:
            return known  # while somebody hashes what is new, what there was is served
        try:
            known = self._newest()
            is_fresh = time.monotonic() - self._looked_at < self._fresh_s
            return known if known is not None and is_fresh else self._look(_tell_nobody)
        finally:
            self._looking.release()

    def _newest(self) -> Listing | None:
        with self._lock:
            return next(reversed(self._listings.values()), None)

    def _look(self, progress: Progress) -> Listing:
        """Return the newest listing, brought up to date; called while nobody else looks."""
        began = time.monotonic()
        seen, now_ns = dict(self._files()), time.time_ns()
        self._fresh_s = max(_FRESH_S, _FRESH_LOOKS * (time.monotonic() - began))
        listing = self._newest()
        if seen != self._seen or self._is_young or listing is None:
            listing = self._list(seen, progress)
            with self._lock:
                self._listings.pop(listing.commit, None)
                self._listings[listing.commit] = listing
                self._asked_at[listing.commit] = began
                self._forget_old(began)
            self._seen = seen
            self._is_young = not all(is_settled(sight, now_ns) for _, sight in seen.values())
        self._looked_at = time.monotonic()
        return listing

    def _forget_old(self, now: float) -> None:
        """Forget commits that nobody has asked for in a while; called with the lock held."""
        *older, _ = self._listings
        files = sum(len(each.files) for each in self._listings.values())
        for commit in older:
            if files > _KEPT_FILES or now - self._asked_at.get(commit, float("-inf")) > _KEPT_S:
                files -= len(self._listings.pop(commit).files)
        self._asked_at = {commit: at for commit, at in self._asked_at.items() if commit in self._listings}

    def _list(self, seen: Mapping[str, tuple[Path, Sight]], progress: Progress) -> Listing:
        meter = _Meter(sum(sight.size for _, sight in seen.values()), progress)
        files: dict[str, Held] = {}
        try:
            for path, (place, sight) in sorted(seen.items()):
                held = self._hold(path, place, sight, meter)
                if held is not None:
                    files[path] = held
                meter.end_file(sight.size)
        finally:
            self._index.save()
        tree = tree_ids({path: held.blob for path, held in files.items()})[""]
        modified_ns = max((each.sight.changed_at_ns for each in files.values()), default=0)
        return Listing(commit_id(tree), files, 0, modified_ns)

    def _hold(self, path: str, place: Path, sight: Sight, meter: _Meter) -> Held | None:
        try:
            return Held(place, sight, self._index.digest(place, digest_kind(path, sight.size), sight, tell=meter.read))
        except ChangedWhileReadError:
            self._tell_once(path, "is being written to; left out until it rests")
        except OSError as error:
            if not is_absent(error):
                raise
            self._tell_once(path, f"can't be read: {error.strerror}; left out")
        return None

    def _files(self) -> Iterator[tuple[str, tuple[Path, Sight]]]:
        """Yield each plain file: its path in the repository, where it is, and what a stat tells."""
        inside = os.path.join(self._root, "")  # noqa: PTH118 - ends in a slash
        for directory, folders, names in walk(str(self._root)):
            folders[:] = [each for each in folders if each not in _SKIPPED_FOLDERS and not each.endswith(_UNFINISHED)]
            linked = [each for each in folders if os.path.islink(f"{directory}/{each}")]  # noqa: PTH114 - many of them
            for name in (*names, *linked):
                full = f"{directory}/{name}"
                path = os.path.relpath(full, self._root)
                if name.endswith(_UNFINISHED) or not is_text(path):
                    continue
                found = self._see(full, path, inside)
                if found is not None:
                    yield path, found

    def _see(self, full: str, path: str, inside: str) -> tuple[Path, Sight] | None:
        """Return the plain file that is at ``full``, in a folder without links in its path, or that a link leads to."""
        found = None
        with passing_over_absence():
            found = os.lstat(full)
            if stat.S_ISLNK(found.st_mode):
                full = os.path.realpath(full, strict=True)
                found = os.lstat(full)
        if found is None:
            return None
        if not full.startswith(inside):
            self._tell_once(path, "is a link that leads out of the folder; left out")
        elif stat.S_ISDIR(found.st_mode):
            self._tell_once(path, "is a link to a folder; left out")
        elif stat.S_ISREG(found.st_mode):
            return Path(full), Sight.of(found)
        return None

    def _tell_once(self, path: str, what: str) -> None:
        if path not in self._told:
            self._told.add(path)
            _log.warning("%s: %s %s", self.repo, path, what)


def _tell_nobody(done: int, total: int) -> None:
    del done, total
