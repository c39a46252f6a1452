"""The Hub's token appears in requests to the Hub's own origin, and nowhere else at all."""

from __future__ import annotations

import logging
import pickle
import ssl
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.calls import Diary
from tests.support.fault_hub import FaultHub, Manner, Way
from tests.support.fault_server import FaultServer, RequestRecord
from tests.support.faults import (
    CutAfter,
    ExtraHeaders,
    Fault,
    FlipByte,
    GarbageHeaders,
    Html200,
    Redirect,
    RedirectLoop,
    RetryAfter,
    StallBeforeHeaders,
    Status,
)
from tests.support.hub.addresses import file_path, info_path, tree_path
from tests.support.hub.calls import KIB, NOTES, WEIGHTS, download, hub_options, on_disk, snapshot, victim
from tests.support.hub.lies import BAD_TOKEN, GATED, NextPage, Refused, lists, says
from tests.support.hub_repos import Repo, contents
from weighbridge.client import Client
from weighbridge.core.errors import BadAnswerError, WeighbridgeError
from weighbridge.core.options import Options

pytestmark = pytest.mark.timeout(30)

TOKEN = "hf_wbCANARYtoken"
CANARY = "wbCANARY"
EVERYWHERE = "*"

FAILURES: list[Fault] = [
    GATED,
    BAD_TOKEN,
    Refused(500, None, f"failed for Bearer {TOKEN}"),
    Refused(403, None, f"{TOKEN} may not"),
    Status(404),
    Status(503, {"X-Echo": TOKEN}),
    RetryAfter(600),
    Html200(f"<h1>Hello {TOKEN}</h1>".encode()),
    RedirectLoop(),
    Redirect(f"https://127.0.0.1:1/x?sig={TOKEN}"),
    Redirect(f"http://user:{TOKEN}@127.0.0.1:1/"),
    CutAfter(0),
    GarbageHeaders(),
    StallBeforeHeaders(),
    ExtraHeaders({"X-Request-Id": TOKEN}) & Status(500),
]


@pytest.fixture
def elsewhere() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def with_token(hub: FaultHub, root: Path, **changes: Any) -> Options:
    given = {"token": TOKEN, "call_timeout_s": 2.0, "etag_timeout_s": 2.0}
    return hub_options(hub, root / "hub", hub_changes=given, **changes)


def leaked(server: FaultServer) -> list[RequestRecord]:
    return [each for each in server.requests if CANARY in f"{each.target} {each.headers} {each.body!r}"]


def shown(error: BaseException) -> str:
    """Everything an error tells by itself: also through its causes, and on the other side of a process border."""
    texts = [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]
    travelled = pickle.loads(pickle.dumps(error))
    return "\n".join([*texts, str(travelled), repr(vars(travelled)), repr(pickle.dumps(error))])


@pytest.mark.parametrize("small", list(Way), ids=lambda way: way.name)
def test_token_goes_to_the_hub_alone(repo: Repo, root: Path, small: Way) -> None:
    """Each request to the Hub has it, none to the CDN does."""
    with FaultHub(repo, manner=Manner(small=small, page_size=2)) as hub:
        hub.admit_only(TOKEN)

        result = snapshot(with_token(hub, root), repo)

    assert contents(result.path) == repo.main
    assert {each.headers.get("authorization") for each in hub.requests} == {f"Bearer {TOKEN}"}
    assert hub.cdn.requests
    assert leaked(hub.cdn) == []


def test_single_file_does_not_take_it_to_the_cdn(hub: FaultHub, repo: Repo, root: Path) -> None:
    """Neither the question nor the file itself."""
    hub.admit_only(TOKEN)

    path = download(with_token(hub, root), repo, WEIGHTS)

    assert path.read_bytes() == repo.main[WEIGHTS]
    assert leaked(hub.cdn) == []


@pytest.mark.parametrize(
    "where", [info_path, tree_path, lambda repo: file_path(repo, NOTES)], ids=["call", "listing", "file"]
)
def test_redirect_of_any_request_leaves_it_behind(
    hub: FaultHub, elsewhere: FaultServer, repo: Repo, root: Path, where: Callable[[Repo], str]
) -> None:
    """Calls for JSON and calls for files alike."""
    hub.on(path=where(repo), fault=Redirect(elsewhere.url("/taken"), 307))

    with pytest.raises(WeighbridgeError):
        snapshot(with_token(hub, root), repo)

    assert leaked(elsewhere) == []


def test_redirect_to_another_port_of_the_same_host_leaves_it_behind(
    hub: FaultHub, elsewhere: FaultServer, repo: Repo, root: Path
) -> None:
    """An origin is scheme, host and port; the same file there is still the file."""
    elsewhere.put("/copy", repo.main[NOTES])
    hub.on(path=file_path(repo, NOTES), fault=Redirect(elsewhere.url("/copy")))

    result = snapshot(with_token(hub, root), repo)

    assert contents(result.path) == repo.main
    assert leaked(elsewhere) == []


def test_redirect_there_and_back_brings_no_token_to_a_third(
    hub: FaultHub, elsewhere: FaultServer, repo: Repo, root: Path
) -> None:
    """Each hop is judged by its own origin."""
    elsewhere.on(path="/hop", fault=Redirect(hub.cdn.signed(hub.cdn_path(repo, WEIGHTS), 60)))
    hub.on(path=file_path(repo, WEIGHTS), fault=Redirect(elsewhere.url("/hop")))

    result = snapshot(with_token(hub, root), repo)

    assert contents(result.path) == repo.main
    assert leaked(elsewhere) + leaked(hub.cdn) == []


