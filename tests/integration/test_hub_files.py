"""What a Hub tells about one file: heads, redirects on the way, and who is asked in whose name."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.fault_server import FaultServer
from tests.support.faults import Chunked, Fault, Redirect, RedirectChain, RedirectLoop, RetryAfter, Status
from tests.support.hub_asking import BLOB, COMMIT, FILE_PATH, REPO, SHA256, TOKEN, TOLD, Desk, asking, put, told_tokens
from weighbridge.core.errors import (
    FileMetadataError,
    HfHubHTTPError,
    RedirectError,
    RemoteEntryNotFoundError,
    RevisionNotFoundError,
)
from weighbridge.core.options import HttpOptions
from weighbridge.core.urls import redact

PATH = "a/file.bin"
CONTENT = b"content"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A Hub with one file."""
    with FaultServer() as running:
        put(running, FILE_PATH, CONTENT, **TOLD)
        yield running


@pytest.fixture
def cdn() -> Iterator[FaultServer]:
    """Another origin."""
    with FaultServer() as running:
        yield running


@pytest.fixture
def desk(server: FaultServer) -> Iterator[Desk]:
    with asking(server) as running:
        yield running


def linked(to: str, **more: str) -> Fault:
    """The answer to a large file: all is told, and the content is elsewhere."""
    told = {"X-Repo-Commit": COMMIT, "X-Linked-Etag": f'"{SHA256}"', "X-Linked-Size": "3000", "Location": to}
    return Status(302, told | more)


def test_file_is_described_by_one_head(server: FaultServer, desk: Desk) -> None:
    """One request, which asks for the length as it is."""
    told = desk.hub.describe(REPO, "main", PATH)

    (asked,) = server.requests
    assert (told.commit, told.etag, told.size) == (COMMIT, BLOB, len(CONTENT))
    assert (asked.method, asked.headers["accept-encoding"]) == ("HEAD", "identity")
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"


def test_connection_of_a_head_is_used_again(server: FaultServer, desk: Desk) -> None:
    """A thousand files are described over one."""
    server.on(fault=Redirect("?x"), nth=1)

    for _ in range(3):
        desk.hub.describe(REPO, "main", PATH)

    assert len(server.requests) == 4
    assert server.connections == 1


def test_place_of_the_content_is_not_asked(server: FaultServer, desk: Desk, cdn: FaultServer) -> None:
    """All was told already: a signed address may be good for one request."""
    server.on(fault=linked(cdn.url("/blob?sig=1")))

    told = desk.hub.describe(REPO, "main", PATH)

    assert (told.etag, told.size, told.location) == (SHA256, 3000, cdn.url("/blob?sig=1"))
    assert cdn.requests == []


def test_redirect_within_the_hub_is_followed(server: FaultServer, desk: Desk) -> None:
    """Query kept, token sent: the final answer is the one that tells."""
    put(server, "/api/resolve-cache/x", CONTENT, **TOLD)
    server.on(fault=Redirect("/api/resolve-cache/x?etag=%22b%22", 307), path=FILE_PATH)

    told = desk.hub.describe(REPO, "main", PATH)

    assert told.location == f"{server.origin}/api/resolve-cache/x?etag=%22b%22"
    assert server.requests[1].target == "/api/resolve-cache/x?etag=%22b%22"
    assert len(told_tokens(server)) == 2


def test_commit_survives_a_redirect_to_a_bare_blob(server: FaultServer, desk: Desk) -> None:
    """A mirror that redirects to its own blobs works, though they don't repeat the commit."""
    put(server, "/blobs/1", CONTENT, ETag='"nginx-5f3"')
    told_first = {"X-Repo-Commit": COMMIT, "X-Linked-Etag": f'"{BLOB}"', "Location": f"{server.origin}/blobs/1"}
    server.on(fault=Status(302, told_first), path=FILE_PATH)

    told = desk.hub.describe(REPO, "main", PATH)

    assert (told.commit, told.etag, told.size) == (COMMIT, BLOB, len(CONTENT))


def test_redirect_elsewhere_that_tells_nothing_is_followed_without_the_token(
    server: FaultServer, desk: Desk, cdn: FaultServer
) -> None:
    """A mirror that sends to another Hub works, and that one learns nothing."""
    put(cdn, FILE_PATH, CONTENT, **TOLD)
    server.on(fault=Redirect(cdn.url(FILE_PATH)))

    told = desk.hub.describe(REPO, "main", PATH)

    assert (told.commit, told.etag) == (COMMIT, BLOB)
    assert len(cdn.requests) == 1
    assert told_tokens(cdn) == []


def test_way_back_to_the_hub_is_followed(server: FaultServer, desk: Desk, cdn: FaultServer) -> None:
    """The endpoint's own origin is trusted wherever the way led through."""
    put(server, "/final", CONTENT, **TOLD)
    server.on(fault=Redirect(cdn.url("/hop")), path=FILE_PATH)
    cdn.on(fault=linked(server.url("/final")))

    desk.hub.describe(REPO, "main", PATH)

    assert [each.path for each in server.requests] == [FILE_PATH, "/final"]
    assert told_tokens(cdn) == []


