"""What a look at a cache has found to be otherwise than it should be, and what was done about it; values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from weighbridge.core.artifacts import FileResult
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
        pointers: Commit and path of each file of a snapshot that it is about, or that leads to it, sorted.
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
    pointers: tuple[tuple[str, str], ...] = ()
    size: int | None = None
    piece: ByteRange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What is known of a cache, or of some of its repositories, now.

    Attributes:
        findings: All that is otherwise than it should be, sorted by path.
        repos: How many repositories were looked at.
        contents: How many contents there are of which it can be told whether they are right; one under several names
            counts once.
        size: Bytes of all of them.
        bytes_read: Of those, how many were read.
        seconds: How long it took.
    """

    findings: tuple[Finding, ...] = ()
    repos: int = 0
    contents: int = 0
    size: int = 0
    bytes_read: int = 0
    seconds: float = 0.0

    @property
    def bytes_known(self) -> int:
        """Bytes of contents that were known to be right, or wrong, without reading them."""
        return self.size - self.bytes_read

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Those findings from which harm may come."""
        return tuple(each for each in self.findings if each.is_fault)

    @property
    def is_right(self) -> bool:
        """Whether there is no fault."""
        return not self.faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """A finding that is none any more.

    Attributes:
        finding: Which.
        how: What was done, in a few words.
        result: What became of the content, if there was one to be had.
    """

    finding: Finding
    how: str
    result: FileResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A finding that is as it was.

    Attributes:
        finding: Which.
        why: A sentence.
        error: What stood in the way; None if it was not tried.
    """

    finding: Finding
    why: str
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What was done about what was found.

    Attributes:
        verification: What was found.
        mended: What is right now.
        left: What is not.
    """

    verification: Verification
    mended: tuple[Mended, ...] = ()
    left: tuple[Left, ...] = ()

    @property
    def is_right(self) -> bool:
        """Whether no fault is left."""
        return not any(each.finding.is_fault for each in self.left)
