"""Lets commits leave a cache, unless somebody uses them: the way in which all that is removed on purpose goes."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.core.errors import WeighbridgeError
from weighbridge.core.repos import RepoId, is_commit
from weighbridge.store.cache import uses
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.locks import is_taken, taken_of
from weighbridge.store.cache.readers import find_readers
from weighbridge.store.cache.removal import Removal, freed_size, remove
from weighbridge.store.cache.room.aside import end_removals, refs_of
from weighbridge.store.cache.scan import inside, linked_blobs


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that stays, though it was to go.

    Attributes:
        path: A snapshot, a file of one, or a repository's folder.
        reason: Why, fit to be shown.
    """

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What has become of what was to go.

    Attributes:
        removed: Snapshots and files of them that are gone.
        refused: What stays.
        freed: Bytes of the disk that came free.
    """

    removed: frozenset[Path] = frozenset()
    refused: tuple[Refused, ...] = ()
    freed: int = 0


@dataclass(slots=True)
class _Contents:
    """What the snapshots of a repository link to: blobs by path of the link, by snapshot."""

    by_snapshot: dict[Path, dict[Path, Path]] = field(default_factory=dict)

    @classmethod
    def read(cls, repo: Path) -> _Contents:
        found = {
            each: {Path(pointer): Path(blob) for pointer, blob in linked_blobs(each)}
            for each in inside(repo / "snapshots")
        }
        return cls(found)

    def of(self, paths: Collection[Path]) -> set[Path]:
        """Return what snapshots, or files of them, link to."""
        links = self._links()
        return {blob for pointer, blob, snapshot in links if snapshot in paths or pointer in paths}

    def only_of(self, paths: Collection[Path]) -> set[Path]:
        """Return what nothing else links to."""
        links = self._links()
        return self.of(paths) - {
            blob for pointer, blob, snapshot in links if snapshot not in paths and pointer not in paths
        }

    def _links(self) -> Iterator[tuple[Path, Path, Path]]:
        for snapshot, links in self.by_snapshot.items():
            for pointer, blob in links.items():
                yield pointer, blob, snapshot


def leave(
    root: Path, repo: Path, paths: Collection[Path], refs: Collection[str], wait_s: float = uses.PATIENCE_S
) -> Left:
    """Remove snapshots of a repository, or single files of them, unless somebody uses them.

    Who of us is at work there is waited for, but not for ever.  A snapshot goes with the refs that mean it, and a
    content with the last that links to it; when there is nothing else left, so does the repository.

    Args:
        root: The cache, links undone.
        repo: The repository's folder in it.
        paths: Which; the folder itself stands for all that is in it.
        refs: Branches and tags that may go with their snapshots: another client may be writing one right now.
        wait_s: How long to wait, in seconds.
    """
    with uses.clearing(root, repo.name, wait_s) as is_clear:
        if not is_clear:
            reason = f"{_by(uses.users_at_work(root, repo.name))} at work in {repo.name}"
            return Left(refused=tuple(Refused(each, reason) for each in sorted(paths)))
        end_removals(root, repo)
        try:
            with ExitStack() as stack:
                return _leave(root, repo, paths, frozenset(refs), stack)
        except OSError as error:  # what can't be read may be needed, or need something
            reason = f"{repo} can't be read: {error.strerror}"
            return Left(refused=tuple(Refused(each, reason) for each in sorted(paths)))


def _leave(root: Path, repo: Path, paths: Collection[Path], refs: frozenset[str], stack: ExitStack) -> Left:
    contents, refused = _Contents.read(repo), list[Refused]()
    is_all = repo in paths and repo.is_dir()
    paths = contents.by_snapshot.keys() if is_all else paths
    here = {each for each in paths if os.path.lexists(each)}
    going = set[Path]()
    readers = _readers(contents, here)
    for snapshot in sorted({_snapshot_of(repo, each) for each in here}):
        wanted = {each for each in here if _snapshot_of(repo, each) == snapshot}
        problem = _problem(root, repo, contents, snapshot, wanted, readers, stack)
        if problem is None:
            going |= wanted
        else:
            refused += [Refused(each, problem) for each in sorted(wanted)]
    snapshots = {each for each in going if each.parent == repo / "snapshots"}
    meaning = refs_of(repo, {each.name for each in snapshots})
    late = {commit for path, commit in meaning.items() if path.relative_to(repo / "refs").as_posix() not in refs}
    for each in sorted(() if is_all else (each for each in snapshots if each.name in late)):
        going.remove(each)
        snapshots.remove(each)
        refused.append(Refused(each, "a branch or tag has come to mean it"))
    # what nothing means goes in parts, as another client may be about to mean it
    is_whole = (is_all or bool(meaning)) and snapshots >= contents.by_snapshot.keys()
    if is_whole and (holder := _holder(root, repo)) is not None:
        return Left(refused=(*refused, *(Refused(each, holder) for each in sorted(going) or [repo])))
    blobs = {each for each in contents.only_of(going) if each.parent == repo / "blobs"}
    plain = {each for each in contents.only_of(going) if repo / "snapshots" in each.parents}
    freed = freed_size(root, blobs | plain)
    removal = Removal(
        root=root,
        refs=frozenset(path for path, commit in meaning.items() if repo / "snapshots" / commit in snapshots),
        snapshots=frozenset(snapshots),
        files=frozenset(going - snapshots),
        blobs=frozenset(blobs),
    )
    if not uses.is_still_clear(root, repo.name):
        return Left(refused=(*refused, *(Refused(each, "a download went on meanwhile") for each in sorted(going))))
    problems: list[str] = []
    remove(Removal(root=root, repos=frozenset({repo})) if is_whole else removal, problems.append)
    going |= {repo} if is_whole else set()
    gone = {each for each in going if not os.path.lexists(each)}
    freed -= freed_size(root, {each for each in blobs | plain if os.path.lexists(each)})
    for each in snapshots & gone:
        uses.forget(root, repo.name, each.name)
    refused += [Refused(each, "; ".join(problems) or "it could not be removed") for each in sorted(going - gone)]
    return Left(removed=frozenset(gone), refused=tuple(refused), freed=freed)


def count_freed(root: Path, repo: Path, paths: Collection[Path]) -> int:
    """Return how many bytes of the disk would come free if :func:`leave` removed all that it is told."""
    contents = _Contents.read(repo)
    blobs = contents.only_of(contents.by_snapshot.keys() if repo in paths else paths)
    return freed_size(root, {each for each in blobs if repo in each.parents})


def held_blob(root: Path, blob: Path) -> str | None:
    """Tell why a blob can't go now: another client holds its lock; None if none does."""
    repo = RepoId.of_folder(blob.parent.parent.name)
    with suppress(WeighbridgeError):
        if repo is not None and is_taken(CacheFolder(root, repo), blob.name):
            return _fetching(repo, blob.name)
    return None


