"""Calls to a Hub over real sockets: answers, refusals, recoveries, redirects, pages."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fault_server import FaultServer
from tests.support.faults import (
    Chunked,
    CloseBeforeResponse,
    CutAfter,
    Fault,
    Gzip,
    Html200,
    RateLimited,
    Redirect,
    RedirectChain,
    RedirectLoop,
    RetryAfter,
    Status,
)
from tests.support.hub_asking import (
    BLOB,
    COMMIT,
    REPO,
    REVISION_PATH,
    TOKEN,
    TREE_PATH,
    Desk,
    asking,
    put,
    put_json,
    told_tokens,
)
from weighbridge.core.errors import (
    BadAnswerError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RateLimitedError,
    RedirectError,
    RepositoryNotFoundError,
    RequestError,
    RetriesExhaustedError,
    WeighbridgeError,
)
from weighbridge.core.options import HubOptions, RetryOptions
from weighbridge.hub.resolver import OfflineHub


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A Hub whose main branch is at a commit with two files."""
    with FaultServer() as running:
        put_json(running, REVISION_PATH, {"id": "org/name", "sha": COMMIT})
        put_json(running, TREE_PATH, [entry("b.txt"), entry("a/c.txt")])
        yield running


@pytest.fixture
def desk(server: FaultServer) -> Iterator[Desk]:
    with asking(server) as running:
        yield running


def entry(path: str) -> dict[str, object]:
    return {"type": "file", "path": path, "size": 1, "oid": BLOB}


def test_branch_is_at_a_commit(server: FaultServer, desk: Desk) -> None:
    """One request, in the caller's name, for what can be compressed."""
    assert desk.hub.commit_of(REPO, "main") == COMMIT

    (asked,) = server.requests
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["user-agent"] == "me/1"
    assert "gzip" in asked.headers["accept-encoding"]


def test_commit_is_not_asked_for(server: FaultServer, desk: Desk) -> None:
    """A warm snapshot by commit makes no request."""
    assert desk.hub.commit_of(REPO, COMMIT) == COMMIT
    assert server.requests == []


def test_listing_is_sorted(server: FaultServer, desk: Desk) -> None:
    """All files of a commit in one request."""
    tree = desk.hub.tree_of(REPO, COMMIT)

    assert [each.path for each in tree.files] == ["a/c.txt", "b.txt"]
    assert server.requests[0].query == {"recursive": "true", "expand": "false"}
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [Gzip(), Gzip() & Chunked(), Chunked()], ids=repr)
def test_answer_may_come_in_any_wrapping(server: FaultServer, desk: Desk, fault: Fault) -> None:
    """Listings of thousands of files are compressed, and have no length."""
    server.on(fault=fault)

    assert desk.hub.commit_of(REPO, "main") == COMMIT


def test_connection_is_used_again(server: FaultServer, desk: Desk) -> None:
    """A handshake for each call would cost more than the call; neither refusals nor redirects cost one."""
    server.on(fault=Redirect(REVISION_PATH + "?again"), path=REVISION_PATH, nth=1)
    server.on(fault=Status(503), path=REVISION_PATH, nth=3)

    desk.hub.commit_of(REPO, "main")
    desk.hub.commit_of(REPO, "main")

    assert len(server.requests) == 4
    assert server.connections == 1


@pytest.mark.parametrize(
    "fault",
    [
        Status(429),
        RetryAfter(0),
        RateLimited(0),
        Status(500),
        Status(502),
        RetryAfter(0, 503),
        Status(504),
        CloseBeforeResponse(),
        CutAfter(5),
    ],
    ids=repr,
)
def test_passing_failure_is_tried_again(server: FaultServer, fault: Fault) -> None:
    """A Hub that is busy or restarts costs a moment, not the download."""
    server.on(fault=fault, times=1)

    with asking(server) as desk:
        commit = desk.hub.commit_of(REPO, "main")

    assert commit == COMMIT
    assert len(server.requests) == 2


