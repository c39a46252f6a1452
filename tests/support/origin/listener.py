"""The listening socket, a thread for each connection, and an end to all of them."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable

from tests.support.origin.wire import Wire

_JOIN_S = 5.0
_BACKLOG = 256
_OUT_OF_DESCRIPTORS_S = 0.05


class Listener:
    """Accepts on one address and gives each connection, on a thread of its own, to ``converse``.

    It can be started again after it was stopped, on the same port.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, converse: Callable[[Wire], None]) -> None:
        self.host = host
        self.port = port
        self._tls = tls
        self._converse = converse
        self._lock = threading.Lock()  # guards _wires, _threads and _is_stopping
        self._wires: set[Wire] = set()
        self._threads: set[threading.Thread] = set()
        self._is_stopping = True
        self._wake: socket.socket | None = None

    def start(self) -> None:
        """Bind and accept; the port is known from here on."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listening = socket.create_server((self.host, self.port), family=family, backlog=_BACKLOG)
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        woken, self._wake = socket.socketpair()
        thread = threading.Thread(target=self._accept, args=(listening, woken), name="fault-server", daemon=True)
        with self._lock:
            self._is_stopping = False
            self._threads.add(thread)
        thread.start()

    def stop(self) -> None:
        """Stop accepting, end all connections and wait for all threads.

        Raises:
            TimeoutError: A thread did not end within 5 s.
        """
        with self._lock:
            self._is_stopping = True
            threads = list(self._threads)
        if self._wake is not None:
            self._wake.close()
            self._wake = None
        self.drop_connections()
        deadline = time.monotonic() + _JOIN_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        stuck = [thread.name for thread in threads if thread.is_alive()]
        if stuck:
            raise TimeoutError(f"still running: {stuck}")

    def drop_connections(self) -> None:
        """End every connection, whatever it is doing."""
        with self._lock:  # a wire is closed only after it left the set, so none here is
            for wire in self._wires:
                wire.hang_up()

    def _accept(self, listening: socket.socket, woken: socket.socket) -> None:
        with listening, woken:
            ready = select.poll()
            ready.register(listening, select.POLLIN)
            ready.register(woken, select.POLLIN)
            while not any(descriptor == woken.fileno() for descriptor, _ in ready.poll()):
                try:
                    sock, _ = listening.accept()
                except BlockingIOError:  # gone before it was accepted
                    continue
                except OSError:  # too many open
                    time.sleep(_OUT_OF_DESCRIPTORS_S)
                    continue
                self._admit(sock)
        with self._lock:
            self._threads.discard(threading.current_thread())

    def _admit(self, sock: socket.socket) -> None:
        try:
            sock.setblocking(True)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except OSError:
            sock.close()
            return
        wire = Wire(sock)
        thread = threading.Thread(target=self._serve, args=(wire,), name="fault-server-connection", daemon=True)
        with self._lock:
            is_late = self._is_stopping
            if not is_late:
                self._wires.add(wire)
                self._threads.add(thread)
                thread.start()
        if is_late:
            sock.close()

    def _serve(self, wire: Wire) -> None:
        try:
            self._converse(wire)
        finally:
            with self._lock:
                self._wires.discard(wire)
            wire.sock.close()
            with self._lock:
                self._threads.discard(threading.current_thread())
