"""Turns a row into bars: seconds over those of its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import contenders as who
from benchmarks.rows import ONE_FILE
from benchmarks.sections import Bar, Panel

if TYPE_CHECKING:
    from benchmarks.figures import RowResult

_PARTS = frozenset({who.CURL.name, who.CURL_SYNC.name, who.OPENSSL.name, who.CURL_DISCARD.name, ONE_FILE})
"""Who does a part of the work only, or another: they say where the line is, and are no bars."""


def panel_of(result: RowResult) -> Panel:
    """Return a bar for everyone who does the whole work of a row, as long as its seconds over those of the limit."""
    bars = [bar for name in result.cells if name not in _PARTS and (bar := _bar(result, name))]
    return Panel(f"{result.name}: {result.title}", "limit", bars)


def _bar(result: RowResult, name: str) -> Bar | None:
    ratio = result.ratio(name, result.flushed_limits if result.cells[name].flushed else result.limits)
    seconds = result.median_s(name)
    return None if ratio is None or seconds is None else Bar(name, ratio, f"{ratio:.2f} x, {seconds:.2f} s")