def test_lasting_trouble_is_the_hubs_own_answer(server: FaultServer, desk: Desk) -> None:
    """After all tries, whoever asks gets the status that the Hub gave."""
    server.on(fault=Status(500, {"X-Error-Message": "database on fire"}))

    with pytest.raises(HfHubHTTPError, match="database on fire") as caught:
        desk.hub.commit_of(REPO, "main")

    assert caught.value.status == 500
    assert len(server.requests) == 3


def test_lasting_silence_is_one_error_with_all_failures(server: FaultServer, desk: Desk) -> None:
    """A connection that is always closed says so, with each time that it was tried."""
    server.on(fault=CloseBeforeResponse())

    with pytest.raises(RetriesExhaustedError) as caught:
        desk.hub.commit_of(REPO, "main")

    assert len(caught.value.failures) == 3


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Status(401, {"X-Error-Code": "GatedRepo"}), GatedRepoError),
        (Status(404, {"X-Error-Code": "RepoNotFound"}), RepositoryNotFoundError),
        (Status(401), RepositoryNotFoundError),
        (Status(404), RepositoryNotFoundError),
        (Status(403), HfHubHTTPError),
    ],
    ids=repr,
)
def test_refusal_is_final(server: FaultServer, desk: Desk, fault: Fault, kind: type[Exception]) -> None:
    """What asking again can't change is asked once."""
    server.on(fault=fault)

    with pytest.raises(kind):
        desk.hub.commit_of(REPO, "main")

    assert len(server.requests) == 1


def test_refusal_says_that_a_token_was_sent(server: FaultServer, desk: Desk) -> None:
    """The next step is another token, not a first one."""
    server.on(fault=Status(401))

    with pytest.raises(RepositoryNotFoundError, match="the one that was sent"):
        desk.hub.commit_of(REPO, "main")


@pytest.mark.parametrize(
    "fault",
    [
        Status(403, {"X-Error-Message": f"no {TOKEN} here", "X-Request-Id": TOKEN}),
        Status(500, {"Set-Cookie": TOKEN}, body=f'{{"error": "Bearer {TOKEN}"}}'.encode()),
        Html200(TOKEN.encode()),
        Redirect(f"ftp://elsewhere/{TOKEN}"),
        Redirect(f"http://user:{TOKEN}@127.0.0.1:1/?{TOKEN}"),
        RedirectLoop(),
        CloseBeforeResponse(),
        CutAfter(3),
    ],
    ids=repr,
)
def test_error_never_holds_the_token(server: FaultServer, desk: Desk, fault: Fault) -> None:
    """Even if the server repeats it; errors end up in logs and in issues."""
    server.on(fault=fault)

    with pytest.raises(WeighbridgeError) as caught:
        desk.hub.commit_of(REPO, "main")

    error = caught.value
    assert TOKEN not in str(error) + repr(error) + repr(vars(error)) + repr(getattr(error, "failures", ""))
    assert TOKEN.encode() not in pickle.dumps(error)


def test_pause_that_the_hub_names_is_the_only_one(server: FaultServer) -> None:
    """Nobody waits for a guess of ours on top of what was asked for."""
    server.on(fault=RetryAfter(0), times=1)
    slow = RetryOptions(attempts=3, wait_initial_s=10**6, wait_max_s=10**6)

    with asking(server, retry=slow) as desk:
        commit = desk.hub.commit_of(REPO, "main")

    assert commit == COMMIT


def test_long_pause_is_not_waited_for(server: FaultServer, desk: Desk) -> None:
    """A Hub that wants to be left alone for ten minutes is believed, and so is the caller's limit."""
    server.on(fault=RetryAfter(600))

    with pytest.raises(HfHubHTTPError, match="600 s") as caught:
        desk.hub.commit_of(REPO, "main")

    assert caught.value.status == 429
    assert len(server.requests) == 1


