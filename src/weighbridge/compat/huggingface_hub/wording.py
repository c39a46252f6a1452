"""Sizes, ages and tables as huggingface_hub words them."""

from __future__ import annotations

import time

_JUST_NOW_S = 20
_AGES = (("second", 1, 60), ("minute", 60, 60), ("hour", 3600, 24), ("day", 86_400, 7), ("week", 604_800, 7))
_OLD_AGES = (("month", 2_592_000, 12), ("year", 31_536_000, None))  # 30 and 365 days
_UNITS = ("", "K", "M", "G", "T", "P", "E", "Z")
_THOUSAND = 1000.0


def write_table(heads: tuple[str, ...], rows: list[list[str]]) -> str:
    """Return lines of columns as wide as their widest cell, below their heads.

    Args:
        heads: One for each column.
        rows: Their cells; may be empty.
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = (heads, ["-" * each for each in widths], *rows)
    return "\n".join(" ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def size_words(count: float) -> str:
    """Return a number of bytes as newer clients write it, such as ``42.2K``."""
    for unit in _UNITS:
        if abs(count) < _THOUSAND:
            return f"{count:.1f}{unit}"
        count /= _THOUSAND
    return f"{count:.1f}Y"


def age_words(at: float) -> str:
    """Return how long ago a time was, in the largest unit that fits and whole numbers.

    Args:
        at: Wall-clock seconds.
    """
    age_s = time.time() - at
    if age_s < _JUST_NOW_S:
        return "a few seconds ago"
    counts = ((round(age_s / seconds), unit, end) for unit, seconds, end in (*_AGES, *_OLD_AGES))
    count, unit = next((count, unit) for count, unit, end in counts if end is None or count < end)
    return f"{count} {unit}{'s' if count > 1 else ''} ago"
