"""Files of few bytes, of one, of none, and many of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.calls import UNHURRIED, ask, fetch, fetch_all, names, quick
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import (
    Chunked,
    CloseDelimited,
    CutAfter,
    Delay,
    Fault,
    Honest,
    IgnoreRange,
    StallAfter,
    Status,
)
from weighbridge.client import Client
from weighbridge.core.errors import BadStatusError, TransferError

PIECE = 64 << 10
SIZES = [0, 1, 2, 4095, 4096, 4097, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE]


@pytest.mark.parametrize("digest", ["promised", None])
@pytest.mark.parametrize("told", [False, True], ids=["size unknown", "size promised"])
@pytest.mark.parametrize("size", SIZES)
def test_file_of_any_size_arrives(server: FaultServer, place: Path, size: int, told: bool, digest: str | None) -> None:
    """Borders of reads and pieces are where bytes are lost."""
    server.put("/f", SparseFile(size))

    result = fetch(ask(server, "/f", digest, size=size if told else None), place)

    assert result.path.read_bytes() == server.content("/f")
    assert (result.size, result.bytes_fetched) == (size, size)
    assert names(place) == ["f"]


@pytest.mark.parametrize("digest", ["promised", None])
@pytest.mark.parametrize(
    "fault",
    [Honest(), IgnoreRange(), Status(416), IgnoreRange() & Chunked(), IgnoreRange() & CloseDelimited()],
    ids=repr,
)
@pytest.mark.parametrize("size", [0, 1])
def test_tiny_file_arrives_however_it_is_sent(
    server: FaultServer, place: Path, size: int, fault: Fault, digest: str | None
) -> None:
    """An empty file may come as 416, as 200 of no length, or as chunks that are none."""
    server.put("/f", SparseFile(size))
    server.on(when=lambda request: "range" in request.headers, fault=fault)

    result = fetch(ask(server, "/f", digest), place)

    assert result.path.read_bytes() == server.content("/f")
    assert len(server.requests) <= 2


def test_empty_file_of_promised_size_and_digest_costs_no_request(server: FaultServer, place: Path) -> None:
    """There is nothing to ask for."""
    server.put("/f", b"")

    result = fetch(ask(server, "/f", size=0), place)

    assert result.path.read_bytes() == b""
    assert server.requests == []


def test_empty_file_where_content_was_promised_is_an_error(server: FaultServer, place: Path) -> None:
    """The digest of nothing is a digest, but not the promised one."""
    request = ask(server, "/small.bin")
    server.put("/small.bin", b"")

    with pytest.raises(TransferError, match="empty"):
        fetch(request, place)

    assert names(place) == []


@pytest.mark.parametrize("fault", [CutAfter(0), CutAfter(1), CutAfter(-1), StallAfter(5000), Status(503)], ids=repr)
def test_small_file_survives_a_failure(server: FaultServer, place: Path, fault: Fault) -> None:
    """A file of one piece is retried like any other."""
    server.on(nth=1, fault=fault)

    result = fetch(ask(server, "/small.bin"), place)

    assert result.path.read_bytes() == server.content("/small.bin")


def test_many_small_files_share_connections(server: FaultServer, place: Path) -> None:
    """Connections are kept from file to file, and more of them are used than one file would get."""
    paths = [f"/f{index}" for index in range(60)]
    for index, path in enumerate(paths):
        server.put(path, SparseFile(3000 + index, seed=index))
    gates = [server.gate(path, after=500) for path in paths[:8]]
    options = replace(UNHURRIED, transfer=replace(UNHURRIED.transfer, connections_per_file=2, files=8))

    with ThreadPoolExecutor(1) as thread, ExitStack() as until_all_are_asked_for:
        for gate in gates:
            until_all_are_asked_for.enter_context(gate)
        call = thread.submit(fetch_all, [ask(server, path) for path in paths], place, options)
        for gate in gates:
            gate.wait_reached()
        until_all_are_asked_for.close()
        results = call.result()

    assert [each.path.read_bytes() for each in results] == [server.content(path) for path in paths]
    assert len(server.requests) == 60
    assert server.connections <= 8
    assert server.max_concurrent == 8


def test_connections_are_kept_from_call_to_call(server: FaultServer, place: Path) -> None:
    """One client pays for its handshakes once."""
    with Client(quick(connections=1)) as client:
        for path in ("/small.bin", "/model.bin"):
            client.fetch([ask(server, path)], place)

    assert server.connections == 1


def test_results_come_in_the_order_of_the_request(server: FaultServer, place: Path) -> None:
    """Whoever is done first is not first."""
    server.on(path="/small.bin", fault=Delay(0.2))

    results = fetch_all([ask(server, "/small.bin"), ask(server, "/model.bin")], place)

    assert [each.name for each in results] == ["small.bin", "model.bin"]


def test_one_file_that_fails_ends_the_call_and_keeps_the_others(server: FaultServer, place: Path) -> None:
    """The first error ends the call at once; what arrived of the others is used next time."""
    server.on(path="/small.bin", fault=Delay(0.2) & Status(404))
    gate = server.gate("/model.bin", after=300_000)
    with pytest.raises(BadStatusError):
        fetch_all([ask(server, "/model.bin"), ask(server, "/small.bin")], place)
    gate.release()

    again = fetch(ask(server, "/model.bin"), place)

    assert again.bytes_resumed > 100_000
    assert again.path.read_bytes() == server.content("/model.bin")
