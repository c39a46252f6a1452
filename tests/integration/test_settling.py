"""Between a file getting its name and its being settled: nobody else meddles, and what vanishes is no loss."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.support.calls import QUICK, ask
from tests.support.fault_server import FaultServer
from weighbridge.core.artifacts import FileResult
from weighbridge.core.errors import StoreError
from weighbridge.core.events import Event, FileWaiting
from weighbridge.core.repos import RepoId
from weighbridge.delivery import Delivery, Means, Settle
from weighbridge.errands import Missing
from weighbridge.http.pool import PoolTransport
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.locks import BlobLock
from weighbridge.store.cache.root import prepare_folder
from weighbridge.store.claims import Claim, lease_for
from weighbridge.store.layout import Place
from weighbridge.store.receipts import Receipts
from weighbridge.store.sight import Sight


@pytest.fixture
def folder(tmp_path: Path) -> CacheFolder:
    """A repository's folder in a cache."""
    made = CacheFolder(tmp_path / "hub", RepoId.parse("org/name"))
    prepare_folder(made)
    return made


def deliver(
    server: FaultServer, folder: CacheFolder, settle: Settle, tell: Callable[[Event], None] = print
) -> list[FileResult]:
    """Have a blob, in a call of its own."""
    blob = folder.blob(server.digest("/model.bin"))
    missing = Missing(
        request=ask(server, "/model.bin"), place=Place(blob), sight=Sight(), gate=BlobLock(folder, blob.name)
    )
    transport = PoolTransport(QUICK.http, QUICK.transfer.retry, 4)
    try:
        means = Means(transport=transport, options=QUICK, receipts=Receipts(), tell=tell, cancel=threading.Event())
        return Delivery(means, settle).run([missing])
    finally:
        transport.close()


def may_enter(server: FaultServer, folder: CacheFolder) -> list[bool]:
    """Tell whether another call of this process could have the claim, and the gate."""
    blob = folder.blob(server.digest("/model.bin"))
    claim, gate = Claim.try_take(lease_for(Place(blob).claim, QUICK.store.claim_ttl_s)), BlobLock(folder, blob.name)
    found = [claim is not None, gate.try_enter()]
    gate.leave()
    if claim is not None:
        claim.release()
    return found


def test_claim_and_gate_are_held_until_a_file_is_settled(server: FaultServer, folder: CacheFolder) -> None:
    """Where there are no links a file is moved on from where it was published: nobody else may move it first."""
    during: list[bool] = []

    def settle(missing: Missing, result: FileResult) -> Sequence[FileResult]:
        during.extend([missing.place.final.exists(), *may_enter(server, folder)])
        return (result,)

    deliver(server, folder, settle)

    assert during == [True, False, False]
    assert may_enter(server, folder) == [True, True]


def test_claim_and_gate_are_left_when_a_file_can_t_be_settled(server: FaultServer, folder: CacheFolder) -> None:
    """Nobody waits for a call that has failed; the file stays for whoever comes next."""

    def settle(missing: Missing, result: FileResult) -> Sequence[FileResult]:
        raise StoreError("no room left")

    with pytest.raises(StoreError, match="no room left"):
        deliver(server, folder, settle)

    assert may_enter(server, folder) == [True, True]
    assert folder.blob(server.digest("/model.bin")).exists()


def test_file_that_vanishes_while_it_is_joined_is_fetched(server: FaultServer, folder: CacheFolder) -> None:
    """Whoever has published it moves it on: that is no failure of ours."""
    blob = folder.blob(server.digest("/model.bin"))
    other = Claim.try_take(lease_for(Place(blob).claim, QUICK.store.claim_ttl_s))
    assert other is not None
    outcomes: list[str] = []

    def tell(event: Event) -> None:
        if isinstance(event, FileWaiting):
            blob.write_bytes(server.content("/model.bin"))

    def settle(missing: Missing, result: FileResult) -> Sequence[FileResult]:
        outcomes.append(result.outcome)
        if result.outcome == "joined":
            blob.unlink()
            other.release()
            raise StoreError("can't refer to it: it is gone")
        return (result,)

    deliver(server, folder, settle, tell)

    assert outcomes == ["joined", "fetched"]
    assert blob.read_bytes() == server.content("/model.bin")


def test_other_trouble_with_a_joined_file_is_told(server: FaultServer, folder: CacheFolder) -> None:
    """Only a file that went is fetched instead."""
    blob = folder.blob(server.digest("/model.bin"))
    blob.write_bytes(server.content("/model.bin"))

    def settle(missing: Missing, result: FileResult) -> Sequence[FileResult]:
        raise StoreError("no room left")

    with pytest.raises(StoreError, match="no room left"):
        deliver(server, folder, settle)

    assert server.requests == []
