"""The environment as options: every variable, and every one that can't mean anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.config import inference_models_settings, options_from_environment, parse_size, read_flag
from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.options import RETRY_STATUSES, Options

YES = ["1", "on", "true", "yes", "y", "t", " TRUE ", "Yes"]
NO = ["", "0", "off", "false", "no", "n", "f", " False "]


def test_empty_environment_changes_nothing_but_names() -> None:
    """Without a word from the user the documented defaults hold."""
    options = options_from_environment({})

    assert options.transfer == Options().transfer
    assert (options.http.connect_timeout_s, options.http.read_timeout_s) == (10.0, 30.0)
    assert (options.http.proxies, options.http.ca_bundle, options.offline) == ({}, None, False)
    assert options.http.user_agent.startswith("weighbridge/")


@pytest.mark.parametrize(("texts", "meaning"), [(YES, True), (NO, False)])
def test_flag_is_yes_or_no(texts: list[str], meaning: bool) -> None:
    """All spellings that inference-models and the Hub's client read."""
    assert {read_flag({"FLAG": text}, "FLAG") for text in texts} == {meaning}


def test_unset_flag_is_no() -> None:
    """Nothing is switched on by accident."""
    assert read_flag({}, "FLAG") is False


@pytest.mark.parametrize("text", ["2", "maybe", "tru", "-1"])
def test_flag_that_is_neither_is_named(text: str) -> None:
    """A typo in ``OFFLINE`` must not download."""
    with pytest.raises(InvalidParameterError, match="WEIGHBRIDGE_OFFLINE"):
        options_from_environment({"WEIGHBRIDGE_OFFLINE": text})


def test_offline_is_read() -> None:
    """A machine that must not touch the network doesn't."""
    assert options_from_environment({"WEIGHBRIDGE_OFFLINE": "1"}).offline is True


