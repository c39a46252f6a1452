"""The verbs that show, remove, limit and pin what is in a cache, as people and scripts run them."""

from __future__ import annotations

import json
import mmap
import os
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Command, Outcome
from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, EARLIER, hub_options, snapshot, victim
from tests.support.hub_repos import Repo, contents, small_repo
from weighbridge.cli.cache.ls import ls
from weighbridge.client import Client
from weighbridge.compat.huggingface_hub import scan_cache_dir
from weighbridge.core.errors import CacheLimitError, WeighbridgeError
from weighbridge.core.events import Event, Notice
from weighbridge.core.options import CacheOptions, Options
from weighbridge.store.cache.room.budget import size_of_cache

MODEL, DATA = "acme/victim", "datasets/acme/data"
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Machine:
    """A cache, and the command that looks after it."""

    root: Path
    command: Command

    def run(self, *arguments: object) -> Outcome:
        verb, *rest = arguments
        return self.command.run("cache", verb, "--cache-dir", self.root, *rest)

    def told(self, *arguments: object) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(*arguments, "--json").out)
        return found

    def client(self) -> Client:
        return Client(Options(cache=CacheOptions(root=self.root)))

    @property
    def model(self) -> Path:
        return self.root / "models--acme--victim"

    def detach(self, ref: str = "v1.0") -> None:
        (self.model / "refs" / ref).unlink()

    def age(self, days: float) -> None:
        """Let everything be as old."""
        then = time.time() - days * DAY_S
        for each in self.root.rglob("*"):
            os.utime(each, (then, then), follow_symlinks=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A model with two commits, and a dataset."""
    root = tmp_path / "hub"
    victim().write_cache(root)
    small_repo("dataset", "acme/data").write_cache(root)
    return Machine(root, Command(tmp_path))


def test_ls_shows_what_is_there(machine: Machine) -> None:
    """Repositories, sizes that add up, what means them; nothing but text without a terminal."""
    done = machine.run("ls")

    lines = done.out.splitlines()
    assert lines[0].split() == ["NAME", "SIZE", "REVISIONS", "FILES", "USED", "REFS"]
    assert [line.split()[0] for line in lines[1:]] == [MODEL, DATA]
    assert "main, v1.0" in lines[1]
    assert "2 repositories, 3 revisions" in done.err
    assert "\x1b" not in done.out + done.err


def test_ls_counts_what_is_shared_once(machine: Machine) -> None:
    """The sum is what the disk has lost."""
    found = machine.told("ls", "--revisions")

    blobs = [each for each in machine.root.glob("*--*/blobs/*") if each.is_file()]
    assert found["size"] == sum(each.stat().st_size for each in blobs)
    assert sum(each["size"] for each in found["revisions"]) > found["size"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (("--sort", "size"), [MODEL, DATA]),
        (("--sort", "size", "--reverse"), [DATA, MODEL]),
        (("datasets/*",), [DATA]),
        (("--filter", "size>100k"), [MODEL]),
        (("--filter", "type=dataset"), [DATA]),
        (("--filter", "!type=dataset"), [MODEL]),
        (("--filter", "used>30d"), []),
        (("--revisions", "--filter", "refs=none"), []),
        (("--revisions", "--filter", "refs=v1.0"), [f"{MODEL}@{EARLIER}"]),
    ],
)
def test_ls_selects_and_sorts(
    machine: Machine, query: tuple[str, ...], names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What comes out is what rm and pin take."""
    ls.main(["-q", "--cache-dir", str(machine.root), *query], standalone_mode=False)

    assert capsys.readouterr().out.splitlines() == names


def test_cache_that_is_not_there_is_an_error(machine: Machine) -> None:
    """A typo in a path is not an empty cache."""
    done = machine.command.run("cache", "ls", "--cache-dir", machine.root / "typo")

    assert done.code == 5
    assert "no cache" in done.err


def test_rm_removes_a_revision_and_what_only_it_has(machine: Machine) -> None:
    """The other one stays whole."""
    done = machine.run("rm", "--yes", f"{MODEL}@v1.0")

    assert (done.code, done.out) == (0, f"{MODEL}@{EARLIER}\n")
    assert contents(machine.model / "snapshots" / COMMIT) == victim().main
    assert len(list((machine.model / "blobs").iterdir())) == len(victim().main)
    assert scan_cache_dir(machine.root).warnings == []


@pytest.mark.parametrize("target", [MODEL, f"hf://{MODEL}", f"{MODEL}@{COMMIT[:7]}", f"{MODEL}@main/config.json"])
def test_rm_tells_before_it_does(machine: Machine, target: str) -> None:
    """A dry run changes nothing, and says what would come free."""
    before = contents(machine.root)

    with machine.client() as client:
        dry = client.cache.remove(target, dry_run=True)
        same = contents(machine.root) == before
        done = client.cache.remove(target)

    assert same
    assert dry == done
    assert done.freed > 0
    assert contents(machine.root) != before


def test_rm_without_a_terminal_wants_to_be_told(machine: Machine) -> None:
    """A script that forgot to say yes removes nothing."""
    done = machine.run("rm", MODEL)

    assert done.code == 2
    assert "--yes" in done.err
    assert contents(machine.model / "snapshots" / COMMIT) == victim().main


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("acme/victm", f"did you mean {MODEL}"),
        (f"{MODEL}@mian", "did you mean main"),
        (f"{MODEL}@main/conifg.json", "did you mean config.json"),
        (f"{MODEL}@main/onnx", "is a directory"),
        (f"{MODEL}@main/{__file__}", "has no file"),
        (f"{MODEL}@main/../../refs/main", "has no file"),
        ("acme/*", "ls -q 'acme/*'"),
        (f"{MODEL}@", "no revision follows"),
    ],
)
def test_rm_of_what_is_not_there_says_what_is(machine: Machine, target: str, told: str) -> None:
    """Nothing is removed by mistake, and nothing that lies outside."""
    before = contents(machine.root)

    with machine.client() as client, pytest.raises(WeighbridgeError, match=re.escape(told)):
        client.cache.remove(target)

    assert contents(machine.root) == before
    assert Path(__file__).is_file()


