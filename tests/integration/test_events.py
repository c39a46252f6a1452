"""What an observer is told: the truth, in order, on the thread that made the call."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.calls import (
    QUICK,
    UNHURRIED,
    Diary,
    Objection,
    Objector,
    ask,
    fetch,
    names,
    open_descriptors,
    our_threads,
    quick,
    started,
    wait_until,
)
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import CutAfter, FlipByte, SlowBandwidth, Status
from weighbridge.client import Client
from weighbridge.core.events import Event, FileFinished, FileProgress, FileStarted, FileWaiting, Planned, Retrying

SIZE = 1 << 20


def test_events_come_in_order_on_the_calling_thread(server: FaultServer, place: Path) -> None:
    """An observer needs no locks and no patience."""
    server.always(SlowBandwidth(1_000_000))
    diary = Diary()

    fetch(ask(server, "/model.bin"), place, observer=diary)

    kinds = [type(event) for event in diary.events]
    assert kinds[:2] == [Planned, FileStarted]
    assert set(kinds[2:-1]) == {FileProgress}
    assert kinds[-1] is FileFinished
    assert diary.threads == {threading.get_ident()}


@pytest.mark.parametrize("digest", ["promised", None])
def test_progress_never_goes_back(server: FaultServer, place: Path, digest: str | None) -> None:
    """A bar that jumps back, or promises more than there is, is a lie."""
    server.always(SlowBandwidth(500_000))
    server.on(nth=3, fault=CutAfter(10_000))
    server.on(nth=5, fault=Status(503))
    diary = Diary()

    fetch(ask(server, "/model.bin", digest), place, observer=diary)

    assert len(diary.progress) > 2
    assert all(later.verified >= earlier.verified for earlier, later in pairwise(diary.progress))
    assert all(later.received >= earlier.received for earlier, later in pairwise(diary.progress))
    assert all(each.verified <= each.received <= SIZE for each in diary.progress)
    assert diary.progress[-1].size == SIZE


def test_resumed_bytes_are_told(server: FaultServer, place: Path) -> None:
    """Progress begins where the earlier run ended."""
    gate = server.gate("/model.bin", after=500_000)
    with started(ask(server, "/model.bin"), place, quick(connections=2)):
        gate.wait_reached()
    gate.release()
    diary = Diary()

    result = fetch(ask(server, "/model.bin"), place, observer=diary)

    begun = next(event for event in diary.events if isinstance(event, FileStarted))
    assert begun.resumed == result.bytes_resumed > 200_000
    assert begun.partial.parent.parent == place


def test_present_file_is_told_as_finished(server: FaultServer, place: Path) -> None:
    """A call that has nothing to do says so."""
    fetch(ask(server, "/model.bin"), place)
    diary = Diary()

    result = fetch(ask(server, "/model.bin"), place, observer=diary)

    assert diary.events == [Planned(files=1, present=1), FileFinished(result=result)]


def test_waiting_for_another_call_is_told(server: FaultServer, place: Path) -> None:
    """Two calls for one file: one fetches, the other says that it waits."""
    gate = server.gate("/model.bin", after=100_000)
    diary = Diary()

    with started(ask(server, "/model.bin"), place, UNHURRIED) as first:
        gate.wait_reached()
        with started(ask(server, "/model.bin"), place, UNHURRIED, observer=diary) as second:
            assert wait_until(lambda: any(isinstance(each, FileWaiting) for each in diary.events))
            gate.release()
            first.join()
            second.join()

    assert [each.outcome for each in first.results + second.results] == ["fetched", "joined"]
    assert server.bytes_sent() == SIZE


def test_failures_that_are_tried_again_are_told(server: FaultServer, place: Path) -> None:
    """A stall with a reason is no mystery."""
    server.on(nth=2, fault=Status(503))
    diary = Diary()

    fetch(ask(server, "/model.bin"), place, observer=diary)

    assert diary.reasons == [f"{server.url('/model.bin')} answered 503"]


@pytest.mark.parametrize(
    "kind", [Planned, FileStarted, FileProgress, Retrying, FileFinished], ids=lambda kind: kind.__name__
)
def test_observer_that_raises_ends_the_call_cleanly(server: FaultServer, place: Path, kind: type[Event]) -> None:
    """What it raised comes out; no thread, no descriptor and no claim stays, and the next call goes on."""
    server.on(nth=2, fault=Status(503))
    server.always(SlowBandwidth(1_000_000))
    request = ask(server, "/model.bin")
    before = open_descriptors()

    with Client(QUICK) as client, pytest.raises(Objection, match=kind.__name__):
        client.fetch([request], place, observer=Objector(kind))

    assert wait_until(lambda: our_threads() == [])
    server.wait_for(lambda: server.open_connections == 0)
    assert wait_until(lambda: open_descriptors() <= before)
    result = fetch(request, place)
    assert result.path.read_bytes() == server.content("/model.bin")
    assert names(place) == ["model.bin"]


def test_repaired_bytes_are_told(server: FaultServer, place: Path) -> None:
    """Verified bytes go back only when they were found wrong, and the reason is told."""
    server.on(fault=FlipByte(1000))
    gate = server.gate("/model.bin", after=500_000)
    with started(ask(server, "/model.bin"), place, quick(connections=2)):
        gate.wait_reached()
    gate.release()
    server.clear_rules()
    diary = Diary()

    fetch(ask(server, "/model.bin"), place, observer=diary)

    assert [reason for reason in diary.reasons if "digest is wrong" in reason] != []


def test_every_file_is_told_of(server: FaultServer, place: Path) -> None:
    """Ten files, ten beginnings, ten ends."""
    for index in range(10):
        server.put(f"/f{index}", SparseFile(1000 + index, seed=index))
    diary = Diary()

    with Client(QUICK) as client:
        client.fetch([ask(server, f"/f{index}") for index in range(10)], place, observer=diary)

    expected = {f"f{index}" for index in range(10)}
    assert {each.name for each in diary.events if isinstance(each, FileStarted)} == expected
    assert {each.result.name for each in diary.events if isinstance(each, FileFinished)} == expected
