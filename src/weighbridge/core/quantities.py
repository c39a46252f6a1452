"""Numbers as people read them; pure."""

from __future__ import annotations

_STEP = 1000.0
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_ROUNDS_UP = 999.5  # three digits can't show it


def format_bytes(amount: float) -> str:
    """Return a number of bytes with three digits and a decimal unit: ``91.2 MB``, ``-20 B``."""
    value = float(amount)
    for unit in _UNITS[:-1]:
        if abs(value) < _ROUNDS_UP:
            return f"{value:.3g} {unit}"
        value /= _STEP
    return f"{value:.3g} {_UNITS[-1]}"


def count(number: int, noun: str) -> str:
    """Return ``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
