"""Requests as they came over the wire, read strictly: what can't be read is an error, never a guess."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

_MAX_HEAD = 1 << 20
_READ = 64 << 10


class BadRequestError(Exception):
    """What the client sent is not an HTTP/1 request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request.

    Attributes:
        method: As sent, ``GET`` mostly.
        target: As sent; absolute when the server is used as a proxy.
        path: The path of the target with its escapes resolved.
        query: The parameters of the target; of a repeated one, the last.
        headers: Names in lower case; values of a repeated one joined by ``", "``.
        version: ``HTTP/1.1`` or ``HTTP/1.0``.
        body: The bytes that ``Content-Length`` announced.
    """

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    version: str = "HTTP/1.1"
    body: bytes = field(default=b"", repr=False)

    @property
    def is_last(self) -> bool:
        """Whether the client will send nothing more on this connection."""
        asked = self.headers.get("connection", "").lower()
        return asked == "close" or (self.version == "HTTP/1.0" and asked != "keep-alive")


class RequestReader:
    """Reads the requests of one connection, one after the other."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""

    def next(self) -> Request | None:
        """Wait for the next request; None when the client closed the connection between requests.

        Raises:
            BadRequestError: What came is not a request.
            OSError: The connection broke.
        """
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _MAX_HEAD:
                raise BadRequestError("the head has no end")
            if not self._fill():
                if self._buffer:
                    raise BadRequestError("the head was cut short")
                return None
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        lines = head.decode("latin-1").split("\r\n")
        headers = _parse_headers(lines[1:])
        return _parse_request(lines[0], headers, self._read_body(headers))

    def _read_body(self, headers: Mapping[str, str]) -> bytes:
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > len(str(_MAX_HEAD)) or "transfer-encoding" in headers:
            raise BadRequestError("the body has no usable length")
        while len(self._buffer) < int(length):
            if not self._fill():
                raise BadRequestError("the body was cut short")
        body, self._buffer = self._buffer[: int(length)], self._buffer[int(length) :]
        return body

    def _fill(self) -> bool:
        got = self._sock.recv(_READ)
        self._buffer += got
        return bool(got)


def _parse_headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequestError(f"not a header: {line!r}")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _parse_request(line: str, headers: Mapping[str, str], body: bytes) -> Request:
    words = line.split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequestError(f"not a request line: {line!r}")
    # A path that begins with two slashes must not be read as a host.
    parts = urlsplit(words[1] if "://" in words[1].partition("?")[0] else f"//host{words[1]}")
    return Request(
        method=words[0],
        target=words[1],
        path=unquote(parts.path),
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        version=words[2],
        body=body,
    )
