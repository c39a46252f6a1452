"""How a call is told of while it runs and when it ends: to people, or to programs as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from weighbridge.cli.failures import exit_code_of, facts_of
from weighbridge.cli.output import put, say
from weighbridge.cli.signals import Stopped
from weighbridge.core.artifacts import FileResult
from weighbridge.core.events import (
    Checking,
    Event,
    FileFinished,
    FileProgress,
    FileStarted,
    FileWaiting,
    Notice,
    Observer,
    Planned,
    Retrying,
)
from weighbridge.core.snapshots import Plan
from weighbridge.progress import show_progress
from weighbridge.progress.wording import count, format_bytes, format_rate, format_seconds, printable

_PROGRESS_EVERY_S = 0.25  # for each file, in JSON


class Report(Protocol):
    """Who tells."""

    def warn(self, text: str) -> None:
        """Tell of something that was passed over."""

    @contextmanager
    def watch(self) -> Iterator[Observer]:
        """Yield an observer to be called while the block lasts."""

    def succeed(self, results: Sequence[FileResult], paths: Sequence[Path], seconds: float) -> None:
        """Tell of the end; ``paths`` are what was asked for, ``seconds`` is how long it took."""

    def plan(self, plan: Plan) -> None:
        """Tell of what would be done."""

    def fail(self, error: BaseException, kept: int, seconds: float) -> None:
        """Tell of an error that the command ends with, and of ``kept`` bytes of unfinished files."""


class TextReport:
    """For people: progress and a summary on standard error, the paths on standard output."""

    def warn(self, text: str) -> None:
        """Tell of something that was passed over."""
        say(f"warning: {text}")

    @contextmanager
    def watch(self) -> Iterator[Observer]:
        """Yield an observer that shows progress."""
        with show_progress() as show:
            yield show

    def succeed(self, results: Sequence[FileResult], paths: Sequence[Path], seconds: float) -> None:
        """Tell the summary, then the paths."""
        say(summarize(results, seconds))
        for path in paths:
            put(str(path))

    def plan(self, plan: Plan) -> None:
        """Tell the sum, then each file with its size, or ``-`` if it need not be fetched."""
        say(describe_plan(plan))
        width = max((len(each.name) for each in plan.files), default=0)
        for each in plan.files:
            is_here = each.is_present or each.is_near
            size = "-" if is_here else "?" if each.size is None else format_bytes(each.size)
            put(f"{printable(each.name):{width}}  {size}")

    def fail(self, error: BaseException, kept: int, seconds: float) -> None:
        """Say nothing: the command itself tells the error."""


class QuietReport:
    """For scripts that only want to know whether it worked."""

    def warn(self, text: str) -> None:
        """Say nothing."""

    @contextmanager
    def watch(self) -> Iterator[Observer]:
        """Yield an observer that does nothing."""
        yield _ignore

    def succeed(self, results: Sequence[FileResult], paths: Sequence[Path], seconds: float) -> None:
        """Say nothing."""

    def plan(self, plan: Plan) -> None:
        """Write the path and size in bytes of each file that would be fetched."""
        for each in plan.files:
            if not (each.is_present or each.is_near):
                put(f"{each.name}\t{'' if each.size is None else each.size}")

    def fail(self, error: BaseException, kept: int, seconds: float) -> None:
        """Say nothing: the command itself tells the error."""


class PathReport(QuietReport):
    """For scripts that want to know where it is, and nothing else."""

    def succeed(self, results: Sequence[FileResult], paths: Sequence[Path], seconds: float) -> None:
        """Write the paths."""
        del results, seconds
        for path in paths:
            put(str(path))


class JsonReport:
    """For programs: every event as one line of JSON on standard output, a summary as the last one.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at: dict[str, float] = {}
        self._results: list[FileResult] = []

    def warn(self, text: str) -> None:
        """Write an event."""
        self._put({"event": "warning", "message": text})

    @contextmanager
    def watch(self) -> Iterator[Observer]:
        """Yield an observer that writes."""
        yield self._tell

    def succeed(self, results: Sequence[FileResult], paths: Sequence[Path], seconds: float) -> None:
        """Write the summary."""
        rest = {} if len(paths) != 1 else {"path": str(paths[0])}
        self._summarize(results, 0, {**rest, "exit_code": 0, "seconds": seconds})

    def plan(self, plan: Plan) -> None:
        """Write the plan."""
        files = [
            {
                "name": each.name,
                "size": each.size,
                "path": str(each.path),
                "present": each.is_present,
                "near": each.is_near,
            }
            for each in plan.files
        ]
        sums = {"size": plan.size, "fetched_size": plan.fetched_size, "free": plan.free}
        self._put({"event": "plan", "path": str(plan.path), "commit": plan.commit, **sums, "files": files})

    def fail(self, error: BaseException, kept: int, seconds: float) -> None:
        """Write the error and the summary of what was done before it."""
        code = exit_code_of(error)
        facts = {"signal": error.number.name} if isinstance(error, Stopped) else facts_of(error)
        self._put(
            {
                "event": "error",
                "type": type(error).__name__,
                "message": str(error),
                "facts": facts,
                "exit_code": code,
            }
        )
        self._summarize(self._results, kept, {"exit_code": code, "seconds": seconds})

    def _tell(self, event: Event) -> None:
        match event:
            case FileProgress(name=name):
                now = self._clock()
                if now - self._told_at.get(name, float("-inf")) < _PROGRESS_EVERY_S:
                    return
                self._told_at[name] = now
            case FileFinished(result=result):
                self._told_at.pop(result.name, None)
                self._results.append(result)
            case _:
                pass
        self._put(as_json(event))

    def _summarize(self, results: Sequence[FileResult], kept: int, rest: dict[str, object]) -> None:
        sums = {
            "files": len(results),
            "bytes": sum(each.size for each in results),
            "bytes_fetched": sum(each.bytes_fetched for each in results),
            "bytes_resumed": sum(each.bytes_resumed for each in results),
            "bytes_kept": kept,
        }
        self._put({"event": "summary", **sums, **rest})

    def _put(self, value: dict[str, object]) -> None:
        put(json.dumps(value))


