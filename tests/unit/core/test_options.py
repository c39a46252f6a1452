"""Options: nonsense is refused where it is written, and every knob is described."""

from __future__ import annotations

import copy
import pickle
import re
from dataclasses import asdict, fields, replace
from typing import Any

import pytest

from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.options import (
    SECONDS_MAX,
    CacheOptions,
    HttpOptions,
    HubOptions,
    Options,
    RetryOptions,
    StoreOptions,
    TransferOptions,
)

GROUPS: list[type[Any]] = [RetryOptions, HttpOptions, TransferOptions, StoreOptions, CacheOptions, HubOptions, Options]

COUNTS = [
    (RetryOptions, "attempts"),
    (RetryOptions, "refill_bytes"),
    (HttpOptions, "redirects_max"),
    *((TransferOptions, name) for name in ("connections", "connections_per_file", "files", "first_piece")),
    *((TransferOptions, name) for name in ("piece_min", "piece_max", "split_min", "read_size", "hash_lag")),
]
SECONDS = [
    *((RetryOptions, name) for name in ("wait_initial_s", "wait_max_s", "pause_max_s")),
    *((HttpOptions, name) for name in ("connect_timeout_s", "read_timeout_s")),
    *((TransferOptions, name) for name in ("piece_seconds", "straggler_s", "stall_window_s", "flush_interval_s")),
    *((StoreOptions, name) for name in ("claim_ttl_s", "wait_timeout_s")),
    *((HubOptions, name) for name in ("etag_timeout_s", "call_timeout_s")),
]
MAYBE = [(TransferOptions, "small_connections"), (CacheOptions, "limit")]
RATES = [(TransferOptions, "stall_floor_bps"), (TransferOptions, "rate_limit_bps")]
OTHERS = {"statuses", "user_agent", "proxies", "ca_bundle", "durable", "page_cache", "receipts", "offline"} | {
    *("root", "symlinks"),
    *("endpoint", "token", "headers"),
}
NESTED = {"retry", "http", "transfer", "store", "cache", "hub"}


def test_every_number_is_checked_below() -> None:
    """A new knob finds its line here first."""
    numbers = {(group, each.name) for group in GROUPS for each in fields(group)}

    assert {name for _, name in numbers - {*COUNTS, *MAYBE, *SECONDS, *RATES}} == OTHERS | NESTED


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, 48), ({"connections": 4}, 4), ({"connections": 4, "small_connections": 9}, 9), ({"small_connections": 1}, 1)],
)
def test_small_files_get_more_connections_unless_somebody_chose_a_number(given: dict[str, int], expected: int) -> None:
    """A limit that was set on purpose would hold for large files only."""
    assert TransferOptions(**given).connections_for_small == expected  # type: ignore[arg-type]  # these are all counts


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "8", float("nan")])
@pytest.mark.parametrize(("group", "name"), MAYBE)
def test_count_that_may_be_left_open_is_a_whole_number_above_zero(group: type[Any], name: str, value: object) -> None:
    """Half a connection would fail later, somewhere else."""
    with pytest.raises(InvalidParameterError, match=name):
        group(**{name: value})


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "8", None, float("nan")])
@pytest.mark.parametrize(("group", "name"), COUNTS)
def test_count_is_a_whole_number_above_zero(group: type[Any], name: str, value: object) -> None:
    """Half a connection would fail later, somewhere else."""
    with pytest.raises(InvalidParameterError, match=name):
        group(**{name: value})


@pytest.mark.parametrize("value", [0, -1, True, "8", None, float("nan"), float("inf"), SECONDS_MAX + 1])
@pytest.mark.parametrize(("group", "name"), SECONDS)
def test_wait_is_a_number_of_seconds_that_has_an_end(group: type[Any], name: str, value: object) -> None:
    """P3: every wait has a bound, and one that the system can count."""
    with pytest.raises(InvalidParameterError, match=name):
        group(**{name: value})


@pytest.mark.parametrize("value", [0, 0.5, -1, True, "8", float("nan"), float("inf")])
@pytest.mark.parametrize(("group", "name"), RATES)
def test_rate_is_at_least_a_byte_a_second(group: type[Any], name: str, value: object) -> None:
    """A rate of nearly nothing is a wait without end."""
    with pytest.raises(InvalidParameterError, match=name):
        group(**{name: value})


@pytest.mark.parametrize("value", [503, "503", [99], [600], [503.0], ["503"], None])
def test_statuses_are_a_set_of_statuses(value: object) -> None:
    """A status that no server sends is a mistake."""
    with pytest.raises(InvalidParameterError, match="statuses"):
        RetryOptions(statuses=value)


@pytest.mark.parametrize("value", [{503, 418}, frozenset({503, 418}), [503, 418], (418, 503)])
def test_statuses_may_come_in_any_collection(value: Any) -> None:
    """Callers of inference-models give a set."""
    assert RetryOptions(statuses=value).statuses == frozenset({418, 503})


def test_no_status_may_be_tried_again() -> None:
    """An empty set is a wish, not a mistake."""
    assert RetryOptions(statuses=frozenset()).statuses == frozenset()


@pytest.mark.parametrize("value", ["", "a\r\nHost: evil", "a\0", "…", None])
def test_user_agent_fits_a_header(value: object) -> None:
    """It would be refused at the first request, as a failure of the server."""
    with pytest.raises(InvalidParameterError, match="user_agent"):
        HttpOptions(user_agent=value)


def test_largest_piece_is_not_below_the_smallest() -> None:
    """No piece could ever be cut."""
    with pytest.raises(InvalidParameterError, match="piece_max"):
        TransferOptions(piece_min=10, piece_max=9)


@pytest.mark.parametrize("group", GROUPS)
def test_defaults_are_accepted(group: type[Any]) -> None:
    """Options can be made without saying anything."""
    assert group() == group()


@pytest.mark.parametrize("group", GROUPS)
def test_every_knob_is_described_where_it_is_defined(group: type[Any]) -> None:
    """A number without a unit is set wrong."""
    attributes = (group.__doc__ or "").partition("Attributes:")[2]
    described = re.findall(r"^ {8}([\w, ]+): ", attributes, re.MULTILINE)

    assert {name for line in described for name in line.split(", ")} == {each.name for each in fields(group)}


def test_password_of_a_proxy_is_not_shown() -> None:
    """Options are printed when something is wrong."""
    options = Options(http=HttpOptions(proxies={"https": "http://user:s3cr3t@proxy.example:3128"}))

    assert "s3cr3t" not in repr(options)
    assert "s3cr3t" not in str(options)


def test_proxies_are_copied() -> None:
    """What the caller does to its own dictionary later changes nothing under way."""
    proxies = {"http": "http://proxy.example"}
    options = HttpOptions(proxies=proxies)

    proxies["http"] = "http://evil.example"

    assert options.proxies == {"http": "http://proxy.example"}


@pytest.mark.parametrize("clone", [lambda value: pickle.loads(pickle.dumps(value)), copy.deepcopy])
def test_options_survive_pickling_and_copying(clone: Any) -> None:
    """Options are handed to other processes."""
    options = replace(Options(), http=HttpOptions(proxies={"no": "localhost"}), offline=True)

    assert clone(options) == options
    assert asdict(options)["http"]["proxies"] == {"no": "localhost"}
