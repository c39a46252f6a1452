"""The real command in a process of its own, with an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_TIMEOUT_S = 30.0
_LEFT_OUT = ("_PROXY", "SSL_CERT_FILE", "CA_BUNDLE", "WEIGHBRIDGE_", "FORCE_COLOR", "TTY_COMPATIBLE")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of the command left."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of standard output as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    def event(self, kind: str) -> dict[str, Any]:
        """Return the last event of a kind."""
        return [each for each in self.events if each["event"] == kind][-1]


@dataclass(frozen=True, slots=True)
class Command:
    """``weighbridge`` with ``home`` for all that it keeps."""

    home: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """That of the tests, without what would change the command's ways."""
        kept = {
            name: value for name, value in os.environ.items() if not any(each in name.upper() for each in _LEFT_OUT)
        }
        return {**kept, "HOME": str(self.home), "WEIGHBRIDGE_CACHE": str(self.home / "cache"), **self.extra}

    def line(self, *arguments: object) -> list[str]:
        """Return the whole command line."""
        return [sys.executable, "-m", "weighbridge", *map(str, arguments)]

    def run(self, *arguments: object, stdin: str | bytes = b"", cwd: Path | None = None) -> Outcome:
        """Run it to its end."""
        process = subprocess.run(
            self.line(*arguments),
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=self.environment,
            cwd=cwd,
            timeout=_TIMEOUT_S,
            check=False,
        )
        return Outcome(process.returncode, process.stdout.decode(), process.stderr.decode())

    def start(self, *arguments: object) -> subprocess.Popen[bytes]:
        """Start it; :func:`wait_for` takes what it leaves."""
        return subprocess.Popen(
            self.line(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
        )


def wait_for(process: subprocess.Popen[bytes]) -> Outcome:
    """Return what a started command leaves when it ends."""
    try:
        out, err = process.communicate(timeout=_TIMEOUT_S)
    finally:
        process.kill()
    return Outcome(process.returncode, (out or b"").decode(), (err or b"").decode())
