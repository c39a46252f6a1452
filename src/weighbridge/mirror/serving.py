"""Runs the application on sockets: listens, serves, and ends in good order when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from types import FrameType
from typing import Any

import h11
import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from weighbridge.core.errors import InvalidParameterError, StoreError
from weighbridge.mirror.sending import BY_REFERENCE

_BACKLOG = 2048
_FIRST_REQUEST_S = 30.0  # a connection that has not asked for anything by then is closed
_KEEP_ALIVE_S = 75
_MOST_DESCRIPTORS = 1 << 20  # some systems know no limit
_RESERVED = 64  # descriptors for all else
_SILENCE_S = 60  # seconds without a sign of life from the other side, or in which it takes nothing
_WORDS_S = 10  # between two such signs
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 lets the system choose one."""

    host: str
    port: int


def bind(address: Address) -> socket.socket:
    """Return a socket that has the address, to be listened on; its connections forget clients that have gone silent.

    Raises:
        InvalidParameterError: There is no such address.
        StoreError: It can't be had; mostly somebody else is listening there.
    """
    try:
        family, kind, _, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "no host has such a name"
        raise InvalidParameterError(f"there is no address {address.host!r}: {reason}") from error
    sock = socket.socket(family, kind)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for level, name, value in _liveness():
            sock.setsockopt(level, name, value)  # connections that are taken inherit them
        sock.bind(where)
    except OSError as error:
        sock.close()
        shown = f"{address.host}:{address.port}"
        raise StoreError(f"can't listen on {shown}: {error.strerror}; choose another --port") from error
    sock.setblocking(False)
    return sock


def serve(app: ASGIApp, sock: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; transfers that are under way end first, unless there is a second signal.

    Args:
        app: Who answers.
        sock: As :func:`bind` gives it.
        on_ready: Called once requests are answered.
    """
    descriptors = _raise_descriptor_limit()
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        headers=[("Server", "weighbridge")],
        timeout_keep_alive=_KEEP_ALIVE_S,
        backlog=_BACKLOG,
        limit_concurrency=max(1, (descriptors - _RESERVED) // 2),  # a transfer has a file open, too
    )
    asyncio.run(_Server(config, on_ready).serve([sock]))


class _Span:
    """Stands for bytes that go another way; h11 asks for its length alone."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count


class _Protocol(H11Protocol):
    """Closes a connection on which no whole request has come for a while, and sends files by reference."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._answer, self.app = self.app, self._run
        self._patience: asyncio.TimerHandle | None = None
        self._awaited: object = None  # the request before the one that is waited for

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; offer what is said at https://asgi.readthedocs.io/en/latest/extensions.html."""

        async def send_any(message: Message) -> None:
            if message["type"] == BY_REFERENCE:
                await self._send_file(message["file"], message["offset"], message["count"])
            else:
                await send(message)

        if scope["scheme"] == "http" and hasattr(os, "sendfile"):
            scope["extensions"] = {BY_REFERENCE: {}}
        await self._answer(scope, receive, send_any)

    async def _send_file(self, file: FileIO, offset: int, count: int) -> None:
        """Send a part of a file; returns when all of it is with the system.

        Raises:
            ClientDisconnect: The other side has gone, or the file has ended.
        """
        await self.flow.drain()
        if not self.cycle.disconnected:
            self.conn.send_with_data_passthrough(h11.Data(data=_Span(count)))  # type: ignore[arg-type]
            with contextlib.suppress(OSError, RuntimeError):
                if await self.loop.sendfile(self.transport, file, offset, count, fallback=False) == count:
                    return
        self.transport.abort()
        self.cycle.disconnected = True
        raise ClientDisconnect

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._be_patient(None)

    def data_received(self, data: bytes) -> None:
        before = self.scope
        super().data_received(data)
        if self.cycle is not None and self.cycle.response_complete and self.scope is before:  # type: ignore[redundant-expr]
            # the first bytes of a further request have ended uvicorn's own wait for it
            self._be_patient(before)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; a request in whose body it comes gets no other answer, and none after its own."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:  # type: ignore[redundant-expr]
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.close()
                return
        super().send_400_response(msg)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._patience is not None:
            self._patience.cancel()

    def _be_patient(self, before: object) -> None:
        """Wait for a whole request, once however many pieces it comes in."""
        if self._patience is not None and self._awaited is before:
            return
        if self._patience is not None:
            self._patience.cancel()
        self._awaited = before
        self._patience = self.loop.call_later(_FIRST_REQUEST_S, self._check_asked, before)

    def _check_asked(self, before: object) -> None:
        self._patience = None
        if self.scope is before and not self.transport.is_closing():
            self.transport.abort()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals; unlike uvicorn don't die of them afterwards: to end when told to is success."""
        previous = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        del sig, frame
        self.force_exit, self.should_exit = self.should_exit, True


def _liveness() -> Iterator[tuple[int, int, int]]:
    """Yield the options by which the system finds out that a client has gone (RFC 1122, 4.2.3.6; RFC 5482)."""
    yield socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1
    for name, value in (
        ("TCP_KEEPIDLE", _SILENCE_S),
        ("TCP_KEEPINTVL", _WORDS_S),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", _SILENCE_S * 1000),
        ("TCP_NODELAY", 1),
    ):
        if hasattr(socket, name):
            yield socket.IPPROTO_TCP, getattr(socket, name), value


def _raise_descriptor_limit() -> int:
    """Allow as many open files and connections as this process may have; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], _MOST_DESCRIPTORS)
