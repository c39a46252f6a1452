"""Asks over a bare socket and tells everything that came back, however wrong; one request, one connection."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

_READ = 64 << 10

RawEnd = Literal["fin", "rst", "silence"]


@dataclass(frozen=True, slots=True)
class RawReply:
    """What came back.

    Attributes:
        head: Up to the first empty line, without it.
        body: All that came after it, framing included.
        end: In order, by a reset, or by nothing more for the timeout.
    """

    head: str
    body: bytes
    end: RawEnd

    @property
    def status(self) -> int:
        """The code in the status line."""
        return int(self.head.split(" ", 2)[1])

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, names in lower case."""
        pairs = (line.partition(": ") for line in self.head.split("\r\n")[1:])
        return {name.lower(): value for name, _, value in pairs}


def ask(
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    tls: ssl.SSLContext | None = None,
    timeout_s: float = 5.0,
) -> RawReply:
    """Send one request and read until the connection ends or nothing came for ``timeout_s``."""
    parts = urlsplit(url)
    target = f"{parts.path}{f'?{parts.query}' if parts.query else ''}"
    fields = {"Host": parts.netloc, "Connection": "close", **(headers or {})}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    with _connect(parts.hostname or "", parts.port or 0, tls) as sock:
        sock.settimeout(timeout_s)
        sock.sendall("\r\n".join(lines).encode("latin-1"))
        return _parse(*_read_to_end(sock))


def _connect(host: str, port: int, tls: ssl.SSLContext | None) -> socket.socket:
    sock = socket.create_connection((host, port))
    if tls is None:
        return sock
    try:
        return tls.wrap_socket(sock, server_hostname=host)
    except OSError:
        sock.close()
        raise


def _read_to_end(sock: socket.socket) -> tuple[bytes, RawEnd]:
    got = bytearray()
    while True:
        try:
            data = sock.recv(_READ)
        except TimeoutError:
            return bytes(got), "silence"
        except ConnectionResetError:
            return bytes(got), "rst"
        if not data:
            return bytes(got), "fin"
        got += data


def _parse(data: bytes, end: RawEnd) -> RawReply:
    head, _, body = data.partition(b"\r\n\r\n")
    return RawReply(head.decode("latin-1"), body, end)
