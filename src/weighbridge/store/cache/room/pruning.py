"""Finds and removes what nobody will miss: revisions that nothing means, what downloads have left, what lies about.

Nothing goes that was used, written or renamed more recently than a bound, that somebody has pinned, or that a live
process holds: other clients' downloads know no locks of ours, and leave for a moment what nothing refers to yet.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from weighbridge.core.etags import is_blob_name
from weighbridge.core.repos import RepoId, is_commit
from weighbridge.store.cache import shared, uses
from weighbridge.store.cache.layout import OWN
from weighbridge.store.cache.pieces import stray_manifests
from weighbridge.store.cache.pins import stale_pins
from weighbridge.store.cache.readers import find_readers
from weighbridge.store.cache.removal import Removal, freed_size, remove
from weighbridge.store.cache.room.aside import aside_of, aside_of_repos, end_removals, is_waiting
from weighbridge.store.cache.room.inventory import CachedRevision, look_again, take_inventory
from weighbridge.store.cache.room.leaving import Left, Refused, held_blob, leave
from weighbridge.store.cache.scan import inside, linked_blobs
from weighbridge.store.cache.staging import remove_abandoned
from weighbridge.store.layout import CLAIM_SUFFIX, PARTIAL_SUFFIX
from weighbridge.store.leftovers import read_leftover
from weighbridge.store.sight import room_of
from weighbridge.store.tidying import tidy_abandoned

DAY_S = 86_400.0
"""How long nobody may have touched what goes, in seconds, unless somebody says otherwise."""

_ABANDONED = re.compile(r"tmp[a-z0-9_]{8}", re.ASCII)  # of the oldest clients, in the root
_PROBE = re.compile(r"tmp_[0-9a-f-]{32,36}", re.ASCII)  # of newer ones, beside blobs
_AT_ONCE = 8  # repositories; each has its wait for clients that know no locks of ours
_PATIENCE_S = 2.0  # with those who are at work in a repository
_INSTANT_S = 3600.0  # others' downloads make some things for an instant, of which no lock tells
_INCOMPLETE = ".incomplete"


class Waste(Enum):
    """What something is that can go; the value is its name in output that programs read."""

    REVISION = "revision"
    BLOB = "blob"  # nothing links to it
    UNFINISHED = "unfinished"
    NOTE = "note"  # about something that is gone
    SHARED = "shared"  # a content that newer clients share, and that nobody has any more
    REPO = "repository"  # an empty folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that can go.

    Attributes:
        waste: What it is.
        path: Where it is.
        size: Bytes of the disk that come free; those of a revision are those that nothing else has.
        repo: The repository's folder; None if it is in none.
    """

    waste: Waste
    path: Path
    size: int
    repo: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What has become of what could go.

    Attributes:
        removed: What is gone.
        refused: What stays since somebody uses it.
    """

    removed: tuple[Item, ...] = ()
    refused: tuple[Refused, ...] = ()

    @property
    def freed(self) -> int:
        """Bytes of the disk that came free."""
        return sum(each.size for each in self.removed)


def find_waste(root: Path, age_s: float = DAY_S) -> list[Item]:
    """Return all that can go; nothing is removed.

    Args:
        root: The cache.
        age_s: How long nobody may have touched it, in seconds.

    Raises:
        CacheNotFound: There is no such directory.
        InvalidParameterError: It is a file.
    """
    inventory = take_inventory(root)
    root, before = inventory.root, time.time() - age_s
    found: list[Item] = []
    for repo in inventory.repos:
        gone = [each for each in repo.revisions if _is_spare(each, before)]
        with suppress(OSError):  # what can't be read may need anything
            found += list(_revisions(root, repo.path, gone))
            found += _Lot(root, repo.path, before).run({each.path for each in gone})
    known = {each.path for each in inventory.repos}
    for problem in inventory.problems:
        place = Path(str(problem.path))
        if place not in known and place.is_dir() and not place.is_symlink() and RepoId.of_folder(place.name):
            found += _Lot(root, place, before).leftovers()  # what is wrong with it is not for us to mend
    return found + list(_of_root(root, before))


def prune(root: Path, items: Collection[Item], age_s: float = DAY_S) -> Pruned:
    """Remove what :func:`find_waste` has found, as far as it can still go.

    Args:
        root: The cache.
        items: What.
        age_s: As before.
    """
    root, before = Path(os.path.realpath(root)), time.time() - age_s
    by_repo: dict[Path, list[Item]] = defaultdict(list)
    for each in items:
        if each.repo is not None:
            by_repo[each.repo].append(each)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="weighbridge-prune") as pool:
        done = list(pool.map(lambda repo: _prune_repo(root, repo, by_repo[repo], before), sorted(by_repo)))
    removed = [each for repo in done for each in repo.removed]
    refused = [each for repo in done for each in repo.refused]
    for each in (each for each in items if each.repo is None):
        if each.waste is Waste.SHARED:
            shared.release(root, each.path)
        elif each.path == aside_of_repos(root):
            end_removals(root)
        else:
            with suppress(OSError):
                each.path.unlink()
        removed += [] if os.path.lexists(each.path) else [each]
    return Pruned(removed=tuple(removed), refused=tuple(refused))


def _prune_repo(root: Path, repo: Path, items: Collection[Item], before: float) -> Pruned:
    """Remove what can still go of a repository."""
    with uses.clearing(root, repo.name, _PATIENCE_S) as is_clear:
        if not is_clear:
            who = ", ".join(map(str, uses.users_at_work(root, repo.name))) or "unknown"
            return Pruned(refused=(Refused(repo, f"process {who} is at work in {repo.name}"),))
        try:
            return _prune_clear(root, repo, items, before)
        except OSError as error:
            return Pruned(refused=(Refused(repo, f"it can't be read: {error.strerror}"),))


def _prune_clear(root: Path, repo: Path, items: Collection[Item], before: float) -> Pruned:
    """Do as :func:`_prune_repo`, within :func:`uses.clearing`."""
    end_removals(root, repo)
    snapshots = {each.path: each for each in items if each.waste is Waste.REVISION}
    spare = {each.path for each in look_again(root, repo) if _is_spare(each, before)} if snapshots else set()
    still = spare & snapshots.keys()
    left = leave(root, repo, still, ()) if still else Left()
    rest = _Lot(root, repo, before).remove([each for each in items if each.waste is not Waste.REVISION])
    gone = [each for path, each in snapshots.items() if path in left.removed]
    return Pruned(removed=(*gone, *rest), refused=left.refused)


def _is_spare(revision: CachedRevision, before: float) -> bool:
    return not (revision.refs or revision.pins or revision.is_used or revision.used_at > before)


def _revisions(root: Path, repo: Path, gone: Collection[CachedRevision]) -> Iterator[Item]:
    """Yield revisions, each with what comes free if it goes after those before it."""
    links = {each: {blob for _, blob in linked_blobs(each)} for each in inside(repo / "snapshots")}
    going: set[Path] = set()
    freed = 0
    for each in gone:
        going.add(each.path)
        staying = {blob for path, blobs in links.items() if path not in going for blob in blobs}
        spare = {Path(blob) for path in going for blob in links.get(path, ()) if blob not in staying}
        now = freed_size(root, {blob for blob in spare if repo in blob.parents})
        yield Item(waste=Waste.REVISION, path=each.path, size=now - freed, repo=repo)
        freed = now


class _Lot:
    """What lies about in a repository's folder.

    Args:
        root: The cache, links undone.
        repo: The folder.
        before: Wall-clock seconds: what was touched later stays.
    """

    def __init__(self, root: Path, repo: Path, before: float) -> None:
        self._root = root
        self._repo = repo
        self._before = before

    def run(self, going: Collection[Path]) -> list[Item]:
        """Return all of it; ``going`` are snapshots that are to go anyway, and count as if they were there."""
        found = [*self._blobs(), *self.leftovers(), *self._notes(going)]
        if not found and not self._has_anything() and self._is_old(self._repo) and _is_older(self._repo, _INSTANT_S):
            return [Item(waste=Waste.REPO, path=self._repo, size=0, repo=self._repo)]
        return found

    def leftovers(self) -> list[Item]:
        """Return what downloads and removals have left that were interrupted."""
        found: list[Item] = []
        for each in _entries(self._repo / "blobs"):
            is_ours = each.name.endswith((PARTIAL_SUFFIX, CLAIM_SUFFIX))
            is_theirs = each.name.endswith(_INCOMPLETE)
            is_probe = _PROBE.fullmatch(each.name) is not None and _is_older(each, _INSTANT_S)
            if (is_ours or is_theirs or is_probe) and self._is_old(each) and self._is_free(each):
                found.append(Item(waste=Waste.UNFINISHED, path=each, size=_room(each), repo=self._repo))
        if is_waiting(aside_of(self._repo)):
            found.append(
                Item(
                    waste=Waste.UNFINISHED,
                    path=aside_of(self._repo),
                    size=_room(aside_of(self._repo)),
                    repo=self._repo,
                )
            )
        return found

    def remove(self, items: Collection[Item]) -> list[Item]:
        """Remove those of ``items`` that can still go; within :func:`uses.clearing`."""
        now = {each.path for each in self.run(())} | {each.path for each in items if not os.path.lexists(each.path)}
        going = [each for each in items if each.path in now]
        blobs = frozenset(each.path for each in going if each.waste is Waste.BLOB)
        remove(Removal(root=self._root, blobs=blobs), _ignore)
        age_s = time.time() - self._before
        for each in going:
            if each.waste is Waste.REPO:
                _remove_empty(each.path)
            elif each.path.name.endswith(PARTIAL_SUFFIX):
                tidy_abandoned(each.path.parent, age_s)
            elif each.path.parent == uses.uses_of(self._root, self._repo.name):
                with uses.sole(self._root, self._repo.name, each.path.name) as is_free:
                    if is_free:
                        uses.forget(self._root, self._repo.name, each.path.name)
            elif each.waste in {Waste.UNFINISHED, Waste.NOTE}:
                with suppress(OSError):
                    _remove(each.path)
        with suppress(OSError):
            remove_abandoned(f"{aside_of(self._repo).parent}/staged", time.time())
        return [each for each in going if not os.path.lexists(each.path)]

    def _blobs(self) -> Iterator[Item]:
        needed = {blob for each in inside(self._repo / "snapshots") for _, blob in linked_blobs(each)}
        spare = [
            each
            for each in _entries(self._repo / "blobs")
            if is_blob_name(each.name)
            and not each.name.endswith((_INCOMPLETE, ".lock"))
            and str(each) not in needed
            and not _PROBE.fullmatch(each.name)
            and not each.is_dir()
            and self._is_old(each)
            and held_blob(self._root, each) is None
        ]
        keys = {each: (found.st_dev, found.st_ino) for each in spare if (found := _look(each)) is not None}
        readers = find_readers({key: {each.name} for each, key in keys.items()})
        for each in spare:
            if keys.get(each) not in readers:
                size = freed_size(self._root, [each])
                yield Item(waste=Waste.BLOB, path=each, size=size, repo=self._repo)

    def _notes(self, going: Collection[Path]) -> Iterator[Item]:
        """Yield what is noted about commits and contents that are gone; it is noted anew when it is needed."""
        here = {each.name for each in inside(self._repo / "snapshots")} | {each.name for each in going}
        about = {each: each.name for each in _entries(self._repo / ".no_exist")}
        about |= {each: each.stem for each in _entries(self._repo / "trees")}
        about |= {each: each.name for each in _entries(uses.uses_of(self._root, self._repo.name))}
        for path, commit in about.items():
            if is_commit(commit) and commit not in here and self._is_old(path):
                yield Item(waste=Waste.NOTE, path=path, size=_room(path), repo=self._repo)
        for path in stray_manifests(self._repo):
            if self._is_old(path):
                yield Item(waste=Waste.NOTE, path=path, size=_room(path), repo=self._repo)

    def _has_anything(self) -> bool:
        return any(inside(self._repo / each) for each in ("snapshots", "blobs", "refs", "trees", ".no_exist"))

    def _is_free(self, path: Path) -> bool:
        if path.name.endswith(PARTIAL_SUFFIX):
            leftover = read_leftover(path)
            return leftover is None or leftover.is_free
        etag = path.name.removesuffix(_INCOMPLETE).partition(".")[0]
        if not path.name.endswith(_INCOMPLETE):
            return True  # a claim, whose holder gives a sign every few seconds
        return held_blob(self._root, path.with_name(etag)) is None and not _is_open(path)

    def _is_old(self, path: Path) -> bool:
        """Tell whether nobody has touched something since the bound; a rename shows in its times as well."""
        paths = [path, *_entries(path)] if path.name.endswith(PARTIAL_SUFFIX) else [path]
        seen = [found for each in paths if (found := _look(each, follow=False)) is not None]
        return all(max(each.st_mtime, each.st_ctime) <= self._before for each in seen)


def _of_root(root: Path, before: float) -> Iterator[Item]:
    """Yield what can go and is in no repository."""
    for each in _entries(root):
        found = _look(each, follow=False)
        if not _ABANDONED.fullmatch(each.name) or found is None or not stat.S_ISREG(found.st_mode):
            continue
        if max(found.st_mtime, found.st_ctime) <= before and not _is_open(each):
            yield Item(waste=Waste.UNFINISHED, path=each, size=found.st_size)
    for each in shared.shared_contents(root):
        found = _look(each, follow=False)
        if found is not None and found.st_ctime <= before and shared.references_to(root, each) == frozenset():
            yield Item(waste=Waste.SHARED, path=each, size=found.st_size)
    for each in stale_pins(root):
        yield Item(waste=Waste.NOTE, path=each, size=_room(each))
    if is_waiting(aside_of_repos(root)):
        yield Item(waste=Waste.UNFINISHED, path=aside_of_repos(root), size=_room(aside_of_repos(root)))


def _is_older(path: Path, age_s: float) -> bool:
    found = _look(path, follow=False)
    return found is not None and max(found.st_mtime, found.st_ctime) <= time.time() - age_s


def _is_open(path: Path) -> bool:
    found = _look(path)
    return found is not None and bool(find_readers({(found.st_dev, found.st_ino): {path.name}}))


def _remove_empty(repo: Path) -> None:
    """Remove a repository's folder in which nothing is but what only we know, and nothing that has come into it."""
    for directory, folders, names in os.walk(repo, topdown=False):
        place = Path(directory)
        is_ours = OWN in place.relative_to(repo).parts
        for each in names if is_ours else ():
            (place / each).unlink(missing_ok=True)
        for each in folders:
            with suppress(OSError):
                (place / each).rmdir()
    with suppress(OSError):
        repo.rmdir()


def _remove(path: Path) -> None:
    if not path.is_dir() or path.is_symlink():
        path.unlink()
        return
    for directory, folders, names in os.walk(path, topdown=False):
        for each in names:
            Path(directory, each).unlink()
        for each in folders:
            Path(directory, each).rmdir()
    path.rmdir()


def _room(path: Path) -> int:
    """Return how many bytes of the disk something takes up, with all that is in it."""
    paths = [path, *(Path(directory, each) for directory, _, names in os.walk(path) for each in names)]
    seen = [found for each in paths if (found := _look(each, follow=False)) is not None]
    return sum(room_of(each) for each in seen if stat.S_ISREG(each.st_mode))


def _look(path: Path, *, follow: bool = True) -> os.stat_result | None:
    try:
        return path.stat(follow_symlinks=follow)
    except OSError:
        return None


def _entries(folder: Path) -> list[Path]:
    try:
        return [folder / each for each in sorted(os.listdir(folder))]  # noqa: PTH208 - names only
    except OSError:
        return []


def _ignore(problem: str) -> None:
    del problem
