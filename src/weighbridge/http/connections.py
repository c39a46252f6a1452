"""Connections that another thread can break at any moment: while they connect, shake hands or wait for an answer."""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse, IncompleteRead
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, LocationParseError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from weighbridge.http.transport import Interrupt


def _bottom(sock: Any) -> Any:
    """Return the socket below TLS inside TLS (a proxy reached over https), which alone can be shut down."""
    return getattr(sock, "socket", sock)


class _Current(threading.local):
    interrupt: Interrupt | None = None
    was_kept = False


_current = _Current()  # the exchange this thread is in, for the connection classes below


@contextmanager
def breakable(interrupt: Interrupt) -> Iterator[None]:
    """Let ``interrupt`` break whatever connection this thread opens or asks within the block."""
    _current.interrupt, _current.was_kept = interrupt, False
    try:
        yield
    finally:
        _current.interrupt = None


def was_kept() -> bool:
    """Tell whether this thread's last request went over a connection that was there already."""
    return _current.was_kept


class _Lines:
    """The lines of a head; notes whether the connection ended before the empty line that ends it."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.is_cut = False

    def readline(self, limit: int) -> bytes:
        line: bytes = self._file.readline(limit)
        self.is_cut = not line
        return line

    def close(self) -> None:
        self._file.close()


class _Response(HTTPResponse):
    """A response whose head was read whole: to the standard library, the end of the connection ends a head, too."""

    fp: Any

    def begin(self) -> None:
        file = self.fp
        lines = self.fp = _Lines(file)
        try:
            super().begin()
        finally:
            if self.fp is lines:
                self.fp = file
        if lines.is_cut:
            raise IncompleteRead(b"")


class _Breakable:
    """Names its socket to the exchange that uses it, from before it is connected."""

    sock: Any
    host: str
    port: int
    timeout: float | None
    socket_options: Any
    response_class: Any = _Response
    _dns_host: str

    def request(self, *args: Any, **kwargs: Any) -> None:
        _current.was_kept = self.sock is not None
        if self.sock is not None and _current.interrupt is not None:
            _current.interrupt.attach(_bottom(self.sock))
        super().request(*args, **kwargs)  # type: ignore[misc]

    def _new_conn(self) -> socket.socket:
        """Connect as urllib3 does, and tell as it does what went wrong."""
        try:
            return self._connect_any()
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[arg-type]
        except UnicodeError:
            raise LocationParseError("a label of the host's name is empty or too long") from None
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise NewConnectionError(self, error.strerror or type(error).__name__) from error  # type: ignore[arg-type]

    def _connect_any(self) -> socket.socket:
        """Return a connection to the first address of the host that takes one."""
        host = self._dns_host.strip("[]")
        failure = OSError("the name has no addresses")
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, self.port, allowed_gai_family(), socket.SOCK_STREAM
        ):
            sock = socket.socket(family, kind, protocol)
            try:
                self._prepare(sock)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise failure

    def _prepare(self, sock: socket.socket) -> None:
        for option in self.socket_options or ():
            sock.setsockopt(*option)
        sock.settimeout(self.timeout)
        if _current.interrupt is not None:
            _current.interrupt.check()
            _current.interrupt.attach(sock)


class _PlainConnection(_Breakable, HTTPConnection):
    pass


class _TLSConnection(_Breakable, HTTPSConnection):
    _twin: socket.socket | None = None

    def connect(self) -> None:
        try:
            super().connect()
            if _current.interrupt is not None:
                _current.interrupt.attach(_bottom(self.sock))
        finally:
            if self._twin is not None:
                self._twin.close()
                self._twin = None

    def _prepare(self, sock: socket.socket) -> None:
        super()._prepare(sock)
        if self._twin is not None:
            self._twin.close()
        self._twin = sock.dup()  # ssl takes the socket away from its object, so only a twin can break a handshake
        if _current.interrupt is not None:
            _current.interrupt.attach(self._twin)


class _Idle(queue.LifoQueue[Any]):
    """Idle connections, which a forked child can let go of.

    A thread that isn't in the child may have held the locks when it was forked, and nobody would ever give them back.
    """

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self._pid = os.getpid()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002 - the base's
        if self._pid != os.getpid():
            self._pid, self.mutex = os.getpid(), threading.Lock()
            self.not_empty, self.not_full = threading.Condition(self.mutex), threading.Condition(self.mutex)
        return super().get(block, timeout)


class PlainPool(HTTPConnectionPool):
    """Breakable connections to one origin."""

    ConnectionCls: Any = _PlainConnection
    QueueCls = _Idle


class TLSPool(HTTPSConnectionPool):
    """Breakable TLS connections to one origin."""

    ConnectionCls: Any = _TLSConnection
    QueueCls = _Idle


# What urllib3 logs ------------------------------------------------------------------------------------------


def _is_not_ours(record: logging.LogRecord) -> bool:
    """Drop complaints about heads of answers to us: they quote addresses and headers whole."""
    del record
    return _current.interrupt is None


def _without_queries(record: logging.LogRecord) -> bool:
    """Take queries, where signatures live, out of what is noted about our requests."""
    if _current.interrupt is not None and isinstance(record.args, tuple):
        record.args = tuple(
            f"{each.partition('?')[0]}?…" if isinstance(each, str) and "?" in each else each for each in record.args
        )
    return True


logging.getLogger("urllib3.connection").addFilter(_is_not_ours)
logging.getLogger("urllib3.connectionpool").addFilter(_without_queries)
