"""Repositories in a cache as huggingface_hub lays it out (blobs, refs, snapshots), read as it is at each request."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from weighbridge.core.repos import RepoId, is_commit
from weighbridge.mirror.digests import ChangedWhileReadError, DigestIndex, NotKnownYetError
from weighbridge.mirror.disk import is_text, passing_over_absence, walk
from weighbridge.mirror.listing import Held, Listing, Outline, digest_kind
from weighbridge.mirror.refusals import Refusal, no_entry, no_revision, try_later
from weighbridge.mirror.repository import SHORTEST_PREFIX, find_prefix
from weighbridge.store.cache.refs import LARGEST_REF, is_unfinished
from weighbridge.store.sight import Sight, read_plain

_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_POINTER = re.compile(r"(?:\.\./)+blobs/(?:[0-9a-f]{40}|[0-9a-f]{64})", re.ASCII)
_PATIENCE_S = 2.0  # for a digest that is not known; then its computation goes on alone


class Cache:
    """A cache directory.

    Args:
        root: The directory that holds ``models--org--name`` and the like.
        index: Computes digests of files whose names do not tell them.
    """

    def __init__(self, root: Path, index: DigestIndex) -> None:
        self._root = root
        self._index = index

    def get(self, repo: RepoId) -> CachedRepository | None:
        """Return a repository; None if nothing of it is here."""
        folder = self._root / repo.folder
        is_here = _is_folder(folder / "snapshots") and os.path.realpath(folder).startswith(self._inside())
        return CachedRepository(repo, folder, self._index) if is_here else None

    def repositories(self) -> list[CachedRepository]:
        """Return all repositories that are here now."""
        folders: list[str] = []
        with passing_over_absence():
            folders = sorted(each.name for each in self._root.iterdir())
        found = (RepoId.of_folder(each) for each in folders)
        return [held for repo in found if repo is not None and (held := self.get(repo)) is not None]

    def _inside(self) -> str:
        """Return what the real path of everything in the cache begins with."""
        return os.path.join(os.path.realpath(self._root), "")  # noqa: PTH118 - ends in a slash


@dataclass(frozen=True, slots=True)
class CachedRepository:
    """One repository of a cache.

    Attributes:
        repo: Which one.
        folder: Its folder in the cache.
        index: Computes digests of files whose names do not tell them.
    """

    repo: RepoId
    folder: Path
    index: DigestIndex

    def refs(self) -> Mapping[str, str]:
        """Return the commits of its refs, by name; refs whose snapshot is not here are left out."""
        root = self.folder / "refs"
        found: dict[str, str] = {}
        for path in _plain_files(root):
            name, commit = path.relative_to(root).as_posix(), self._read_ref(path)
            is_short = SHORTEST_PREFIX <= len(name) < len(commit) and commit.startswith(name)
            is_whole = is_text(name) and not is_unfinished(name)
            if commit and is_whole and not is_short and self._has(commit):
                found[name] = commit
        return dict(sorted(found.items(), key=lambda each: (each[0] != "main", each[0])))

    def commits(self) -> list[str]:
        """Return all commits that have a snapshot, the latest first."""
        with passing_over_absence():
            found = [each for each in os.scandir(self.folder / "snapshots") if is_commit(each.name) and each.is_dir()]
            found.sort(key=lambda each: (-each.stat().st_mtime_ns, each.name))
            return [each.name for each in found]
        return []

    def resolve(self, revision: str) -> str:
        """Return the commit that a revision means."""
        if is_commit(revision):
            commit: str | None = revision
        else:
            commit = self._read_ref(self.folder / "refs" / revision) or find_prefix(revision, self.commits())
        if not commit or not self._has(commit):
            raise no_revision(str(self.repo), revision)
        return commit

    def listing(self, commit: str) -> Listing:
        """Return all files of a commit that are here; one whose content is elsewhere is left out."""
        root, modified_ns = self._open_snapshot(commit)
        allowed, blobs, wanted = self._allowed(), self._blobs(), self._wanted(commit)
        files: dict[str, Held] = {}
        for name, path in _named_files(root):
            held = _hold_blob(path, blobs) or self._hold(path, name, allowed)
            if held is not None and wanted.get(name) in {None, held.size}:
                files[name] = held
        return Listing(commit, dict(sorted(files.items())), len(wanted.keys() - files.keys()), modified_ns)

    def outline(self, commit: str) -> Outline:
        """Return what a commit holds, without digests: those of files that are no links would cost reading them."""
        root, modified_ns = self._open_snapshot(commit)
        allowed, blobs = self._allowed(), self._blobs()
        sizes: dict[str, int] = {}
        for name, path in _named_files(root):
            blob = _hold_blob(path, blobs)
            found = (blob.place, blob.sight) if blob is not None else _see(path, allowed)
            if found is not None:
                sizes[name] = found[1].size
        missing = len(self._wanted(commit).keys() - sizes.keys())
        return Outline(commit, dict(sorted(sizes.items())), missing, modified_ns)

    def find(self, commit: str, path: str) -> Held:
        """Return one file of a commit."""
        held = self._hold(self._snapshot(commit) / path, path, self._allowed())
        wanted = self._wanted(commit)
        if held is None:
            is_known = (bool(wanted) and path not in wanted) or _is_file(self.folder / ".no_exist" / commit / path)
            raise no_entry(str(self.repo), path, commit, is_known=is_known)
        if wanted.get(path) not in {None, held.size}:
            message = f"{path} has {held.size} bytes here instead of {wanted[path]}: it was damaged, or cut off"
            raise Refusal(404, message, "EntryNotFound")
        return held

    def _snapshot(self, commit: str) -> Path:
        return self.folder / "snapshots" / commit

    def _open_snapshot(self, commit: str) -> tuple[Path, int]:
        """Return where a snapshot really is, and when it was changed last (wall-clock nanoseconds)."""
        root = Path(os.path.realpath(self._snapshot(commit)))
        with passing_over_absence():
            return root, root.stat().st_mtime_ns
        raise no_revision(str(self.repo), commit)  # it was removed since it was asked for

    def _has(self, commit: str) -> bool:
        return _is_folder(self._snapshot(commit))

    def _allowed(self) -> tuple[str, ...]:
        """Return where files may lie, links undone: in the repository's folder, or in the cache's shared blobs."""
        return (f"{os.path.realpath(self.folder)}/", f"{os.path.realpath(self.folder.parent / 'blobs')}/")

    def _blobs(self) -> str:
        """Return the folder of the repository's own blobs; "" if it is a link."""
        place = os.path.join(os.path.realpath(self.folder), "blobs")  # noqa: PTH118 - compared as text
        return "" if os.path.islink(place) else place  # noqa: PTH114

    def _hold(self, pointer: Path, name: str, allowed: tuple[str, ...]) -> Held | None:
        found = _see(pointer, allowed)
        if found is None:
            return None
        real, sight = found
        try:
            with passing_over_absence():
                blob = self._blob_of(pointer, real) or self.index.digest(
                    real, digest_kind(name, sight.size), sight, wait_s=_PATIENCE_S
                )
                return Held(real, sight, blob)
        except (ChangedWhileReadError, NotKnownYetError) as error:
            raise try_later(f"{name} can't be had now: {error}") from error
        return None

    def _blob_of(self, pointer: Path, real: Path) -> str | None:
        """Return the name of the blob that a pointer links to, if that name is a digest."""
        if not pointer.is_symlink():
            return None
        name = pointer.readlink().name
        is_ours = _BLOB.fullmatch(name) and os.path.realpath(self.folder / "blobs" / name) == str(real)
        return name if is_ours else None

    def _read_ref(self, path: Path) -> str:
        """Return the commit that a ref holds; "" if it holds none."""
        with passing_over_absence(), suppress(ValueError):
            text = read_plain(path)[:LARGEST_REF].decode("ascii").strip()
            return text if is_commit(text) else ""
        return ""

    def _wanted(self, commit: str) -> Mapping[str, int | None]:
        """Return the sizes of all files that the commit is known to have, from the listing that newer clients keep."""
        place = self.folder / "trees" / f"{commit}.json"
        with passing_over_absence():
            return _read_tree(place, Sight.of(place.lstat()))
        return {}


