"""An end to what would have none: of the processor's time, so that a busy machine is no excuse, and of memory."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

CPU_S = 10.0
"""Of this process, all threads together, for one input of a few kilobytes."""

MEMORY = 1 << 30
"""Bytes by which one input may make the process grow."""

_PAGE = resource.getpagesize()


class HangError(Exception):
    """An input kept its reader busy for too long."""


@contextmanager
def bounded(cpu_s: float = CPU_S, memory: int = MEMORY) -> Iterator[None]:
    """Raise :class:`HangError` or ``MemoryError`` in the block if it takes more; call it on the main thread."""

    def end(_: int, frame: FrameType | None) -> None:
        where = "somewhere" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"
        raise HangError(f"more than {cpu_s} s of the processor's time, now in {where}")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * _PAGE + memory
    before = signal.signal(signal.SIGPROF, end)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, before)
