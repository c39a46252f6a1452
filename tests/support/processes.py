"""Clients in processes of their own, which a test can kill, stop and continue."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

_ROOT = Path(__file__).resolve().parents[2]
_LONGEST_S = 40.0
_POLL_S = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file to ask for."""

    name: str
    url: str
    digest: str | None
    mirrors: tuple[str, ...] = ()
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a process is to do.

    Attributes:
        module: What it runs; given the fields as JSON, it tells in lines of JSON what happened.
    """

    module: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Work):
    """What a client is to do.

    Attributes:
        files: What to have.
        directory: Where.
        options: Group, field, value: what differs from the defaults.
        threads: How many threads of the process make the call at once.
        times: How often a single thread makes it.
    """

    module: ClassVar[str] = "tests.support.fetching"

    files: tuple[File, ...]
    directory: str
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    allow_unverified: bool = False
    threads: int = 1
    times: int = 1
    umask: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a client ended.

    Attributes:
        code: Exit code; minus the signal if one ended it.
        lines: What it said.
        errors: What it wrote to standard error.
    """

    code: int
    lines: tuple[dict[str, Any], ...]
    errors: str

    @property
    def results(self) -> list[dict[str, Any]]:
        """The results of all calls."""
        return [result for line in self.lines for result in line.get("results", [])]

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The errors of all calls."""
        return [line["error"] for line in self.lines if "error" in line]

    @property
    def failure(self) -> dict[str, Any]:
        """The only error."""
        (only,) = self.failures
        return only

    @property
    def fetched(self) -> int:
        """Body bytes that came over the network, by its own count."""
        return sum(each["bytes_fetched"] for each in self.results)

    @property
    def listing(self) -> list[str]:
        """What was in the directory at the end, where only the process could see it."""
        return next(str(line["listing"]).split() for line in self.lines if "listing" in line)

    @property
    def usage(self) -> tuple[dict[str, int], dict[str, int]]:
        """Descriptors and threads before and after the calls."""
        return next((line["before"], line["after"]) for line in self.lines if "after" in line)


class ClientProcess:
    """A client at work; killed at the end of the block if it is still there.

    Args:
        task: What it does.
        log: File that takes what it says; made, or written anew.
        environment: Added to ours.
        prefix: Command that runs it, such as ``unshare -m``.
    """

    def __init__(
        self, task: Work, log: Path, environment: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
    ) -> None:
        self._log = log
        self._errors = log.with_name(f"{log.name}.err")
        paths = [str(_ROOT), *(each for each in sys.path if each.endswith("src"))]
        with log.open("wb") as output, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [*prefix, sys.executable, "-m", task.module, json.dumps(asdict(task))],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(environment or {})},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it as ``kill -9`` does, and wait until it is gone."""
        self._process.kill()
        self._process.wait(_LONGEST_S)

    def kill_unreaped(self) -> None:
        """End it as ``kill -9`` does, but leave it in the table of processes."""
        os.kill(self.pid, signal.SIGKILL)
        self._await_state("Z")

    def stop(self) -> None:
        """Stop it in its tracks, all threads."""
        os.kill(self.pid, signal.SIGSTOP)
        self.wait_stopped()

    def wait_stopped(self) -> None:
        """Wait until it was stopped, by us or by a rule of its own."""
        self._await_state("T")

    def resume(self) -> None:
        """Let it go on after a stop."""
        os.kill(self.pid, signal.SIGCONT)

    def interrupt(self) -> None:
        """Do what Ctrl-C does."""
        os.kill(self.pid, signal.SIGINT)

    def wait_for(self, event: str, count: int = 1) -> None:
        """Wait until it told of ``event`` so many times.

        Raises:
            TimeoutError: It did not in time, or has ended.
        """
        deadline = time.monotonic() + _LONGEST_S
        while True:
            was_over, lines = self.is_over, self._lines()
            if sum(line.get("event") == event for line in lines) >= count:
                return
            if time.monotonic() > deadline or was_over:
                raise TimeoutError(f"no {event} among {lines}; {self._errors.read_text()}")
            time.sleep(_POLL_S)

    def wait(self, timeout_s: float = _LONGEST_S) -> Outcome:
        """Wait for its end."""
        code = self._process.wait(timeout_s)
        errors = self._errors.read_text(encoding="utf-8", errors="replace")
        return Outcome(code=code, lines=tuple(self._lines()), errors=errors)

    def _lines(self) -> list[dict[str, Any]]:
        text = self._log.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def _await_state(self, letter: str) -> None:
        deadline = time.monotonic() + _LONGEST_S
        while (state := state_of(self.pid)) != letter:
            if time.monotonic() > deadline or (state == "Z" != letter):
                raise TimeoutError(f"in state {state} instead of {letter}; {self._errors.read_text()}")
            time.sleep(_POLL_S)


def wait_until(is_so: Callable[[], bool], timeout_s: float = _LONGEST_S) -> None:
    """Wait until ``is_so()``, asked again and again.

    Raises:
        TimeoutError: It was not within ``timeout_s``.
    """
    deadline = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"did not come true in {timeout_s} s")
        time.sleep(_POLL_S)


def state_of(pid: int) -> str:
    """Return the letter of a process's state; ``T`` is stopped, ``Z`` has ended."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
