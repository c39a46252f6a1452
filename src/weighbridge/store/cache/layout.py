"""Where everything of a repository lies in the cache: pure arithmetic on names, none of which leads outside.

::

    <root>/CACHEDIR.TAG
    <root>/.locks/models--org--name/<etag>.lock
    <root>/models--org--name/
        blobs/<etag>                     content, or a link into <root>/blobs (newer clients share some there)
        refs/<branch, tag or refs/pr/1>  the commit, 40 hex digits and nothing else
        snapshots/<commit>/<path>        links to blobs, or plain files where there are no links
        .no_exist/<commit>/<path>        empty: the commit has no such file
        trees/<commit>.json              the listing of a commit
        .weighbridge/                    what only we know: other clients look at none of it
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from weighbridge.core.errors import UnsafePathError
from weighbridge.core.etags import blob_name, is_blob_name, is_digest_name
from weighbridge.core.repos import RepoId, check_revision, is_commit, repo_path

__all__ = [
    "OF_SYSTEMS",
    "OWN",
    "CacheFolder",
    "blob_name",
    "checked_commit",
    "checked_etag",
    "is_digest_name",
    "tree_file",
]

OF_SYSTEMS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""What systems put into any directory; other clients pass over it as well."""

OWN = ".weighbridge"
"""The name of a directory for what only we know, inside a directory that other clients know."""


@dataclass(frozen=True)  # no slots: what is asked for with each file is worked out once
class CacheFolder:
    """The folder of one repository in a cache.

    Every method that takes a name raises :class:`~weighbridge.core.errors.UnsafePathError` for one that could lead
    elsewhere, before there is a path.

    Attributes:
        root: The cache.
        repo: The repository.
    """

    root: Path
    repo: RepoId

    @cached_property
    def path(self) -> Path:
        """The folder."""
        return self.root / self.repo.folder

    @cached_property
    def blobs(self) -> Path:
        """Contents, by etag."""
        return self.path / "blobs"

    @property
    def snapshots(self) -> Path:
        """What commits hold.  Nothing but directories of commits may lie in it, or other clients drop the folder."""
        return self.path / "snapshots"

    @property
    def refs(self) -> Path:
        """Which commits branches and tags mean.  No other file may lie in it, or other clients drop the folder."""
        return self.path / "refs"

    @property
    def own(self) -> Path:
        """What only we know."""
        return self.path / OWN

    def blob(self, etag: str) -> Path:
        """Return where the content of an etag lies."""
        return Path(f"{self.blobs}/{checked_etag(etag)}")  # in one step: there are many

    def snapshot(self, commit: str) -> Path:
        """Return the directory of a commit."""
        return self.snapshots / checked_commit(commit)

    def pointer(self, commit: str, path: str) -> Path:
        """Return where a file of a commit is found."""
        return Path(f"{self.path}/snapshots/{checked_commit(commit)}/{repo_path(path).text}")

    def ref(self, revision: str) -> Path:
        """Return where the commit of a branch or tag is noted."""
        return self.refs / check_revision(revision)

    def absence(self, commit: str, path: str) -> Path:
        """Return where it is noted that a commit has no such file."""
        return Path(f"{self.path}/.no_exist/{checked_commit(commit)}/{repo_path(path).text}")

    def tree(self, commit: str) -> Path:
        """Return where the listing of a commit lies."""
        return tree_file(self.path, commit)

    def lock(self, etag: str) -> Path:
        """Return the lock file of an etag, the same that newer clients use."""
        return Path(self.root, f".locks/{self.repo.folder}/{checked_etag(etag)}.lock")


def tree_file(place: Path, commit: str) -> Path:
    """Return where the listing of a commit lies.

    Args:
        place: A repository's folder in a cache, or ``.cache/huggingface`` of a directory of files.
        commit: 40 hex digits.

    Raises:
        UnsafePathError: It is no commit.
    """
    return place / "trees" / f"{checked_commit(commit)}.json"


def checked_commit(commit: str) -> str:
    """Return a commit; raises :class:`UnsafePathError` if it is none."""
    given: object = commit
    if not isinstance(given, str) or not is_commit(given):
        raise UnsafePathError(f"not a commit: {given!r}; it is 40 lower-case hex digits", name=given)
    return given


def checked_etag(etag: str) -> str:
    """Return an etag that may name a blob; raises :class:`UnsafePathError` if it may not."""
    given: object = etag
    if not isinstance(given, str) or not is_blob_name(given):
        raise UnsafePathError(f"the etag {given!r} can't be the name of a file; the server is no Hub", name=given)
    return given
