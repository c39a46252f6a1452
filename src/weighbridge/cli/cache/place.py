"""What all verbs that look after the cache have in common: where it is, how they ask, what they say."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli.options import cache_option, debug_option, object_option, quiet_option

if TYPE_CHECKING:
    from weighbridge.client import Client

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smhdw]?)", re.ASCII)

Verb = Callable[..., Any]


def care_options(verb: Verb) -> Verb:
    """Give a verb the options that all of them have."""
    return cache_option(object_option(quiet_option("names, one a line")(debug_option(verb))))


def going_options(verb: Verb) -> Verb:
    """Give a verb that removes something the options that all of those have."""
    verb = click.option("--yes", "-y", is_flag=True, help="Do it without asking.")(verb)
    return click.option("--dry-run", is_flag=True, help="Tell what would go, and remove nothing.")(verb)


@contextmanager
def opened(cache_dir: Path | None) -> Iterator[Client]:
    """Give a client of the cache that is meant; Ctrl-C and SIGTERM end the block."""
    from dataclasses import replace

    from weighbridge.cli.signals import StopSignals
    from weighbridge.client import Client
    from weighbridge.config import expand, options_from_environment

    options = options_from_environment()
    if cache_dir is not None:
        options = replace(options, cache=replace(options.cache, root=expand(str(cache_dir))))
    with StopSignals(), Client(options) as client:
        yield client


def agree(question: str, *, is_agreed: bool) -> bool:
    """Ask on the terminal, unless the answer was given; anything but yes is no.

    Raises:
        InvalidParameterError: There is no terminal to ask on.
    """
    from weighbridge.cli.output import say
    from weighbridge.core.errors import InvalidParameterError

    if is_agreed:
        return True
    if sys.stdin is None or not sys.stdin.isatty() or sys.stderr is None or not sys.stderr.isatty():
        raise InvalidParameterError("there is no terminal to ask on; say --yes, or look first with --dry-run")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in {"y", "yes"}:
        return True
    say("nothing was removed")
    return False


def read_age(text: str) -> float:
    """Read a length of time, in seconds: ``90s``, ``30m``, ``12h``, ``7d``, ``2w``; a bare number is of days.

    Raises:
        InvalidParameterError: Anything else.
    """
    from weighbridge.core.errors import InvalidParameterError

    match = _AGE.fullmatch(text.strip().lower())
    if match is None:
        raise InvalidParameterError(f"not a length of time: {text!r}; write it like 90s, 30m, 12h, 7d or 2w")
    return float(match[1]) * _UNITS_S[match[2] or "d"]


def ago(then_s: float, now_s: float | None = None) -> str:
    """Return how long ago a time was, in one word or three: ``now``, ``5 min ago``, ``3 h ago``, ``12 d ago``."""
    seconds = max(0.0, (time.time() if now_s is None else now_s) - then_s)
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago"
    return "now"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Return the lines of a table, as wide as its content; ``right`` are numbers of columns aligned to the right."""
    lines = [heads, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return [
        "  ".join(
            f"{cell:>{width}}" if column in right else f"{cell:<{width}}"
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
