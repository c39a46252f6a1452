"""The protocol that every transport satisfies, the request it takes and the response it returns."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol

from weighbridge.core.artifacts import Source
from weighbridge.core.errors import TransferError
from weighbridge.core.ranges import ByteRange


class HostPausedError(TransferError):
    """The host is to be left alone for longer than the request can wait (``.wait_s``); nothing was sent.

    Never leaves this package: whoever asked has something better to do meanwhile, and comes back.
    """

    wait_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One GET.

    Attributes:
        source: Whom it is for; only its origin sees its secrets.
        url: Where to ask: the source's own URL, or where an earlier redirect of it led.
        span: Bytes wanted; None asks for the whole file.
        if_range: Strong ETag that makes the server send the whole file if it changed.
        patience_s: Longest wait for the host's turn.
    """

    source: Source
    url: str = field(repr=False)  # may be signed
    span: ByteRange | None = None
    if_range: str | None = None
    patience_s: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One exchange.

    Attributes:
        url: Whom to ask.
        method: How.
        headers: Sent as they are, in place of the transport's own of the same names: whoever asks decides which
            secrets that address may see.
        timeout_s: Longest silence, if shorter than the transport's own; None is the transport's own.
        patience_s: Longest wait for the host's turn.
    """

    url: str = field(repr=False)  # may be signed
    method: Literal["GET", "HEAD"] = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float | None = None
    patience_s: float = math.inf


class Response(Protocol):
    """A final answer (never a followed redirect) whose body is read at most once.

    Attributes:
        status: As sent.
        headers: Case-insensitive; repeated ones joined by a comma.
        url: Where the answer came from, after redirects.
    """

    @property
    def status(self) -> int: ...  # noqa: D102 - above
    @property
    def headers(self) -> Mapping[str, str]: ...  # noqa: D102 - above
    @property
    def url(self) -> str: ...  # noqa: D102 - above

    def read(self, amount: int) -> bytes:
        """Return up to ``amount`` body bytes as sent; fewer only near the end, none at the end.

        Raises:
            TransferError: The connection broke, stalled or ended early.
        """

    def read_decoded(self, amount: int) -> bytes:
        """As :meth:`read`, with ``Content-Encoding`` undone."""

    def close(self) -> None:
        """Let go: keeps the connection if the body was read whole, drops it otherwise."""


class Transport(Protocol):
    """Turns a request into a response."""

    def open(self, request: Request, interrupt: Interrupt) -> Response:
        """Send ``request``, follow redirects and return the answer before its body.

        Waits first if the host asked to be left alone.

        Raises:
            HostPausedError: That wait is longer than the request's patience.
            RateLimitedError: It is longer than anybody may wait.
            TransferError: No answer, or a redirect that must not be followed.
        """

    def close(self) -> None:
        """Drop all connections."""


class Asking(Protocol):
    """Answers single questions."""

    def ask(self, question: Question, interrupt: Interrupt) -> Response:
        """Send ``question`` and return the answer before its body, whatever it is; redirects are not followed.

        Waits first if the host asked to be left alone.  The answer to a HEAD needs no closing.

        Raises:
            HostPausedError: That wait is longer than the question's patience.
            RateLimitedError: It is longer than anybody may wait.
            TransferError: No answer.
        """


@dataclass(slots=True, eq=False)
class Interrupt:
    """Breaks one blocking exchange from another thread.

    The first reason given wins; whoever is blocked gets a connection error at once and looks here.
    """

    reason: Exception | None = None
    is_waiting: bool = False  # on purpose, not for the network
    waited_until: float = 0.0  # monotonic seconds at which the last such wait ended
    _event: threading.Event = field(default_factory=threading.Event)
    _socket: socket.socket | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)  # guards reason and _socket

    def attach(self, sock: socket.socket | None) -> None:
        """Name the socket the exchange now blocks on."""
        with self._lock:
            self._socket = sock
        if self._event.is_set():
            self._break()

    def trigger(self, reason: Exception) -> None:
        """Break the exchange; safe from any thread, more than once."""
        with self._lock:
            self.reason = self.reason or reason
        self._event.set()
        self._break()

    def check(self) -> None:
        """Raise the reason if there is one."""
        if self.reason is not None:
            raise self.reason

    def sleep(self, seconds: float) -> None:
        """Wait; raises the reason as soon as there is one."""
        self.is_waiting = True
        self._event.wait(seconds)
        self.waited_until, self.is_waiting = time.monotonic(), False
        self.check()

    def _break(self) -> None:
        with self._lock:
            sock = self._socket
        if sock is not None:
            with suppress(OSError):
                # the plain socket's method: SSLSocket.shutdown would drop its TLS layer under the reader,
                # which would then take what is left of the cipher text for content
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
