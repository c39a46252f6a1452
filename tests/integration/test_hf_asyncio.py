"""The asyncio twin asks a Hub: the same answers, off the loop, and cancelled for real."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.calls import Diary, our_threads, wait_until
from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, EARLIER, NOTES, WEIGHTS, hub_options, snapshot, unfinished, victim, wrongs
from tests.support.hub.lies import GATED
from tests.support.hub_repos import Repo, contents
from weighbridge.aio import AsyncClient
from weighbridge.client import Client
from weighbridge.core.errors import GatedRepoError
from weighbridge.core.events import FileFinished, Planned
from weighbridge.core.options import Options
from weighbridge.core.snapshots import Plan, Revision, SnapshotResult


@pytest.fixture
def options(hub: FaultHub, root: Path) -> Options:
    return hub_options(hub, root / "hub")


def test_snapshot_is_the_same(options: Options, repo: Repo, root: Path) -> None:
    """As if it had been had by the other client: path, commit, and what became of each file."""

    async def have() -> SnapshotResult:
        async with AsyncClient(replace(options, cache=replace(options.cache, root=root / "twin"))) as client:
            return await client.snapshot("acme/victim", ignore_patterns="*.onnx")

    theirs, ours = asyncio.run(have()), snapshot(options, repo, ignore_patterns="*.onnx")

    assert theirs.path == root / "twin" / ours.path.relative_to(root / "hub")
    assert contents(theirs.path) == contents(ours.path)
    assert [(each.name, each.size, each.outcome) for each in theirs.files] == [
        (each.name, each.size, each.outcome) for each in ours.files
    ]


def test_file_revision_and_plan_are_the_same(options: Options, repo: Repo) -> None:
    """Every call has a twin."""

    async def ask() -> tuple[Revision, Plan, Path, Plan]:
        async with AsyncClient(options) as client:
            revision = await client.resolve("acme/victim", revision="v1.0")
            before = await client.plan("acme/victim", revision=revision.commit)
            found = await client.download("acme/victim", NOTES, revision=revision.commit)
            return revision, before, found.path, await client.plan("acme/victim", NOTES, revision="v1.0")

    revision, before, path, after = asyncio.run(ask())

    assert revision == Revision(repo_id="acme/victim", repo_type="model", name="v1.0", commit=EARLIER)
    assert path.read_bytes() == repo.at("v1.0")[NOTES]
    with Client(options) as client:
        assert after.files == client.plan("acme/victim", NOTES, revision="v1.0").files
        assert [each.name for each in before.files] == sorted(repo.at("v1.0"))


def test_cancelled_snapshot_ends_at_once_and_the_next_goes_on(hub: FaultHub, options: Options, root: Path) -> None:
    """Nothing half-done has a name, and what arrived is not fetched again."""
    repo = victim(4_000_000)
    hub.serve(repo)
    gate = hub.cdn.gate(hub.cdn_path(repo, WEIGHTS), after=len(repo.main[WEIGHTS]) // 2)

    async def cancel_in_the_middle() -> None:
        async with AsyncClient(options) as client:
            task = asyncio.create_task(client.snapshot("acme/victim"))
            await asyncio.to_thread(gate.wait_reached)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert task.cancelled()

    asyncio.run(cancel_in_the_middle())
    threads, before = wait_until(lambda: our_threads() == []), wrongs(root, root / "hub")
    gate.release()
    found = snapshot(options, repo)

    weights = next(each for each in found.files if each.name == WEIGHTS)
    assert (threads, before) == (True, [])
    assert contents(found.path) == repo.main
    assert weights.bytes_resumed > 0
    assert weights.bytes_resumed + weights.bytes_fetched == len(repo.main[WEIGHTS])
    assert unfinished(root / "hub") == []


def test_cancelled_question_ends_at_once(hub: FaultHub, options: Options) -> None:
    """While the Hub is silent."""
    gate = hub.gate("/api/models/acme/victim/revision/main")

    async def hurry() -> None:
        async with AsyncClient(options) as client, asyncio.timeout(0.2):
            await client.resolve("acme/victim")

    with pytest.raises(TimeoutError):
        asyncio.run(hurry())
    gate.release()

    assert wait_until(lambda: our_threads() == [])


def test_refusal_comes_out_as_it_is(hub: FaultHub, options: Options) -> None:
    """``except`` clauses need not know which twin was called."""
    hub.on(fault=GATED)

    async def have() -> None:
        async with AsyncClient(options) as client:
            await client.snapshot("acme/victim")

    with pytest.raises(GatedRepoError):
        asyncio.run(have())


def test_events_come_on_the_loops_thread(options: Options, repo: Repo) -> None:
    """All of them, before the call returns."""
    diary = Diary()

    async def have() -> None:
        async with AsyncClient(options) as client:
            await client.snapshot("acme/victim", observer=diary)

    asyncio.run(have())

    finished = [each.result.name for each in diary.events if isinstance(each, FileFinished)]
    assert diary.threads == {threading.get_ident()}
    assert isinstance(diary.events[0], Planned)
    assert sorted(finished) == sorted(repo.main)


def test_many_snapshots_at_once_share_what_they_can(hub: FaultHub, options: Options, repo: Repo) -> None:
    """Ten tasks of one client ask for two commits: each blob comes once, and all are whole."""

    async def have() -> list[SnapshotResult]:
        async with AsyncClient(options) as client:
            wanted = [client.snapshot("acme/victim", revision=each) for each in [COMMIT, EARLIER] * 5]
            return await asyncio.gather(*wanted)

    found = asyncio.run(have())

    different = {content for files in repo.commits.values() for content in files.values()}
    assert [contents(each.path) for each in found] == [repo.commits[COMMIT], repo.commits[EARLIER]] * 5
    assert hub.file_bytes == sum(map(len, different))
