"""What every repository that is served can tell of itself, wherever its files lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from weighbridge.core.repos import RepoId
from weighbridge.mirror.listing import Held, Listing, Outline

SHORTEST_PREFIX = 7  # hex digits that git takes for a commit


class Repository(Protocol):
    """One repository.  Every call may read the disk, and comes from many threads."""

    @property
    def repo(self) -> RepoId:
        """Which one it is."""

    def refs(self) -> Mapping[str, str]:
        """Return the commits of its branches and tags, by name; ``refs/pr/1`` is a name, too."""

    def commits(self) -> list[str]:
        """Return all commits that it holds something of, the latest first."""

    def resolve(self, revision: str) -> str:
        """Return the commit that a branch, a tag, or a commit's first digits mean.

        Raises:
            Refusal: None that is held here.
        """

    def listing(self, commit: str) -> Listing:
        """Return what it holds of a commit that :meth:`resolve` gave.

        Raises:
            Refusal: The commit has gone meanwhile.
        """

    def outline(self, commit: str) -> Outline:
        """Return what a listing of a commit would tell but digests; reads no file, however many are new.

        Raises:
            Refusal: The commit has gone meanwhile.
        """

    def find(self, commit: str, path: str) -> Held:
        """Return one file of a commit.

        Raises:
            Refusal: The commit has none of that name here.
        """


def find_prefix(text: str, commits: list[str]) -> str | None:
    """Return the one commit that begins with ``text``; None if there is none, or more than one."""
    if len(text) < SHORTEST_PREFIX:
        return None
    found = [each for each in commits if each.startswith(text)]
    return found[0] if len(found) == 1 else None
