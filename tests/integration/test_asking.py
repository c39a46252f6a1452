"""Single questions to a server, and the headers that go with a file's own requests, as they are on the wire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import CloseAfterResponse, Redirect, RetryAfter, StallBeforeHeaders
from weighbridge.core.artifacts import Source
from weighbridge.core.errors import StalledError
from weighbridge.core.options import HttpOptions, RetryOptions
from weighbridge.http.pool import PoolTransport
from weighbridge.http.transport import HostPausedError, Interrupt, Question, Request


@pytest.fixture
def transport() -> Iterator[PoolTransport]:
    made = PoolTransport(HttpOptions(), RetryOptions(), connections=2)
    yield made
    made.close()


def test_redirect_is_an_answer(server: FaultServer, transport: PoolTransport) -> None:
    """Whoever asks one question decides what is done about it."""
    server.on(fault=Redirect("/small.bin"))

    response = transport.ask(Question(url=server.url("/model.bin")), Interrupt())
    response.close()

    assert (response.status, response.headers["location"]) == (302, "/small.bin")
    assert len(server.requests) == 1


def test_head_leaves_its_connection_for_the_next(server: FaultServer, transport: PoolTransport) -> None:
    """No answer needs closing, whatever length it names."""
    for _ in range(3):
        response = transport.ask(Question(url=server.url("/model.bin"), method="HEAD"), Interrupt())

    assert response.headers["content-length"] == str(1 << 20)
    assert [each.method for each in server.requests] == ["HEAD"] * 3
    assert server.connections == 1


def test_headers_of_a_question_win(server: FaultServer, transport: PoolTransport) -> None:
    """Whatever their case; those that are not named are the transport's own."""
    asked = Question(url=server.url("/small.bin"), method="HEAD", headers={"user-agent": "me/1", "X-A": "b"})

    transport.ask(asked, Interrupt())

    sent = server.requests[0].headers
    assert (sent["user-agent"], sent["x-a"], sent["accept-encoding"]) == ("me/1", "b", "identity")


def test_kept_connection_that_ended_is_no_failure(server: FaultServer, transport: PoolTransport) -> None:
    """A question is asked again where a server has hung up meanwhile."""
    server.on(fault=CloseAfterResponse(), nth=1)
    asked = Question(url=server.url("/small.bin"), method="HEAD")

    first, second = transport.ask(asked, Interrupt()), transport.ask(asked, Interrupt())

    assert (first.status, second.status) == (200, 200)


def test_question_has_a_timeout_of_its_own(server: FaultServer, transport: PoolTransport) -> None:
    """Shorter than that of a download."""
    server.on(fault=StallBeforeHeaders())

    with pytest.raises(StalledError):
        transport.ask(Question(url=server.url("/small.bin"), timeout_s=0.1), Interrupt())


def test_question_waits_for_the_hosts_turn_as_long_as_it_may(server: FaultServer, transport: PoolTransport) -> None:
    """The pause that one answer asks for holds for all who ask that host."""
    server.on(fault=RetryAfter(30), nth=1)
    transport.ask(Question(url=server.url("/small.bin"), method="HEAD"), Interrupt())

    with pytest.raises(HostPausedError):
        transport.ask(Question(url=server.url("/small.bin"), patience_s=1.0), Interrupt())

    assert len(server.requests) == 1


def test_user_agent_of_a_source_goes_to_its_origin_only(
    server: FaultServer, mirror: FaultServer, transport: PoolTransport
) -> None:
    """A Hub learns which library asks; the place where it redirects to does not."""
    source = Source.parse(server.url("/small.bin"), {"User-Agent": "lib/2; me/1"})
    server.on(fault=Redirect(mirror.url("/small.bin")))

    transport.open(Request(source=source, url=source.url), Interrupt()).close()

    assert server.requests[0].headers["user-agent"] == "lib/2; me/1"
    assert mirror.requests[0].headers["user-agent"] == "weighbridge"
    assert server.resource("/small.bin").content == SparseFile(10_000, seed=1)
