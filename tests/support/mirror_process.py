"""The real ``weighbridge serve`` in a process of its own, and what its access log says."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from tests.support.command import Command
from tests.support.processes import wait_until

_ENDPOINT = re.compile(r"^HF_ENDPOINT=(\S+)\n", re.MULTILINE)
_STOP_S = 20.0
_MARK = "/api/mark/of/tests/"  # nobody's address


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the access log has it."""

    method: str
    path: str
    status: int
    sent: int
    is_whole: bool
    agent: str

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


class MirrorProcess:
    """A mirror; told to stop at the end of the block, and killed if it does not.

    Args:
        home: For all that it keeps and writes; made if need be.
        arguments: Of ``weighbridge serve``; the port and the log are taken care of.
        token: What its clients must send; None lets everybody read.
    """

    def __init__(self, home: Path, *arguments: object, token: str | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._out, self._log = home / "mirror.out", home / "mirror.log"
        self._marks = count()
        if token is not None:
            (home / "token").write_text(f"{token}\n", encoding="ascii")
            arguments = (*arguments, "--access-token", home / "token")
        command = Command(home)
        with self._out.open("wb") as out, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command.line("serve", "--port", "0", "--access-log", "json", *arguments),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                env=command.environment,
            )

    def __enter__(self) -> Self:
        try:
            wait_until(lambda: self._process.poll() is not None or bool(self._printed()))
            self.endpoint = self._printed()
        except BaseException:
            self._process.kill()
            raise
        if not self.endpoint:
            raise RuntimeError(f"the mirror has not started: {self._log.read_text(encoding='utf-8')}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.tell_to_stop()
        try:
            self._process.wait(_STOP_S)
        finally:
            self._process.kill()
            self._process.wait()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        parts = urlsplit(self.endpoint)
        return parts.hostname or "", parts.port or 0

    @property
    def asked(self) -> list[Asked]:
        """All requests that have been answered so far, in the order in which their answers ended."""
        return [each for each, _ in self._entries(0)]

    @contextmanager
    def recorded(self) -> Iterator[list[Asked]]:
        """Give a list that holds, after the block, the requests that were answered in it."""
        requests: list[Asked] = []
        begin = self._mark(self._log.stat().st_size)
        yield requests
        self._mark(begin)
        answered = (each for each, _ in self._entries(begin))
        requests += takewhile(lambda each: not each.path.startswith(_MARK), answered)

    def tell_to_stop(self) -> None:
        """Send SIGTERM, as a service manager does."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for its end; return its exit code."""
        return self._process.wait(_STOP_S)

    def _printed(self) -> str:
        match = _ENDPOINT.search(self._out.read_text(encoding="utf-8"))
        return match[1] if match else ""

    def _mark(self, position: int) -> int:
        """Put a mark into the log, behind ``position``, and return where its line ends (in bytes).

        A request is logged right after the last byte of its answer, which its client may have by then; a later
        request is logged after it.
        """
        path = f"{_MARK}{next(self._marks)}"
        with suppress(HTTPError):
            build_opener(ProxyHandler({})).open(f"{self.endpoint}{path}", timeout=_STOP_S).close()
        found: list[int] = []

        def look() -> bool:
            found[:] = [end for each, end in self._entries(position) if each.path == path]
            return bool(found)

        wait_until(look)
        return found[0]

    def _entries(self, position: int) -> Iterator[tuple[Asked, int]]:
        """Yield the requests in the log from ``position`` (in bytes) on, and where the line of each ends."""
        with self._log.open("rb") as log:
            log.seek(position)
            for line in log:
                position += len(line)
                if line.startswith(b"{") and line.endswith(b"\n"):
                    entry = json.loads(line)
                    fields = (entry[name] for name in ("method", "path", "status", "bytes", "whole", "agent"))
                    yield Asked(*fields), position
