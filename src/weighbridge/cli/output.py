"""What the command writes: messages to standard error, results to standard output."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from weighbridge.progress.wording import printable


class OutputClosedError(Exception):
    """Nobody reads our standard output any more."""


def say(*lines: str) -> None:
    """Write lines to standard error; if nobody reads them, nothing is lost that matters."""
    if sys.stderr is None:  # closed before Python started
        return
    with suppress(OSError, ValueError):
        for line in lines:
            sys.stderr.write(f"{printable(line)}\n")
        sys.stderr.flush()


def put(text: str) -> None:
    """Write ``text`` and a line end to standard output; paths come out as the bytes that they are on disk.

    Raises:
        OutputClosedError: Nobody reads it any more.
    """
    if sys.stdout is None:  # closed before Python started
        return
    try:
        sys.stdout.buffer.write(os.fsencode(f"{text}\n"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _forget_stdout()
        raise OutputClosedError from None


def _forget_stdout() -> None:
    """Point standard output elsewhere, or Python would complain about it once more when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
