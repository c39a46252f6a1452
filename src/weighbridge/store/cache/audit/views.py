"""What a look at a repository in a cache has seen: facts, of which nothing is judged yet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from weighbridge.core.repos import RepoFile, RepoId, Tree
from weighbridge.store.cache.layout import CacheFolder


class Way(Enum):
    """Where a name leads."""

    ITSELF = "a plain file"
    INSIDE = "a plain file of the repository, or one that newer clients share between repositories"
    OUTSIDE = "a plain file elsewhere"
    NOWHERE = "nothing"
    ODD = "neither a file nor nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name in a snapshot, or among the blobs.

    Attributes:
        path: Below the snapshot, or below the blobs; with ``/``.
        place: Where that is.
        way: Where it leads.
        blob: What the blob of the repository is called that it is a link to; None if it is no link, or leads elsewhere.
        found: What a stat tells of the plain file that it leads to; None if it leads to none.
    """

    path: str
    place: Path
    way: Way
    blob: str | None = None
    found: os.stat_result | None = None

    @property
    def is_link(self) -> bool:
        """Whether it is a link."""
        return self.way is not Way.ITSELF


class State(Enum):
    """What a kept listing is good for."""

    GOOD = "it can be believed"
    DAMAGED = "it can't be one"
    LATER = "it is of a format that we do not know"
    UNREADABLE = "this user may not read it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A listing that is kept.

    Attributes:
        commit: Which it is of.
        path: Where it is.
        state: What it is good for.
        tree: Its files; None if it is not good.
    """

    commit: str
    path: Path
    state: State
    tree: Tree | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The directory of a commit.

    Attributes:
        commit: What it is called; other clients take any name.
        path: Where it is.
        names: All links and files in it, sorted by path.
        odd: Whatever else is in it.
    """

    commit: str
    path: Path
    names: tuple[Name, ...]
    odd: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Ref:
    """A file in ``refs``.

    Attributes:
        name: Of the branch or tag.
        path: Where it is.
        content: All of it; None if it is no plain file, or can't be read.
    """

    name: str
    path: Path
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Marker:
    """A file that says that a commit has no such file.

    Attributes:
        commit: Which.
        name: The path of the file that there is not.
        path: Where the marker is.
        size: In bytes; None if it is no plain file.
    """

    commit: str
    name: str
    path: Path
    size: int | None


@dataclass(frozen=True, slots=True)
class Stray:
    """What has no place where it is.

    Attributes:
        path: Where.
        detail: A sentence about it.
        is_fault: Other clients drop the repository because of it.
    """

    path: Path
    detail: str
    is_fault: bool = False


@dataclass(frozen=True, slots=True)
class Rest:
    """What somebody has begun and not ended, such as a download.

    Attributes:
        path: A file, or a directory of ours.
        size: In bytes of the disk.
        is_held: Somebody alive may be writing it.
        detail: A sentence about it, if it is not a download's.
    """

    path: Path
    size: int
    is_held: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """All that was seen of a repository's folder.

    Attributes:
        folder: Which.
        has_snapshots: Whether there is a directory for them, without which other clients take it for no repository.
        snapshots: Sorted by name.
        blobs: By name.
        refs: Sorted by name.
        listings: By commit.
        markers: Sorted by path.
        strays: What has no place where it is.
        rests: What downloads have left.
    """

    folder: CacheFolder
    has_snapshots: bool = True
    snapshots: tuple[Snapshot, ...] = ()
    blobs: Mapping[str, Name] = field(default_factory=dict)
    refs: tuple[Ref, ...] = ()
    listings: Mapping[str, Listing] = field(default_factory=dict)
    markers: tuple[Marker, ...] = ()
    strays: tuple[Stray, ...] = ()
    rests: tuple[Rest, ...] = ()

    @property
    def repo(self) -> RepoId:
        """Which repository."""
        return self.folder.repo

    def listed(self, commit: str) -> Mapping[str, RepoFile] | None:
        """Return the files that a commit has, by path; None if nobody knows."""
        listing = self.listings.get(commit)
        return None if listing is None or listing.tree is None else {each.path: each for each in listing.tree.files}
