"""A mirror that is told to stop while somebody is still fetching."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

from tests.support.hub_repos import LARGE_SIZE, Served
from tests.support.mirror_process import MirrorProcess
from tests.support.processes import wait_until

SMALL_BUFFER = 64 << 10


def test_transfer_under_way_is_finished_after_sigterm(served: Served, tmp_path: Path) -> None:
    """A restart of the service costs nobody a download: nobody new is let in, and the exit is a success."""
    with MirrorProcess(tmp_path, "--cache-dir", served.cache) as mirror, connected(mirror) as connection:
        connection.request("GET", "/acme/awkward/resolve/main/model.safetensors")
        answer = connection.getresponse()
        first = answer.read(1000)

        mirror.signal(signal.SIGTERM)
        wait_until(lambda: not is_listening(mirror))
        rest = answer.read()
        code = mirror.wait()

    assert first + rest == served.model.main["model.safetensors"]
    assert code == 0
    assert [(each.sent, each.is_whole) for each in mirror.asked] == [(LARGE_SIZE, True)]


@contextmanager
def connected(mirror: MirrorProcess) -> Iterator[HTTPConnection]:
    """Connect so that little is taken at a time, and the mirror can't be done with a large file at once."""
    with socket.socket() as sock, closing(HTTPConnection(*mirror.address)) as connection:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        sock.connect(mirror.address)
        connection.sock = sock
        yield connection


def is_listening(mirror: MirrorProcess) -> bool:
    """Whether the mirror takes connections."""
    try:
        socket.create_connection(mirror.address).close()
    except OSError:
        return False
    return True
