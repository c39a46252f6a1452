"""Our processes and released clients in one cache at the same time, and after any of them was killed."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.support.fault_hub import FaultHub, Manner, Way
from tests.support.fixtures import shims
from tests.support.hub.addresses import file_path
from tests.support.hub.calls import COMMIT, WEIGHTS, hub_options, snapshot, unfinished, victim, wrongs
from tests.support.hub.fetching import SnapshotTask
from tests.support.hub_clients import HubClient, HubError, HubProcess, started
from tests.support.hub_repos import contents
from tests.support.processes import ClientProcess
from tests.support.shims import Shims

__all__ = ["shims"]

REPO = victim(3_000_000)
HELD = file_path(REPO, WEIGHTS)
LOCKING = ["2.x", "1.17.0", "0.36.2"]  # 0.9.1 has locks of its own
CLIENTS = [*LOCKING, "0.9.1"]
UNHURRIED = {"transfer": {"straggler_s": 60.0, "stall_window_s": 60.0}, "store": {"durable": False}}


@pytest.fixture(scope="session")
def busy() -> Iterator[FaultHub]:
    """A Hub whose large file can be held at any byte."""
    with FaultHub(REPO, manner=Manner(large=Way.DIRECT)) as hub:
        yield hub


@pytest.fixture(scope="session")
def regulars(
    clients: dict[str, HubClient], busy: FaultHub, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, HubProcess]]:
    """A process of each client that has this Hub; no test kills them."""
    with started(clients, busy.origin, tmp_path_factory.mktemp("regulars")) as processes:
        yield processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """Where all of them meet.

    Attributes:
        hub: Whom they ask.
        root: Holds the cache, and nothing else.
        clients: Released ones, to be started and killed.
        regulars: A process of each, which no test kills.
        threads: For calls that take their time.
        since: Requests that the Hub had answered before.
    """

    hub: FaultHub
    root: Path
    clients: dict[str, HubClient]
    regulars: dict[str, HubProcess]
    threads: ThreadPoolExecutor
    since: int

    @property
    def cache(self) -> Path:
        """The one that they share."""
        return self.root / "hub"

    @property
    def place(self) -> Path:
        """Where the snapshot is to be."""
        return self.cache / "models--acme--victim" / "snapshots" / COMMIT

    def start(self, name: str = "ours", environment: Mapping[str, str] | None = None) -> ClientProcess:
        """Start a process of ours that has the snapshot."""
        task = SnapshotTask(endpoint=self.hub.origin, cache=str(self.cache), repo_id=REPO.name, options=UNHURRIED)
        return ClientProcess(task, self.root.parent / f"{name}.log", environment)

    def start_client(self, name: str) -> HubProcess:
        """Start a released client that may be killed."""
        return self.clients[name].start(self.hub.origin, self.root.parent / name)

    def ask(self) -> str:
        """Have the snapshot with a client of ours, and return where it says that it is."""
        return str(snapshot(hub_options(self.hub, self.cache), REPO).path)

    def have(self, cache: Path) -> dict[str, bytes]:
        """Have the snapshot with a client of ours, and return what is there."""
        return contents(snapshot(hub_options(self.hub, cache), REPO).path)

    def copies(self) -> dict[str, Path]:
        """Return a copy of the cache for each released client."""
        found = {name: self.root / name for name in self.regulars}
        for copy in found.values():
            shutil.copytree(self.cache, copy, symlinks=True)
        return found

    @property
    def heads(self) -> int:
        """How often the large file was asked about."""
        return sum((each.method, each.path) == ("HEAD", HELD) for each in self.hub.requests[self.since :])

    def gets(self, *, by_oldest: bool) -> Counter[str]:
        """Count how often each file was fetched: by 0.9.1, or by all who know the same lock."""
        gets = [each for each in self.hub.requests[self.since :] if each.method == "GET" and "/resolve/" in each.path]
        return Counter(each.path for each in gets if ("hf_hub/0.9.1" in each.headers["user-agent"]) == by_oldest)

    def strays(self) -> list[str]:
        """Return wrong bytes, what lies where it should not, and what of ours is left."""
        wrong = [each for each in wrongs(self.root, self.cache) if not each.endswith(".lock")]
        return wrong + [each for each in unfinished(self.cache) if "wb-" in each]

    def strays_of_the_dead(self) -> list[str]:
        """Return the same, but for claims: one whose writer died before it was written says nobody's name."""
        return [each for each in self.strays() if not each.endswith(".wb-claim")]


