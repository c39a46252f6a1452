"""Repositories in a cache as huggingface_hub lays it out (blobs, refs, snapshots), read as it is at each request."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from weighbridge.mirror.digests import ChangedWhileReadError, DigestIndex
from weighbridge.mirror.identity import RepoId, is_commit
from weighbridge.mirror.listing import Held, Listing, digest_kind
from weighbridge.mirror.refusals import no_entry, no_revision
from weighbridge.mirror.repository import SHORTEST_PREFIX, find_prefix
from weighbridge.store.sight import Sight, read_plain

_log = logging.getLogger("weighbridge.mirror")
_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_UNFINISHED = re.compile(r"\.[0-9a-f]{8}\.tmp$", re.ASCII)  # a ref that its writer has not renamed yet
_LARGEST_REF = 4096


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
        return CachedRepository(repo, folder, self._index) if (folder / "snapshots").is_dir() else None

    def repositories(self) -> list[CachedRepository]:
        """Return all repositories that are here now."""
        try:
            folders = sorted(each.name for each in self._root.iterdir())
        except OSError:
            return []
        found = (RepoId.of_folder(each) for each in folders)
        return [held for repo in found if repo is not None and (held := self.get(repo)) is not None]


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
            if commit and not is_short and not _UNFINISHED.search(name) and self._has(commit):
                found[name] = commit
        return dict(sorted(found.items(), key=lambda each: (each[0] != "main", each[0])))

    def commits(self) -> list[str]:
        """Return all commits that have a snapshot, the latest first."""
        try:
            found = [each for each in os.scandir(self.folder / "snapshots") if is_commit(each.name) and each.is_dir()]
            found.sort(key=lambda each: (-each.stat().st_mtime_ns, each.name))
        except OSError:
            return []
        return [each.name for each in found]

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
        root = self._snapshot(commit)
        if not root.is_dir():
            raise no_revision(str(self.repo), commit)
        allowed = self._allowed()
        files: dict[str, Held] = {}
        for path in _plain_files(root, follow=True):
            name = path.relative_to(root).as_posix()
            held = self._hold(path, name, allowed) if _is_text(name) else None
            if held is not None:
                files[name] = held
        wanted = self._wanted(commit)
        return Listing(commit, dict(sorted(files.items())), len(wanted - files.keys()), root.stat().st_mtime_ns)

    def find(self, commit: str, path: str) -> Held:
        """Return one file of a commit."""
        held = self._hold(self._snapshot(commit) / path, path, self._allowed())
        if held is None:
            raise no_entry(str(self.repo), path, commit)
        return held

    def _snapshot(self, commit: str) -> Path:
        return self.folder / "snapshots" / commit

    def _has(self, commit: str) -> bool:
        return self._snapshot(commit).is_dir()

    def _allowed(self) -> tuple[str, ...]:
        """Return where files may lie, links undone: in the repository's folder, or in the cache's shared blobs."""
        return (f"{os.path.realpath(self.folder)}/", f"{os.path.realpath(self.folder.parent / 'blobs')}/")

    def _hold(self, pointer: Path, name: str, allowed: tuple[str, ...]) -> Held | None:
        try:
            real = Path(os.path.realpath(pointer, strict=True))
            sight = Sight.of(real.stat())
            if not str(real).startswith(allowed) or not real.is_file():
                return None
            blob = self._blob_of(pointer, real) or self.index.digest(real, digest_kind(name, sight.size), sight)
        except (OSError, ValueError):
            return None
        except ChangedWhileReadError as error:
            _log.warning("%s; left out until it rests", error)
            return None
        return Held(real, sight, blob)

    def _blob_of(self, pointer: Path, real: Path) -> str | None:
        """Return the name of the blob that a pointer links to, if that name is a digest."""
        if not pointer.is_symlink():
            return None
        name = pointer.readlink().name
        is_ours = _BLOB.fullmatch(name) and os.path.realpath(self.folder / "blobs" / name) == str(real)
        return name if is_ours else None

    def _read_ref(self, path: Path) -> str:
        """Return the commit that a ref holds; "" if it holds none."""
        try:
            text = read_plain(path)[:_LARGEST_REF].decode("ascii").strip()
        except (OSError, ValueError):
            return ""
        return text if is_commit(text) else ""

    def _wanted(self, commit: str) -> set[str]:
        """Return the paths that the commit is known to have, from the listing that newer clients keep."""
        try:
            content = json.loads(read_plain(self.folder / "trees" / f"{commit}.json"))
            return set(content["files"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return set()


def _plain_files(root: Path, *, follow: bool = False) -> Iterator[Path]:
    """Yield what is below ``root`` and no directory; links to directories are not entered."""
    for directory, _, names in os.walk(root):
        for name in names:
            path = Path(directory, name)
            if follow or not path.is_symlink():
                yield path


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