def test_pause_that_others_were_told_is_obeyed(server: FaultServer) -> None:
    """All calls to a host share its wish; one that can't wait that long does not ask."""
    server.on(fault=RetryAfter(60), times=1)
    patient = RetryOptions(attempts=1, pause_max_s=300.0)

    with asking(server, retry=patient) as desk:
        with pytest.raises(HfHubHTTPError):
            desk.hub.commit_of(REPO, "main")
        with pytest.raises(RateLimitedError, match="left alone"):
            desk.hub.commit_of(REPO, "main")

    assert len(server.requests) == 1


def test_renamed_repository_is_found(server: FaultServer, desk: Desk) -> None:
    """The Hub answers 307 with a relative address, and wants to know who asks there, too."""
    put_json(server, "/api/models/org/new/revision/main", {"sha": COMMIT})
    server.on(fault=Redirect("/api/models/org/new/revision/main", 307), path=REVISION_PATH)

    assert desk.hub.commit_of(REPO, "main") == COMMIT
    assert server.requests[1].headers["authorization"] == f"Bearer {TOKEN}"


def test_redirect_to_another_origin_gets_no_token(server: FaultServer, desk: Desk) -> None:
    """Another port is another server, and learns neither token nor who asks."""
    with FaultServer() as other:
        put_json(other, REVISION_PATH, {"sha": COMMIT})
        server.on(fault=Redirect(other.url(REVISION_PATH)))

        commit = desk.hub.commit_of(REPO, "main")

    assert commit == COMMIT
    assert told_tokens(other) == []
    assert other.requests[0].headers["user-agent"] == "weighbridge"


@pytest.mark.parametrize("fault", [RedirectLoop(), RedirectChain(100), Redirect("ftp://a/b"), Redirect("http://[b")])
def test_endless_redirects_end(server: FaultServer, desk: Desk, fault: Fault) -> None:
    """A circle of servers is a typed error after few requests."""
    server.on(fault=fault)

    with pytest.raises(RedirectError):
        desk.hub.commit_of(REPO, "main")

    assert len(server.requests) <= 21


def test_all_pages_are_read(server: FaultServer, desk: Desk) -> None:
    """A listing of more than one page is whole: relative and absolute links, each with the token."""
    put_json(server, TREE_PATH, [entry("a")], Link='</page/2?x=1>; rel="next"')
    put_json(server, "/page/2", [entry("b")], Link=f'<{server.origin}/page/3>; rel="next"')
    put_json(server, "/page/3", [entry("c")], Link='</page/2>; rel="prev"')

    tree = desk.hub.tree_of(REPO, COMMIT)

    assert [each.path for each in tree.files] == ["a", "b", "c"]
    assert len(told_tokens(server)) == 3


@pytest.mark.parametrize("fault", [Status(503), CutAfter(10), CloseBeforeResponse()], ids=repr)
def test_page_that_fails_is_asked_again(server: FaultServer, desk: Desk, fault: Fault) -> None:
    """The pages before it are not."""
    put_json(server, TREE_PATH, [entry("a")], Link='</page/2>; rel="next"')
    put_json(server, "/page/2", [entry("b")])
    server.on(fault=fault, path="/page/2", nth=1)

    tree = desk.hub.tree_of(REPO, COMMIT)

    assert len(tree.files) == 2
    assert [each.path for each in server.requests] == [TREE_PATH, "/page/2", "/page/2"]


def test_next_page_elsewhere_is_refused(server: FaultServer, desk: Desk) -> None:
    """Other clients sent the token there."""
    with FaultServer() as other:
        put_json(server, TREE_PATH, [entry("a")], Link=f'<{other.url("/page/2")}>; rel="next"')

        with pytest.raises(RedirectError, match="another server"):
            desk.hub.tree_of(REPO, COMMIT)

        assert other.requests == []


def test_listing_that_goes_in_a_circle_is_refused(server: FaultServer, desk: Desk) -> None:
    """It ends the call, not the memory."""
    first = f"{TREE_PATH}?recursive=true&expand=false"
    put_json(server, TREE_PATH, [entry("a")], Link='</page/2>; rel="next"')
    put_json(server, "/page/2", [entry("b")], Link=f'<{first}>; rel="next"')

    with pytest.raises(BadAnswerError, match="repeats itself"):
        desk.hub.tree_of(REPO, COMMIT)

    assert len(server.requests) == 2


