"""One accepted connection: sending, waiting and ending, all of which notice when the client has gone."""

from __future__ import annotations

import fcntl
import math
import select
import socket
import ssl
import struct
import termios
import time

from tests.support.origin.replies import Pace

_HUNG_UP = select.POLLHUP | select.POLLERR | select.POLLNVAL
_HALF_CLOSED = getattr(select, "POLLRDHUP", 0)  # Linux; elsewhere a stall lasts until the server closes
_MORE = getattr(socket, "MSG_MORE", 0)
_CATCH_UP_S = 0.05
_SHORTEST_REST_S = 0.001
_DRAIN_S = 2.0


class ConnectionOverError(Exception):
    """The connection is of no more use; ``unsent`` bytes of what was being sent were not taken."""

    def __init__(self, unsent: int = 0) -> None:
        super().__init__(unsent)
        self.unsent = unsent


class Wire:
    """A connected socket, used by one thread; ``hang_up`` alone may be called from another."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._more = 0 if isinstance(sock, ssl.SSLSocket) else _MORE
        self._due = 0.0
        self._end = select.poll()
        self._end.register(sock.fileno(), _HUNG_UP)
        self._any_end = select.poll()
        self._any_end.register(sock.fileno(), _HUNG_UP | _HALF_CLOSED)

    def shake_hands(self) -> None:
        """Do the TLS handshake, if there is one to do."""
        if isinstance(self.sock, ssl.SSLSocket):
            try:
                self.sock.do_handshake()
            except OSError as error:
                raise ConnectionOverError from error

    def send(self, data: bytes | memoryview) -> None:
        """Hand all of ``data`` to the kernel, however long the client takes."""
        self._send(memoryview(data), 0)

    def send_all_but_one(self, data: memoryview) -> memoryview:
        """Hand over ``data`` but for its last byte, which is returned, to be sent at once after."""
        try:
            self._send(data[:-1], self._more)
        except ConnectionOverError as error:
            raise ConnectionOverError(error.unsent + 1) from error
        return data[-1:]

    def stall(self, seconds: float | None) -> None:
        """Be silent for ``seconds``, None for ever, unless the client goes or the server closes."""
        if self._any_end.poll(None if seconds is None else math.ceil(seconds * 1000)):
            raise ConnectionOverError

    def start_pacing(self) -> None:
        """Take what follows as due from now on, but not before what was sent earlier is paid for."""
        self._due = max(self._due, time.monotonic())

    def rest(self, sent: int, pace: Pace) -> None:
        """Wait until ``sent`` more bytes are due; what was overslept is made up for."""
        now = time.monotonic()
        self._due = max(self._due, now - _CATCH_UP_S) + sent / pace.bytes_per_second
        ahead = self._due - now
        if ahead >= _SHORTEST_REST_S and self._end.poll(math.ceil(ahead * 1000)):
            raise ConnectionOverError

    def finish(self) -> None:
        """End in order; over TLS without a goodbye, as a cut connection ends."""
        self._shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End by a reset, once the client's kernel has all that was sent before."""
        deadline = time.monotonic() + _DRAIN_S
        while _unacknowledged(self.sock) and time.monotonic() < deadline:
            self.stall(_SHORTEST_REST_S)
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError as error:
            raise ConnectionOverError from error

    def hang_up(self) -> None:
        """End both directions now, waking the thread that uses the connection."""
        self._shutdown(socket.SHUT_RDWR)

    def _shutdown(self, how: int) -> None:
        try:
            # Not ``sock.shutdown``: an SSLSocket would drop its session while another thread is in it.
            socket.socket.shutdown(self.sock, how)
        except OSError:
            return

    def _send(self, view: memoryview, flags: int) -> None:
        while view:
            try:
                taken = self.sock.send(view, flags)
            except OSError as error:
                raise ConnectionOverError(len(view)) from error
            view = view[taken:]


def _unacknowledged(sock: socket.socket) -> int:
    """Return how many sent bytes the peer's kernel has not acknowledged; 0 where the system can't tell."""
    try:
        return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), "little")
    except OSError:
        return 0
