"""Two hundred threads that call at once: one transfer, right files, and nothing left open afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tests.support.calls import open_descriptors, our_threads
from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import GRAPH, NOTES, WEIGHTS, hub_options, unfinished, victim, wrongs
from tests.support.hub_repos import Repo
from weighbridge.client import Client
from weighbridge.core.options import Options

CALLERS = 200
PATHS = [WEIGHTS, GRAPH, NOTES, "vocab.txt"]
LONGEST_S = 300


@pytest.fixture
def repo() -> Repo:
    return victim()


@pytest.fixture
def hub(repo: Repo) -> Iterator[FaultHub]:
    with FaultHub(repo) as running:
        yield running


@pytest.fixture
def options(hub: FaultHub, tmp_path: Path) -> Options:
    waits = {"call_timeout_s": 120.0, "etag_timeout_s": 120.0}
    slow = {"straggler_s": 60.0, "stall_window_s": 60.0, "http": {"read_timeout_s": 120.0, "connect_timeout_s": 60.0}}
    return hub_options(hub, tmp_path / "hub", hub_changes=waits, **slow)


def call_at_once(call: Callable[[int], bytes]) -> list[bytes]:
    """Let every thread make its call when all are there."""
    barrier = Barrier(CALLERS)

    def run(number: int) -> bytes:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(run, range(CALLERS)))


@pytest.mark.timeout(LONGEST_S)
def test_threads_of_one_client_make_one_transfer_of_each_file(hub: FaultHub, repo: Repo, options: Options) -> None:
    """A service with a thread for each request pays once for each file, and keeps nothing open."""
    with Client(options) as client:

        def read(number: int) -> bytes:
            return client.download(repo.name, PATHS[number % len(PATHS)]).path.read_bytes()

        found = call_at_once(read)
        client.cache.release()

    assert [each == repo.main[PATHS[number % len(PATHS)]] for number, each in enumerate(found)] == [True] * CALLERS
    assert hub.file_bytes == sum(len(repo.main[each]) for each in PATHS)
    assert our_threads() == []


@pytest.mark.timeout(LONGEST_S)
def test_threads_with_a_client_each_make_one_transfer(
    hub: FaultHub, repo: Repo, options: Options, tmp_path: Path
) -> None:
    """Libraries that know nothing of each other share a process, a cache and one bill."""
    before = len(open_descriptors())

    def read(number: int) -> bytes:
        with Client(options) as client:
            path = client.download(repo.name, WEIGHTS).path
            client.cache.release()
            return path.read_bytes()

    found = call_at_once(read)

    assert found == [repo.main[WEIGHTS]] * CALLERS
    assert hub.file_bytes == len(repo.main[WEIGHTS])
    assert (wrongs(tmp_path / "hub", tmp_path / "hub"), unfinished(tmp_path / "hub")) == ([], [])
    assert our_threads() == []
    assert len(open_descriptors()) < before + CALLERS