def test_listing_with_the_same_page_again_and_again_is_refused(server: FaultServer, desk: Desk) -> None:
    """A cursor that moves while the page does not is a circle, too."""
    put_json(server, TREE_PATH, [entry("a")], Link='</page/2>; rel="next"')
    put_json(server, "/page/2", [entry("a")], Link='</page/3>; rel="next"')

    with pytest.raises(BadAnswerError, match="repeats itself"):
        desk.hub.tree_of(REPO, COMMIT)


def test_file_listed_on_two_pages_with_two_contents_is_refused(server: FaultServer, desk: Desk) -> None:
    """Pages are checked against each other, and the error says whose they are."""
    put_json(server, TREE_PATH, [entry("a")], Link='</page/2>; rel="next"')
    put_json(server, "/page/2", [entry("a") | {"size": 2}])

    with pytest.raises(BadAnswerError, match="two different files") as caught:
        desk.hub.tree_of(REPO, COMMIT)

    assert server.origin in str(caught.value)


@pytest.mark.parametrize(
    "answer", [b"", b"null", b"[", b'{"sha": NaN}', b"\xff\xfe\x00", b"[" * 200_000, b'{"sha": ' + b"9" * 10_000 + b"}"]
)
def test_what_is_no_commit_is_one_typed_error(server: FaultServer, desk: Desk, answer: bytes) -> None:
    """Garbage is not asked for again, and says whose it is."""
    put(server, REVISION_PATH, answer)

    with pytest.raises(BadAnswerError) as caught:
        desk.hub.commit_of(REPO, "main")

    assert server.origin in str(caught.value)
    assert len(server.requests) == 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_no_answer_breaks_a_listing(server: FaultServer, desk: Desk, answer: bytes | str) -> None:
    """Whatever comes over the wire is a listing or one typed error, and the connection is good for the next call."""
    put(server, TREE_PATH, answer if isinstance(answer, bytes) else answer.encode("utf-8", "surrogatepass"))

    try:
        tree = desk.hub.tree_of(REPO, COMMIT)
    except BadAnswerError:
        return

    assert tree.files == ()


def test_sign_in_page_is_recognised(server: FaultServer, desk: Desk) -> None:
    """A hotel's network is named as what is wrong."""
    server.on(fault=Html200())

    with pytest.raises(BadAnswerError, match="sign-in page"):
        desk.hub.commit_of(REPO, "main")


def test_token_is_not_sent_over_plain_http(server: FaultServer) -> None:
    """To another machine, that is; the error comes before anything is sent."""
    with (
        asking(server, endpoint="http://mirror.invalid") as desk,
        pytest.raises(RequestError, match="plain http"),
    ):
        desk.hub.commit_of(REPO, "main")


def test_source_of_a_file_asks_nobody(server: FaultServer, desk: Desk) -> None:
    """The listing has told all that a GET needs."""
    source = desk.hub.source_of(REPO, COMMIT, "a b.txt")

    assert source.url == f"{server.origin}/org/name/resolve/{COMMIT}/a%20b.txt"
    assert source.secrets["Authorization"] == f"Bearer {TOKEN}"
    assert server.requests == []


def test_offline_nobody_is_asked() -> None:
    """Each question says what would have been asked."""
    hub = OfflineHub(HubOptions(endpoint="http://127.0.0.1:1"))

    with pytest.raises(OfflineModeIsEnabled, match="'main' means"):
        hub.commit_of(REPO, "main")
    with pytest.raises(OfflineModeIsEnabled, match="which files"):
        hub.tree_of(REPO, COMMIT)
    with pytest.raises(OfflineModeIsEnabled, match=r"'a\.txt'"):
        hub.describe(REPO, "main", "a.txt")
    with pytest.raises(OfflineModeIsEnabled, match=r"'a\.txt'"):
        hub.source_of(REPO, COMMIT, "a.txt")
    assert hub.commit_of(REPO, COMMIT) == COMMIT