def test_pinned_revision_stays_unless_forced(machine: Machine) -> None:
    """Neither rm nor prune nor a limit removes what somebody wants to keep."""
    machine.detach()
    pinned = machine.run("pin", f"{MODEL}@{EARLIER}")
    refused = machine.run("rm", "--yes", f"{MODEL}@{EARLIER}", DATA)
    with machine.client() as client:
        pruned = client.cache.prune(older_than_s=0.0)
        there = (machine.model / "snapshots" / EARLIER).is_dir()
        forced = client.cache.remove(f"{MODEL}@{EARLIER}", force=True)

    assert pinned.out == f"{MODEL}@{EARLIER}  by hand\n"
    assert (refused.code, "pinned" in refused.err, refused.out) == (5, True, f"{DATA}\n")
    assert (pruned.removed, there) == ((), True)
    assert forced.refused == ()


def test_unpinned_revision_may_go(machine: Machine) -> None:
    """A pin is taken back by the same words."""
    machine.run("pin", MODEL)

    taken_back = machine.run("unpin", MODEL).code
    with machine.client() as client:
        again, done = client.cache.unpin(MODEL), client.cache.remove(MODEL)

    assert (taken_back, again, done.refused) == (0, False, ())


def test_what_a_client_has_given_out_is_in_use(machine: Machine) -> None:
    """Its caller may be reading it right now."""
    with FaultHub(victim()) as hub, Client(hub_options(hub, machine.root)) as client:
        client.snapshot(MODEL)
        refused = machine.run("rm", "--yes", MODEL)
        shown = machine.run("ls", "-q", "--filter", "in-use").out
        client.cache.release()
        done = client.cache.remove(MODEL)

    assert (refused.code, done.refused) == (5, ())
    assert f"in use by process {os.getpid()}" in refused.err
    assert shown == f"{MODEL}\n"


def test_file_that_any_process_has_mapped_is_in_use(machine: Machine) -> None:
    """Other clients take no locks, but what they read shows."""
    path = machine.model / "snapshots" / EARLIER / "model.safetensors"
    descriptor = os.open(path, os.O_RDONLY)
    mapped = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
    os.close(descriptor)

    with machine.client() as client:
        refused = client.cache.remove(f"{MODEL}@{EARLIER}").refused
        mapped.close()
        done = client.cache.remove(f"{MODEL}@{EARLIER}")

    assert ["model.safetensors open" in each.reason for each in refused] == [True]
    assert done.refused == ()


def test_prune_removes_what_nobody_will_miss(machine: Machine) -> None:
    """Detached revisions, contents without a revision, what downloads have left; and nothing else."""
    machine.detach()
    blobs = machine.model / "blobs"
    (blobs / ("e" * 40)).write_bytes(b"nobody's")
    (blobs / f"{'d' * 64}.841fc531.incomplete").write_bytes(b"theirs")
    (machine.root / "tmpabcd_123").write_bytes(b"of the oldest")
    (machine.model / ".no_exist" / EARLIER).mkdir(parents=True)

    done = machine.told("prune", "--older-than", "0s", "--yes")

    assert sorted(each["kind"] for each in done["removed"]) == ["blob", "revision", "unfinished", "unfinished"]
    assert not (machine.model / ".no_exist" / EARLIER).exists()
    assert [each.name for each in (machine.model / "snapshots").iterdir()] == [COMMIT]
    assert len(list(blobs.iterdir())) == len(victim().main)
    assert contents(machine.model / "snapshots" / COMMIT) == victim().main
    assert scan_cache_dir(machine.root).warnings == []