@pytest.fixture
def yard(
    busy: FaultHub, clients: dict[str, HubClient], regulars: dict[str, HubProcess], tmp_path: Path
) -> Iterator[Yard]:
    """An empty one."""
    (tmp_path / "root").mkdir()
    with ThreadPoolExecutor(8) as threads:
        yield Yard(
            hub=busy,
            root=tmp_path / "root",
            clients=clients,
            regulars=regulars,
            threads=threads,
            since=len(busy.requests),
        )


def ask(process: HubProcess, cache: Path) -> str:
    """Let a released client have the snapshot, and return where it says that it is.

    0.9.1 removes a pointer and then makes it, so that it is missing for a moment, and gives up if anybody else was
    faster in between: it is asked again, and nobody looks before all are done.
    """
    where = {"repo_id": REPO.name, "cache_dir": cache}
    try:
        return str(process.call("snapshot_download", **where))
    except HubError as error:
        if (process.version, error.kind) != ("0.9.1", "FileExistsError"):
            raise
        return str(process.call("snapshot_download", **where))


def have(process: HubProcess, cache: Path) -> dict[str, bytes]:
    """Let a released client have the snapshot, and return what is there."""
    return contents(ask(process, cache))


def test_all_at_once_get_the_same_bytes_and_share_the_work(yard: Yard) -> None:
    """Two of ours and four released clients: one GET for a file among all that know the lock, and nothing is left."""
    with yard.hub.gate(HELD, after=100_000) as gate, yard.start("first") as first, yard.start("second") as second:
        others = [yard.threads.submit(ask, process, yard.cache) for process in yard.regulars.values()]
        first.wait_for("Planned")
        second.wait_for("Planned")
        yard.hub.wait_for(lambda: yard.heads == len(CLIENTS))
        gate.release()
        ends = first.wait(), second.wait()
        found = [each.result() for each in others]

    shared = yard.gets(by_oldest=False)
    assert [each.failures for each in ends] == [[], []]
    assert found == [str(yard.place)] * len(CLIENTS)
    assert contents(yard.place) == REPO.main
    assert (shared[HELD], max(shared.values())) == (1, 1)
    assert yard.strays() == []


@pytest.mark.parametrize("name", LOCKING)
def test_we_wait_for_a_client_that_fetches(yard: Yard, name: str) -> None:
    """It holds the lock that we look at: the large file comes once."""
    with yard.hub.gate(HELD, after=100_000) as gate:
        theirs = yard.threads.submit(have, yard.regulars[name], yard.cache)
        gate.wait_reached()
        with yard.start() as ours:
            ours.wait_for("FileWaiting")
            gate.release()
            end = ours.wait()

    assert (end.code, end.failures) == (0, [])
    assert theirs.result() == REPO.main
    assert yard.gets(by_oldest=False)[HELD] == 1


@pytest.mark.parametrize("name", LOCKING)
def test_a_client_waits_for_us(yard: Yard, name: str) -> None:
    """We hold the lock that it waits for: the large file comes once."""
    with yard.hub.gate(HELD, after=100_000) as gate, yard.start() as ours:
        gate.wait_reached()
        theirs = yard.threads.submit(have, yard.regulars[name], yard.cache)
        yard.hub.wait_for(lambda: yard.heads == 1)
        gate.release()
        end = ours.wait()

    assert (end.code, end.failures) == (0, [])
    assert theirs.result() == REPO.main
    assert yard.gets(by_oldest=False)[HELD] == 1


