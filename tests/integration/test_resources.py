"""What a call takes is bounded, and given back: memory, descriptors, threads, and the line."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.calls import QUICK, ask, fetch, fetch_all, names, open_descriptors, our_threads, quick, wait_until
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import CutAfter, Fault, FlipByte, Honest, IgnoreRange, SlowBandwidth, StallAfter, Status
from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import WeighbridgeError

MIB = 1 << 20

BARE = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
FETCH = """
import json, resource, sys
from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.options import Options, StoreOptions
files, place = json.loads(sys.argv[1]), sys.argv[2]
with Client(Options(store=StoreOptions(durable=False))) as client:
    client.fetch([FileRequest.parse(*each) for each in files], place)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
THREADLESS = """
import sys, threading
from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import WeighbridgeError
from weighbridge.core.events import FileProgress, FileStarted
from weighbridge.core.options import Options, StoreOptions
def starve(event):
    if isinstance(event, FileStarted if sys.argv[4] == "all" else FileProgress):
        threading.stack_size(1 << 46)  # more than there are addresses: no thread can start
with Client(Options(store=StoreOptions(durable=False))) as client:
    try:
        client.fetch([FileRequest.parse("f", sys.argv[1], sys.argv[2])], sys.argv[3], observer=starve)
        print("fetched")
    except WeighbridgeError as error:
        print(error)
"""


LIMITED = """
import resource, sys
from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import WeighbridgeError
from weighbridge.core.options import Options, StoreOptions
with Client(Options(store=StoreOptions(durable=False))) as client:
    limit = int(sys.argv[4])
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    try:
        client.fetch([FileRequest.parse("f", sys.argv[1], sys.argv[2])], sys.argv[3])
        print("fetched")
    except WeighbridgeError as error:
        print(type(error).__mro__[1].__name__, error)
"""
FORKING = """
import os, sys
from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.options import Options, StoreOptions
with Client(Options(store=StoreOptions(durable=False))) as client:
    def have(name):
        return client.fetch([FileRequest.parse(name, sys.argv[1], sys.argv[2])], sys.argv[3])[0].outcome
    said = [have("before")]
    if (child := os.fork()) == 0:
        os._exit(0 if have("child") == "fetched" else 1)
    said.append(have("parent"))
    said.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(said)
"""


