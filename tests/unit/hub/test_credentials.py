"""Which headers say who asks, and which origin may know."""

from __future__ import annotations

from typing import Any

import pytest

from weighbridge.core.errors import InvalidParameterError, RequestError
from weighbridge.core.options import HubOptions
from weighbridge.hub.credentials import Identity

HUB = "https://hub.example"
FILE = f"{HUB}/a/b/resolve/main/f"


def identity(**given: Any) -> Identity:
    return Identity.of(HubOptions(**{"endpoint": HUB, "token": "hf_s3cret", "user_agent": "me/1"} | given))


def test_token_goes_to_its_endpoint() -> None:
    """A gated file can be had."""
    assert identity().headers_for(FILE) == {"User-Agent": "me/1", "Authorization": "Bearer hf_s3cret"}
    assert identity().has_token


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example/x",
        "http://hub.example/x",
        "https://hub.example:8443/x",
        "https://hub.example.evil/x",
        "https://sub.hub.example/x",
        "https://huggingface.co/x",
    ],
)
def test_nothing_goes_elsewhere(url: str) -> None:
    """An origin is scheme, host and port: whoever differs in one learns nothing."""
    assert identity().headers_for(url) == {}
    assert identity().source(url).secrets == {}


def test_token_does_not_travel_over_plain_http() -> None:
    """Everybody on the way could read it; the error comes before anything is sent."""
    careless = identity(endpoint="http://mirror.example")

    with pytest.raises(RequestError, match="plain http"):
        careless.headers_for("http://mirror.example/x")
    with pytest.raises(RequestError, match="plain http"):
        careless.source("http://mirror.example/x")


def test_plain_http_without_secrets_is_fine() -> None:
    """A mirror in one's own network needs no token."""
    plain = identity(endpoint="http://mirror.example", token=None)

    assert plain.headers_for("http://mirror.example/x") == {"User-Agent": "me/1"}
    assert plain.source("http://mirror.example/x").secrets == {}
    assert not plain.has_token


def test_token_may_go_to_this_machine() -> None:
    """A mirror on loopback is not overheard."""
    local = identity(endpoint="http://127.0.0.1:8080")

    assert local.headers_for("http://127.0.0.1:8080/x")["Authorization"] == "Bearer hf_s3cret"


def test_headers_of_the_caller_win() -> None:
    """Whatever the case of their names."""
    own = identity(headers={"authorization": "Basic x", "USER-AGENT": "you/2", "X-Team": "7"})

    assert own.headers_for(FILE) == {"User-Agent": "you/2", "authorization": "Basic x", "X-Team": "7"}


def test_password_of_the_endpoint_wins_over_the_token() -> None:
    """It was given for that server and no other."""
    own = identity(endpoint="https://user:pw@hub.example/sub")

    assert own.headers_for(FILE)["Authorization"] == "Basic dXNlcjpwdw=="


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_none_is_sent(token: str | None) -> None:
    """``token=False`` is obeyed."""
    assert identity(token=token).headers_for(FILE) == {"User-Agent": "me/1"}


@pytest.mark.parametrize("headers", [{"Range": "bytes=0-1"}, {"a b": "c"}, {"X-A": "b\r\nX-C: d"}])
def test_header_that_is_none_is_refused(headers: dict[str, str]) -> None:
    """It would be more headers, or change what an answer means."""
    with pytest.raises(RequestError):
        identity(headers=headers).headers_for(FILE)


def test_user_agent_that_is_no_header_is_refused() -> None:
    """It would be more headers."""
    with pytest.raises(InvalidParameterError, match="user_agent"):
        identity(user_agent="a\r\nX-B: c")


def test_source_carries_the_identity() -> None:
    """The file itself is asked for in the same name as all else."""
    assert identity().source(FILE).secrets == {"User-Agent": "me/1", "Authorization": "Bearer hf_s3cret"}


def test_identity_shows_no_secret() -> None:
    """It ends up in tracebacks and debuggers."""
    assert "s3cret" not in repr(identity())


@pytest.mark.parametrize("echo", ["hf_s3cret", "you sent Bearer hf_s3cret!"])
def test_echo_of_a_token_is_hidden(echo: str) -> None:
    """A server may repeat in its error what it was told."""
    assert "s3cret" not in identity().hide(echo)
