"""What inference-models' own function gets wrong, and ours does not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import weighbridge
from tests.support.calls import names
from tests.support.directory_calls import call, spec
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import ChangeEtag, FlipByte, Gzip, OverLong, Redirect, RedirectSigned, Status, WrongOffset

pytestmark = pytest.mark.usefixtures("hurried")

MIB = 1 << 20


@pytest.fixture
def cdn() -> FaultServer:
    """Where the primary's redirects lead; entered by the test."""
    return FaultServer({"/model.bin": SparseFile(MIB), "/big": SparseFile(20 * MIB)})


def test_r2_redirected_file_is_fetched_by_range_all_the_same(cdn: FaultServer, place: Path) -> None:
    """A hub that redirects to its CDN got one stream; we ask no HEAD and follow by range."""
    with cdn, FaultServer({"/big": SparseFile(20 * MIB)}) as hub:
        hub.on(fault=Redirect(cdn.url("/big")))

        call(place, [spec(hub, "/big")])

        assert (place / "big").stat().st_size == 20 * MIB
        assert len(cdn.requests) > 1
        assert [each.range for each in cdn.requests].count(None) == 0


@pytest.mark.parametrize("promised", [True, False])
def test_r3_answer_longer_than_asked_for_is_not_written_past_its_range(place: Path, promised: bool) -> None:
    """The file grew by 4 KiB and its neighbour range was overwritten; ours has its bytes, hash or not."""
    with FaultServer({"/big": SparseFile(20 * MIB)}) as server:
        server.on(fault=OverLong(4096))
        handle, url, md5 = spec(server, "/big")

        call(place, [(handle, url, md5 if promised else None)], download_files_without_hash=True)

        assert hashlib.md5((place / "big").read_bytes()).hexdigest() == md5


@pytest.mark.parametrize("handle", ["../evil", "sub/../../evil", "/evil", "..", "a\\..\\..\\evil", "C:evil", "evil\0"])
def test_r4_handle_never_leads_outside(server: FaultServer, place: Path, handle: str) -> None:
    """``../x`` as a handle was written next to the directory."""
    with pytest.raises(weighbridge.InvalidParameterError):
        call(place, [spec(server, "/small.bin", handle=handle)])

    assert server.requests == []
    assert list(place.parent.rglob("*evil*")) == []


def test_r4_directory_inside_that_is_a_link_is_not_followed(server: FaultServer, place: Path, tmp_path: Path) -> None:
    """A planted link leads outside as well."""
    outside = tmp_path / "outside"
    outside.mkdir()
    place.mkdir()
    (place / "sub").symlink_to(outside)

    with pytest.raises(weighbridge.InvalidParameterError, match="symbolic link"):
        call(place, [spec(server, "/small.bin", handle="sub/evil")])

    assert list(outside.iterdir()) == []


def test_r5_signed_address_that_expires_on_the_way_is_asked_for_again(cdn: FaultServer, place: Path) -> None:
    """It was a bare ``HTTPError`` with the signature in its text; now nobody notices."""
    with cdn, FaultServer({"/big": SparseFile(20 * MIB)}) as hub:
        hub.on(fault=RedirectSigned(cdn, ttl_s=60))
        cdn.on(when=lambda request: "bytes=0-" not in request.headers.get("range", ""), times=2, fault=Status(403))

        call(place, [spec(hub, "/big")])

        assert hashlib.md5((place / "big").read_bytes()).hexdigest() == hub.digest("/big", "md5")
        assert len(hub.requests) > 1


def test_r5_signed_address_that_stays_refused_ends_without_its_signature(cdn: FaultServer, place: Path) -> None:
    """The error is a ``RetryError``, and its text can be shown to anybody."""
    with cdn, FaultServer({"/model.bin": SparseFile(MIB)}) as hub:
        hub.on(fault=RedirectSigned(cdn))
        cdn.on(fault=Status(403))

        with pytest.raises(weighbridge.RetryError) as caught:
            call(place, [spec(hub, "/model.bin")])

        shown = f"{caught.value} {caught.value!r} {vars(caught.value)}"
        assert cdn.signatures
        assert [each for each in cdn.signatures if each in shown] == []


def test_r6_mismatch_says_where_from_without_the_signature(server: FaultServer, place: Path) -> None:
    """Its message held the whole signed URL."""
    url = server.signed("/small.bin", ttl_s=60)

    with pytest.raises(weighbridge.FileHashSumMissmatch) as caught:
        call(place, [("small.bin", url, hashlib.md5(b"another").hexdigest())])

    shown = f"{caught.value} {caught.value!r} {vars(caught.value)}"
    assert f"{server.origin}/small.bin" in shown
    assert server.signatures
    assert [each for each in server.signatures if each in shown] == []


def test_r6_damage_on_the_way_of_a_helper_is_repaired(server: FaultServer, mirror: FaultServer, place: Path) -> None:
    """A mismatch was never tried again; where a helper may be the liar, the primary is asked once."""
    server.on(fault=Status(503), times=1)
    mirror.on(fault=FlipByte(9_999))

    call(place, [spec(server, "/small.bin")], mirrors={"small.bin": [mirror.url("/small.bin")]})

    assert (place / "small.bin").read_bytes() == server.content("/small.bin")


def test_r7_wrong_file_that_exists_is_not_returned(server: FaultServer, place: Path) -> None:
    """It came back unverified even though its hash had been given."""
    place.mkdir()
    (place / "small.bin").write_bytes(b"x" * 10_000)

    found = call(place, [spec(server, "/small.bin")])

    assert Path(found["small.bin"]).read_bytes() == server.content("/small.bin")


@pytest.mark.parametrize(
    "fault", [WrongOffset(100), Gzip(), ChangeEtag()], ids=["other range", "compressed", "new ETag"]
)
def test_header_that_does_not_fit_never_ends_in_wrong_bytes(place: Path, fault: object) -> None:
    """``Content-Range``, ``Content-Encoding`` and ``ETag`` were not looked at."""
    with FaultServer({"/big": SparseFile(20 * MIB)}) as server:
        server.on(fault=fault, nth=2)

        call(place, [spec(server, "/big")])

        assert hashlib.md5((place / "big").read_bytes()).hexdigest() == server.digest("/big", "md5")


def test_what_arrived_survives_the_call(place: Path) -> None:
    """The temporary file was removed whatever happened; ours is taken up by the next call."""
    with FaultServer({"/big": SparseFile(20 * MIB)}) as server:
        server.on(fault=Status(404), nth=2)
        with pytest.raises(weighbridge.RetryError):
            call(place, [spec(server, "/big")], max_threads_per_download=1)
        before = server.bytes_sent()

        call(place, [spec(server, "/big")], max_threads_per_download=1)  # several may share out what is on its way

        assert before > 0
        assert server.bytes_sent() == 20 * MIB
        assert names(place) == ["big"]
