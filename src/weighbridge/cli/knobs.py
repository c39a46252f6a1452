"""What the command line says of how to fetch, and the options that it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from weighbridge.config import expand, hub_settings, implicit_token, options_from_environment, parse_size
from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.options import Options

_AT_ONCE_MAX = 256
_TIMEOUT_MAX_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """How to fetch; None is the default.

    Attributes:
        files_option: What the option is called that says how many files are in transfer at once.
    """

    connections: int | None
    files: int | None
    rate_limit: str | None
    timeout_s: float | None
    retries: int | None
    wait_s: float | None
    is_offline: bool
    is_durable: bool
    is_cached: bool
    files_option: str = "--files"

    @classmethod
    def read(cls, given: Mapping[str, Any], *, is_offline: bool, files_option: str = "--files") -> Self:
        """Return what the options of :func:`weighbridge.cli.knobbed.fetching_options` say."""
        return cls(
            connections=given["connections"],
            files=given["at_once"],
            rate_limit=given["limit_rate"],
            timeout_s=given["timeout"],
            retries=given["retries"],
            wait_s=given["wait"],
            is_offline=is_offline,
            is_durable=not given["no_durable"],
            is_cached=not given["no_page_cache"],
            files_option=files_option,
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HubKnobs:
    """Whom to ask, in whose name, and where the cache is; None is the default.  Shows nothing of itself."""

    endpoint: str | None
    token: str | None
    cache_root: Path | None


def hub_options_for(knobs: HubKnobs, options: Options) -> Options:
    """Return ``options`` with ``knobs`` applied."""
    hub, cache = options.hub, options.cache
    if knobs.endpoint is not None:
        endpoint = knobs.endpoint.rstrip("/")
        hub = replace(hub, endpoint=endpoint, token=implicit_token(endpoint, hub_settings().implicit))
    if knobs.token is not None:
        hub = replace(hub, token=_read_token(knobs.token))
    if knobs.cache_root is not None:
        cache = replace(cache, root=expand(str(knobs.cache_root)))
    return replace(options, hub=hub, cache=cache)


def _read_token(text: str) -> str:
    if not text.startswith("@"):
        return text.strip()
    try:
        return Path(text[1:]).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidParameterError(f"the token in {text[1:]} can't be read: {reason}") from None


def options_for(knobs: Knobs, requests: int) -> Options:
    """Return the environment's options with ``knobs`` applied, for a call that asks for so many files."""
    _check_limits(knobs)
    options = options_from_environment()
    http, transfer, store = options.http, options.transfer, options.store
    if knobs.timeout_s is not None:
        http = replace(http, connect_timeout_s=knobs.timeout_s, read_timeout_s=knobs.timeout_s)
    if knobs.files is not None:
        transfer = replace(transfer, files=knobs.files, small_connections=knobs.files)
    if knobs.connections is not None:
        at_once = max(1, min(requests, transfer.files))
        fair = -(-knobs.connections // at_once)  # so that all of them are used
        per_file = max(fair, min(transfer.connections_per_file, knobs.connections))
        small = min(knobs.connections, knobs.files or knobs.connections)
        transfer = replace(
            transfer, connections=knobs.connections, connections_per_file=per_file, small_connections=small
        )
    if knobs.rate_limit is not None:
        transfer = replace(transfer, rate_limit_bps=parse_size(knobs.rate_limit))
    if knobs.retries is not None:
        transfer = replace(transfer, retry=replace(transfer.retry, attempts=knobs.retries + 1))
    if knobs.wait_s is not None:
        store = replace(store, wait_timeout_s=knobs.wait_s)
    return replace(
        options,
        http=http,
        transfer=transfer,
        store=replace(store, durable=knobs.is_durable, page_cache=knobs.is_cached),
        offline=options.offline or knobs.is_offline,
    )


def _check_limits(knobs: Knobs) -> None:
    """Refuse numbers that no machine could want; those that can't mean anything are found by the options."""
    for option, value in (("--connections", knobs.connections), (knobs.files_option, knobs.files)):
        if value is not None and not 1 <= value <= _AT_ONCE_MAX:
            raise InvalidParameterError(f"{option} is a number from 1 to {_AT_ONCE_MAX}, not {value}")
    for option, seconds in (("--timeout", knobs.timeout_s), ("--wait", knobs.wait_s)):
        if seconds is not None and not 0 < seconds <= _TIMEOUT_MAX_S:
            raise InvalidParameterError(f"{option} is a number of seconds above 0, at most a day, not {seconds:g}")
    if knobs.retries is not None and knobs.retries < 0:
        raise InvalidParameterError(f"--retries is a number from 0 on, not {knobs.retries}")
