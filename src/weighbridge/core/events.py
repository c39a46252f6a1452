"""Progress as values, and the observer that receives them.

Events are delivered on the thread that made the call, one at a time, in order.  What an observer raises
stops the call (what arrived is kept) and comes out of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from weighbridge.core.artifacts import FileResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The call knows what it has to do.

    Where sizes are told, that is all that is said of files already there; otherwise each of them is finished next.

    Attributes:
        files: Files asked for.
        present: Those of them already there and right.
        linked: Those whose content is on this machine and only has to be linked or copied.
        size: Bytes of all of them; None while nobody knows.
        present_size: Bytes of those already there; None while nobody knows.
        linked_size: Bytes of those to be linked.
        free: Bytes that may still be written where they go; None if nobody can tell.
    """

    files: int
    present: int
    linked: int = 0
    size: int | None = None
    present_size: int | None = None
    linked_size: int = 0
    free: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something the caller should know and that stops nothing.  ``message`` is fit to be shown."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStarted:
    """A file is ours to fill.

    Attributes:
        name: The file.
        resumed: Bytes kept from an earlier run.
        partial: Path of its unfinished bytes.
    """

    name: str
    resumed: int
    partial: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWaiting:
    """Another process or thread is fetching this file; we wait for it."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProgress:
    """Where a file stands, a few times a second.

    Attributes:
        name: The file.
        received: Bytes of it that are here.
        verified: Bytes of it that went into its digest; never goes back unless they were found wrong.
        size: Its size in bytes; None while unknown.
    """

    name: str
    received: int
    verified: int
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """Something failed and is tried again.  ``reason`` is fit to be shown."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFinished:
    """A file has its name and is right.  ``partial`` is where its bytes were before; None if not fetched here."""

    result: FileResult
    partial: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
    """How far the reading of what is here already has come, a few times a second.

    Attributes:
        done: Bytes that were read.
        size: Bytes to be read.
        name: What was read last; "" if nothing was, lately.
    """

    done: int
    size: int
    name: str


Event = Planned | Notice | FileStarted | FileWaiting | FileProgress | Retrying | FileFinished | Checking


class Observer(Protocol):
    """Receives events."""

    def __call__(self, event: Event, /) -> None:
        """Take one event; must return quickly, since the call waits for it."""