def test_oldest_client_and_we_do_not_disturb_each_other(yard: Yard) -> None:
    """It knows no lock of ours, so both fetch; whoever is last puts the same bytes in place."""
    with yard.hub.gate(HELD, after=100_000) as gate:
        theirs = yard.threads.submit(ask, yard.regulars["0.9.1"], yard.cache)
        gate.wait_reached()
        ours = yard.threads.submit(yard.ask)
        yard.hub.wait_for(lambda: yard.gets(by_oldest=False)[HELD] > 0)
        gate.release()
        found = ours.result(), theirs.result()

    assert found == (str(yard.place), str(yard.place))
    assert contents(yard.place) == REPO.main
    assert yard.strays() == []


@pytest.mark.parametrize("name", CLIENTS)
def test_what_a_killed_client_leaves_is_not_taken_for_anything(yard: Yard, name: str) -> None:
    """Its lock ends with it, its half of a file is nobody's, and the next call of either succeeds."""
    with yard.hub.gate(HELD, after=1_000_000) as gate, yard.start_client(name) as doomed:
        theirs = yard.threads.submit(ask, doomed, yard.cache)
        gate.wait_reached()
        doomed.kill()
        half = given(theirs)

    found = yard.have(yard.cache), have(yard.regulars[name], yard.cache)

    assert half is None
    assert found == (REPO.main, REPO.main)
    assert yard.strays() == []


def test_what_we_leave_when_killed_is_not_taken_for_anything(yard: Yard) -> None:
    """Our half of a file is ours alone; every client fetches the whole, and then we find it and clean up."""
    with yard.hub.gate(HELD, after=1_000_000) as gate, yard.start() as ours:
        gate.wait_reached()
        ours.kill()
    left, caches = unfinished(yard.cache), yard.copies()

    found = {name: have(process, caches[name]) for name, process in yard.regulars.items()}
    again = {name: yard.have(copy) for name, copy in caches.items()}
    partials = [each.name for copy in caches.values() for each in copy.rglob("*.wb-partial")]

    assert any(".wb-partial" in each for each in left)
    assert not any(each.endswith(".incomplete") for each in left)
    assert found == again == dict.fromkeys(yard.regulars, REPO.main)
    assert partials == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("final", ["blobs/*", f"snapshots/{COMMIT}/{WEIGHTS}", "refs/main"])
def test_every_client_goes_on_from_where_we_were_killed(yard: Yard, shims: Shims, final: str, when: str) -> None:
    """Right before or after a blob, a pointer or a ref gets its name."""
    with yard.start(environment=shims.acting(f"named */{final} 1 {when} kill")) as ours:
        end = ours.wait()
    caches = yard.copies()

    found = {name: have(process, caches[name]) for name, process in yard.regulars.items()}
    again = yard.have(yard.cache)

    assert end.code == -signal.SIGKILL
    assert found == dict.fromkeys(yard.regulars, REPO.main)
    assert again == REPO.main
    assert list(yard.cache.rglob("*.wb-partial")) == wrongs(yard.cache, yard.cache) == []


@pytest.mark.parametrize("seed", range(4))
def test_nobody_returns_a_wrong_byte_whoever_is_killed_when(yard: Yard, seed: int) -> None:
    """Two of ours and two clients, half of them killed at a byte that chance has chosen; the others need no help."""
    chance = Random(seed)
    doomed_name, lucky_name = chance.sample(CLIENTS, 2)
    with (
        yard.hub.gate(HELD, after=chance.randrange(1, len(REPO.main[WEIGHTS]))) as gate,
        yard.start("doomed") as doomed,
        yard.start("lucky") as lucky,
        yard.start_client(doomed_name) as doomed_client,
    ):
        calls = [yard.threads.submit(ask, each, yard.cache) for each in (doomed_client, yard.regulars[lucky_name])]
        gate.wait_reached()
        doomed.kill()
        doomed_client.kill()
        gate.release()
        end, half, found = lucky.wait(), given(calls[0]), calls[1].result()

    assert (end.code, end.failures) == (0, [])
    assert half in (None, found)
    assert found == str(yard.place)
    assert contents(yard.place) == yard.have(yard.cache) == REPO.main
    assert yard.strays_of_the_dead() == []


def given(call: Future[str]) -> str | None:
    """Wait for the end of a call whose process was killed; return what it gave before that, None if nothing."""
    try:
        return call.result()
    except RuntimeError:
        return None
