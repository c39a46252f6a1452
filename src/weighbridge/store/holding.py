"""What this very process is writing, partials and temporary files, by name: the process table can't tell that.

All of it has one owner there.  There is no lock: each step below is one atomic operation of a set, and a lock could be
inherited locked by a fork.
"""

from __future__ import annotations

_held: set[str] = set()  # names are random, so they are told apart wherever they lie


def hold(name: str) -> None:
    """Note that something of this name is being written here."""
    _held.add(name)


def let_go(name: str) -> None:
    """Note that it isn't any more; harmless twice."""
    _held.discard(name)


def is_held(name: str) -> bool:
    """Tell whether something of this name is being written here."""
    return name in _held
