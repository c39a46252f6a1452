"""The asyncio twin: off the loop, cancelled for real, and telling on the loop's thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path

import pytest

from tests.support.calls import QUICK, Diary, Objection, Objector, ask, fetch, names, our_threads, quick, wait_until
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import FlipByte, SlowBandwidth, StallAfter, StallBeforeHeaders
from weighbridge.aio import AsyncClient
from weighbridge.core.artifacts import FileRequest, FileResult
from weighbridge.core.errors import DigestMismatchError, UntrustedFileError
from weighbridge.core.events import Event, FileFinished, FileProgress, FileStarted, Planned
from weighbridge.core.options import Options

SIZE = 1 << 20


async def have(request: FileRequest, place: Path, options: Options = QUICK, **more: object) -> FileResult:
    async with AsyncClient(options) as client:
        return (await client.fetch([request], place, **more))[0]


def test_file_arrives(server: FaultServer, place: Path) -> None:
    """The same call, awaited."""
    result = asyncio.run(have(ask(server, "/model.bin"), place))

    assert result.path.read_bytes() == server.content("/model.bin")
    assert wait_until(lambda: our_threads() == [])


def test_errors_come_out_as_they_are(server: FaultServer, place: Path) -> None:
    """``except`` clauses need not know which twin was called."""
    server.on(fault=FlipByte(0))

    with pytest.raises(DigestMismatchError):
        asyncio.run(have(ask(server, "/model.bin"), place))
    with pytest.raises(UntrustedFileError):
        asyncio.run(have(ask(server, "/model.bin", None), place))


def test_loop_goes_on_turning(server: FaultServer, place: Path) -> None:
    """A transfer under way does not stop the rest of the program."""
    server.always(SlowBandwidth(400_000))
    gaps: list[float] = []

    async def tick() -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()

    async def both() -> None:
        ticking = asyncio.create_task(tick())
        await have(ask(server, "/model.bin"), place)
        ticking.cancel()

    asyncio.run(both())

    assert len(gaps) > 10
    assert max(gaps) < 0.3


def test_events_come_in_order_on_the_loops_thread_before_the_call_returns(server: FaultServer, place: Path) -> None:
    """An observer may touch what belongs to the loop, and has heard everything when the result is there."""
    server.always(SlowBandwidth(1_000_000))
    diary = Diary()

    asyncio.run(have(ask(server, "/model.bin"), place, observer=diary))

    kinds = [type(event) for event in diary.events]
    assert kinds[:2] == [Planned, FileStarted]
    assert kinds[-1] is FileFinished
    assert diary.threads == {threading.get_ident()}


@pytest.mark.parametrize("kind", [Planned, FileStarted, FileProgress, FileFinished], ids=lambda kind: kind.__name__)
def test_observer_that_raises_ends_the_call(server: FaultServer, place: Path, kind: type[Event]) -> None:
    """What it raised comes out of the call rather than into the loop's log."""
    server.always(SlowBandwidth(200_000))

    with pytest.raises(Objection, match=kind.__name__):
        asyncio.run(have(ask(server, "/model.bin"), place, observer=Objector(kind)))

    assert wait_until(lambda: our_threads() == [])


@pytest.mark.parametrize("state", [StallBeforeHeaders(), StallAfter(10_000), SlowBandwidth(50_000)], ids=repr)
def test_cancelled_task_ends_within_a_second_and_the_next_call_goes_on(
    server: FaultServer, place: Path, state: SlowBandwidth
) -> None:
    """Cancelling stops the transfer, not only the waiting for it."""
    server.on(nth=range(3, 1000), fault=state)
    options = quick(http={"read_timeout_s": 30.0}, stall_window_s=30.0)

    async def cancel_in_the_middle() -> float:
        task = asyncio.create_task(have(ask(server, "/model.bin"), place, options))
        await asyncio.to_thread(server.wait_for, lambda: len(server.requests) >= 3)
        await asyncio.sleep(0.1)
        began = time.monotonic()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        return time.monotonic() - began

    took = asyncio.run(cancel_in_the_middle())
    server.clear_rules()
    result = fetch(ask(server, "/model.bin"), place)

    assert took < 1
    assert wait_until(lambda: our_threads() == [])
    assert result.bytes_resumed > 0
    assert result.path.read_bytes() == server.content("/model.bin")
    assert names(place) == ["model.bin"]


def test_timeout_of_asyncio_stops_the_transfer(server: FaultServer, place: Path) -> None:
    """``asyncio.timeout`` is a cancel like any other."""
    server.on(fault=StallBeforeHeaders())

    async def hurry() -> None:
        async with asyncio.timeout(0.2):
            await have(ask(server, "/model.bin"), place)

    with pytest.raises(TimeoutError):
        asyncio.run(hurry())

    assert wait_until(lambda: our_threads() == [])


def test_task_that_is_cancelled_twice_still_waits_for_the_files(server: FaultServer, place: Path) -> None:
    """An impatient caller does not make threads outlive the call."""
    gate = server.gate("/model.bin", after=200_000)

    async def cancel_twice() -> list[str]:
        task = asyncio.create_task(have(ask(server, "/model.bin"), place))
        await asyncio.to_thread(gate.wait_reached)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return [each for each in our_threads() if not each.startswith("weighbridge-call")]

    threads_with_files = asyncio.run(cancel_twice())
    gate.release()

    assert threads_with_files == []


def test_many_calls_run_at_once_and_leave_the_loops_own_threads_alone(server: FaultServer, place: Path) -> None:
    """Twenty transfers don't queue for the few threads that name lookups and other libraries need."""
    names = [f"f{index}" for index in range(20)]
    for index, name in enumerate(names):
        server.put(f"/{name}", SparseFile(1000, seed=index))
    gates = [server.gate(f"/{name}", after=500) for name in names]

    async def have_all() -> list[bool]:
        async with AsyncClient(quick(connections=4)) as client:
            calls = [asyncio.create_task(client.fetch([ask(server, f"/{name}")], place / name)) for name in names]
            for gate in gates:  # each on one of the loop's threads: there are fewer of them than calls
                await asyncio.wait_for(asyncio.to_thread(gate.wait_reached), 50)
            are_over = [each.done() for each in calls]
            for gate in gates:
                gate.release()
            await asyncio.gather(*calls)
            return are_over

    are_over = asyncio.run(have_all())

    assert not any(are_over)
    assert server.max_concurrent == len(names)


def test_cancelled_call_does_not_stop_its_neighbours(server: FaultServer, place: Path) -> None:
    """Tasks of one client share connections, not fates."""
    server.put("/other.bin", SparseFile(SIZE, seed=3))
    gate = server.gate("/other.bin", after=100_000)

    async def one_of_two() -> FileResult:
        async with AsyncClient(QUICK) as client:
            other = asyncio.create_task(client.fetch([ask(server, "/other.bin")], place / "b"))
            kept = asyncio.create_task(client.fetch([ask(server, "/model.bin")], place / "a"))
            await asyncio.to_thread(gate.wait_reached)
            other.cancel()
            return (await kept)[0]

    result = asyncio.run(one_of_two())
    gate.release()

    assert result.path.read_bytes() == server.content("/model.bin")
