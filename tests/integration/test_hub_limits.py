"""No server keeps a call to the Hub for longer, or sends it more, than is allowed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.fault_server import FaultServer
from tests.support.faults import (
    Chunked,
    CutHeaders,
    Delay,
    EndlessBody,
    Fault,
    GzipBomb,
    HugeHeaders,
    RetryAfter,
    StallAfter,
    StallBeforeHeaders,
    Status,
    Trickle,
    TrickleHeaders,
)
from tests.support.hub_asking import COMMIT, FILE_PATH, REPO, REVISION_PATH, TOLD, asking, put, put_json
from weighbridge.core.errors import (
    BadAnswerError,
    CancelledError,
    HfHubHTTPError,
    StalledError,
    TransferError,
)
from weighbridge.core.options import HttpOptions, RetryOptions

LIMIT_S = 0.4
LONG_AGO_S = 8.0  # far above every limit here, far below those of the transport
PATH = "a/file.bin"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A Hub with one file."""
    with FaultServer() as running:
        put_json(running, REVISION_PATH, {"sha": COMMIT, "siblings": ["x" * 1000]})
        put(running, FILE_PATH, b"content", **TOLD)
        yield running


@pytest.mark.parametrize(
    "fault",
    [StallBeforeHeaders(), StallAfter(10), Trickle(20), TrickleHeaders(20), Chunked() & StallAfter(100)],
    ids=repr,
)
def test_silent_or_dripping_server_ends_the_call_in_time(server: FaultServer, fault: Fault) -> None:
    """Other clients wait for ever: their calls have no limit, or one that each byte renews."""
    server.on(fault=fault)
    began = time.monotonic()

    with asking(server, call_timeout_s=LIMIT_S) as desk, pytest.raises(StalledError, match="within"):
        desk.hub.commit_of(REPO, "main")

    assert LIMIT_S <= time.monotonic() - began < LONG_AGO_S


def test_endless_tries_end_in_time(server: FaultServer) -> None:
    """The limit is that of the call, not of each try."""
    server.on(fault=Status(500))
    endless = RetryOptions(attempts=10**6, wait_initial_s=0.01, wait_max_s=0.02)
    began = time.monotonic()

    with asking(server, retry=endless, call_timeout_s=LIMIT_S) as desk, pytest.raises(HfHubHTTPError):
        desk.hub.commit_of(REPO, "main")

    assert len(server.requests) > 3
    assert time.monotonic() - began < LONG_AGO_S


def test_pause_beyond_the_limit_is_not_waited_for(server: FaultServer) -> None:
    """The Hub's own answer comes at once instead."""
    server.on(fault=RetryAfter(40))
    began = time.monotonic()

    with asking(server, call_timeout_s=30.0) as desk, pytest.raises(HfHubHTTPError, match="40 s"):
        desk.hub.commit_of(REPO, "main")

    assert time.monotonic() - began < 20


def test_answer_about_a_file_has_a_limit_of_its_own(server: FaultServer) -> None:
    """Its first try is given up early, the second succeeds within the call."""
    server.on(fault=StallBeforeHeaders(), nth=1)

    with asking(server, etag_timeout_s=0.2) as desk:
        told = desk.hub.describe(REPO, "main", PATH)

    assert told.commit == COMMIT
    assert len(server.requests) == 2


def test_wait_for_the_hosts_turn_does_not_count_as_its_silence(server: FaultServer) -> None:
    """A Hub that asks for a pause longer than one try may take is obeyed, and then answers."""
    server.on(fault=RetryAfter(1), nth=1)
    server.on(fault=Delay(0.2), nth=2)
    twice = RetryOptions(attempts=2, wait_initial_s=0.01)

    with asking(server, retry=twice, etag_timeout_s=0.9) as desk:
        told = desk.hub.describe(REPO, "main", PATH)

    assert told.commit == COMMIT
    assert len(server.requests) == 2


def test_answer_of_the_hub_is_worth_more_than_its_silence_afterwards(server: FaultServer) -> None:
    """Whoever asks learns that it is in trouble, not only that it is slow."""
    server.on(fault=Status(503), nth=1)
    server.on(fault=StallBeforeHeaders())

    with asking(server, call_timeout_s=LIMIT_S) as desk, pytest.raises(HfHubHTTPError) as caught:
        desk.hub.commit_of(REPO, "main")

    assert caught.value.status == 503


