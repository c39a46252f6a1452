"""Tools in process groups of their own, which can be killed at any moment and always are at the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_TAIL = 1 << 20
_PAINT = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = re.compile(r"error:|Error:|\[ERROR\]|errorCode=|^curl:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How one process of a tool ended.

    Attributes:
        code: Exit code; minus the signal if one ended it that was not ours; None if we killed it.
        seconds: From its start to its end.
        stdout: What it printed.
        stderr: The end of what it wrote to standard error.
        hung: Whether it was killed because its time was over.
    """

    code: int | None
    seconds: float
    stdout: str
    stderr: str
    hung: bool = False

    @property
    def is_success(self) -> bool:
        """Whether success was told."""
        return self.code == 0

    @property
    def last_words(self) -> str:
        """The last line that tells of an error, else the last that says something."""
        plain = _PAINT.sub("", f"{self.stdout}\n{self.stderr}")
        said = [line.strip() for line in plain.splitlines() if line.strip(" \t\r=-|")]
        told = [line for line in said if _ERROR.search(line)]
        return (told or said or [""])[-1]


class Running:
    """A tool at work; its whole process group is killed at the end of the block.

    Args:
        argv: What is run.
        env: All of its environment.
        log: Path that files with what it says begin with.
        stdin: What it reads there; no file has it, since it may be a secret.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], log: Path, stdin: str = "") -> None:
        self._out, self._err = log.with_suffix(".out"), log.with_suffix(".err")
        self._killed = False
        self._started_s = time.monotonic()
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=out, stderr=err, env=env, cwd=log.parent, start_new_session=True
            )
        _feed(self._process, stdin.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Its process id, and that of its group."""
        return self._process.pid

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def kill(self) -> Run:
        """End it and its children as ``kill -9`` does, unless it has ended by itself; say how it ended."""
        if self._process.poll() is None:
            self._killed = True
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        return self._told(hung=False)

    def wait(self, timeout_s: float) -> Run:
        """Wait for its end, and kill it if that does not come."""
        try:
            self._process.wait(max(0.0, timeout_s))
        except subprocess.TimeoutExpired:
            self.kill()
            return self._told(hung=True)
        return self._told(hung=False)

    def _told(self, *, hung: bool) -> Run:
        return Run(
            code=None if self._killed else self._process.returncode,
            seconds=time.monotonic() - self._started_s,
            stdout=self._out.read_text(encoding="utf-8", errors="replace"),
            stderr=self._err.read_text(encoding="utf-8", errors="replace")[-_TAIL:],
            hung=hung,
        )


def _feed(process: subprocess.Popen[bytes], text: bytes) -> None:
    """Give a process a few lines, fewer than a pipe holds; one that reads nothing may be over already."""
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(text)


class OverError(Exception):
    """The suite is being ended; nothing more is started."""


class Crew:
    """All tools that are at work, so that all can be ended at once; any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards what follows
        self._is_over = False
        self._members: set[Running] = set()

    def start(self, argv: Sequence[str], env: Mapping[str, str], log: Path, stdin: str = "") -> Running:
        """Start a tool; see :class:`Running`.

        Raises:
            OverError: All were ended.
        """
        with self._lock:
            if self._is_over:
                raise OverError
            self._members = {each for each in self._members if not each.is_over}
            running = Running(argv, env, log, stdin)
            self._members.add(running)
            return running

    def end(self) -> None:
        """End all that are at work, and start no more."""
        with self._lock:
            self._is_over = True
            members = list(self._members)
        for each in members:
            each.kill()
