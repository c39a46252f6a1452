"""Wrong bytes never get a name, wherever they are and whoever sent them, and the error says what was wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

import blake3
import pytest

from tests.support.calls import QUICK, UNHURRIED, Diary, ask, fetch, fetch_all, names, quick
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import FlipByte, FlipElsewhere, Html200, IgnoreRange, Status
from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import (
    DigestMismatchError,
    FileHashSumMissmatch,
    IntegrityError,
    SizeMismatchError,
    WeighbridgeError,
)

SIZE = 1 << 20
PIECE = 64 << 10
OFFSETS = [0, 1, PIECE - 1, PIECE, SIZE // 2 + 17, -PIECE, -1]


@pytest.mark.parametrize("whole", [False, True], ids=["ranges", "whole"])
@pytest.mark.parametrize("offset", OFFSETS)
def test_one_wrong_bit_is_found(server: FaultServer, place: Path, offset: int, whole: bool) -> None:
    """At the first, a middle, a border and the last offset alike: an error, no file, nothing left over."""
    server.on(fault=(IgnoreRange() & FlipByte(offset)) if whole else FlipByte(offset))

    with pytest.raises(DigestMismatchError) as caught:
        fetch(ask(server, "/model.bin"), place)

    assert names(place) == []
    assert str(caught.value.expected) == f"sha256:{server.digest('/model.bin')}"
    assert caught.value.actual != caught.value.expected
    assert caught.value.url == server.url("/model.bin")


@pytest.mark.parametrize("path", ["/model.bin", "/small.bin"])
def test_file_of_another_size_leaves_nothing(server: FaultServer, place: Path, path: str) -> None:
    """Without a digest nobody could ever tell what its bytes are worth."""
    size = len(server.content(path)) - 10

    with pytest.raises(SizeMismatchError):
        fetch(ask(server, path, None, size=size), place)

    assert names(place) == []


@pytest.mark.parametrize("offset", [0, 5000, 9999])
def test_one_wrong_bit_in_a_small_file_is_found(server: FaultServer, place: Path, offset: int) -> None:
    """A file that is hashed as it arrives is no less checked."""
    server.on(path="/small.bin", fault=FlipByte(offset))

    with pytest.raises(DigestMismatchError):
        fetch(ask(server, "/small.bin"), place)

    assert names(place) == []


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake3", "git-sha1"])
@pytest.mark.parametrize("path", ["/model.bin", "/small.bin"])
def test_every_kind_of_digest_is_checked(server: FaultServer, place: Path, algorithm: str, path: str) -> None:
    """What is promised in any known algorithm holds, and a promise of other bytes does not."""
    right = _digest(algorithm, server.content(path))
    wrong = _digest(algorithm, server.content(path)[:-1] + b"?")

    result = fetch(ask(server, path, f"{algorithm}:{right}"), place / "right")
    with pytest.raises(DigestMismatchError):
        fetch(ask(server, path, f"{algorithm}:{wrong}"), place / "wrong")

    assert result.path.read_bytes() == server.content(path)
    assert names(place / "wrong") == []


def test_error_is_caught_by_the_names_that_callers_know(server: FaultServer, place: Path) -> None:
    """``except FileHashSumMissmatch`` of existing code goes on working."""
    server.on(fault=FlipByte(0))

    with pytest.raises(FileHashSumMissmatch) as caught:
        fetch(ask(server, "/model.bin"), place)

    assert isinstance(caught.value, IntegrityError)
    assert not isinstance(caught.value, OSError)


def test_bit_that_is_wrong_at_another_place_each_time_never_passes(server: FaultServer, place: Path) -> None:
    """A bad memory module somewhere on the way is not outwitted by luck."""
    server.on(fault=FlipElsewhere())

    with pytest.raises(DigestMismatchError):
        fetch(ask(server, "/model.bin"), place)

    assert names(place) == []


def test_other_file_of_the_same_size_is_found(server: FaultServer, place: Path) -> None:
    """The right name at the wrong revision has the right size and the wrong bytes."""
    request = ask(server, "/model.bin")
    server.put("/model.bin", SparseFile(SIZE, seed=7))

    with pytest.raises(DigestMismatchError):
        fetch(request, place)

    assert names(place) == []


def test_wrong_promise_ends_after_one_pass(server: FaultServer, place: Path) -> None:
    """A declared hash that its own server never keeps costs the file once, not for ever."""
    with pytest.raises(DigestMismatchError, match="expected sha256:0000"):
        fetch(ask(server, "/model.bin", "0" * 64), place, UNHURRIED)

    assert server.bytes_sent() == SIZE


def test_wrong_promise_of_several_sources_ends_after_two_passes(
    server: FaultServer, mirror: FaultServer, place: Path
) -> None:
    """What helpers gave is fetched once more from the primary; then it is the promise that is wrong."""
    request = ask(server, "/model.bin", "0" * 64, mirrors=(mirror.url("/model.bin"),))

    with pytest.raises(DigestMismatchError):
        fetch(request, place, UNHURRIED)

    assert server.bytes_sent() + mirror.bytes_sent() <= 2 * SIZE


def test_sign_in_page_does_not_pass_for_a_file(server: FaultServer, place: Path) -> None:
    """A captive portal answers 200 with its own page."""
    server.on(fault=Html200())

    with pytest.raises(WeighbridgeError):
        fetch(ask(server, "/model.bin"), place)

    assert names(place) == []
    assert len(server.requests) <= 3


@pytest.mark.parametrize("fault", [FlipByte(10), Status(500), Html200()], ids=repr)
def test_file_that_is_there_stays_until_a_right_one_takes_its_place(
    server: FaultServer, place: Path, fault: FlipByte
) -> None:
    """A failed call leaves the old file where it was."""
    place.mkdir()
    (place / "model.bin").write_bytes(b"old")
    server.on(fault=fault)

    with pytest.raises(WeighbridgeError):
        fetch(ask(server, "/model.bin"), place)

    assert (place / "model.bin").read_bytes() == b"old"
    assert names(place) == ["model.bin"]


def test_wrong_file_at_the_destination_is_replaced(server: FaultServer, place: Path) -> None:
    """Being there is not being right."""
    place.mkdir()
    (place / "model.bin").write_bytes(SparseFile(SIZE, seed=8).read())

    result = fetch(ask(server, "/model.bin"), place)

    assert result.outcome == "fetched"
    assert result.path.read_bytes() == server.content("/model.bin")


def test_right_file_at_the_destination_costs_no_request(server: FaultServer, place: Path) -> None:
    """What is there and right is read, not fetched."""
    place.mkdir()
    (place / "model.bin").write_bytes(server.content("/model.bin"))

    result = fetch(ask(server, "/model.bin"), place)

    assert result.outcome == "present"
    assert server.requests == []


def test_wrong_file_does_not_spoil_the_others(server: FaultServer, place: Path) -> None:
    """Files that were right before the error have their names; the wrong one has none."""
    server.on(path="/model.bin", fault=FlipByte(-1))
    with Client(QUICK) as client:
        client.fetch([ask(server, "/small.bin")], place)

        with pytest.raises(DigestMismatchError, match=r"model\.bin"):
            client.fetch([ask(server, "/small.bin"), ask(server, "/model.bin")], place)

    assert names(place) == ["small.bin"]


def test_repair_is_told(server: FaultServer, mirror: FaultServer, place: Path) -> None:
    """Whoever watches learns that bytes are fetched again, and why."""
    mirror.on(fault=FlipByte(500_000))
    server.on(nth=range(2, 3), fault=Status(503))
    diary = Diary()
    mirror.put("/model.bin", SparseFile(SIZE, seed=9))

    result = fetch(ask(server, "/model.bin", mirrors=(mirror.url("/model.bin"),)), place, quick(), observer=diary)

    assert result.path.read_bytes() == server.content("/model.bin")
    assert any("digest" in reason for reason in diary.reasons)


def test_same_bytes_under_two_names_are_checked_one_by_one(server: FaultServer, place: Path) -> None:
    """Each name has its own promise."""
    digest = f"sha256:{server.digest('/model.bin')}"
    url = server.url("/model.bin")

    results = fetch_all([FileRequest.parse(name, url, digest) for name in ("a", "b/c")], place)

    assert {each.path.read_bytes() for each in results} == {server.content("/model.bin")}
    assert names(place) == ["a", "b", "b/c"]


def _digest(algorithm: str, content: bytes) -> str:
    if algorithm == "git-sha1":
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    if algorithm == "blake3":
        return blake3.blake3(content).hexdigest()
    return hashlib.new(algorithm, content).hexdigest()