class Tally:
    """Keeps count of what is here of files that are not finished."""

    def __init__(self) -> None:
        self._received: dict[str, int] = {}
        self._partials: dict[str, Path] = {}

    @property
    def kept(self) -> int:
        """Bytes of unfinished files, those left out whose bytes were found wrong and removed."""
        return sum(amount for name, amount in self._received.items() if self._partials[name].exists())

    def take(self, event: Event) -> None:
        """Account for an event."""
        match event:
            case FileStarted(name=name, resumed=resumed, partial=partial):
                self._received[name], self._partials[name] = resumed, partial
            case FileProgress(name=name, received=received) if name in self._partials:
                self._received[name] = received
            case FileFinished(result=result):
                self._received.pop(result.name, None)
            case _:
                pass


def describe_plan(plan: Plan) -> str:
    """Return what would be done, in one line."""
    near = sum(each.is_near for each in plan.files)
    present = sum(each.is_present for each in plan.files)
    rest = len(plan.files) - near - present
    facts = [f"{count(len(plan.files), 'file')}, {format_bytes(plan.size)} at {plan.commit}"]
    facts += [f"{present} already there"] if present else []
    facts += [f"{near} to be linked"] if near else []
    facts += [f"{rest} to be fetched ({format_bytes(plan.fetched_size)})"] if rest else ["nothing to be fetched"]
    facts += [f"{format_bytes(plan.free)} free"] if plan.free is not None else []
    return ", ".join(facts)


def summarize(results: Sequence[FileResult], seconds: float) -> str:
    """Return what became of a call, in one line."""
    fetched = sum(each.bytes_fetched for each in results)
    size = format_bytes(sum(each.size for each in results))
    text = f"{count(len(results), 'file')}, {size} in {format_seconds(seconds)}"
    facts = [f"{text} ({format_rate(fetched / seconds)})" if fetched and seconds > 0 else text]
    facts.append(f"{format_bytes(sum(each.bytes_resumed for each in results))} resumed")
    for outcome, words in (
        ("present", "already there"),
        ("linked", "linked"),
        ("joined", "fetched by another process"),
    ):
        number = sum(each.outcome == outcome for each in results)
        facts += [f"{number} {words}"] if number else []
    algorithms = sorted({each.digest.algorithm for each in results if each.digest is not None})
    unverified = sum(each.digest is None for each in results)
    facts += [f"verified {', '.join(algorithms)}"] if algorithms else []
    facts += [f"{unverified} not verified"] if unverified else []
    return ", ".join(facts)


def as_json(event: Event) -> dict[str, object]:  # noqa: PLR0911 - a table
    """Return an event as JSON can hold it; ``event`` tells which one it is."""
    match event:
        case Planned():
            sizes = {"size": event.size, "present_size": event.present_size, "linked_size": event.linked_size}
            counts = {"files": event.files, "present": event.present, "linked": event.linked}
            return {"event": "planned", **counts, **sizes, "free": event.free}
        case Notice():
            return {"event": "notice", "message": event.message}
        case FileStarted():
            return {"event": "started", "name": event.name, "resumed": event.resumed, "partial": str(event.partial)}
        case FileWaiting():
            return {"event": "waiting", "name": event.name}
        case FileProgress():
            known = {"received": event.received, "verified": event.verified, "size": event.size}
            return {"event": "progress", "name": event.name, **known}
        case Retrying():
            return {"event": "retrying", "name": event.name, "reason": event.reason}
        case FileFinished():
            return {"event": "finished", **result_as_json(event.result)}
        case Checking():
            return {"event": "checking", "done": event.done, "size": event.size, "name": event.name}


def result_as_json(result: FileResult) -> dict[str, object]:
    """Return what became of a file as JSON can hold it."""
    return {
        "name": result.name,
        "path": str(result.path),
        "size": result.size,
        "digest": None if result.digest is None else str(result.digest),
        "outcome": result.outcome,
        "bytes_fetched": result.bytes_fetched,
        "bytes_resumed": result.bytes_resumed,
        "seconds": round(result.seconds, 3),
        "source": result.source,
    }


def _ignore(event: Event) -> None:
    del event
