"""What the arguments of a call come to: options, and a client that has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weighbridge.compat.huggingface_hub.calls import Call, Clients, read_directory
from weighbridge.compat.huggingface_hub.files import hf_hub_url
from weighbridge.config import hub_settings
from weighbridge.core.errors import InvalidParameterError, LocalTokenNotFoundError
from weighbridge.core.options import CacheOptions, HubOptions, Options

SECRET = "hf_of_the_tests"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home without a token."""
    for name in ("HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    return tmp_path


def options(**arguments: Any) -> Options:
    return Call(**arguments).options(hub_settings())


def test_call_without_arguments_is_the_environments(home: Path) -> None:
    """A default would be written in two places and differ one day."""
    found = options()

    assert (found.cache, found.transfer, found.offline) == (CacheOptions(root=home / "hub"), Options().transfer, False)
    assert found.hub.endpoint == HubOptions().endpoint


def test_usual_number_of_workers_leaves_the_number_to_us() -> None:
    """8 is what everybody passes who has no opinion."""
    assert options(max_workers=8).transfer == Options().transfer
    assert options(max_workers=3).transfer.files == 3


@pytest.mark.parametrize("workers", [0, -1, 1.5, "8"])
def test_number_of_workers_is_a_number(workers: object) -> None:
    """Refused before anything is sent."""
    with pytest.raises(InvalidParameterError):
        options(max_workers=workers)


@pytest.mark.parametrize(
    ("given", "stored", "token"),
    [
        (None, None, None),
        (None, "hf_stored", "hf_stored"),
        (True, "hf_stored", "hf_stored"),
        (False, "hf_stored", None),
        ("hf_given", "hf_stored", "hf_given"),
        (" hf_given\n", None, "hf_given"),
        ("", "hf_stored", None),
    ],
)
def test_token_is_the_given_one_or_the_one_of_a_login(
    home: Path, given: str | bool | None, stored: str | None, token: str | None
) -> None:
    """White space around it is no part of it."""
    if stored is not None:
        (home / "token").write_text(f"{stored}\n")

    assert options(token=given).hub.token == token


def test_token_that_is_demanded_must_be_there() -> None:
    """And the error says how to get one."""
    with pytest.raises(LocalTokenNotFoundError, match="hf auth login"):
        options(token=True)


def test_call_shows_nothing_of_itself() -> None:
    """It holds a token, and may be in a traceback."""
    call = Call(token=SECRET, headers={"Authorization": SECRET}, proxies={"http": f"http://u:{SECRET}@p"})

    assert SECRET not in repr(call) + repr(call.options(hub_settings()))


@pytest.mark.parametrize("timeout", [0, -1, True, "10", float("nan"), float("inf")])
def test_timeout_is_a_number_of_seconds(timeout: object) -> None:
    """Refused before anything is sent."""
    with pytest.raises(InvalidParameterError, match="etag_timeout"):
        options(etag_timeout=timeout)


def test_timeout_that_nobody_gives_is_the_usual_one() -> None:
    """Libraries pass None through."""
    assert options(etag_timeout=None).hub.etag_timeout_s == 10.0


@pytest.mark.parametrize("given", [None, ""])
@pytest.mark.parametrize(("variable", "endpoint"), [(None, HubOptions().endpoint), ("http://127.0.0.1:9", None)])
def test_endpoint_that_nobody_gives_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, given: str | None, variable: str | None, endpoint: str | None
) -> None:
    """An empty one is none: programs have it from variables that are not set."""
    if variable is not None:
        monkeypatch.setenv("HF_ENDPOINT", variable)
    expected = endpoint or variable

    assert options(endpoint=given).hub.endpoint == expected
    assert hf_hub_url("org/name", "f", endpoint=given) == f"{expected}/org/name/resolve/main/f"


@pytest.mark.parametrize(("variable", "seconds"), [("30", 30.0), ("10", 5.0), (None, 5.0)])
def test_timeout_of_the_environment_wins_unless_it_is_the_usual_one(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, seconds: float
) -> None:
    """As with newer clients."""
    if variable is not None:
        monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", variable)

    assert options(etag_timeout=5).hub.etag_timeout_s == seconds


@pytest.mark.parametrize(
    ("given", "proxies"),
    [
        ({"http": "http://p:1", "https": "http://p:2"}, {"http": "http://p:1", "https": "http://p:2"}),
        ({"http": "p:1"}, {"http": "http://p:1"}),
        ({"http": None}, {}),
        ({}, {}),
    ],
)
def test_proxies_are_read_as_requests_reads_them(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], proxies: dict[str, str]
) -> None:
    """An address may lack its scheme, and None is none; those of the environment don't count then."""
    monkeypatch.setenv("HTTPS_PROXY", "http://other:1")

    assert options(proxies=given).http.proxies == proxies


@pytest.mark.parametrize("given", ["~/x", "$HOME/x", Path("~/x")])
def test_home_in_a_path_is_expanded(monkeypatch: pytest.MonkeyPatch, given: str | Path) -> None:
    """A text or a path."""
    monkeypatch.setenv("HOME", "/somewhere")

    assert read_directory(given, "cache_dir") == Path("/somewhere/x")


@pytest.mark.parametrize("given", ["", 7, b"x", "a\0b"])
def test_what_is_no_path_is_refused(given: Any) -> None:
    """By the name that the caller gave it."""
    with pytest.raises(InvalidParameterError, match="local_dir"):
        read_directory(given, "local_dir")


def test_calls_that_ask_alike_share_a_client() -> None:
    """And so its connections; calls in somebody else's name don't."""
    clients = Clients()

    first, again, other = (clients.get(options(token=token)) for token in ("hf_a", "hf_a", "hf_b"))

    assert first is again
    assert other is not first


def test_clients_that_were_not_used_lately_are_forgotten() -> None:
    """A program that asks for many users doesn't keep connections for all of them."""
    clients = Clients()
    first = clients.get(options(token="hf_first"))
    used = clients.get(options(token="hf_used"))

    for index in range(10):
        clients.get(options(token=f"hf_{index}"))
        clients.get(options(token="hf_used"))

    assert clients.get(options(token="hf_used")) is used
    assert clients.get(options(token="hf_first")) is not first
