"""The mirror that the story needs: started on this machine, and asked how much it had to do."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

_REQUESTS = re.compile(r'^weighbridge_requests_total{.*route="(?:info|tree|file)".*} (\S+)$', re.MULTILINE)
_SENT = re.compile(r'^weighbridge_sent_bytes_total{route="file"} (\S+)$', re.MULTILINE)
_STARTS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror that runs.

    Attributes:
        endpoint: What clients call it.
    """

    endpoint: str

    @property
    def requests(self) -> int:
        """How many questions about repositories and requests for files it has answered."""
        return sum(int(float(each)) for each in _REQUESTS.findall(self._metrics()))

    @property
    def sent(self) -> int:
        """How many bytes of files it has sent."""
        return sum(int(float(each)) for each in _SENT.findall(self._metrics()))

    def _metrics(self) -> str:
        with build_opener(ProxyHandler({})).open(f"{self.endpoint}/metrics", timeout=10) as answer:
            page: bytes = answer.read()
        return page.decode("utf-8")


@contextmanager
def running(arguments: list[str], environment: Mapping[str, str], scratch: Path) -> Iterator[Mirror]:
    """Run a mirror for the length of a block.

    Args:
        arguments: Of ``weighbridge``.
        environment: Of the process.
        scratch: A directory for what it prints.
    """
    printed = scratch / "mirror.out"
    with printed.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "weighbridge", *arguments], stdout=out, env=environment)
    try:
        yield Mirror(_wait_for_endpoint(printed, process))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _wait_for_endpoint(printed: Path, process: subprocess.Popen[bytes]) -> str:
    """Return the address that the mirror prints once it is ready."""
    ends_at = time.monotonic() + _STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < ends_at:
        if match := re.search(r"^HF_ENDPOINT=(\S+)$", printed.read_text(encoding="utf-8"), re.MULTILINE):
            return match[1]
        time.sleep(0.05)
    raise SystemExit("the mirror did not start")
