"""What a look at a cache has found to be otherwise than it should be; values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from weighbridge.core.ranges import ByteRange
from weighbridge.core.repos import RepoId


class Trouble(Enum):
    """What is wrong with something in a cache; the value is its name in output that programs read."""

    DAMAGED = "damaged"  # its content is not what its name, or the listing of its commit, says
    MISSING = "missing"  # something here says that it should be here
    EXTRA = "extra"  # nothing says that it should be here
    DANGLING = "dangling"  # a link or a ref to what is not here
    FOREIGN = "foreign"  # not of a cache, or leads out of it
    UNFINISHED = "unfinished"  # begun and not ended, by us or by others


class Thing(Enum):
    """What it is that something is wrong with; the value is its name in output that programs read."""

    BLOB = "blob"
    FILE = "file"  # of a snapshot: a pointer, or a plain file
    REF = "ref"
    LISTING = "listing"
    MARKER = "marker"  # that a commit has no such file
    REPO = "repository"
    ENTRY = "entry"  # of a folder in which it has no place
    PARTIAL = "partial"
    TAG = "tag"  # CACHEDIR.TAG


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing in a cache that is otherwise than it should be.

    Attributes:
        trouble: What is wrong with it.
        thing: What it is.
        path: Where it is, or should be.
        detail: A sentence about it, fit to be shown.
        is_fault: Whoever uses the cache may come to harm; what is not one is only worth knowing, such as the rest of
            an interrupted download.
        repo: In whose folder; None if in none.
        commit: Of which snapshot; None if of none, or of several.
        files: Paths in the repository under which it is known, each once, sorted.
        size: In bytes; None if nobody can tell.
        piece: The first bytes of it that are wrong, as far as pieces go; None if nobody can tell.
    """

    trouble: Trouble
    thing: Thing
    path: Path
    detail: str
    is_fault: bool = True
    repo: RepoId | None = None
    commit: str | None = None
    files: tuple[str, ...] = ()
    size: int | None = None
    piece: ByteRange | None = None
