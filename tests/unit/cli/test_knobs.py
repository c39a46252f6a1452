"""Options of the command become options of the transfer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weighbridge.cli.knobs import Knobs, options_for
from weighbridge.cli.main import run
from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.options import Options

NONE = Knobs(
    connections=None,
    files=None,
    rate_limit=None,
    timeout_s=None,
    retries=None,
    wait_s=None,
    is_offline=False,
    is_durable=True,
    is_cached=True,
)


def test_without_options_the_defaults_hold() -> None:
    """A default would be written in two places and differ one day."""
    options, plain = options_for(NONE, 1), Options()

    assert (options.transfer, options.store.durable, options.offline) == (plain.transfer, True, False)


@pytest.mark.parametrize(
    ("connections", "files", "requests", "per_file"),
    [(32, None, 1, 32), (4, None, 1, 4), (32, None, 2, 16), (16, None, 1000, 8), (64, 2, 1000, 32), (2, None, 100, 2)],
)
def test_connections_are_used_whatever_the_number_of_files(
    connections: int, files: int | None, requests: int, per_file: int
) -> None:
    """``--connections 32`` would open eight for a single file."""
    transfer = options_for(replace(NONE, connections=connections, files=files), requests).transfer

    assert (transfer.connections, transfer.connections_per_file) == (connections, per_file)


def test_each_option_reaches_its_place() -> None:
    """An option would be accepted and do nothing."""
    knobs = replace(
        NONE, rate_limit="20M", timeout_s=3.0, retries=0, wait_s=7.0, files=3, is_offline=True, is_durable=False
    )

    options = options_for(knobs, 1)

    assert (options.http.connect_timeout_s, options.http.read_timeout_s) == (3.0, 3.0)
    assert (options.transfer.rate_limit_bps, options.transfer.retry.attempts, options.transfer.files) == (20e6, 1, 3)
    assert (options.store.wait_timeout_s, options.store.durable, options.offline) == (7.0, False, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"connections": 0},
        {"connections": 257},
        {"files": -1},
        {"timeout_s": 0.0},
        {"timeout_s": float("nan")},
        {"wait_s": float("inf")},
        {"retries": -1},
        {"rate_limit": "0"},
    ],
)
def test_number_that_can_not_be_meant_is_refused(wrong: dict[str, object]) -> None:
    """A slip of the finger would start a million threads, or wait for ever."""
    with pytest.raises(InvalidParameterError):
        options_for(replace(NONE, **wrong), 1)  # type: ignore[arg-type]  # each is of its field's type


@pytest.mark.parametrize(
    ("line", "option"),
    [("download org/name", "--max-workers"), ("get https://hub.example/x --allow-unverified", "--files")],
)
def test_number_that_is_refused_is_told_with_the_option_that_was_typed(
    capsys: pytest.CaptureFixture[str], line: str, option: str
) -> None:
    """People would look for an option that their verb does not have."""
    code = run([*line.split(), option, "0"])

    assert code == 2
    assert f"{option} is a number from 1 to 256, not 0" in capsys.readouterr().err
