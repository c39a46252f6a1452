"""A mirror whose access log is read back as values: what clients have asked it, in which order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from types import TracebackType

from tests.support.mirror import Mirror
from tests.support.processes import wait_until

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


class MirrorProcess(Mirror):
    """A mirror; told to stop at the end of the block, and killed if it does not.

    Args:
        home: For all that it keeps and writes; made if need be.
        arguments: Of ``weighbridge serve``; the port and the log are taken care of.
        token: What its clients must send; None lets everybody read.
    """

    def __init__(self, home: Path, *arguments: object, token: str | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._log = home / "serve.err"
        self._marks = count()
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if token is not None:
            (home / "token").write_text(f"{token}\n", encoding="ascii")
            arguments = (*arguments, "--access-token", home / "token")
        super().__init__(home, "--access-log", "json", *arguments)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.stop()
        finally:
            self.kill()

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

    def _mark(self, position: int) -> int:
        """Put a mark into the log, behind ``position``, and return where its line ends (in bytes).

        A request is logged right after the last byte of its answer, which its client may have by then; a later
        request is logged after it.
        """
        path = f"{_MARK}{next(self._marks)}"
        self.ask(path, self._headers)
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
