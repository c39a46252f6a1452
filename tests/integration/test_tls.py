"""HTTPS: trusted authorities, typed refusals, and the same behaviour as without it."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.calls import ask, fetch, names, quick, started
from tests.support.fault_server import FaultServer, SparseFile
from tests.support.faults import CutAfter, FlipByte, IgnoreRange, Redirect, StallAfter, Trickle
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import ConnectError, DigestMismatchError, RetriesExhaustedError
from weighbridge.core.options import Options

SIZE = 1 << 20


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA, tmp_path: Path) -> Options:
    """Options that trust the authority."""
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    return quick(http={"ca_bundle": bundle})


def serving(authority: trustme.CA, *hosts: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(context)
    return context


@pytest.fixture
def safe(authority: trustme.CA) -> Iterator[FaultServer]:
    """An origin with a certificate of the authority."""
    files = {"/model.bin": SparseFile(SIZE)}
    with FaultServer(files, tls=serving(authority, "127.0.0.1", "localhost")) as running:
        yield running


@pytest.mark.parametrize("digest", ["promised", None])
def test_file_arrives_over_tls(safe: FaultServer, place: Path, trusting: Options, digest: str | None) -> None:
    """Ranges, several connections and digests work as without TLS."""
    result = fetch(ask(safe, "/model.bin", digest), place, trusting)

    assert result.path.read_bytes() == safe.content("/model.bin")
    assert result.bytes_fetched == SIZE


def test_authorities_may_be_a_directory(safe: FaultServer, place: Path, trusting: Options) -> None:
    """The variables that requests reads may name one, as ``/etc/ssl/certs`` is."""
    bundle = trusting.http.ca_bundle
    assert bundle is not None
    folder = place.with_name("authorities")
    folder.mkdir()
    named = subprocess.run(
        ["openssl", "x509", "-subject_hash", "-noout", "-in", str(bundle)], capture_output=True, text=True, check=True
    )
    bundle.rename(folder / f"{named.stdout.strip()}.0")

    result = fetch(ask(safe, "/model.bin"), place, quick(http={"ca_bundle": folder}))

    assert result.path.read_bytes() == safe.content("/model.bin")


def test_secret_goes_over_tls_to_any_host(safe: FaultServer, place: Path, trusting: Options) -> None:
    """Over https a token may go to its origin, wherever that is."""
    fetch(ask(safe, "/model.bin", headers={"Authorization": "Bearer x"}), place, trusting)

    assert {each.headers.get("authorization") for each in safe.requests} == {"Bearer x"}


def test_certificate_of_an_unknown_authority_is_refused_at_once(safe: FaultServer, place: Path) -> None:
    """A middleman, or a company's proxy whose authority is not installed here: said in words, not tried again."""
    with pytest.raises(ConnectError, match="certificate that is not trusted") as caught:
        fetch(ask(safe, "/model.bin"), place)

    assert caught.value.is_permanent
    assert safe.connections == 1
    assert safe.requests == []


def test_certificate_for_another_host_is_refused(authority: trustme.CA, place: Path, trusting: Options) -> None:
    """A trusted authority vouches for a name, not for everybody."""
    with FaultServer({"/f": b"x"}, tls=serving(authority, "elsewhere.example")) as other:
        request = ask(other, "/f")

        with pytest.raises(ConnectError, match="certificate that is not trusted"):
            fetch(request, place, trusting)

    assert other.requests == []


def test_plain_server_under_an_https_address_is_told(server: FaultServer, place: Path) -> None:
    """A wrong scheme is a failed handshake."""
    request = FileRequest.parse("f", server.url("/model.bin").replace("http://", "https://"), "0" * 64)

    with pytest.raises(RetriesExhaustedError):
        fetch(request, place, quick(http={"connect_timeout_s": 0.3}, retry={"attempts": 2}))


def test_tls_server_under_an_http_address_is_told(safe: FaultServer, place: Path) -> None:
    """The other way round it is no HTTP."""
    request = FileRequest.parse("f", safe.url("/model.bin").replace("https://", "http://"), "0" * 64)

    with pytest.raises(RetriesExhaustedError):
        fetch(request, place)