def _problem(  # noqa: PLR0913, PLR0917 - what was found out once for all
    root: Path,
    repo: Path,
    contents: _Contents,
    snapshot: Path,
    wanted: Collection[Path],
    readers: Mapping[Path, int],
    stack: ExitStack,
) -> str | None:
    """Tell why something can't go now; None if it can, and nobody of us begins to use it while the stack lasts."""
    if is_commit(snapshot.name) and not stack.enter_context(uses.sole(root, repo.name, snapshot.name)):
        return f"in use{_by(uses.users_of(root, repo.name, snapshot.name), ' by')}"
    for pointer, blob in contents.by_snapshot.get(snapshot, {}).items():
        if blob in readers:
            return f"process {readers[blob]} has {pointer.relative_to(snapshot).as_posix()} open"
    return _first(held_blob(root, each) for each in sorted(contents.only_of(wanted)) if each.parent == repo / "blobs")


def _readers(contents: _Contents, paths: Collection[Path]) -> dict[Path, int]:
    """Return who has contents open, of the snapshots that are to go or to lose a file."""
    snapshots = {each for each in contents.by_snapshot if each in paths or any(each in path.parents for path in paths)}
    return _open_ones(contents.of(snapshots))


def _open_ones(blobs: Iterable[Path]) -> dict[Path, int]:
    names: dict[tuple[int, int], set[str]] = {}
    keys: dict[Path, tuple[int, int]] = {}
    for blob in blobs:
        with suppress(OSError):
            found = blob.stat()
            keys[blob] = (found.st_dev, found.st_ino)
            names.setdefault(keys[blob], set()).update({blob.name, blob.resolve().name})
    open_ones = find_readers(names)
    return {blob: open_ones[key] for blob, key in keys.items() if key in open_ones}


def _holder(root: Path, repo: Path) -> str | None:
    """Tell which blob somebody is fetching, so that the whole repository can't go; None if there is none."""
    known = RepoId.of_folder(repo.name)
    taken = [] if known is None else taken_of(CacheFolder(root, known))
    return _fetching(known, taken[0]) if known is not None and taken else _writer(repo / "blobs")


def _fetching(repo: RepoId, etag: str) -> str:
    return f"another client is fetching {etag} of {repo.address}"


def _writer(blobs: Path) -> str | None:
    """Tell who is fetching a blob without a lock, as the oldest clients do; None if nobody is."""
    open_ones = _open_ones(blobs.glob("*.incomplete"))
    return _first(f"process {process} is fetching {each.name}" for each, process in open_ones.items())


def _first(reasons: Iterable[str | None]) -> str | None:
    return next((each for each in reasons if each is not None), None)


def _snapshot_of(repo: Path, path: Path) -> Path:
    return repo / "snapshots" / path.relative_to(repo / "snapshots").parts[0]


def _by(processes: Collection[int], word: str = "") -> str:
    """Return who it is in words: ``process 4711 is``, `` by process 4711``."""
    if not processes:
        return "" if word else "a process is"
    named = ", ".join(map(str, processes))
    noun = "process" if len(processes) == 1 else "processes"
    return f"{word} {noun} {named}" if word else f"{noun} {named} {'is' if len(processes) == 1 else 'are'}"
