"""What a no of the Hub means, in the order in which it is read."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core import errors
from weighbridge.core.errors import (
    BadRequestError,
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from weighbridge.core.repos import Kind, RepoId
from weighbridge.hub.refusals import Asked, refusal_of

COMMIT = "c" * 40
HUB = "https://hub.example"
REPO = RepoId(Kind.DATASET, "org/name")
FILE = Asked(
    url=f"{HUB}/datasets/org/name/resolve/v1/a/b.txt?sig=s3cret",
    repo=REPO,
    revision="v1",
    path="a/b.txt",
    endpoint=HUB,
)
CALL = Asked(url=f"{HUB}/api/datasets/org/name/revision/v1", repo=REPO, revision="v1", endpoint=HUB)
MIRROR = Asked(
    url="http://127.0.0.1:8080/api/models/x/revision/main", repo=REPO, revision="main", endpoint="http://127.0.0.1:8080"
)
ELSEWHERE = Asked(url="https://cdn.example/blob", repo=REPO, revision="v1", path="a/b.txt", endpoint=HUB)
DISABLED = {"X-Error-Message": "Access to this resource is disabled."}
BAD_TOKEN = {"X-Error-Message": "Invalid credentials in Authorization header"}


def code(name: str, **more: str) -> dict[str, str]:
    return {"X-Error-Code": name, **more}


@pytest.mark.parametrize(
    ("status", "headers", "asked", "kind"),
    [
        (404, code("RevisionNotFound"), CALL, RevisionNotFoundError),
        (404, code("EntryNotFound"), FILE, RemoteEntryNotFoundError),
        (401, code("GatedRepo"), FILE, GatedRepoError),
        (403, code("GatedRepo"), FILE, GatedRepoError),
        (403, DISABLED, FILE, DisabledRepoError),
        (403, code("RepoNotFound") | DISABLED, FILE, DisabledRepoError),
        (404, code("EntryNotFound") | DISABLED, FILE, RemoteEntryNotFoundError),
        (401, code("RepoNotFound"), CALL, RepositoryNotFoundError),
        (404, code("RepoNotFound"), CALL, RepositoryNotFoundError),
        (404, code("RepoNotFound"), FILE, RepositoryNotFoundError),
        (401, {}, FILE, RepositoryNotFoundError),
        (401, {}, CALL, RepositoryNotFoundError),
        (401, {}, MIRROR, RepositoryNotFoundError),
        (401, BAD_TOKEN, CALL, HfHubHTTPError),
        (404, {}, FILE, RemoteEntryNotFoundError),
        (404, {}, CALL, RepositoryNotFoundError),
        (404, code("Unheard"), FILE, RemoteEntryNotFoundError),
        (400, {}, CALL, BadRequestError),
        (403, {}, FILE, HfHubHTTPError),
        (416, {}, FILE, HfHubHTTPError),
        (429, {}, FILE, HfHubHTTPError),
        (500, {}, FILE, HfHubHTTPError),
        (503, {}, CALL, HfHubHTTPError),
        (304, {}, CALL, HfHubHTTPError),
        (401, {}, ELSEWHERE, HfHubHTTPError),
        (403, {}, ELSEWHERE, HfHubHTTPError),
        (404, {}, ELSEWHERE, HfHubHTTPError),
        (404, code("EntryNotFound"), ELSEWHERE, RemoteEntryNotFoundError),
    ],
)
def test_refusal_is_of_its_kind(status: int, headers: dict[str, str], asked: Asked, kind: type[Exception]) -> None:
    """What callers catch decides whether they ask for a token, look for another file, or use what they have."""
    assert type(refusal_of(status, headers, b"", asked)) is kind


def test_facts_are_attributes() -> None:
    """Whoever handles the error need not read its text."""
    headers = code("EntryNotFound", **{"X-Repo-Commit": COMMIT, "X-Request-Id": "r-1"})

    error: Any = refusal_of(404, headers, b'{"error": "Entry not found"}', FILE)

    assert (error.status, error.request_id, error.server_message) == (404, "r-1", "Entry not found")
    assert (error.repo_id, error.repo_type, error.path, error.commit) == ("org/name", "dataset", "a/b.txt", COMMIT)
    assert error.response.status_code == 404
    assert error.response.headers["x-error-code"] == "EntryNotFound"
    assert error.url == f"{HUB}/datasets/org/name/resolve/v1/a/b.txt?…"


@pytest.mark.parametrize("headers", [code("EntryNotFound"), code("EntryNotFound", **{"X-Repo-Commit": "../x"}), {}])
def test_absence_without_a_commit_has_none(headers: dict[str, str]) -> None:
    """A file is noted as absent only for the commit it is absent from."""
    error: Any = refusal_of(404, headers, b"", FILE)

    assert error.commit is None


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (403, code("GatedRepo"), ["https://hub.example/datasets/org/name", "ask for access", "none was sent"]),
        (401, {}, ["dataset org/name", "private", "none was sent"]),
        (404, code("RevisionNotFound"), ["no branch, tag or commit 'v1'"]),
        (404, code("EntryNotFound"), ["has no 'a/b.txt' at v1"]),
        (403, DISABLED, ["disabled"]),
        (429, {"Retry-After": "600"}, ["too many requests", "600 s"]),
        (502, {}, ["in trouble", "try again later"]),
        (401, BAD_TOKEN, ["denies access", "none was sent"]),
    ],
)
def test_message_says_what_to_do(status: int, headers: dict[str, str], words: list[str]) -> None:
    """The next step is in the error, and need not be searched for."""
    message = str(refusal_of(status, headers, b"", FILE))

    assert [word for word in words if word not in message] == []


def test_token_that_was_sent_is_told_from_none() -> None:
    """Whoever gave one looks for another; whoever gave none gives one."""
    given = Asked(url=FILE.url, repo=REPO, revision="v1", path="a", endpoint=HUB, has_token=True)

    assert "the one that was sent" in str(refusal_of(401, {}, b"", given))
    assert "none was sent" not in str(refusal_of(401, {}, b"", given))
    assert "does not accept the token" in str(refusal_of(401, BAD_TOKEN, b"", given))
    assert "does not accept the token" not in str(refusal_of(401, BAD_TOKEN, b"", FILE))


@pytest.mark.parametrize("name", ["X-Error-Code", "x-error-code", "X-ERROR-CODE"])
def test_headers_are_found_in_whatever_case(name: str) -> None:
    """As handlers know it from other clients; also of an error that crossed a process border."""
    error: Any = refusal_of(404, code("EntryNotFound"), b"", FILE)
    read = pickle.loads(pickle.dumps(error)).response.headers

    assert (error.response.headers.get(name), read[name], name in read) == ("EntryNotFound", "EntryNotFound", True)
    assert (read.get("X-Other"), list(read), len(read)) == (None, ["x-error-code"], 1)


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"X-Error-Message": "from the header"}, b'{"error": "from the body"}', "from the header"),
        ({}, b'{"error": "one"}', "one"),
        ({}, b'{"error": ["one", "two"]}', "one; two"),
        ({}, b'{"error_description": "three"}', "three"),
        ({}, b'{"errors": [{"message": "four"}, {"message": "five"}, 6]}', "four; five"),
        ({}, b"plain words", "plain words"),
        ({}, b"<!doctype html><p>no</p>", None),
        ({"Content-Type": "text/html"}, b"no", None),
        ({}, b"", None),
        ({}, b"[]", None),
        ({}, b'{"error": {}}', None),
        ({}, b"see https://cdn.example/x?sig=s3cret now", "see https://cdn.example/x?… now"),
        ({}, b"a\x1b[2Jb\r\nc", "a?[2Jb c"),
    ],
)
def test_server_is_quoted(headers: dict[str, str], body: bytes, expected: str | None) -> None:
    """Its words are shown as text, and never as a page, a command to the terminal, or a signature."""
    assert refusal_of(400, headers, body, FILE).server_message == expected


@given(
    st.integers(300, 599),
    st.dictionaries(st.sampled_from(["X-Error-Code", "X-Error-Message", "X-Request-Id", "Retry-After"]), st.text()),
    st.binary(max_size=200) | st.text().map(lambda text: json.dumps({"error": text}).encode()),
)
def test_no_answer_breaks_the_reader(status: int, headers: dict[str, str], body: bytes) -> None:
    """Whatever a server sends is one line, and one of our errors, which survives a process border."""
    error = refusal_of(status, headers, body, FILE)

    assert str(error).isprintable()
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_long_words_are_cut() -> None:
    """A server can't fill the screen."""
    assert len(str(refusal_of(500, {}, b"x" * 60_000, FILE))) < 1500


def test_no_secret_is_kept() -> None:
    """Cookies and signed addresses end with the answer."""
    headers = {"Set-Cookie": "s3cret", "Location": "https://cdn.example/?sig=s3cret", "WWW-Authenticate": "s3cret"}

    error = refusal_of(403, headers, b"", FILE)

    assert b"s3cret" not in pickle.dumps(error)
    assert "s3cret" not in repr(vars(error)) + str(error) + repr(vars(error)["response"].headers)


def test_every_kind_is_an_os_error() -> None:
    """Handlers written for other clients catch it."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HfHubHTTPError)]

    assert all(issubclass(kind, OSError) for kind in kinds)
