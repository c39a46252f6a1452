"""A process that has imported everything and does walks in forked children, which saves each of them the start.

One child is at work at a time.  The process reads a line of JSON for each (see :class:`Birth`), and answers with two:
its process id, and how it ended.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.lab.walking import WalkTask, main
from tests.support.processes import Outcome, state_of, wait_until
from tests.support.shims import Shims

_ROOT = Path(__file__).resolve().parents[3]
_LONGEST_S = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """What a child is told.

    Attributes:
        task: What it does, as JSON.
        log: File that takes what it says; another one of the same name and ``.err`` takes its errors.
        environment: Added to that of its parent.
    """

    task: str
    log: str
    environment: Mapping[str, str]


class Child:
    """A child at work; made by :meth:`Nursery.start`."""

    def __init__(self, nursery: Nursery, pid: int, log: Path) -> None:
        self._nursery = nursery
        self._pid = pid
        self._log = log

    def wait_stopped_or_over(self) -> bool:
        """Wait until it was stopped by a rule of its own, or has ended; return whether it was stopped."""
        wait_until(lambda: self._nursery.has_news(0.0) or self._is_stopped())
        return not self._nursery.has_news(0.0)

    def _is_stopped(self) -> bool:
        try:
            return state_of(self._pid) == "T"
        except FileNotFoundError:  # it has just ended
            return False

    def resume(self) -> None:
        """Let it go on after a stop."""
        os.kill(self._pid, signal.SIGCONT)

    def wait(self) -> Outcome:
        """Wait for its end."""
        if not self._nursery.has_news(_LONGEST_S):
            os.kill(self._pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(self._nursery.read())
        lines = self._log.read_text(encoding="utf-8").splitlines(keepends=True)
        errors = self._log.with_name(f"{self._log.name}.err").read_text(encoding="utf-8", errors="replace")
        return Outcome(code=code, lines=tuple(json.loads(each) for each in lines if each.endswith("\n")), errors=errors)


class Nursery:
    """The parent of the children; ended at the end of the block.

    Args:
        shims: What its children may be hit by.
    """

    def __init__(self, shims: Shims) -> None:
        paths = [str(_ROOT), *(each for each in sys.path if each.endswith("src"))]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.lab.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env={**os.environ, **shims.waiting(), "PYTHONPATH": os.pathsep.join(paths)},
            bufsize=0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def start(self, task: WalkTask, log: Path, environment: Mapping[str, str]) -> Child:
        """Let a child do a walk.

        Args:
            task: The walk.
            log: Takes what it says; made, or written anew.
            environment: Of its own: rules, a log of operations, a clock; what it would have to be started with is not
                heeded.
        """
        birth = Birth(task=json.dumps(asdict(task)), log=str(log), environment=dict(environment))
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(birth)).encode() + b"\n")
        return Child(self, self.read(), log)

    def has_news(self, timeout_s: float) -> bool:
        """Tell whether there is an answer to be read, now or within some seconds."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], timeout_s)[0])

    def read(self) -> int:
        """Return the next answer."""
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


def _live(birth: dict[str, Any]) -> None:
    """Do what a child does, to its end."""
    code = 70
    try:
        for suffix, descriptor in (("", 1), (".err", 2)):
            taker = os.open(f"{birth['log']}{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            os.dup2(taker, descriptor)
            os.close(taker)
        os.environ.update(birth["environment"])
        library = ctypes.CDLL(None)
        library.wb_start_recording()
        library.wb_read_rules()
        code = main([birth["task"]])
    except BaseException:  # noqa: BLE001 - it is told, and must not get into what the parent does
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _answer() -> None:
    for line in sys.stdin:
        birth = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _live(birth)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _answer()
