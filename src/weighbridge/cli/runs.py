"""One run of a verb that has files: its signals, its client, what is kept when it fails, and who is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from weighbridge.cli.output import OutputClosedError
from weighbridge.cli.reports import Report, Tally
from weighbridge.cli.signals import Stopped, StopSignals
from weighbridge.client import Client
from weighbridge.core.artifacts import FileResult
from weighbridge.core.errors import CancelledError, WeighbridgeError
from weighbridge.core.events import Event, Observer
from weighbridge.core.options import Options
from weighbridge.progress.wording import format_bytes

_KEEPING = "run the same command again to go on from there"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has come to.

    Attributes:
        results: What became of each file.
        paths: What to write to standard output.
    """

    results: Sequence[FileResult]
    paths: Sequence[Path]


Work = Callable[[Client, Observer, threading.Event], Outcome | None]


@dataclass(frozen=True, slots=True)
class Task:
    """What to do, and how.

    Attributes:
        options: Of the client.
        work: Does it; None if all has been told that there is to tell.
    """

    options: Options
    work: Work


class Run:
    """One run of a verb.

    Args:
        report: Who tells of it.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._tally = Tally()
        self._signals = StopSignals()

    def carry_out(self, prepare: Callable[[], Task]) -> None:
        """Do what ``prepare`` reads from the arguments; whatever stops it is reported and raised."""
        began = time.monotonic()
        try:
            with self._signals:
                outcome = self._work(prepare())
        except OutputClosedError:
            raise
        except BaseException as error:
            self._note_kept(error)
            self._report.fail(error, self._tally.kept, round(time.monotonic() - began, 3))
            raise
        if outcome is not None:
            self._report.succeed(outcome.results, outcome.paths, round(time.monotonic() - began, 3))

    def _work(self, task: Task) -> Outcome | None:
        with Client(task.options) as client, self._report.watch() as show, self._signals.patiently():

            def tell(event: Event) -> None:
                self._tally.take(event)
                show(event)

            try:
                return task.work(client, tell, self._signals.cancel)
            except CancelledError:
                if self._signals.number is None:
                    raise
                raise Stopped(self._signals.number) from None

    def _note_kept(self, error: BaseException) -> None:
        if not isinstance(error, WeighbridgeError | Stopped):
            return
        kept = self._tally.kept
        if kept:
            error.add_note(f"{format_bytes(kept)} of unfinished files are kept; {_KEEPING}")
        elif isinstance(error, Stopped):
            error.add_note(_KEEPING)
