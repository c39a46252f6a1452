"""Progress of a call as its caller wants to see it: with our bars, with a class like tqdm's, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, Self

from weighbridge.client import log_notices
from weighbridge.core.events import (
    Event,
    FileFinished,
    FileProgress,
    FileStarted,
    Notice,
    Observer,
    Planned,
)


class Bar(Protocol):
    """What bars of tqdm do, as far as we need it."""

    def update(self, n: float) -> object:
        """Move the bar."""

    def close(self) -> object:
        """End the bar."""


MakeBar = Callable[..., Bar]


@contextmanager
def observing(tqdm_class: MakeBar | None, *, is_quiet: bool, name: str) -> Iterator[Observer]:
    """Yield an observer for a call.

    Nothing is shown of a call that finds all in place.  What must not be missed goes to the log in any case.

    Args:
        tqdm_class: Makes a bar of bytes; None takes our own bars.
        is_quiet: Whether our own bars are unwanted.
        name: What the bar is called.
    """
    if tqdm_class is not None:
        with _Counted(tqdm_class, name) as counted:
            yield counted
    elif is_quiet:
        yield log_notices
    else:
        from weighbridge.progress import show_progress  # noqa: PLC0415 - only who looks at bars should wait for them

        with show_progress() as show:
            yield _Late(show)


class _Late:
    """Shows a call once it turns out that something is to be fetched.

    Args:
        show: Is told.
    """

    def __init__(self, show: Observer) -> None:
        self._show = show
        self._is_shown = False

    def __call__(self, event: Event, /) -> None:
        if isinstance(event, Notice):
            log_notices(event)
            return
        if isinstance(event, Planned):
            self._is_shown = event.present < event.files
        if self._is_shown:
            self._show(event)


class _Counted:
    """Counts verified bytes of all files on one bar of somebody else's making; a context manager.

    What is in place from the start is where the bar begins; if that is all, there is no bar.

    Args:
        make: Makes the bar.
        name: What it is called.
    """

    def __init__(self, make: MakeBar, name: str) -> None:
        self._make = make
        self._name = name
        self._bar: Bar | None = None
        self._verified: dict[str, int] = {}
        self._shown = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, event: Event, /) -> None:
        match event:
            case Planned():
                self._begin(event)
            case FileStarted(name=name):
                self._verified[name] = 0
            case FileProgress(name=name, verified=verified):
                self._verified[name] = max(verified, self._verified.get(name, 0))
            case FileFinished(result=result):
                self._verified[result.name] = result.size
            case Notice():
                log_notices(event)
            case _:
                pass
        self._move()

    def _begin(self, planned: Planned) -> None:
        if self._bar is not None or planned.present == planned.files:
            return
        here = planned.present_size or 0
        arguments: dict[str, Any] = {"total": planned.size, "unit": "B", "unit_scale": True, "desc": self._name}
        if not here:
            self._bar = self._make(**arguments)
            return
        try:
            self._bar = self._make(**arguments, initial=here)
        except TypeError:  # not all that are like tqdm know where to begin
            self._bar = self._make(**arguments)
            self._bar.update(here)

    def _move(self) -> None:
        now = sum(self._verified.values())
        if self._bar is not None and now > self._shown:
            self._bar.update(now - self._shown)
            self._shown = now
