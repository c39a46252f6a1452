"""The real ``weighbridge serve`` in a process of its own, who asks it byte by byte, and caches for it to serve."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.command import Command
from tests.support.processes import wait_until

_LONGEST_S = 30.0
_IMPATIENT = (
    "import sys; from weighbridge.mirror import app, serving; from weighbridge.cli.main import run; "
    "serving._FIRST_REQUEST_S = app._FORM_S = {seconds}; sys.exit(run(sys.argv[1:]))"
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered.

    Attributes:
        status: Of the answer.
        headers: Names in lower case; several of one name are joined by commas.
        body: As far as it came.
        is_cut: The connection ended before the body did.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool = False

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def is_kept(self) -> bool:
        """Whether more may be asked on the same connection."""
        return self.headers.get("connection", "") != "close"


class Mirror:
    """A mirror at work; a context manager that ends it.

    Args:
        home: A folder for what it writes and remembers; made if need be.
        options: Of ``weighbridge serve``; port 0 unless they name one.
        environment: Added to ours.
        prefix: Command that runs it, such as ``setpriv``.
        patience_s: How long it waits for a request to be complete, in seconds; None for its own limit.
    """

    def __init__(
        self,
        home: Path,
        *options: object,
        environment: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
        patience_s: float | None = None,
    ) -> None:
        home.mkdir(exist_ok=True)
        self._out, self._err = home / "serve.out", home / "serve.err"
        command = Command(home)
        program = ["-m", "weighbridge"] if patience_s is None else ["-c", _IMPATIENT.format(seconds=patience_s)]
        port = () if "--port" in options else ("--port", "0")
        self._line = [*prefix, sys.executable, *program, "serve", *map(str, (*port, *options))]
        self._environment = {**command.environment, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = ""

    def __enter__(self) -> Self:
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                self._line, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=self._environment
            )
        try:
            wait_until(lambda: self.out.endswith("\n") or self._running.poll() is not None, _LONGEST_S)
            found = re.search(r"^HF_ENDPOINT=(\S+)$", self.out, re.MULTILINE)
            if found is None:
                raise RuntimeError(f"the mirror did not start: {self.err}")
        except BaseException:
            self.kill()
            raise
        self.endpoint = found[1]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running.pid

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to."""
        parts = urlsplit(self.endpoint)
        return parts.hostname or "", parts.port or 80

    @property
    def out(self) -> str:
        """What it has written to standard output."""
        return self._out.read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        """What it has written to standard error: messages and the access log."""
        return self._err.read_text(encoding="utf-8", errors="replace")

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The access log, if ``--access-log json`` was given."""
        return [json.loads(line) for line in self.err.splitlines() if line.startswith("{")]

    @property
    def peak_rss(self) -> int:
        """The most memory it has had so far, in bytes."""
        return _read_number(f"/proc/{self.pid}/status", "VmHWM") * 1024

    @property
    def bytes_read(self) -> int:
        """Bytes that it has read from files and pipes since it began."""
        return _read_number(f"/proc/{self.pid}/io", "rchar")

    @property
    def descriptors(self) -> int:
        """How many files and sockets it has open."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    def connect(self, timeout_s: float = _LONGEST_S) -> socket.socket:
        """Return a connection to it."""
        return socket.create_connection(self.address, timeout_s)

    def ask(self, target: str, headers: Mapping[str, str] | None = None, *, method: str = "GET") -> Reply:
        """Send one request on a connection of its own."""
        return self.send(request_bytes(target, headers, method=method), method)

    def send(self, content: bytes, method: str = "GET") -> Reply:
        """Send bytes on a connection of their own and read one answer."""
        with self.connect() as sock:
            sock.sendall(content)
            return read_reply(sock, method)

    def post(self, target: str, form: bytes) -> Reply:
        """Send a form."""
        head = request_bytes(target, {"Content-Length": str(len(form))}, method="POST")
        return self.send(head + form, "POST")

    def metric(self, sample: str) -> float:
        """Return a number of ``/metrics`` by its name and labels as they are written there; 0 if it is not there."""
        lines = self.ask("/metrics").body.decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == sample), 0.0)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._running.send_signal(number)

    def wait(self, timeout_s: float = _LONGEST_S) -> int:
        """Wait for its end and return its exit code."""
        return self._running.wait(timeout_s)

    def stop(self) -> int:
        """End it as systemd does, and return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self._running.kill()
        self._running.wait(_LONGEST_S)


def request_bytes(target: str, headers: Mapping[str, str] | None = None, *, method: str = "GET") -> bytes:
    """Return a request as it goes over the wire."""
    fields = {"Host": "localhost", **(headers or {})}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def read_reply(sock: socket.socket, method: str = "GET") -> Reply:
    """Read one answer; the connection stays open."""
    with HTTPResponse(sock, method=method) as response:
        response.begin()
        headers: dict[str, str] = {}
        for name, value in response.getheaders():
            headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
        try:
            return Reply(response.status, headers, response.read())
        except IncompleteRead as cut:
            return Reply(response.status, headers, cut.partial, is_cut=True)


def git_blob(content: bytes) -> str:
    """Return the id that git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class HubCache:
    """A cache as huggingface_hub lays it out.

    Attributes:
        root: Its directory; made when something is put there.
    """

    root: Path

    def put(self, repo: str, commit: str, files: Mapping[str, bytes], *refs: str) -> Path:
        """Add a snapshot whose files are links to blobs; returns its folder.

        Args:
            repo: Name of the repository's folder, such as ``models--org--name``.
            commit: 40 hex digits.
            files: Content by path; of 1000 bytes or more it counts as large.
            refs: Names that mean the commit.
        """
        folder = self.root / repo
        snapshot = folder / "snapshots" / commit
        for each in (folder / "blobs", folder / "refs", snapshot):
            each.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            is_large = len(content) >= 1000
            name = hashlib.sha256(content).hexdigest() if is_large else git_blob(content)
            (folder / "blobs" / name).write_bytes(content)
            pointer = snapshot / path
            pointer.parent.mkdir(parents=True, exist_ok=True)
            pointer.symlink_to(os.path.relpath(folder / "blobs" / name, pointer.parent))
        for ref in refs:
            self.put_ref(repo, ref, commit)
        return snapshot

    def put_ref(self, repo: str, ref: str, content: str | bytes) -> None:
        """Write the file of a ref, whatever it holds."""
        place = self.root / repo / "refs" / ref
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)


def _read_number(place: str, name: str) -> int:
    text = Path(place).read_text(encoding="ascii", errors="replace")
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)[1])  # type: ignore[index]
