"""Addresses that expire are capabilities: they are asked for again, and nothing is fetched twice for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.calls import ask, fetch, names, quick, started
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import Delay, Redirect, RedirectSigned, RetryAfter, SlowBandwidth, Status
from weighbridge.core.errors import ArtifactChangedError, BadStatusError, DigestMismatchError

SIZE = 1 << 20


@pytest.fixture
def store() -> Iterator[FaultServer]:
    """Where the hub's signed addresses lead."""
    with FaultServer({"/model.bin": SparseFile(SIZE)}) as running:
        yield running


def test_signed_address_is_used_for_all_pieces(server: FaultServer, store: FaultServer, place: Path) -> None:
    """One capability is enough as long as it holds."""
    server.on(fault=RedirectSigned(store, ttl_s=60))

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == store.content("/model.bin")
    assert len(store.signatures) == 1
    assert result.bytes_fetched == SIZE


def test_address_that_expires_again_and_again_is_asked_for_again(
    server: FaultServer, store: FaultServer, place: Path
) -> None:
    """A transfer much longer than a signature's life arrives, and no byte comes twice."""
    server.on(fault=RedirectSigned(store, ttl_s=0.2))
    store.always(SlowBandwidth(400_000))

    result = fetch(ask(server, "/model.bin"), place, quick(connections=2, piece_seconds=0.2))

    assert result.path.read_bytes() == store.content("/model.bin")
    assert result.bytes_fetched == SIZE
    assert len(store.signatures) > 2
    assert {each.status for each in store.requests} == {206, 403}


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
def test_every_word_for_expired_is_understood(server: FaultServer, store: FaultServer, place: Path, code: int) -> None:
    """Stores say it with different statuses."""
    server.on(fault=Redirect(store.url("/model.bin")))
    store.on(nth=4, fault=Status(code))

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == store.content("/model.bin")
    assert len(server.requests) == 2


def test_expiry_under_eight_connections_is_found_out_once(server: FaultServer, store: FaultServer, place: Path) -> None:
    """Eight refusals at the same moment are one expired address, not eight failures."""
    server.on(fault=RedirectSigned(store, ttl_s=60))
    store.always(Delay(0.1))
    gate = store.gate("/model.bin", after=200_000)

    with started(ask(server, "/model.bin"), place) as call:
        gate.wait_reached()
        store.expire_signatures()
        gate.release()
        call.join()

    assert call.errors == []
    assert (place / "model.bin").read_bytes() == store.content("/model.bin")
    assert call.results[0].bytes_fetched == SIZE


def test_address_that_expired_while_its_host_was_to_be_left_alone_is_asked_for_again(
    server: FaultServer, store: FaultServer, place: Path
) -> None:
    """Waiting for the store's pause must not turn an expired signature into the end."""
    server.on(fault=RedirectSigned(store, ttl_s=0.5))
    store.on(nth=range(2, 4), fault=RetryAfter(0.9))

    result = fetch(ask(server, "/model.bin"), place)

    assert result.path.read_bytes() == store.content("/model.bin")


def test_address_that_expires_before_it_can_be_used_is_given_up_after_three(
    server: FaultServer, store: FaultServer, place: Path
) -> None:
    """A clock that is wrong by more than a signature's life ends in an error, not in a loop."""
    server.on(fault=RedirectSigned(store, ttl_s=0.0))

    with pytest.raises(BadStatusError) as caught:
        fetch(ask(server, "/model.bin"), place)

    assert caught.value.status == 403
    assert caught.value.url is not None
    assert caught.value.url.startswith(store.url("/model.bin"))
    assert "X-Signature" not in str(caught.value)
    assert len(server.requests) == 3
    assert names(place) == []


def test_refusal_by_the_hub_itself_is_final(server: FaultServer, place: Path) -> None:
    """403 from the address that was asked for is an answer, not an expired capability."""
    server.on(fault=Status(403))

    with pytest.raises(BadStatusError) as caught:
        fetch(ask(server, "/model.bin"), place)

    assert caught.value.status == 403
    assert len(server.requests) == 1


def test_renewed_address_must_lead_to_the_same_file(server: FaultServer, store: FaultServer, place: Path) -> None:
    """Another size behind the new address is another file: with a promised digest the transfer does not mix them."""
    server.on(fault=RedirectSigned(store, ttl_s=60))
    gate = store.gate("/model.bin", after=200_000)

    with started(ask(server, "/model.bin"), place, quick(connections=2)) as call:
        gate.wait_reached()
        store.expire_signatures()
        store.put("/model.bin", SparseFile(SIZE - 100, seed=3))
        gate.release()
        call.join()

    assert isinstance(call.errors[0], ArtifactChangedError | DigestMismatchError)
    assert "model.bin" not in names(place)


def test_renewal_does_not_wait(server: FaultServer, store: FaultServer, place: Path) -> None:
    """An expired address is the normal course of things: no backoff, no attempt used up."""
    server.on(fault=Redirect(store.url("/model.bin")))
    store.on(nth=range(2, 200, 2), fault=Status(403))
    options = quick(
        connections=1, piece_max=64 << 10, retry={"attempts": 1, "wait_initial_s": 3600.0, "wait_max_s": 3600.0}
    )

    result = fetch(ask(server, "/model.bin"), place, options)

    assert result.path.read_bytes() == store.content("/model.bin")
