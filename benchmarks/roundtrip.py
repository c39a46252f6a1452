"""Starts the relay and measures that its delay and its rate are what they should be."""

from __future__ import annotations

import http.client
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

_ASKED = 11
_READ = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """What one connection to a port was found to be.

    Attributes:
        round_trip_s: Median seconds from a small request to its whole answer, on an open connection.
        first_s: The same on a new connection, connecting included.
        rate: Bytes a second of one long answer.
    """

    round_trip_s: float
    first_s: float
    rate: float


@contextmanager
def relayed(upstream: int, *options: str) -> Iterator[int]:
    """Run a relay to ``upstream`` with ``options`` and give its port, until the block ends."""
    argv = [sys.executable, "-m", "benchmarks.relay", "--upstream", str(upstream), *options]
    root = Path(__file__).parent.parent
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            yield int(cast("IO[str]", process.stdout).readline())
        finally:
            process.kill()


def measure(port: int, small: str, large: str, limit: int) -> Measured:
    """Ask ``port`` for the start of two files: ``small`` again and again, ``large`` up to ``limit`` bytes once."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    _fetch(connection, small, 1)
    first_s = time.perf_counter() - started
    trips = [_fetch(connection, small, 1) for _ in range(_ASKED)]
    took_s = _fetch(connection, large, limit) - statistics.median(trips)
    connection.close()
    return Measured(statistics.median(trips), first_s, limit / took_s)


def _fetch(connection: http.client.HTTPConnection, name: str, size: int) -> float:
    """Fetch the first ``size`` bytes of ``name`` and return the seconds it took."""
    started = time.perf_counter()
    connection.request("GET", f"/{name}", headers={"Range": f"bytes=0-{size - 1}"})
    with connection.getresponse() as answer:
        while answer.read(_READ):
            pass
    return time.perf_counter() - started