def test_refusal_counts_though_its_words_drip(server: FaultServer) -> None:
    """What the status says is not lost with the page below it."""
    server.on(fault=Status(403, body=b"x" * 1000) & Trickle(20))

    with asking(server, call_timeout_s=LIMIT_S) as desk, pytest.raises(HfHubHTTPError) as caught:
        desk.hub.commit_of(REPO, "main")

    assert caught.value.status == 403


@pytest.mark.parametrize("fault", [EndlessBody(), GzipBomb(2**30)], ids=repr)
def test_endless_answer_is_cut(server: FaultServer, fault: Fault) -> None:
    """Neither a stream without end nor a small one that unpacks to a gigabyte fills the memory."""
    server.on(fault=fault)

    with asking(server) as desk, pytest.raises(BadAnswerError, match="more than"):
        desk.hub.commit_of(REPO, "main")


def test_refusal_without_an_end_is_not_read_to_it(server: FaultServer) -> None:
    """Its beginning is enough to say why."""
    server.on(fault=Status(403) & EndlessBody())

    with asking(server) as desk, pytest.raises(HfHubHTTPError):
        desk.hub.commit_of(REPO, "main")

    server.wait_idle()
    assert server.requests[0].body_bytes < 32 << 20  # what sockets hold, and no more


@pytest.mark.parametrize("fault", [HugeHeaders(), CutHeaders(20)], ids=repr)
@pytest.mark.parametrize("call", ["commit_of", "describe"])
def test_head_that_is_none_is_a_typed_error(server: FaultServer, fault: Fault, call: str) -> None:
    """Heads have limits, too."""
    server.on(fault=fault)
    arguments = [REPO, "main", PATH][: 3 if call == "describe" else 2]

    with asking(server) as desk, pytest.raises(TransferError):
        getattr(desk.hub, call)(*arguments)


@pytest.mark.parametrize("fault", [StallBeforeHeaders(), StallAfter(10), RetryAfter(50)], ids=repr)
def test_stop_ends_the_call_at_once(server: FaultServer, fault: Fault) -> None:
    """Whatever it waits for: the head, the body, or the host's turn."""
    server.on(fault=fault)

    with asking(server, call_timeout_s=60.0) as desk, ThreadPoolExecutor(1) as pool:
        call = pool.submit(desk.hub.commit_of, REPO, "main")
        server.wait_for(lambda: bool(server.requests))
        began = time.monotonic()
        desk.cancel.set()
        with pytest.raises(CancelledError):
            call.result(timeout=30)

    assert time.monotonic() - began < 20


def test_stop_ends_a_wait_between_tries(server: FaultServer) -> None:
    """Ctrl-C does not wait for the next try."""
    server.on(fault=Status(500))
    slow = RetryOptions(attempts=100, wait_initial_s=50.0, wait_max_s=50.0)

    with asking(server, retry=slow, call_timeout_s=600.0) as desk, ThreadPoolExecutor(1) as pool:
        call = pool.submit(desk.hub.commit_of, REPO, "main")
        server.wait_for(lambda: bool(server.requests))
        desk.cancel.set()
        with pytest.raises(CancelledError):
            call.result(timeout=30)


def test_stopped_caller_asks_nobody(server: FaultServer) -> None:
    """After a stop no new call begins."""
    with asking(server) as desk:
        desk.cancel.set()
        with pytest.raises(CancelledError):
            desk.hub.commit_of(REPO, "main")

    assert server.requests == []


def test_host_that_takes_no_connection_ends_the_call_in_time(void: str, server: FaultServer) -> None:
    """As does one behind a firewall that says nothing."""
    began = time.monotonic()

    with asking(server, endpoint=void, call_timeout_s=LIMIT_S) as desk, pytest.raises(TransferError):
        desk.hub.commit_of(REPO, "main")

    assert time.monotonic() - began < LONG_AGO_S


def test_transport_limits_hold_below_those_of_the_call(server: FaultServer) -> None:
    """A stall is noticed by the read timeout, and tried again within the call."""
    server.on(fault=StallBeforeHeaders(), nth=1)

    with asking(server, http=HttpOptions(read_timeout_s=0.2)) as desk:
        commit = desk.hub.commit_of(REPO, "main")

    assert commit == COMMIT


def test_no_watch_is_left_behind(server: FaultServer) -> None:
    """A client that makes thousands of calls does not end with thousands of threads."""
    with asking(server) as desk:
        desk.hub.commit_of(REPO, "main")
        desk.hub.describe(REPO, "main", PATH)
        left = [each.name for each in threading.enumerate() if each.name == "weighbridge-limit"]

    assert left == []
