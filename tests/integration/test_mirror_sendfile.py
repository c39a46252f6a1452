"""Large files go from the page cache to the socket by reference; no promise is weaker for that."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest

from tests.support.mirror_process import MirrorProcess
from tests.support.processes import wait_until
from tests.support.raw_client import ask

MIB = 1 << 20
SIZE = 48 * MIB
PATH = "/acme/large/resolve/main/model.bin"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file of which no two places are alike, and which has just been written: all of it is in memory."""
    path = tmp_path / "large" / "model.bin"
    path.parent.mkdir()
    path.write_bytes(b"".join(number.to_bytes(8, "little") * 512 for number in range(SIZE // 4096)))
    return path


@pytest.fixture
def mirror(tmp_path: Path, model: Path) -> Iterator[MirrorProcess]:
    """A mirror of the folder that the file is in."""
    with MirrorProcess(tmp_path / "mirror", "--repo", f"acme/large={model.parent}") as running:
        yield running


def test_every_byte_comes_once_and_in_order(mirror: MirrorProcess, model: Path) -> None:
    """What is sent by reference and what is copied add up to the file."""
    start = 5 * MIB + 7
    content = model.read_bytes()

    with mirror.recorded() as requests:
        whole = ask(f"{mirror.endpoint}{PATH}")
        part = ask(f"{mirror.endpoint}{PATH}", {"Range": f"bytes={start}-"})

    assert whole.body == content
    assert part.body == content[start:]
    assert [(each.sent, each.is_whole) for each in requests] == [(SIZE, True), (SIZE - start, True)]


def test_connection_goes_on_after_a_file(mirror: MirrorProcess, model: Path) -> None:
    """Clients keep connections; the next answer starts where the file before it ended."""
    with connected(mirror) as sock, sock.makefile("rb") as answers:
        sock.sendall(request(mirror) * 2)  # the second before the first is answered

        bodies = [read_answer(answers) for _ in range(2)]

    assert bodies == [model.read_bytes()] * 2


def test_file_that_changes_on_its_way_is_never_whole(mirror: MirrorProcess, model: Path) -> None:
    """Nobody takes a mixture of two files for one of them."""
    with connected(mirror) as sock:
        sock.sendall(request(mirror))
        got = len(sock.recv(1000))
        with model.open("r+b") as file:
            file.seek(SIZE - MIB)
            file.write(b"other")
        while data := sock.recv(MIB):
            got += len(data)

    assert got < SIZE
    wait_until(lambda: [each.is_whole for each in mirror.asked] == [False])


def test_client_that_goes_away_costs_nothing(mirror: MirrorProcess, model: Path, tmp_path: Path) -> None:
    """Neither the file nor the connection stays open, and nobody is alarmed."""
    for _ in range(5):
        with connected(mirror) as sock:
            sock.sendall(request(mirror))
            sock.recv(1000)

    wait_until(lambda: len(mirror.asked) == 5)
    wait_until(lambda: not is_open(model))
    assert not any(each.is_whole for each in mirror.asked)
    assert "Traceback" not in (tmp_path / "mirror" / "serve.err").read_text()


def is_open(path: Path) -> bool:
    """Tell whether any process has the file open."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if link.readlink() == path:
                return True
    return False


def connected(mirror: MirrorProcess) -> socket.socket:
    """Return a connection that takes little at a time."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    sock.settimeout(20)
    sock.connect(mirror.address)
    return sock


def request(mirror: MirrorProcess) -> bytes:
    return f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def read_answer(answers: IO[bytes]) -> bytes:
    """Read one answer from a connection that stays open."""
    length = 0
    while line := answers.readline().strip():
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return answers.read(length)