def _plain_files(root: Path, *, follow: bool = False) -> Iterator[Path]:
    """Yield what is below ``root`` and no directory; links to directories are not entered."""
    for directory, _, names in walk(str(root)):
        for name in names:
            path = Path(directory, name)
            if follow or not os.path.islink(path):  # noqa: PTH114 - what may not be looked at is no link
                yield path


def _named_files(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the path in the repository and the place of each entry of a snapshot that a client can name."""
    start = len(str(root)) + 1
    for path in _plain_files(root, follow=True):
        name = str(path)[start:]
        if is_text(name):
            yield name, path


def _hold_blob(pointer: Path, blobs: str) -> Held | None:
    """Return the blob that a pointer leads to, if it is as clients make it: then no other link has to be undone.

    Args:
        pointer: In a folder whose path has no links.
        blobs: The folder of the blobs, whose path has none either; "" never matches.
    """
    with passing_over_absence():
        target = os.readlink(pointer)  # noqa: PTH115 - many of them
        if not _POINTER.fullmatch(target):
            return None
        folder, _, name = os.path.normpath(f"{pointer.parent}/{target}").rpartition("/")
        found = os.lstat(f"{blobs}/{name}")
        if folder == blobs and stat.S_ISREG(found.st_mode):
            return Held(Path(blobs, name), Sight.of(found), name)
    return None


def _see(pointer: Path, allowed: tuple[str, ...]) -> tuple[Path, Sight] | None:
    """Return the plain file that a pointer is or leads to, and what a stat tells of it; None if it lies elsewhere."""
    with passing_over_absence():
        real = Path(os.path.realpath(pointer, strict=True))
        found = real.lstat()
        if str(real).startswith(allowed) and stat.S_ISREG(found.st_mode):
            return real, Sight.of(found)
    return None


def _is_folder(path: Path) -> bool:
    """Tell whether ``path`` is a folder that may be looked at; one that may not is as good as none."""
    with passing_over_absence():
        return stat.S_ISDIR(path.stat().st_mode)
    return False


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


@lru_cache(maxsize=16)
def _read_tree(place: Path, sight: Sight) -> Mapping[str, int | None]:
    """Return the sizes that a listing of a client tells; nothing if it is none.

    Args:
        place: The listing's file.
        sight: What it looks like now, so that another one is read anew.
    """
    del sight
    try:
        files = json.loads(read_plain(place))["files"]
        return {str(name): each.get("size") for name, each in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
