"""Who may begin to fetch a file that clients other than ours may be fetching as well."""

from __future__ import annotations

from typing import Protocol


class Gate(Protocol):
    """Keeps several processes from fetching one file at the same time.

    It saves work and nothing else: whoever enters it uninvited fetches the file once more, and that is all.
    """

    def try_enter(self) -> bool:
        """Enter if nobody else is inside; never waits.  Harmless, and True, if this one has entered already."""

    def leave(self) -> None:
        """Let others enter; harmless if this one is not inside."""

    @property
    def is_locked(self) -> bool:
        """Whether this one is inside, and the system keeps others out."""

    def signs(self) -> object:
        """Return something that differs from what it returned before if whoever is inside has made progress since."""


class OpenGate:
    """Lets everybody in, where there are no other clients to think of."""

    def try_enter(self) -> bool:
        """Enter."""
        return True

    def leave(self) -> None:
        """Leave."""

    @property
    def is_locked(self) -> bool:
        """Never."""
        return False

    def signs(self) -> object:
        """Return nothing new: nobody is waited for."""
        return None


OPEN = OpenGate()
"""A gate that is always open; it has no state, so one is enough."""
