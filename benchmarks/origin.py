"""Runs our own nginx on free loopback ports and reads from its log what each run asked for."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.repositories import lay_out, site_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.certificates import Certificates
    from benchmarks.repositories import Repository

_START_TIMEOUT_S = 10.0
_QUIET_TIMEOUT_S = 5.0
_POLL_S = 0.01

_CONFIG = """\
daemon off;
{user}
worker_processes auto;
pid {prefix}/nginx.pid;
error_log {prefix}/error.log warn;
events {{ worker_connections 2048; }}
http {{
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_requests 1000000;
    keepalive_timeout 75s;
    default_type application/octet-stream;
    client_body_temp_path {prefix}/body;
    proxy_temp_path {prefix}/proxy;
    fastcgi_temp_path {prefix}/fastcgi;
    uwsgi_temp_path {prefix}/uwsgi;
    scgi_temp_path {prefix}/scgi;
    log_format bench '$connection $request_method $status $body_bytes_sent $bytes_sent';
    access_log {prefix}/access.log bench;
    root {root};
    server {{ listen 127.0.0.1:{plain}; }}
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    server {{ listen 127.0.0.1:{tls} ssl; }}
    server {{ listen 127.0.0.1:{capped}; limit_rate 20m; }}
    server {{ listen 127.0.0.1:{status}; access_log off; location / {{ stub_status; }} }}
{hub}}}
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback ports of the origin.

    Attributes:
        plain: Files by their names.
        tls: The same over TLS.
        capped: The same with ``limit_rate 20m``.
        hub: The Hub's protocol.
        hub_tls: The same over TLS.
        status: What nginx says of itself.
    """

    plain: int
    tls: int
    capped: int
    hub: int
    hub_tls: int
    status: int


@dataclass(frozen=True, slots=True)
class Served:
    """What the origin did during one run.

    Attributes:
        requests: Lines in its log.
        heads: Those that asked for no body.
        connections: Different connections in those lines.
        body_bytes: Bytes of bodies written to its sockets; a client that hangs up early may not have read them all.
        cpu_s: User and system seconds of its processes.
    """

    requests: int
    heads: int
    connections: int
    body_bytes: int
    cpu_s: float


class Origin:
    """A running nginx; made by ``serve``."""

    def __init__(self, prefix: Path, ports: Ports, pid: int) -> None:
        self.ports = ports
        self._log = prefix / "access.log"
        self._pid = pid
        self._offset = 0
        self._cpu_s = 0.0

    def mark(self) -> None:
        """Begin to count: what was served until now belongs to nobody."""
        self._wait_quiet()
        self._offset = self._log.stat().st_size
        self._cpu_s = self._read_cpu_s()

    def served(self) -> Served:
        """Return what was served since ``mark``, after the last request has been logged."""
        self._wait_quiet()
        with self._log.open("rb") as log:
            log.seek(self._offset)
            lines = [line.split() for line in log.read().splitlines()]
        return Served(
            requests=len(lines),
            heads=sum(line[1] == b"HEAD" for line in lines),
            connections=len({line[0] for line in lines}),
            body_bytes=sum(int(line[3]) for line in lines),
            cpu_s=self._read_cpu_s() - self._cpu_s,
        )

    def _wait_quiet(self) -> None:
        """Wait until nobody but us is connected, at most a few seconds: nginx logs a request at its end."""
        until = time.monotonic() + _QUIET_TIMEOUT_S
        while _connected(self.ports.status) > 1 and time.monotonic() < until:
            time.sleep(_POLL_S)

    def _read_cpu_s(self) -> float:
        """Return the CPU seconds of the master and its workers, in steps of a clock tick (10 ms)."""
        ticks = 0
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # processes of others may end while we look
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if self._pid in {int(entry.name), int(fields[1])}:
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def serve(
    nginx: str, prefix: Path, root: Path, certificates: Certificates, repositories: Sequence[Repository]
) -> Iterator[Origin]:
    """Serve ``root``, and repositories made of its files, until the block ends.

    The nginx of the system is neither used nor touched.

    Raises:
        RuntimeError: nginx did not answer in time; the message ends with its error log.
    """
    prefix.mkdir(parents=True, exist_ok=True)
    ports = Ports(*free_ports(6))
    lay_out(repositories, root, prefix / "hub")
    config = prefix / "nginx.conf"
    config.write_text(
        _CONFIG.format(
            # Workers of a master that is root would become `nobody`, who may not see the work directory.
            user="user root root;" if os.geteuid() == 0 else "",
            prefix=prefix,
            root=root,
            certificate=certificates.server,
            key=certificates.key,
            plain=ports.plain,
            tls=ports.tls,
            capped=ports.capped,
            status=ports.status,
            hub=site_of(repositories, prefix / "hub", ports),
        )
    )
    errors = prefix / "error.log"
    argv = [nginx, "-p", str(prefix), "-c", str(config), "-e", str(errors)]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_ready(process, ports.status, errors)
        yield Origin(prefix, ports, process.pid)
    finally:
        process.terminate()
        process.wait()


def free_ports(count: int) -> list[int]:
    """Return ``count`` different loopback ports that nobody listens on at this moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [listener.getsockname()[1] for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()


def _wait_ready(process: subprocess.Popen[bytes], port: int, errors: Path) -> None:
    until = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < until and process.poll() is None:
        try:
            _connected(port)
        except (OSError, urllib.error.URLError):
            time.sleep(_POLL_S)
        else:
            return
    said = errors.read_text() if errors.exists() else "nothing"
    message = f"nginx did not start; its log says: {said}"
    raise RuntimeError(message)


def _connected(port: int) -> int:
    """Return how many connections nginx has open, ours included."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/", timeout=2) as answer:
        first: bytes = answer.readline()
    return int(first.split(b":")[1])
