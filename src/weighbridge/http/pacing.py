"""How fast one host may be asked, shared by all who ask it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from weighbridge.core.urls import Origin
from weighbridge.http.messages import parse_rate_limit, parse_retry_after

_TOO_MANY = 429
_UNAVAILABLE = 503
_ERROR = 400
_FIRST_PAUSE_S = 1.0
_LONGEST_GUESS_S = 30.0
_FIRST_INTERVAL_S = 0.05
_LONGEST_INTERVAL_S = 2.0
_SHORTEST_INTERVAL_S = 0.004


@dataclass(slots=True)
class _Pace:
    not_before: float = 0.0  # monotonic seconds
    next_slot: float = 0.0  # monotonic seconds
    interval_s: float = 0.0
    refusals: int = 0


class HostPacer:
    """Spreads requests to each host in time once it has complained.

    A refusal (429, or 503 that says when to come back) stops everyone to that host until the time it
    named, or for a growing guess if it named none; afterwards requests leave one by one, with gaps that
    double with every further refusal and shrink by a tenth with every success.

    Args:
        uniform: Source of jitter, as :func:`random.uniform`.
    """

    def __init__(self, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._uniform = uniform
        self._paces: dict[Origin, _Pace] = {}
        self._lock = threading.Lock()  # guards _paces and all in it

    def reserve(self, origin: Origin, now: float) -> float:
        """Take the next slot if it is due.

        Args:
            origin: Whom to ask.
            now: Monotonic seconds.

        Returns:
            0.0 if the request may go now; else seconds to wait before calling again.
        """
        with self._lock:
            pace = self._paces.get(origin)
            if pace is None:
                return 0.0
            due = max(pace.not_before, pace.next_slot)
            if now < due:
                return due - now
            pace.next_slot = now + pace.interval_s
            return 0.0

    def note(self, origin: Origin, status: int, headers: Mapping[str, str], now: float) -> None:
        """Learn from an answer.

        Args:
            origin: Who answered.
            status: With what.
            headers: Of the answer; ``Retry-After`` and ``RateLimit`` are read.
            now: Monotonic seconds.
        """
        wait = parse_retry_after(headers)
        limit = parse_rate_limit(headers)
        refused = status == _TOO_MANY or (status == _UNAVAILABLE and wait is not None)
        if limit is not None and limit[0] == 0:
            wait = limit[1] if wait is None else wait
        with self._lock:
            if refused:
                self._refuse(self._paces.setdefault(origin, _Pace()), wait, now)
            elif limit is not None and limit[0] == 0 and wait is not None:
                pace = self._paces.setdefault(origin, _Pace())
                pace.not_before = max(pace.not_before, now + wait)
            elif status < _ERROR and origin in self._paces:
                pace = self._paces[origin]
                pace.refusals = 0
                pace.interval_s = pace.interval_s * 0.9 if pace.interval_s > _SHORTEST_INTERVAL_S else 0.0

    def _refuse(self, pace: _Pace, wait: float | None, now: float) -> None:
        if now < pace.not_before:  # one of several that were under way at once: the pause is known already
            if wait is not None:
                pace.not_before = max(pace.not_before, now + wait)
            return
        if wait is None:
            guess = min(_LONGEST_GUESS_S, _FIRST_PAUSE_S * 2.0 ** min(pace.refusals, 8))
            wait = self._uniform(guess / 2, guess)
        pace.refusals += 1
        pace.not_before = now + wait
        pace.interval_s = min(_LONGEST_INTERVAL_S, max(_FIRST_INTERVAL_S, pace.interval_s * 2))
