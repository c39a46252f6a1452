"""Ctrl-C and SIGTERM: the first ends the work in good order, the second at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """Somebody asked the command to end (``.number``: of the signal)."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = signal.Signals(number)

    def __str__(self) -> str:
        return "stopped by Ctrl-C" if self.number is signal.SIGINT else f"stopped by {self.number.name}"


class StopSignals:
    """Turns the signals into :class:`Stopped`, raised in the main thread; a context manager.

    Within :meth:`patiently` the first one only sets ``cancel``: what runs there stops by itself and in good order.

    Attributes:
        cancel: Set once a signal came.
        number: Of the first signal; None while there was none.
    """

    def __init__(self) -> None:
        self.cancel = threading.Event()
        self.number: int | None = None
        self._is_patient = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            previous = signal.getsignal(number)
            if previous is not signal.SIG_IGN:  # whoever started us wants it so: nohup, or a shell's "&"
                self._previous[number] = previous
                signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        for number, previous in self._previous.items():
            signal.signal(number, previous)  # type: ignore[arg-type]  # what getsignal gave
        self._previous.clear()

    @contextmanager
    def patiently(self) -> Iterator[None]:
        """Let the block stop by itself when ``cancel`` is set; a second signal doesn't wait for that."""
        self._is_patient = True
        try:
            yield
        finally:
            self._is_patient = False

    def _stop(self, number: int, frame: FrameType | None) -> None:
        del frame
        is_first = self.number is None
        self.number = number if self.number is None else self.number
        self.cancel.set()
        if not (is_first and self._is_patient):
            raise Stopped(self.number)
