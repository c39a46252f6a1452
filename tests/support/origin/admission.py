"""Who is let in: URLs that expire, and so many requests in a second."""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable
from urllib.parse import urlencode

from tests.support.origin.faultbase import Fault
from tests.support.origin.requests import Request

SIGNATURE = "X-Signature"


class UrlSigner:
    """Signs paths for a time; a path once signed is closed to everyone without a valid signature."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # guards _grants
        self._grants: dict[str, tuple[str, float]] = {}

    @property
    def signatures(self) -> list[str]:
        """All signatures handed out, in order."""
        with self._lock:
            return list(self._grants)

    def sign(self, path: str, ttl_s: float) -> str:
        """Return a query that opens ``path`` for ``ttl_s`` seconds of the server's monotonic clock."""
        signature = secrets.token_hex(16)
        with self._lock:
            self._grants[signature] = (path, self._clock() + ttl_s)
        return urlencode({SIGNATURE: signature, "Expires": math.ceil(time.time() + ttl_s)})

    def expire_all(self) -> None:
        """Let every signature handed out so far end now."""
        with self._lock:
            self._grants = {signature: (path, -math.inf) for signature, (path, _) in self._grants.items()}

    def admits(self, request: Request) -> bool:
        """Say whether the path is open, or the request's signature was made for it and has not expired."""
        with self._lock:
            if not any(path == request.path for path, _ in self._grants.values()):
                return True
            path, deadline = self._grants.get(request.query.get(SIGNATURE, ""), ("", -math.inf))
        return path == request.path and self._clock() < deadline


class RateLimiter:
    """Admits ``requests_per_second``, ``burst`` of them at once; the others get the refusal."""

    def __init__(self, requests_per_second: float, burst: int, refusal: Fault) -> None:
        self.refusal = refusal
        self._rate = requests_per_second
        self._burst = burst
        self._lock = threading.Lock()  # guards everything below
        self._tokens = float(burst)
        self._filled_s = time.monotonic()
        self._admitted = 0
        self._refused = 0

    @property
    def admitted(self) -> int:
        """Requests within the rate so far."""
        return self._admitted

    @property
    def refused(self) -> int:
        """Requests above the rate so far."""
        return self._refused

    def admits(self) -> bool:
        """Count one more request; say whether it is within the rate."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(float(self._burst), self._tokens + (now - self._filled_s) * self._rate)
            self._filled_s = now
            if self._tokens < 1:
                self._refused += 1
                return False
            self._tokens -= 1
            self._admitted += 1
            return True
