"""What became of one tool in one scenario, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """How it ended; the value is the word that is printed."""

    RIGHT = "right"
    """Success was told, and the bytes are right."""
    ERROR = "error"
    """An error was told, and nothing wrong lies under the file's name."""
    HALF = "half file"
    """An error was told, and what lies under the file's name has wrong bytes."""
    WRONG = "WRONG"
    """Success was told, and the bytes are wrong or absent."""
    HANG = "hang"
    """No end by the deadline."""
    AGAIN = "again"
    """Right, but bytes that had arrived were fetched again."""
    LEAK = "LEAK"
    """A secret went where it must not."""
    OUTSIDE = "OUTSIDE"
    """Something was written elsewhere."""
    COSTLY = "costly"
    """Right, but with more requests than the work needs."""
    MESS = "mess"
    """Right, but what is left of earlier tries stays for ever."""
    CRASH = "crash"
    """Ended by a signal, or by an internal error that nobody meant to tell."""
    NOT_APPLICABLE = "-"
    """The tool has no such thing; the note says why."""
    UNKNOWN = "?"
    """The suite itself failed; it keeps no promise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was seen.

    Attributes:
        outcome: How it ended.
        seconds: Of all runs of the tool together.
        bytes_fetched: Body bytes of files that the servers sent, what a killed run left unread in its sockets included.
        requests: That the servers had.
        size: Bytes of the files that were wanted; 0 is not known.
        note: One line: the tool's last words, or what was wrong; no secrets.
    """

    outcome: Outcome
    seconds: float = 0.0
    bytes_fetched: int = 0
    requests: int = 0
    size: int = 0
    note: str = ""


def not_applicable(reason: str) -> Finding:
    """Return the finding for a tool that has no such thing."""
    return Finding(outcome=Outcome.NOT_APPLICABLE, note=reason)
