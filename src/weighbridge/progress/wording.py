"""Sizes, speeds, durations and other people's text, as a terminal may show them."""

from __future__ import annotations

from weighbridge.core.events import Planned
from weighbridge.core.quantities import count, format_bytes

__all__ = ["count", "describe_planned", "format_bytes", "format_rate", "format_seconds", "printable"]


def format_rate(bytes_per_s: float) -> str:
    """Return a speed in bytes a second: ``70 MB/s``."""
    return f"{format_bytes(bytes_per_s)}/s"


def format_seconds(seconds: float) -> str:
    """Return a duration in seconds: ``1.3 s``, ``42 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 9.95:  # noqa: PLR2004 - above it the tenth is noise, and would round to 10.0
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def describe_planned(event: Planned) -> str:
    """Return what a call has to do, in one line: files and bytes, what is there already, and the room there is."""
    files = count(event.files, "file")
    if event.size is None:
        return f"{files}, {event.present} already there"
    facts = [f"{files}, {format_bytes(event.size)}"]
    present = event.present_size or 0
    if event.present == event.files:
        return f"{facts[0]}, already there"
    if event.present:
        facts.append(f"{event.present} already there ({format_bytes(present)})")
    if event.linked:
        facts.append(f"{event.linked} to link ({format_bytes(event.linked_size)})")
    facts.append(f"{format_bytes(event.size - present - event.linked_size)} to fetch")
    if event.free is not None:
        facts.append(f"{format_bytes(event.free)} free")
    return ", ".join(facts)


def printable(text: str) -> str:
    """Return one line of ``text`` without anything that could steer a terminal: servers have a say in some messages."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