def test_redirect_from_http_up_to_https_is_followed(
    server: FaultServer, safe: FaultServer, place: Path, trusting: Options
) -> None:
    """Up is allowed, and the secret stays down."""
    server.on(fault=Redirect(safe.url("/model.bin")))

    result = fetch(ask(server, "/model.bin", headers={"Authorization": "Bearer x"}), place, trusting)

    assert result.path.read_bytes() == safe.content("/model.bin")
    assert {each.headers.get("authorization") for each in safe.requests} == {None}


def test_proxy_may_be_reached_over_tls(safe: FaultServer, place: Path, trusting: Options) -> None:
    """A proxy's certificate is checked against the same authorities as a server's."""
    options = quick(http={"ca_bundle": trusting.http.ca_bundle, "proxies": {"http": safe.origin}})
    digest = f"sha256:{safe.digest('/model.bin')}"

    result = fetch(FileRequest.parse("f", "http://data.example/model.bin", digest), place, options)

    assert result.path.read_bytes() == safe.content("/model.bin")
    assert {each.target for each in safe.requests} == {"http://data.example/model.bin"}


def test_proxy_with_an_unknown_certificate_is_refused(safe: FaultServer, place: Path) -> None:
    """A middleman in front of the proxy is still a middleman."""
    options = quick(http={"proxies": {"http": safe.origin}}, retry={"attempts": 2})

    with pytest.raises(ConnectError):
        fetch(FileRequest.parse("f", "http://data.example/model.bin", "0" * 64), place, options)

    assert safe.requests == []


def test_slow_handshake_is_waited_for(safe: FaultServer, place: Path, trusting: Options) -> None:
    """A loaded server may take its time, within the connection timeout."""
    safe.delay_connections(0.5)

    result = fetch(ask(safe, "/model.bin"), place, trusting)

    assert result.path.read_bytes() == safe.content("/model.bin")


def test_handshake_that_never_ends_is_given_up(safe: FaultServer, place: Path, trusting: Options) -> None:
    """The connection timeout covers the handshake."""
    safe.delay_connections(30)
    began = time.monotonic()

    with pytest.raises(RetriesExhaustedError):
        fetch(ask(safe, "/model.bin"), place, _impatient(trusting))

    assert time.monotonic() - began < 20


def test_cancel_does_not_wait_for_a_handshake(safe: FaultServer, place: Path, trusting: Options) -> None:
    """Ctrl-C works while a connection is being made."""
    safe.delay_connections(30)

    with started(ask(safe, "/model.bin"), place, trusting) as call:
        safe.wait_for(lambda: safe.connections > 0)
        call.cancel.set()
        took = call.join()

    assert took < 1


@pytest.mark.parametrize(
    "fault", [CutAfter(20_000), CutAfter(20_000, rst=False), StallAfter(20_000), Trickle(10, after=20_000)], ids=repr
)
def test_broken_connection_is_continued(safe: FaultServer, place: Path, trusting: Options, fault: CutAfter) -> None:
    """What is left of a record under way is never taken for content."""
    safe.on(nth=3, fault=fault)

    result = fetch(ask(safe, "/model.bin"), place, trusting)

    assert result.path.read_bytes() == safe.content("/model.bin")


def test_whole_answer_that_breaks_is_asked_for_again(safe: FaultServer, place: Path, trusting: Options) -> None:
    """A single stream over TLS, cut without a goodbye."""
    safe.on(nth=1, fault=IgnoreRange() & CutAfter(300_000))
    safe.on(fault=IgnoreRange())

    result = fetch(ask(safe, "/model.bin"), place, trusting)

    assert result.path.read_bytes() == safe.content("/model.bin")


def test_tls_does_not_replace_the_digest(safe: FaultServer, place: Path, trusting: Options) -> None:
    """A safe line from a server with wrong bytes brings wrong bytes."""
    safe.on(fault=FlipByte(12345))

    with pytest.raises(DigestMismatchError):
        fetch(ask(safe, "/model.bin"), place, trusting)

    assert names(place) == []


def _impatient(options: Options) -> Options:
    return quick(
        http={"ca_bundle": options.http.ca_bundle, "connect_timeout_s": 0.3, "read_timeout_s": 0.3},
        retry={"attempts": 2},
    )
