"""The page cache keeps what was fetched, unless it is asked not to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.calls import ask, fetch, quick
from tests.support.fault_server import FaultServer, SparseFile

MIB = 1 << 20
SIZE = 64 * MIB
BLOCK = 128 << 10


@pytest.fixture
def large(server: FaultServer) -> FaultServer:
    server.put("/large.bin", SparseFile(SIZE))
    return server


def cached_share(path: Path) -> float:
    """Return how much of a file can be read without asking the disk."""
    found = 0
    with path.open("rb", buffering=0) as file:
        for offset in range(0, SIZE, BLOCK):
            try:
                found += os.preadv(file.fileno(), [bytearray(1)], offset, os.RWF_NOWAIT)
            except BlockingIOError:
                continue
    return found / (SIZE // BLOCK)


def test_what_was_fetched_is_in_memory(large: FaultServer, place: Path) -> None:
    """Whoever fetches a model loads it next."""
    result = fetch(ask(large, "/large.bin"), place, quick(store={"durable": True}, piece_max=4 * MIB))

    assert cached_share(result.path) > 0.9


@pytest.mark.parametrize("digest", ["promised", None])
def test_what_was_fetched_is_dropped_on_request(large: FaultServer, place: Path, digest: str | None) -> None:
    """A container pays for the cache as for its own memory, and is killed for it."""
    dropped = place.with_name("dropped")  # by hand: some file systems have no other place than memory
    dropped.write_bytes(bytes(SIZE))
    with dropped.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    options = quick(store={"durable": True, "page_cache": False}, piece_max=4 * MIB)

    result = fetch(ask(large, "/large.bin", digest), place, options)

    assert cached_share(result.path) <= cached_share(dropped) + 0.05
    assert result.path.read_bytes() == large.content("/large.bin")