@pytest.mark.parametrize("code", [405, 501])
@pytest.mark.parametrize(("content", "size"), [(CONTENT, len(CONTENT)), (b"", 0)])
def test_server_without_head_is_asked_for_the_first_byte(
    server: FaultServer, desk: Desk, code: int, content: bytes, size: int
) -> None:
    """Some gateways refuse HEAD; the size comes with the range."""
    put(server, FILE_PATH, content, **TOLD)
    server.on(fault=Status(code), method="HEAD")
    # the answer to a range of nothing has the headers of the file, as nginx sends it
    server.on(fault=Status(416, {**TOLD, "Content-Range": "bytes */0"}), method="GET", when=lambda _: not content)

    told = desk.hub.describe(REPO, "main", PATH)

    assert (told.etag, told.size) == (BLOB, size)
    assert server.requests[1].headers["range"] == "bytes=0-0"


def test_address_signed_for_get_is_asked_for_the_first_byte(server: FaultServer, desk: Desk, cdn: FaultServer) -> None:
    """Object stores deny a HEAD on it, and would look like a file that can't be had."""
    put(cdn, "/blob", CONTENT, ETag=f'"{BLOB}"')
    cdn.on(fault=Status(403), method="HEAD")
    server.on(fault=Status(302, {"X-Repo-Commit": COMMIT, "Location": cdn.url("/blob?sig=1")}))

    told = desk.hub.describe(REPO, "main", PATH)

    assert (told.commit, told.etag, told.size) == (COMMIT, BLOB, len(CONTENT))


def test_size_may_be_untold(server: FaultServer, desk: Desk) -> None:
    """Mirrors that send in chunks work; the size shows when the content comes."""
    server.on(fault=Chunked())

    assert desk.hub.describe(REPO, "main", PATH).size is None


@pytest.mark.parametrize("fault", [RedirectLoop(), RedirectChain(30)], ids=repr)
def test_endless_redirects_end(server: FaultServer, desk: Desk, fault: Fault) -> None:
    """As with all other calls."""
    server.on(fault=fault)

    with pytest.raises(RedirectError):
        desk.hub.describe(REPO, "main", PATH)

    assert len(server.requests) <= 21


def test_long_chain_that_ends_is_followed(server: FaultServer, desk: Desk) -> None:
    """Twenty hops are allowed, as elsewhere."""
    server.on(fault=RedirectChain(20))

    assert desk.hub.describe(REPO, "main", PATH).etag == BLOB


@pytest.mark.parametrize(
    ("headers", "what"),
    [
        ({"ETag": f'"{BLOB}"'}, "commit"),
        ({"X-Repo-Commit": COMMIT}, "ETag"),
        ({"X-Repo-Commit": "../../x", "ETag": f'"{BLOB}"'}, "commit"),
        ({"X-Repo-Commit": COMMIT, "ETag": '"../../x"'}, "ETag"),
    ],
)
def test_file_of_a_server_that_is_no_hub_is_refused(
    server: FaultServer, desk: Desk, headers: dict[str, str], what: str
) -> None:
    """It has no name in a cache; the error says what is missing, and where."""
    put(server, FILE_PATH, CONTENT, **headers)

    with pytest.raises(FileMetadataError, match=what) as caught:
        desk.hub.describe(REPO, "main", PATH)

    assert redact(server.url(FILE_PATH)) in str(caught.value)


def test_other_commit_than_the_one_asked_for_is_refused(server: FaultServer, desk: Desk) -> None:
    """A file would be put into the snapshot of a commit that nobody asked for."""
    put(server, f"/org/name/resolve/{'d' * 40}/{PATH}", CONTENT, **TOLD)

    with pytest.raises(FileMetadataError, match="another"):
        desk.hub.describe(REPO, "d" * 40, PATH)


def test_absent_file_tells_its_commit(server: FaultServer, desk: Desk) -> None:
    """Its absence can be noted for that commit, and for no other."""
    server.on(fault=Status(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}))

    with pytest.raises(RemoteEntryNotFoundError) as caught:
        desk.hub.describe(REPO, "main", PATH)

    assert (caught.value.commit, caught.value.path) == (COMMIT, PATH)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Status(404, {"X-Error-Code": "RevisionNotFound"}), RevisionNotFoundError),
        (Status(404), RemoteEntryNotFoundError),
        (Status(403), HfHubHTTPError),
        (Status(302), HfHubHTTPError),
        (Status(416), HfHubHTTPError),
    ],
    ids=repr,
)
def test_refusal_is_final(server: FaultServer, desk: Desk, fault: Fault, kind: type[Exception]) -> None:
    """What asking again can't change is asked once."""
    server.on(fault=fault)

    with pytest.raises(kind):
        desk.hub.describe(REPO, "main", PATH)

    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [Status(503), RetryAfter(0)], ids=repr)
def test_passing_failure_is_tried_again(server: FaultServer, desk: Desk, fault: Fault) -> None:
    """A busy Hub is no missing file."""
    server.on(fault=fault, times=1)

    assert desk.hub.describe(REPO, "main", PATH).etag == BLOB


@pytest.mark.parametrize("call", ["describe", "commit_of"])
def test_way_from_https_down_to_http_is_refused(cdn: FaultServer, tmp_path: Path, call: str) -> None:
    """Whoever listens on the way would choose the content; nothing is sent there."""
    authority = trustme.CA()
    bundle, context = tmp_path / "ca.pem", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.cert_pem.write_to_path(str(bundle))
    authority.issue_cert("127.0.0.1").configure_cert(context)

    with FaultServer(tls=context) as safe, asking(safe, http=HttpOptions(ca_bundle=bundle)) as desk:
        safe.on(fault=Status(302, {**TOLD, "Location": cdn.url(FILE_PATH)}))
        arguments = [REPO, "main", PATH][: 3 if call == "describe" else 2]
        with pytest.raises(RedirectError, match="from https down to http"):
            getattr(desk.hub, call)(*arguments)

    assert cdn.requests == []
