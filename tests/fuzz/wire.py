"""A server that sends whatever it is told to, byte by byte; one answer on each connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

_LONGEST_HEAD = 1 << 16
_PATIENCE_S = 10.0

Answer = Callable[[bytes], bytes]
"""The bytes to send, by the head of a request; the connection is closed behind them."""


class WireServer:
    """Listens on loopback for as long as the process runs.

    Attributes:
        answer: What is sent; may be replaced at any time.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self._listen, name="fuzz-listener", daemon=True).start()

    @property
    def origin(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _listen(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            threading.Thread(target=self._converse, args=(sock,), name="fuzz-answer", daemon=True).start()

    def _converse(self, sock: socket.socket) -> None:
        with sock:
            sock.settimeout(_PATIENCE_S)
            try:
                head = read_head(sock)
                sock.sendall(self.answer(head))
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(1 << 16):
                    pass
            except OSError:
                return


def read_head(sock: socket.socket) -> bytes:
    """Return all that comes up to an empty line, or to the end."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD and (data := sock.recv(1 << 16)):
        head += data
    return head


def reply(*head: bytes, body: bytes = b"") -> bytes:
    """Return an answer as it goes over the wire."""
    return b"\r\n".join((*head, b"", body))