@pytest.mark.parametrize("path", ["/page", f"/api/models/acme/victim/tree/{'c0ffee00' * 5}"])
def test_next_page_elsewhere_is_not_asked_for(
    hub: FaultHub, elsewhere: FaultServer, repo: Repo, root: Path, path: str
) -> None:
    """Clients have followed such links with the token."""
    hub.on(path=tree_path(repo), fault=NextPage(elsewhere.url(path)))

    with pytest.raises(WeighbridgeError):
        snapshot(with_token(hub, root), repo)

    assert elsewhere.requests == []


def test_downgrade_to_plain_http_leaves_it_behind(repo: Repo, root: Path, tmp_path: Path) -> None:
    """A Hub with TLS that leads to a server without: whatever becomes of the file, the token stays."""
    authority, mine = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(mine)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with FaultHub(repo, tls=mine) as hub:
        hub.admit_only(TOKEN)

        with pytest.raises(WeighbridgeError):
            snapshot(with_token(hub, root, http={"ca_bundle": tmp_path / "ca.pem"}), repo)

        assert hub.requests
        assert leaked(hub.cdn) == []


def test_token_is_not_sent_over_plain_http_to_another_machine(repo: Repo, root: Path) -> None:
    """Refused before a connection is made."""
    with FaultHub(repo) as hub:
        remote = hub_options(hub, root / "hub", hub_changes={"endpoint": "http://hub.invalid", "token": TOKEN})

        with pytest.raises(WeighbridgeError, match="plain http") as caught:
            snapshot(remote, repo)

    assert CANARY not in shown(caught.value)


@pytest.mark.parametrize("where", [info_path, lambda repo: file_path(repo, NOTES)], ids=["call", "file"])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: repr(each)[:60].replace(TOKEN, "token"))
def test_failure_shows_no_token(
    hub: FaultHub, root: Path, log: pytest.LogCaptureFixture, failure: Fault, where: Callable[[Repo], str]
) -> None:
    """Not even one that the server repeats: not the error, its causes, events, logs, journals, or names."""
    repo, diary = victim(), Diary()
    hub.on(path=where(repo), fault=failure)
    options = with_token(hub, root, retry={"attempts": 2}, stall_window_s=0.5)
    impatient = replace(options, hub=replace(options.hub, call_timeout_s=0.5))

    with pytest.raises(WeighbridgeError) as caught:
        snapshot(impatient, repo, observer=diary)

    assert CANARY not in shown(caught.value)
    assert CANARY not in repr(diary.events)
    assert CANARY not in log.text
    assert CANARY.encode() not in b"".join(on_disk(root))


@pytest.mark.parametrize(
    ("where", "lie"),
    [(info_path, says(sha=TOKEN)), (tree_path, lists(NOTES, oid=TOKEN)), (tree_path, lists(NOTES, path=f"/{TOKEN}"))],
    ids=["commit", "digest", "path"],
)
def test_token_that_is_repeated_as_data_is_not_shown(
    hub: FaultHub, repo: Repo, root: Path, where: Callable[[Repo], str], lie: Fault
) -> None:
    """An error shows what it refuses, but not if that is a secret."""
    hub.on(path=where(repo), fault=lie)

    with pytest.raises(BadAnswerError) as caught:
        snapshot(with_token(hub, root), repo)

    assert CANARY not in shown(caught.value)


def test_signed_address_is_shown_nowhere(hub: FaultHub, repo: Repo, root: Path, log: pytest.LogCaptureFixture) -> None:
    """A signature opens a file for everybody who reads the log."""
    hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), fault=FlipByte(0))
    diary = Diary()

    with pytest.raises(WeighbridgeError) as caught:
        snapshot(with_token(hub, root), repo, observer=diary)

    everything = "\n".join([shown(caught.value), repr(diary.events), log.text, *map(repr, on_disk(root))])
    assert hub.cdn.signatures
    assert [each for each in hub.cdn.signatures if each in everything] == []


def test_interrupted_snapshot_holds_no_secret(hub: FaultHub, root: Path) -> None:
    """What lies on a shared disk while files are fetched can be read by others."""
    repo = victim(600 * KIB)
    hub.serve(repo)
    hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), nth=range(3, 99), fault=Status(418))

    with pytest.raises(WeighbridgeError):
        snapshot(with_token(hub, root, connections=1), repo)

    kept = b"".join(on_disk(root))
    assert b"wb-partial" in kept
    assert CANARY.encode() not in kept
    assert [each for each in hub.cdn.signatures if each.encode() in kept] == []


def test_success_shows_no_secret(hub: FaultHub, repo: Repo, root: Path, log: pytest.LogCaptureFixture) -> None:
    """Results, events and logs name sources without what opens them."""
    diary = Diary()

    result = snapshot(with_token(hub, root), repo, observer=diary)

    everything = "\n".join([repr(result), repr(diary.events), log.text])
    assert CANARY not in everything
    assert [each for each in hub.cdn.signatures if each in everything] == []
    assert CANARY.encode() not in b"".join(on_disk(root))


def test_options_and_client_show_no_token(hub: FaultHub, root: Path) -> None:
    """They are printed while people look for something else."""
    options = with_token(hub, root)

    with Client(options) as client:
        assert CANARY not in repr(options) + repr(client) + repr(vars(client))
