"""A directory of files from a repository, with the notes beside them that newer clients keep and read.

::

    <root>/config.json                                             a plain file
    <root>/.cache/huggingface/.gitignore, CACHEDIR.TAG
    <root>/.cache/huggingface/download/config.json.metadata        commit, etag, seconds since 1970: three lines
    <root>/.cache/huggingface/trees/<commit>.json                  the listing of a commit
    <root>/.cache/huggingface/.weighbridge/revisions/<repo>.json   what its branches and tags meant; ours alone
"""

from __future__ import annotations

import json
import math
import stat
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from weighbridge.core.errors import UnsafePathError
from weighbridge.core.etags import is_blob_name
from weighbridge.core.repos import RepoId, is_commit, repo_path
from weighbridge.store.cache.copies import copy_file
from weighbridge.store.cache.layout import OWN, checked_commit, checked_etag, tree_file
from weighbridge.store.cache.root import tag_directory
from weighbridge.store.cache.staging import make_directories, read_whole, write_whole
from weighbridge.store.faults import storing
from weighbridge.store.sight import Sight

_KEPT = (".cache", "huggingface")
_LARGEST = 4096
_LARGEST_REVISIONS = 1 << 20
_LINES = 3
_SLACK_S = 1.0  # file systems keep times of different precision


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a file in a directory.

    Attributes:
        commit: Where it came from.
        etag: What it was.
        at: When both were true, in seconds since 1970.
    """

    commit: str
    etag: str
    at: float


class LocalFolder:
    """A directory of files from one repository.

    Args:
        root: The directory; made when the first note is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def kept(self) -> Path:
        """Where clients keep what they know about the files."""
        return self.root.joinpath(*_KEPT)

    def place(self, path: str) -> Path:
        """Return where a file of the repository lies.

        Raises:
            UnsafePathError: It would lie elsewhere, or where notes are kept: it would be one that nobody has made.
        """
        name = repo_path(path)
        if tuple(each.casefold() for each in name.parts[: len(_KEPT)]) == _KEPT:
            raise UnsafePathError(
                f"the file {path!r} would lie among the notes about files; exclude it, or have it in the cache",
                name=path,
            )
        return self.root / name.text

    def tree(self, commit: str) -> Path:
        """Return where the listing of a commit lies; raises :class:`UnsafePathError` if it is none."""
        return tree_file(self.kept, commit)

    def note_of(self, path: str) -> Note | None:
        """Return what is noted of a file; None if it is not there, or was changed later than that.

        Raises:
            UnsafePathError: It would lie elsewhere.
        """
        place = self.place(path)
        note = _parse(read_whole(self._note(path), _LARGEST))
        try:
            found = place.lstat()
        except OSError:
            return None
        is_true = note is not None and stat.S_ISREG(found.st_mode) and found.st_mtime - _SLACK_S <= note.at
        return note if is_true else None

    def write_note(self, path: str, commit: str, etag: str) -> None:
        """Note, of a file that is in its place, where it came from and what it is.

        Who dies before has the file without a note: then it is read, or fetched again.

        Raises:
            UnsafePathError: The path, the commit or the etag could lead elsewhere.
            StoreError: The disk says no.
        """
        self.place(path)
        content = f"{checked_commit(commit)}\n{checked_etag(etag)}\n{time.time()}\n"
        note = self._note(path)
        self.prepare()
        make_directories(self.root, note.parent)
        with storing(note, "write"):
            write_whole(self.kept, note, content.encode("ascii"))

    def revision(self, repo: RepoId, name: str) -> str | None:
        """Return the commit that a branch or tag of ``repo`` meant when files of it were put here; None if unknown."""
        commit = self._revisions(repo).get(name)
        return commit if isinstance(commit, str) and is_commit(commit) else None

    def note_revision(self, repo: RepoId, name: str, commit: str) -> None:
        """Note what a branch or tag of ``repo`` means.

        Raises:
            UnsafePathError: That is no commit.
            StoreError: The disk says no.
        """
        known = {**self._revisions(repo), name: checked_commit(commit)}
        place = self._revisions_of(repo)
        self.prepare()
        make_directories(self.root, place.parent)
        with storing(place, "write"):
            write_whole(self.kept, place, json.dumps(known, indent=1, sort_keys=True).encode("ascii"))

    def _revisions_of(self, repo: RepoId) -> Path:
        return self.kept / OWN / "revisions" / f"{repo.folder}.json"

    def _revisions(self, repo: RepoId) -> dict[str, object]:
        try:
            found = json.loads(read_whole(self._revisions_of(repo), _LARGEST_REVISIONS) or b"{}")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def copy_in(self, source: Path, path: str, seen: Sight | None = None, stop: threading.Event | None = None) -> Path:
        """Give a file of the repository the content of another file, complete and flushed or not at all.

        Args:
            source: The other file.
            path: Of the file in the repository.
            seen: What ``source`` looked like when it was found to be right; None believes what it is now.
            stop: Ends a long copy early.

        Returns:
            Where it lies.

        Raises:
            UnsafePathError: It would lie elsewhere.
            StoreError: The disk says no, or ``source`` is not what it was; nothing has changed.
            CancelledError: ``stop`` was set; nothing has changed.
        """
        place = self.place(path)
        self.prepare()
        make_directories(self.root, place.parent)
        copy_file(self.kept, source, place, seen, stop)
        return place

    def prepare(self) -> None:
        """Make the directory for notes, marked so that git and backups leave it out.

        Raises:
            StoreError: It can't be made.  Marks that can't be written are done without.
        """
        make_directories(self.root, self.kept)
        tag_directory(self.kept)
        ignoring = self.kept / ".gitignore"
        with suppress(OSError):
            if not ignoring.exists():
                write_whole(self.kept, ignoring, b"*")

    def _note(self, path: str) -> Path:
        return self.kept / "download" / f"{repo_path(path).text}.metadata"


def _parse(content: bytes | None) -> Note | None:
    lines = (content or b"").decode("ascii", "replace").split("\n")
    if len(lines) < _LINES:
        return None
    commit, etag, text = (each.strip() for each in lines[:_LINES])
    try:
        at = float(text)
    except ValueError:
        return None
    return Note(commit, etag, at) if is_commit(commit) and is_blob_name(etag) and math.isfinite(at) else None
