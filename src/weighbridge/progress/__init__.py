"""Shows people what a call is doing, on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from weighbridge.core.events import Event, Observer
from weighbridge.progress.lines import LineDisplay

__all__ = ["show_progress"]


@contextmanager
def show_progress() -> Iterator[Observer]:
    """Yield an observer that shows what it is told, for as long as the block lasts.

    On a terminal there is a bar for each file in transfer and one for all of them; bytes count once they are
    *verified*.  Elsewhere (logs, pipes, notebooks) there are plain lines, at most a few a minute.  Nothing is ever
    written to standard output.
    """
    stream: TextIO | None = sys.stderr
    if stream is None:  # closed before Python started
        yield _ignore
    elif not _is_terminal(stream):
        yield LineDisplay(stream).show
    else:
        from rich.console import Console  # noqa: PLC0415 - slow to import, and only terminals need it

        console = Console(file=stream)
        if not console.is_terminal or console.is_dumb_terminal:
            yield LineDisplay(stream).show
            return
        from weighbridge.progress.bars import BarDisplay  # noqa: PLC0415

        with BarDisplay(console) as display:
            yield display.show


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # not a whole stream, or closed
        return False


def _ignore(event: Event) -> None:
    del event
