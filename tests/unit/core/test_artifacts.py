"""Requests as values: what can't be asked for is refused, and secrets are in no text that anybody prints."""

from __future__ import annotations

import copy
import pickle
from base64 import b64encode
from dataclasses import replace

import pytest

from weighbridge.core.artifacts import Artifact, FileRequest, Source
from weighbridge.core.digests import Digest
from weighbridge.core.errors import InvalidDigestError, InvalidNameError, InvalidURLError, RequestError, UnsafePathError
from weighbridge.core.names import RelativeName
from weighbridge.core.urls import origin_of

SECRET = "s3cr3t"
URL = "https://hub.example/model.bin"
MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def secret_source() -> Source:
    return Source.parse(f"https://user:{SECRET}@hub.example/model.bin?sig={SECRET}#{SECRET}", {"X-Token": SECRET})


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r}".format, lambda source: repr([source])])
def test_source_shows_no_secret(show: object) -> None:
    """P4: whatever prints a source prints its address without what makes it work."""
    assert callable(show)
    shown = show(secret_source())

    assert SECRET not in shown
    assert "https://hub.example/model.bin?…" in shown


@pytest.mark.parametrize("show", [str, repr])
def test_request_and_artifact_show_no_secret(show: object) -> None:
    """A request in a traceback or a debug log is harmless."""
    assert callable(show)
    request = FileRequest.parse("m", URL, mirrors=[f"https://a:{SECRET}@m.example/x?s={SECRET}"], headers={"X": SECRET})

    assert SECRET not in show(request)
    assert SECRET not in show(request.artifact)


def test_userinfo_becomes_a_basic_secret() -> None:
    """``https://user:password@…`` works as in other tools, and leaves the address."""
    source = Source.parse("https://us%40er:p%3Aw@hub.example/x")

    assert source.url == "https://hub.example/x"
    assert source.secrets == {"Authorization": "Basic " + b64encode(b"us@er:p:w").decode()}


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_own_authorization_wins_over_userinfo(name: str) -> None:
    """Two ``Authorization`` headers are an error at most servers."""
    source = Source.parse("https://user:pw@hub.example/x", {name: "Bearer t"})

    assert source.secrets == {name: "Bearer t"}


@pytest.mark.parametrize("userinfo", ["@", ":@"])
def test_empty_userinfo_is_none(userinfo: str) -> None:
    """An address with nobody in it carries no secret."""
    assert Source.parse(f"http://{userinfo}hub.example/x").secrets == {}


@pytest.mark.parametrize("url", ["http://hub.example/x", "http://10.0.0.1/x", "http://localhost.example/x"])
def test_secret_over_plain_http_is_refused(url: str) -> None:
    """P4: everybody on the way could read it."""
    with pytest.raises(RequestError, match="https"):
        Source.parse(url, {"Authorization": "Bearer t"})


def test_password_over_plain_http_is_refused_and_not_shown() -> None:
    """The refusal does not do what it refuses to do."""
    with pytest.raises(RequestError) as caught:
        Source.parse(f"http://user:{SECRET}@hub.example/x")

    assert SECRET not in f"{caught.value} {vars(caught.value)}"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]/x", URL])
def test_secret_on_this_machine_or_over_https_is_accepted(url: str) -> None:
    """A mirror on loopback may have a token."""
    assert Source.parse(url, {"Authorization": "Bearer t"}).secrets == {"Authorization": "Bearer t"}


def test_source_made_by_hand_is_checked_as_well() -> None:
    """There is no way around the rule."""
    with pytest.raises(RequestError, match="https"):
        Source("http://hub.example/x", origin_of("http://hub.example/x"), {"Authorization": "Bearer t"})


@pytest.mark.parametrize("name", ["", "X Y", "X:Y", "X\r\nHost", "Ä", f"Bearer {SECRET}", 5, None])
def test_header_name_that_can_not_be_sent_is_refused(name: object) -> None:
    """A header is never split into two; and what is in the wrong place may be the secret."""
    with pytest.raises(RequestError) as caught:
        Source.parse(URL, {name: "value"})

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "value", [f"{SECRET}\r\nHost: evil", f"{SECRET}\n", f"{SECRET}\0", f"{SECRET}…", 5, None, b"x"]
)
def test_header_value_that_can_not_be_sent_is_refused(value: object) -> None:
    """Before anything is sent, rather than as an odd failure of the first answer."""
    with pytest.raises(RequestError) as caught:
        Source.parse(URL, {"Authorization": value})

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["Range", "if-range", "Accept-Encoding", "Content-Length", "TRANSFER-ENCODING", "Connection"]
)
def test_header_that_decides_what_an_answer_means_is_refused(name: str) -> None:
    """With a range of the caller's own no answer could be checked."""
    with pytest.raises(RequestError, match=name):
        Source.parse(URL, {name: "x"})


