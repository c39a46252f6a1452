"""A running origin and a place for files, for each test."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.fault_server import FaultServer, SparseFile
from tests.support.hub.fixtures import hub, repo, root

__all__ = ["hub", "mirror", "place", "repo", "root", "server", "void"]

SIZE = 1 << 20


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """The primary: ``/model.bin`` is 1 MiB, which is several pieces; ``/small.bin`` is one."""
    with FaultServer({"/model.bin": SparseFile(SIZE), "/small.bin": SparseFile(10_000, seed=1)}) as running:
        yield running


@pytest.fixture
def mirror() -> Iterator[FaultServer]:
    """Another origin with the same files."""
    with FaultServer({"/model.bin": SparseFile(SIZE), "/small.bin": SparseFile(10_000, seed=1)}) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where files are to be had; not made yet."""
    return tmp_path / "out"


@pytest.fixture
def void() -> Iterator[str]:
    """An origin that answers no attempt to connect: its queue is one long and taken."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        closing(socket.create_connection(listener.getsockname())),
    ):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
