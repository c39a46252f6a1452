"""Hosts that ask to be left alone are left alone, by everybody at once and for as long as they said."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.calls import Diary, ask, fetch, fetch_all, names, quick, started
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import Fault, RateLimited, RateLimitedOld, RetryAfter, RetryAfterDate, SlowBandwidth, Status
from weighbridge.client import Client
from weighbridge.core.errors import RateLimitedError, RetriesExhaustedError

SIZE = 1 << 20


@pytest.mark.parametrize(
    ("refusal", "nth", "least_s"),
    [
        (RetryAfter(1), 1, 1.0),
        (RetryAfter(1, 503), 4, 1.0),
        (RetryAfterDate(1), 4, 0.99),
        (RateLimited(1), 4, 1.0),
        (RateLimitedOld(1, 503), 1, 1.0),
        (Status(429), 4, 0.5),
    ],
    ids=repr,
)
def test_after_one_refusal_nobody_asks_until_the_time_named(
    server: FaultServer, place: Path, refusal: Fault, nth: int, least_s: float
) -> None:
    """One worker's 429 is every worker's 429, in each of its forms."""
    server.always(SlowBandwidth(2_000_000))
    server.on(nth=nth, fault=refusal)

    result = fetch(ask(server, "/model.bin"), place)

    refused = server.requests[nth - 1]
    assert refused.status in (429, 503)
    gaps = [each.started_s - refused.started_s for each in server.requests if each.started_s > refused.started_s + 0.1]
    assert least_s <= min(gaps) < least_s + 2.5
    assert result.path.read_bytes() == server.content("/model.bin")


def test_requests_after_a_refusal_leave_one_by_one(server: FaultServer, place: Path) -> None:
    """Whoever was told to wait does not come back as a crowd."""
    server.always(SlowBandwidth(500_000))
    server.on(nth=4, fault=RetryAfter(1))

    fetch(ask(server, "/model.bin"), place)

    after = [each.started_s for each in server.requests if each.started_s > server.requests[3].started_s + 0.9][:4]
    assert len(after) == 4
    assert after[-1] - after[0] > 0.06  # three gaps, 0.05 s at first; a busy server may see one of them short


def test_small_files_keep_to_a_limit_of_requests(server: FaultServer, place: Path) -> None:
    """A server that allows so many requests a second sees few more, whatever the number of files and workers."""
    paths = [f"/f{index}" for index in range(25)]
    for index, path in enumerate(paths):
        server.put(path, SparseFile(1000, seed=index))
    limit = server.limit_rate(20, burst=5)

    results = fetch_all([ask(server, path) for path in paths], place, quick(retry={"attempts": 8}))

    assert [each.path.read_bytes() for each in results] == [server.content(path) for path in paths]
    assert limit.admitted == 25
    assert limit.refused <= 12


def test_ranges_of_one_file_keep_to_a_limit_of_requests(server: FaultServer, place: Path) -> None:
    """The limit counts requests, whether they are for files or for pieces."""
    limit = server.limit_rate(20, burst=4)

    result = fetch(ask(server, "/model.bin"), place, quick(retry={"attempts": 8}, split_min=64 << 10))

    assert result.path.read_bytes() == server.content("/model.bin")
    assert limit.refused <= 12


@pytest.mark.parametrize(
    "refusal", [RetryAfter(60), RetryAfterDate(60), RateLimited(60), RetryAfter(60, 503)], ids=repr
)
def test_pause_longer_than_allowed_is_an_error_at_once(server: FaultServer, place: Path, refusal: Fault) -> None:
    """A caller with a limit of its own must not sit out somebody else's."""
    server.on(fault=refusal)
    began = time.monotonic()

    with pytest.raises(RateLimitedError) as caught:
        fetch(ask(server, "/model.bin"), place)

    assert time.monotonic() - began < 30
    assert caught.value.retry_after_s == pytest.approx(60, abs=2)
    assert caught.value.url == server.url("/model.bin")
    assert len(server.requests) == 1
    assert names(place) == []


def test_pause_is_remembered_from_call_to_call(server: FaultServer, place: Path) -> None:
    """The next call of the same client does not ask a host that has said for how long to stay away."""
    server.on(fault=RetryAfter(60))
    with Client(quick()) as client:
        with pytest.raises(RateLimitedError):
            client.fetch([ask(server, "/model.bin")], place)
        with pytest.raises(RateLimitedError):
            client.fetch([ask(server, "/small.bin")], place)

    assert len(server.requests) == 1


def test_pause_longer_than_allowed_keeps_what_arrived(server: FaultServer, place: Path) -> None:
    """The same call goes on from there, later."""
    server.on(nth=range(5, 100), fault=RetryAfter(60))
    with pytest.raises(RateLimitedError):
        fetch(ask(server, "/model.bin"), place, quick(connections=1))
    server.clear_rules()

    result = fetch(ask(server, "/model.bin"), place)

    assert result.bytes_resumed > 0
    assert result.bytes_fetched == SIZE - result.bytes_resumed


def test_pause_of_one_host_does_not_hold_up_another(server: FaultServer, mirror: FaultServer, place: Path) -> None:
    """Workers that may not ask one host do the work of others meanwhile."""
    for index in range(8):
        server.put(f"/a{index}", SparseFile(1000, seed=index))
        mirror.put(f"/b{index}", SparseFile(1000, seed=index))
    server.on(fault=RetryAfter(2), times=1)
    requests = [ask(server, f"/a{index}") for index in range(8)] + [ask(mirror, f"/b{index}") for index in range(8)]

    fetch_all(requests, place, quick(connections=4, files=16))

    assert max(each.started_s for each in mirror.requests) - server.requests[0].started_s < 1.5


def test_pause_of_the_primary_is_the_mirrors_work(server: FaultServer, mirror: FaultServer, place: Path) -> None:
    """A file is not held up by one of its sources if another has it."""
    server.on(fault=RetryAfter(50))
    request = ask(server, "/model.bin", mirrors=(mirror.url("/model.bin"),))
    began = time.monotonic()

    result = fetch(request, place, quick(retry={"pause_max_s": 60.0}))

    assert time.monotonic() - began < 30
    assert result.path.read_bytes() == mirror.content("/model.bin")


def test_endless_refusals_end_in_an_error(server: FaultServer, place: Path) -> None:
    """A host that says "soon" for ever is given up after the allowed attempts."""
    server.on(fault=RetryAfter(0))

    with pytest.raises(RetriesExhaustedError) as caught:
        fetch(ask(server, "/model.bin"), place)

    assert len(server.requests) == 4
    assert "429" in str(caught.value)


def test_pause_does_not_hold_up_cancelling(server: FaultServer, place: Path) -> None:
    """Ctrl-C during a pause is obeyed at once."""
    server.on(fault=RetryAfter(5))

    with started(ask(server, "/model.bin"), place) as call:
        server.wait_for(lambda: len(server.requests) == 1)
        time.sleep(0.3)
        call.cancel.set()
        took = call.join()

    assert took < 1


def test_pause_is_told(server: FaultServer, place: Path) -> None:
    """Whoever watches learns why nothing moves, and for how long."""
    server.on(times=1, fault=RetryAfter(1))
    diary = Diary()

    fetch(ask(server, "/model.bin"), place, observer=diary)

    assert any("429" in reason and "1 s" in reason for reason in diary.reasons)