def test_secrets_are_copied() -> None:
    """What the caller does to its own dictionary later changes no request under way."""
    headers = {"Authorization": "Bearer t"}
    source = Source.parse(URL, headers)

    headers["Cookie"] = "c"

    assert source.secrets == {"Authorization": "Bearer t"}


@pytest.mark.parametrize("clone", [lambda value: pickle.loads(pickle.dumps(value)), copy.deepcopy])
def test_request_survives_pickling_and_copying(clone: object) -> None:
    """Requests are handed to other processes."""
    assert callable(clone)
    request = FileRequest.parse("a/b", URL, MD5, mirrors=["https://m.example/b"], size=0, headers={"X-Token": "t"})

    twin = clone(request)

    assert twin == request
    assert twin.artifact.sources[0].secrets == {"X-Token": "t"}


def test_request_is_read() -> None:
    """Every part of the text is where it belongs."""
    request = FileRequest.parse("./a//b", URL, MD5, mirrors=("https://m.example/b",), size=7, headers={"X-Token": "t"})

    assert request.name == RelativeName("a/b")
    assert request.artifact.name == "a/b"
    assert request.artifact.digest == Digest("md5", MD5)
    assert request.artifact.size == 7
    assert [each.url for each in request.artifact.sources] == [URL, "https://m.example/b"]


def test_headers_are_for_the_primary_only() -> None:
    """P4: a mirror never sees the token of the origin, not even one on the same host."""
    request = FileRequest.parse(
        "a", URL, mirrors=["https://hub.example/copy", "https://m.example/b"], headers={"X": "t"}
    )

    assert [dict(each.secrets) for each in request.artifact.sources] == [{"X": "t"}, {}, {}]


@pytest.mark.parametrize("digest", [MD5, f"md5:{MD5}", Digest("md5", MD5)])
def test_digest_may_be_text_or_a_value(digest: str | Digest) -> None:
    """Both are in hands: text in manifests, values in code."""
    assert FileRequest.parse("a", URL, digest).artifact.digest == Digest("md5", MD5)


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (UnsafePathError, {"name": "../a"}),
        (InvalidNameError, {"name": ""}),
        (InvalidURLError, {"url": "hub.example/x"}),
        (InvalidURLError, {"mirrors": ["ftp://m.example/x"]}),
        (InvalidDigestError, {"digest": "abc"}),
        (RequestError, {"digest": b"abc"}),
        (RequestError, {"digest": 5}),
        (RequestError, {"size": -1}),
        (RequestError, {"size": "5"}),
        (RequestError, {"size": 5.0}),
        (RequestError, {"size": True}),
        (RequestError, {"mirrors": "https://m.example/x"}),
        (RequestError, {"headers": {"": "x"}}),
    ],
)
def test_request_that_can_not_be_is_refused(error: type[Exception], arguments: dict[str, object]) -> None:
    """Whatever is wrong is said before anything is sent."""
    good: dict[str, object] = {"name": "a", "url": URL}

    with pytest.raises(error):
        FileRequest.parse(**good | arguments)


def test_artifact_needs_a_source() -> None:
    """A file from nowhere can't be had."""
    with pytest.raises(RequestError, match="no URL"):
        Artifact(name="a", sources=())


@pytest.mark.parametrize("name", ["a", "../a", None])
def test_request_made_by_hand_needs_a_parsed_name(name: object) -> None:
    """P5: there is no way around the check of names."""
    request = FileRequest.parse("a", URL)

    with pytest.raises(InvalidNameError):
        replace(request, name=name)


@pytest.mark.parametrize("size", [None, 0, 1 << 60])
def test_size_may_be_any_or_unknown(size: int | None) -> None:
    """Empty and huge files are files."""
    assert FileRequest.parse("a", URL, size=size).artifact.size == size