def test_prune_spares_what_is_young(machine: Machine) -> None:
    """What somebody has just fetched by its commit has no branch, and is no waste."""
    machine.detach()
    (machine.model / "blobs" / ("e" * 40)).write_bytes(b"a download is about to link it")

    done = machine.run("prune", "--yes")

    assert (done.code, done.err) == (0, "there is nothing to remove\n")


def test_prune_spares_what_another_client_is_fetching(machine: Machine) -> None:
    """It holds the lock of the blob."""
    import fcntl  # noqa: PLC0415 - of this test alone

    etag = "e" * 40
    (machine.model / "blobs" / etag).write_bytes(b"fetched, and not linked yet")
    lock = machine.root / ".locks" / "models--acme--victim" / f"{etag}.lock"
    lock.parent.mkdir(parents=True)
    with machine.client() as client:
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            beside = client.cache.prune(older_than_s=0.0)
        alone = client.cache.prune(older_than_s=0.0)

    assert (beside.removed, len(alone.removed)) == ((), 1)


def test_limit_lets_the_least_recently_used_leave(machine: Machine) -> None:
    """And keeps to it from then on."""
    machine.age(10)
    with FaultHub(victim()) as hub:
        snapshot(hub_options(hub, machine.root), victim(), revision=COMMIT)

    size = size_of_cache(machine.root)
    done = machine.told("limit", size - 1, "--yes")

    assert [each["name"] for each in done["removed"]] == [f"{MODEL}@{EARLIER}"]
    assert machine.told("limit") == {"limit": size - 1, "size": done["size"], "dry_run": False, "removed": []}


def test_limit_that_can_not_be_kept_changes_nothing(machine: Machine) -> None:
    """Pinned is pinned."""
    machine.run("pin", MODEL)
    before = contents(machine.root)

    done = machine.run("limit", "200k", "--yes")

    assert done.code == 6
    assert contents(machine.root) == before


def test_download_makes_room_and_says_so(machine: Machine) -> None:
    """A full cache is no reason for a download to fail, if something may leave."""
    machine.age(10)
    told: list[Event] = []
    with FaultHub(small_repo("model", "acme/new")) as hub:
        options = hub_options(hub, machine.root)
        size = size_of_cache(machine.root)
        limited = replace(options, cache=replace(options.cache, limit=size))
        with Client(limited) as client:
            found = client.snapshot("acme/new", observer=told.append)

    notices = [each.message for each in told if isinstance(each, Notice)]
    assert contents(found.path) == small_repo("model", "acme/new").main
    assert any("has left the cache" in each for each in notices)
    assert size_of_cache(machine.root) <= size


def test_content_that_a_download_links_to_keeps_nobody(machine: Machine) -> None:
    """Small files are the same in most repositories: none of these could ever leave."""
    machine.age(10)
    files = {"empty.txt": b"", "own.bin": b"own" * 999}
    repo = Repo(kind="model", name="acme/kin", commits={COMMIT: files}, refs={"main": COMMIT})
    with FaultHub(repo) as hub:
        options = hub_options(hub, machine.root)
        size = size_of_cache(machine.root)
        with Client(replace(options, cache=replace(options.cache, limit=size))) as client:
            found = client.snapshot("acme/kin", revision=COMMIT)

    assert contents(found.path) == files
    assert size_of_cache(machine.root) <= size


def test_limit_without_a_unit_is_refused(machine: Machine) -> None:
    """Who forgets the G would lose all."""
    done = machine.run("limit", "500", "--yes")

    assert done.code == 2
    assert "500G" in done.err
    assert contents(machine.model / "snapshots" / COMMIT) == victim().main


def test_verify_is_no_use(machine: Machine) -> None:
    """Else whoever looks after a cache makes all of it young, and what is used least would not leave first."""
    machine.age(10)

    with machine.client() as client:
        client.cache.verify(full=True)
        used = [each.used_at for each in client.cache.scan().repos]

    assert max(used) < time.time() - 9 * DAY_S


def test_download_that_can_not_fit_is_refused_before_it_begins(machine: Machine) -> None:
    """Not a byte is fetched, and nothing leaves for nothing."""
    repo = small_repo("model", "acme/new")
    before = contents(machine.model)
    with FaultHub(repo) as hub:
        options = hub_options(hub, machine.root)
        limited = replace(options, cache=replace(options.cache, limit=1000))
        with Client(limited) as client, pytest.raises(CacheLimitError):
            client.snapshot("acme/new")
        fetched = hub.file_bytes

    assert fetched == 0
    assert contents(machine.model) == before