@pytest.mark.parametrize(
    ("environment", "receipts"),
    [
        ({"WEIGHBRIDGE_CACHE": "/a/b", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/a/b/receipts"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/weighbridge/receipts"),
        ({"HOME": "/h"}, "/h/.cache/weighbridge/receipts"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/weighbridge/receipts"),
        ({"XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/weighbridge/receipts"),
    ],
)
def test_receipts_have_their_place(environment: dict[str, str], receipts: str) -> None:
    """A second look at a file costs a stat, wherever caches are kept."""
    assert options_from_environment(environment).store.receipts == Path(receipts)


def test_relative_cache_does_not_move_with_the_working_directory() -> None:
    """A program that changes its directory keeps its receipts."""
    receipts = options_from_environment({"WEIGHBRIDGE_CACHE": "cache"}).store.receipts

    assert receipts == Path.cwd() / "cache" / "receipts"


@pytest.mark.parametrize(
    ("environment", "proxies"),
    [
        ({"HTTP_PROXY": "http://p:1"}, {"http": "http://p:1"}),
        ({"http_proxy": "http://p:1"}, {"http": "http://p:1"}),
        ({"HTTP_PROXY": "http://p:1", "http_proxy": "http://q:2"}, {"http": "http://q:2"}),
        ({"HTTP_PROXY": "http://p:1", "http_proxy": ""}, {}),
        ({"HTTPS_PROXY": "p:3128"}, {"https": "http://p:3128"}),
        ({"ALL_PROXY": "https://p:1"}, {"all": "https://p:1"}),
        ({"NO_PROXY": "localhost,.example"}, {"no": "localhost,.example"}),
        ({"HTTPS_PROXY": " http://user:pw@p:1 "}, {"https": "http://user:pw@p:1"}),
        ({"HTTP_PROXY": "http://evil:1", "REQUEST_METHOD": "GET"}, {}),
        ({"http_proxy": "http://p:1", "REQUEST_METHOD": "GET"}, {"http": "http://p:1"}),
        ({"HTTP_PROXY": "", "FTP_PROXY": "http://p:1"}, {}),
    ],
)
def test_proxies_are_read_as_curl_reads_them(environment: dict[str, str], proxies: dict[str, str]) -> None:
    """A company's network works without a word to us; a request's ``Proxy`` header does not steer a CGI script."""
    assert options_from_environment(environment).http.proxies == proxies


@pytest.mark.parametrize(
    ("environment", "bundle"),
    [
        ({"SSL_CERT_FILE": "/s"}, "/s"),
        ({"CURL_CA_BUNDLE": "/c", "SSL_CERT_FILE": "/s"}, "/c"),
        ({"REQUESTS_CA_BUNDLE": "/r", "CURL_CA_BUNDLE": "/c"}, "/r"),
        ({"WEIGHBRIDGE_CA_BUNDLE": "/w", "REQUESTS_CA_BUNDLE": "/r"}, "/w"),
        ({"REQUESTS_CA_BUNDLE": "", "SSL_CERT_FILE": "/s"}, "/s"),
    ],
)
def test_authorities_are_read(environment: dict[str, str], bundle: str) -> None:
    """A proxy with a certificate of its own is trusted where requests and curl trust it."""
    assert options_from_environment(environment).http.ca_bundle == Path(bundle)


def test_empty_environment_asks_for_nothing_of_inference_models() -> None:
    """Our own defaults hold, not zero."""
    settings = inference_models_settings({})

    assert settings.options == options_from_environment({})
    assert (settings.is_quiet, settings.wait_timeout_s) == (False, None)


@pytest.mark.parametrize(
    ("environment", "timeouts"),
    [
        ({"API_CALLS_TIMEOUT": "5"}, (5.0, 5.0)),
        ({"CHUNK_DOWNLOAD_CONNECT_TIMEOUT": "2.5"}, (2.5, 30.0)),
        ({"CHUNK_DOWNLOAD_READ_TIMEOUT": "60.0"}, (10.0, 60.0)),
        ({"API_CALLS_TIMEOUT": "5", "CHUNK_DOWNLOAD_READ_TIMEOUT": "60"}, (5.0, 60.0)),
        ({"API_CALLS_TIMEOUT": "5", "CHUNK_DOWNLOAD_CONNECT_TIMEOUT": "1"}, (1.0, 5.0)),
        ({"API_CALLS_TIMEOUT": " "}, (10.0, 30.0)),
    ],
)
def test_timeouts_are_read(environment: dict[str, str], timeouts: tuple[float, float]) -> None:
    """The more particular variable wins over the general one."""
    http = inference_models_settings(environment).options.http

    assert (http.connect_timeout_s, http.read_timeout_s) == timeouts


@pytest.mark.parametrize(
    ("environment", "attempts"),
    [
        ({"API_CALLS_MAX_TRIES": "3"}, 3),
        ({"CHUNK_DOWNLOAD_MAX_ATTEMPTS": "60"}, 60),
        ({"API_CALLS_MAX_TRIES": "3", "CHUNK_DOWNLOAD_MAX_ATTEMPTS": "60"}, 60),
    ],
)
def test_attempts_are_read(environment: dict[str, str], attempts: int) -> None:
    """Who wants more patience gets it."""
    assert inference_models_settings(environment).options.transfer.retry.attempts == attempts


@pytest.mark.parametrize(
    ("text", "statuses"),
    [("429,503", {429, 503}), (" 500 , 418, ", {500, 418}), ("", RETRY_STATUSES), (",", RETRY_STATUSES)],
)
def test_statuses_are_read(text: str, statuses: set[int]) -> None:
    """The list of inference-models is obeyed; an empty one says nothing."""
    settings = inference_models_settings({"IDEMPOTENT_API_REQUEST_CODES_TO_RETRY": text})

    assert settings.options.transfer.retry.statuses == statuses


def test_lock_timeout_progress_bars_and_offline_mode_are_read() -> None:
    """The three switches that people set in containers."""
    settings = inference_models_settings(
        {
            "INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT": "20",
            "DISABLE_INTERACTIVE_PROGRESS_BARS": "True",
            "OFFLINE_MODE": "true",
        }
    )

    assert (settings.wait_timeout_s, settings.is_quiet, settings.options.offline) == (20.0, True, True)


@pytest.mark.parametrize(("ours", "theirs"), [("1", "0"), ("0", "1"), ("1", "1")])
def test_either_offline_switch_is_enough(ours: str, theirs: str) -> None:
    """Nobody is online because only one of two variables was set."""
    environment = {"WEIGHBRIDGE_OFFLINE": ours, "OFFLINE_MODE": theirs}

    assert inference_models_settings(environment).options.offline is True


MEANINGLESS = {
    "API_CALLS_TIMEOUT": ["0", "-1", "soon", "nan", "inf", "1e9"],
    "CHUNK_DOWNLOAD_CONNECT_TIMEOUT": ["0", "x"],
    "CHUNK_DOWNLOAD_READ_TIMEOUT": ["0", "x"],
    "INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT": ["0", "x"],
    "CHUNK_DOWNLOAD_MAX_ATTEMPTS": ["0", "-3", "2.5", "many"],
    "API_CALLS_MAX_TRIES": ["0", "2.5"],
    "IDEMPOTENT_API_REQUEST_CODES_TO_RETRY": ["429;503", "99", "600", "all"],
    "DISABLE_INTERACTIVE_PROGRESS_BARS": ["maybe"],
    "OFFLINE_MODE": ["maybe"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in MEANINGLESS.items() for text in texts])
def test_variable_that_can_not_mean_anything_is_named(name: str, text: str) -> None:
    """Who mistypes a variable learns which one, not that "a number" was wrong."""
    with pytest.raises(InvalidParameterError, match=name):
        inference_models_settings({name: text})


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("20M", 20_000_000),
        ("20Mi", 20 * 1024**2),
        ("20MiB", 20 * 1024**2),
        ("20MB", 20_000_000),
        ("500k", 500_000),
        ("1.5Gi", 3 * 1024**3 // 2),
        (" 2 t ", 2 * 1000**4),
        ("2TiB", 2 * 1024**4),
        ("7B", 7),
    ],
)
def test_size_is_read(text: str, size: int) -> None:
    """``--rate 20M`` means what it says in other tools."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "0", "0.0M", "-1", "1e3", "1,5M", "20 MM", "20iB", "0.4", "½M", "1" * 400])
def test_size_that_means_nothing_is_refused(text: str) -> None:
    """A limit that was mistyped is not silently none."""
    with pytest.raises(InvalidParameterError, match="bytes"):
        parse_size(text)


@given(number=st.integers(1, 10**6), unit=st.sampled_from(["", "K", "Ki", "M", "Mi", "G", "Gi", "T", "Ti"]))
def test_units_are_powers(number: int, unit: str) -> None:
    """No unit is off by a factor."""
    base = 1024 if unit.endswith("i") else 1000

    assert parse_size(f"{number}{unit}") == number * base ** " KMGT".index((unit or " ")[0])