def run(code: str, *arguments: str) -> str:
    """Return what a Python program printed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True, timeout=50, env=os.environ
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("fault", "size"), [(Honest(), 300 * MIB), (IgnoreRange(), 120 * MIB)], ids=["ranges", "whole"]
)
def test_memory_does_not_grow_with_the_file(server: FaultServer, place: Path, fault: Fault, size: int) -> None:
    """Buffers times connections, whatever the size."""
    server.put("/large.bin", SparseFile(size))
    server.on(fault=fault)
    files = [("large.bin", server.url("/large.bin"), f"sha256:{server.digest('/large.bin')}")]

    taken = int(run(FETCH, json.dumps(files), str(place))) - int(run(BARE))

    assert taken < 80 << 10  # KiB


def test_memory_does_not_grow_with_the_number_of_files(server: FaultServer, place: Path) -> None:
    """Two hundred files pass through the same buffers as one."""
    files = []
    for index in range(200):
        server.put(f"/f{index}", SparseFile(2000, seed=index))
        files.append((f"f{index}", server.url(f"/f{index}"), f"sha256:{server.digest(f'/f{index}')}"))

    taken = int(run(FETCH, json.dumps(files), str(place))) - int(run(BARE))

    assert taken < 80 << 10  # KiB
    assert len(names(place)) == 200


def succeed(server: FaultServer, request: FileRequest, place: Path) -> None:
    fetch(request, place)


def fail(server: FaultServer, request: FileRequest, place: Path) -> None:
    with pytest.raises(WeighbridgeError):
        fetch(request, place, quick(retry={"attempts": 1}, stall_window_s=0.4))


@pytest.mark.parametrize(
    ("fault", "call"),
    [
        (Honest(), succeed),
        (IgnoreRange(), succeed),
        (Status(404), fail),
        (Status(500), fail),
        (CutAfter(1000), fail),
        (StallAfter(0), fail),
        (FlipByte(7), fail),
    ],
    ids=lambda each: repr(each) if isinstance(each, Fault) else "",
)
def test_descriptors_and_threads_are_given_back(
    server: FaultServer, place: Path, fault: Fault, call: Callable[[FaultServer, FileRequest, Path], None]
) -> None:
    """A program that fetches for weeks does not run out of anything."""
    request = ask(server, "/model.bin")
    server.on(fault=fault)
    before = open_descriptors()

    for attempt in range(3):
        call(server, request, place / str(attempt))

    server.wait_for(lambda: server.open_connections == 0)
    assert wait_until(lambda: our_threads() == [])
    assert wait_until(lambda: open_descriptors() <= before)


def test_sockets_are_closed_with_the_client_though_its_error_is_kept(server: FaultServer, place: Path) -> None:
    """Whoever keeps an error for later keeps no connections with it."""
    server.on(path="/small.bin", fault=Status(404))
    gc.disable()
    try:
        with Client(QUICK) as client:
            client.fetch([ask(server, "/model.bin")], place)
            with pytest.raises(WeighbridgeError) as caught:
                client.fetch([ask(server, "/small.bin")], place)

        server.wait_for(lambda: server.open_connections == 0, timeout=3)
    finally:
        gc.enable()
    assert caught.value.__traceback__ is not None


@pytest.mark.parametrize("connections", [1, 3, 8])
def test_connections_are_never_more_than_allowed(server: FaultServer, place: Path, connections: int) -> None:
    """One budget for a whole call, all files together."""
    paths = [f"/f{index}" for index in range(6)]
    for index, path in enumerate(paths):
        server.put(path, SparseFile(400_000, seed=index))
    server.always(SlowBandwidth(2_000_000))

    fetch_all([ask(server, path) for path in paths], place, quick(connections=connections))

    assert server.max_concurrent <= connections


def test_connections_of_one_file_are_never_more_than_allowed(server: FaultServer, place: Path) -> None:
    """A single file may be given less than the whole budget."""
    server.always(SlowBandwidth(1_000_000))

    fetch(ask(server, "/model.bin"), place, quick(connections=8, connections_per_file=3))

    assert server.max_concurrent == 3


@pytest.mark.parametrize(("connections", "rate_bps"), [(1, 400_000), (8, 2_000_000)])
def test_rate_limit_is_kept_within_a_tenth(server: FaultServer, place: Path, rate_bps: int, connections: int) -> None:
    """A cap is a cap over all connections together, and what it allows is used."""
    server.put("/f", SparseFile(rate_bps * 2))

    began = time.monotonic()
    result = fetch(ask(server, "/f"), place, quick(connections=connections, rate_limit_bps=rate_bps))
    took = time.monotonic() - began

    assert result.path.read_bytes() == server.content("/f")
    assert 1.8 < took < 2.4  # two seconds' worth; the burst of a tenth of a second is free


def test_rate_limit_is_shared_by_all_files(server: FaultServer, place: Path) -> None:
    """Eight files at once are no faster than one."""
    paths = [f"/f{index}" for index in range(8)]
    for index, path in enumerate(paths):
        server.put(path, SparseFile(100_000, seed=index))
    began = time.monotonic()

    fetch_all([ask(server, path) for path in paths], place, quick(rate_limit_bps=500_000))

    assert 1.3 < time.monotonic() - began < 2.2


def test_rate_limit_is_no_stall(server: FaultServer, place: Path) -> None:
    """A caller who asks for slowness does not get errors for it."""
    server.put("/f", SparseFile(3000))
    options = quick(connections=4, rate_limit_bps=2000, stall_window_s=0.5, stall_floor_bps=100_000.0)

    result = fetch(ask(server, "/f"), place, options)

    assert result.path.read_bytes() == server.content("/f")
    assert len(server.requests) == 1


@pytest.mark.parametrize(("starve", "outcome"), [("all", "the system starts no more threads"), ("more", "fetched")])
def test_system_without_threads_is_told_or_done_without(
    server: FaultServer, place: Path, starve: str, outcome: str
) -> None:
    """A process at its limit ends in an error or goes on with the threads it has; it never hangs."""
    server.put("/f", SparseFile(4 * MIB))
    server.always(SlowBandwidth(8_000_000))

    said = run(THREADLESS, server.url("/f"), f"sha256:{server.digest('/f')}", str(place), starve)

    assert said.startswith(outcome)


@pytest.mark.parametrize("limit", [64, 24, 16, 12, 8])
def test_process_without_descriptors_is_told_or_done_without(server: FaultServer, place: Path, limit: int) -> None:
    """Sixteen connections may be more than the system has left: fewer do it, or an error says why not."""
    server.put("/f", SparseFile(24 * MIB))
    server.always(SlowBandwidth(20_000_000))

    said = run(LIMITED, server.url("/f"), f"sha256:{server.digest('/f')}", str(place), str(limit))

    assert said == "fetched" or "Too many open files" in said


def test_forked_child_has_connections_of_its_own(server: FaultServer, place: Path) -> None:
    """Two processes on one connection would read each other's answers."""
    said = run(FORKING, server.url("/model.bin"), f"sha256:{server.digest('/model.bin')}", str(place))

    assert said == "['fetched', 'fetched', 0]"
    assert {each.read_bytes() for each in place.iterdir()} == {server.content("/model.bin")}
