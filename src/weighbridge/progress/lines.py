"""Progress as plain lines, for logs and pipes."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TextIO

from weighbridge.core.artifacts import FileResult
from weighbridge.core.events import (
    Checking,
    Event,
    FileFinished,
    FileProgress,
    FileStarted,
    FileWaiting,
    Notice,
    Planned,
    Retrying,
)
from weighbridge.progress.board import Board, Clock, Picture, Row, describe_retry
from weighbridge.progress.wording import (
    count,
    describe_planned,
    format_bytes,
    format_rate,
    format_seconds,
    printable,
)

_EVERY_S = 10.0
_EVERY_FRACTION = 0.1
_NOT_BEFORE_S = 1.0  # however fast it goes, and however often something is tried again
_NAMED = 20  # of more files than this, only the total is told


class LineDisplay:
    """Writes a line when something begins, ends or fails, and one every ten seconds or ten percent.

    Args:
        stream: Where to; what it can't take is dropped, since a log that is gone must not stop a transfer.
        clock: Monotonic seconds.
    """

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._board = Board(clock)
        self._told_at = self._looked_at = clock()
        self._told_fraction = 0.0
        self._retry_told_at = float("-inf")

    def show(self, event: Event) -> None:
        """Take one event."""
        self._board.take(event)
        is_named = self._board.files <= _NAMED
        match event:
            case Planned(files=files, size=size) if files != 1 or size is not None:
                self._write(describe_planned(event))
            case Notice(message=message):
                self._write(f"note: {printable(message)}")
            case FileStarted(name=name, resumed=resumed) if is_named:
                self._write(f"{name}: started" if not resumed else f"{name}: going on after {format_bytes(resumed)}")
            case FileWaiting(name=name) if is_named:
                self._write(f"{name}: waiting for another process that fetches it")
            case Retrying(name=name, reason=reason):
                self._tell_retry(describe_retry(name, reason))
            case FileFinished(result=result) if is_named:
                self._write(_finished(result))
            case FileProgress() | FileFinished() | Checking():
                self._tell_progress()
            case _:
                pass

    def _tell_retry(self, reason: str) -> None:
        now = self._clock()
        if now - self._retry_told_at >= _NOT_BEFORE_S:
            self._retry_told_at = now
            self._write(f"trying again: {reason}")

    def _tell_progress(self) -> None:
        now = self._clock()
        waited = now - self._told_at
        if now - self._looked_at < _NOT_BEFORE_S:
            return
        self._looked_at = now
        picture = self._board.picture()
        if waited >= _EVERY_S or picture.fraction - self._told_fraction >= _EVERY_FRACTION:
            self._told_at, self._told_fraction = now, picture.fraction
            self._write(describe(picture))

    def _write(self, line: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()


def describe(picture: Picture) -> str:
    """Return where a call stands, in one line."""
    row = picture.rows[0] if picture.files == 1 and picture.rows else picture.total
    facts = [f"{picture.done} of {count(picture.files, 'file')}"] if picture.files != 1 else []
    return f"{row.label}: {', '.join(facts + describe_row(row))}"


def describe_row(row: Row) -> list[str]:
    """Return what is known of a file: how much of it is verified, how fast it comes, how long it will take."""
    if row.size is None:
        facts = [format_bytes(row.verified)]
    else:
        percent = 100 * row.verified // row.size if row.size else 100
        facts = [f"{percent} %", f"{format_bytes(row.verified)} of {format_bytes(row.size)}"]
    if row.bps is not None:
        facts.append(format_rate(row.bps))
    if row.left_s is not None:
        facts.append(f"{format_seconds(row.left_s)} left")
    return facts


def _finished(result: FileResult) -> str:
    size = format_bytes(result.size)
    match result.outcome:
        case "present":
            return f"{result.name}: already there, {size}"
        case "linked":
            return f"{result.name}: was on this machine, {size}"
        case "joined":
            return f"{result.name}: another process has fetched it, {size}"
        case _:
            return f"{result.name}: done, {size} in {format_seconds(result.seconds)}"
