"""What the events of a call add up to, kept so that it can be drawn at any moment from any thread."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from weighbridge.core.artifacts import FileResult
from weighbridge.core.events import (
    Checking,
    Event,
    FileFinished,
    FileProgress,
    FileStarted,
    FileWaiting,
    Planned,
    Retrying,
)
from weighbridge.progress.wording import printable

_WINDOW_S = 5.0  # a speed is that of so many seconds
_SETTLED_S = 0.5  # and is not told before it means something
_NOTE_S = 10.0  # a retry is of interest for so long

_CHECKING = "verifying"  # what is here already

Clock = Callable[[], float]


class Stage(Enum):
    """How far a file is."""

    WAITING = "another process fetches it"
    MOVING = "it is being fetched here"
    DONE = "it is there and right"


class Pace:
    """Bytes a second over the last few seconds."""

    def __init__(self, now: float) -> None:
        self._total = 0
        self._samples: deque[tuple[float, int]] = deque([(now, 0)])

    def add(self, amount: int, now: float) -> None:
        """Account for ``amount`` bytes that came since the last time."""
        self._total += max(0, amount)
        self._samples.append((now, self._total))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _WINDOW_S:  # noqa: PLR2004 - first and last
            self._samples.popleft()

    def bps(self, now: float) -> float | None:
        """Return the speed in bytes a second; it falls while nothing comes, and is None at first."""
        began, before = self._samples[0]
        if now - began < _SETTLED_S:
            return None
        return (self._total - before) / (now - began)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the picture: a file, or all of them.

    Attributes:
        label: What to call it.
        received: Bytes that are here.
        verified: Bytes that are known to be right; never less than in an earlier picture.
        size: Bytes there are; None while unknown.
        bps: Speed in bytes a second; None while unknown.
        stage: How far it is.
    """

    label: str
    received: int
    verified: int
    size: int | None
    bps: float | None
    stage: Stage

    @property
    def left_s(self) -> float | None:
        """Seconds until the last byte is here, if it goes on like this."""
        if self.size is None or not self.bps or self.stage is Stage.DONE:
            return None
        return max(0, self.size - self.received) / self.bps


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A moment of a call.

    Attributes:
        rows: Files in transfer, in the order they began; of a single file also when it is done.
        waiting: Names of the files that somebody else is fetching.
        total: All files together.
        done: Files that are there and right.
        files: Files asked for.
        fraction: Of the whole work, from 0 to 1; never less than in an earlier picture.
        note: Why something was tried again lately; None if nothing was.
    """

    rows: tuple[Row, ...]
    waiting: tuple[str, ...]
    total: Row
    done: int
    files: int
    fraction: float
    note: str | None


@dataclass(slots=True, kw_only=True)
class _File:
    """What is known of one file."""

    name: str
    stage: Stage
    pace: Pace | None = None  # only while it moves
    size: int | None = None
    received: int = 0
    verified: int = 0

    def row(self, now: float) -> Row:
        return Row(
            label=self.name,
            received=self.received,
            verified=self.verified,
            size=self.size,
            bps=None if self.pace is None else self.pace.bps(now),
            stage=self.stage,
        )


@dataclass(slots=True)
class Board:
    """Takes events in and gives pictures out; both from any thread, and however many files there are.

    Args:
        clock: Monotonic seconds.
    """

    clock: Clock = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)  # guards all below
    _open: dict[str, _File] = field(default_factory=dict)  # begun, not done
    _last: _File | None = None  # of those that are done
    _done: int = 0
    _done_bytes: int = 0
    _expected: int = 0
    _planned: int | None = None  # bytes of all files, if that was told
    _pace: Pace | None = None
    _fraction: float = 0.0
    _note: tuple[str, float] | None = None

    @property
    def files(self) -> int:
        """How many files were asked for."""
        with self._lock:
            return self._count_files()

    def take(self, event: Event) -> None:
        """Account for an event."""
        with self._lock:
            now = self.clock()
            match event:
                case Planned(files=files, present=present, size=size):
                    self._expected += files
                    if size is not None:  # of those already there nothing more will be said
                        self._planned = (self._planned or 0) + size
                        self._done, self._done_bytes = (
                            self._done + present,
                            self._done_bytes + (event.present_size or 0),
                        )
                case FileStarted(name=name, resumed=resumed):
                    file = self._file(name, now)
                    file.stage, file.received, file.pace = Stage.MOVING, resumed, Pace(now)
                case FileWaiting(name=name):
                    self._file(name, now).stage = Stage.WAITING
                case FileProgress():
                    self._move(event, now)
                case Retrying(name=name, reason=reason):
                    self._note = (describe_retry(name, reason), now)
                case FileFinished(result=result):
                    self._finish(result, now)
                case Checking(done=done, size=size):
                    self._check(done, size, now)

    def picture(self) -> Picture:
        """Return the present moment."""
        with self._lock:
            now, files = self.clock(), self._count_files()
            total = self._total(files, now)
            self._fraction = max(self._fraction, self._share(total))
            moving = [each for each in self._open.values() if each.stage is Stage.MOVING]
            if files == 1 and self._last is not None:
                moving.append(self._last)
            is_recent = self._note is not None and now - self._note[1] < _NOTE_S
            return Picture(
                rows=tuple(each.row(now) for each in moving),
                waiting=tuple(each.name for each in self._open.values() if each.stage is Stage.WAITING),
                total=total,
                done=self._done,
                files=files,
                fraction=self._fraction,
                note=self._note[0] if self._note and is_recent and total.stage is not Stage.DONE else None,
            )

    def _count_files(self) -> int:
        return max(self._expected, self._done + len(self._open))

    def _file(self, name: str, now: float) -> _File:
        if name not in self._open:
            self._open[name] = _File(name=name, stage=Stage.MOVING)
        self._pace = self._pace or Pace(now)
        return self._open[name]

    def _move(self, event: FileProgress, now: float) -> None:
        file = self._file(event.name, now)
        self._count(file, event.received - file.received, now)
        file.received, file.size = event.received, event.size
        file.verified = max(file.verified, event.verified)

    def _check(self, done: int, size: int, now: float) -> None:
        """Show the reading of what is here like a file, until it has come to its end: others may follow."""
        if done >= size:
            self._open.pop(_CHECKING, None)
            self._pace, self._fraction = None, 0.0
            return
        file = self._file(_CHECKING, now)
        file.pace = file.pace or Pace(now)
        self._move(FileProgress(name=_CHECKING, received=done, verified=done, size=size), now)

    def _finish(self, result: FileResult, now: float) -> None:
        file = self._file(result.name, now)
        if result.outcome == "fetched":
            self._count(file, result.size - file.received, now)
        file.stage, file.pace = Stage.DONE, None
        file.size = file.received = file.verified = result.size
        self._last = self._open.pop(result.name)
        self._done, self._done_bytes = self._done + 1, self._done_bytes + result.size

    def _count(self, file: _File, amount: int, now: float) -> None:
        for pace in (file.pace, self._pace):
            if pace is not None:
                pace.add(amount, now)

    def _total(self, files: int, now: float) -> Row:
        begun = self._open.values()
        known = [each.size for each in begun if each.size is not None]
        is_known = self._done + len(known) == files
        return Row(
            label="total",
            received=self._done_bytes + sum(each.received for each in begun),
            verified=self._done_bytes + sum(each.verified for each in begun),
            size=self._done_bytes + sum(known) if is_known else self._planned,
            bps=None if self._pace is None else self._pace.bps(now),
            stage=Stage.DONE if files and self._done == files else Stage.MOVING,
        )

    def _share(self, total: Row) -> float:
        """Return how much of the work is done: by bytes if every size is known, else by files."""
        if total.size:
            return min(1.0, total.verified / total.size)
        return self._done / max(1, self._count_files())


def describe_retry(name: str, reason: str) -> str:
    """Say in one line why a file is tried again."""
    is_named = reason.startswith(name) or f"/{name}" in reason  # as the end of a URL
    return printable(reason if is_named else f"{name}: {reason}")
