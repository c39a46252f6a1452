"""Environment to options; the only reader of the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from platform import python_version
from types import MappingProxyType

from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.options import HttpOptions, Options, StoreOptions
from weighbridge.version import __version__

_YES = frozenset({"1", "on", "true", "yes", "y", "t"})
_NO = frozenset({"", "0", "off", "false", "no", "n", "f"})
_CA_VARIABLES = ("WEIGHBRIDGE_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_UNITS = {
    f"{letter}{mark}": base**power
    for power, letter in enumerate(("", "K", "M", "G", "T"))
    for mark, base in (("", 1000), ("I", 1024))
    if letter or not mark
}


def options_from_environment(environment: Mapping[str, str] | None = None) -> Options:
    """Return the options that the environment asks for.

    Read are ``WEIGHBRIDGE_OFFLINE``, ``WEIGHBRIDGE_CACHE`` (where receipts are kept; default
    ``$XDG_CACHE_HOME/weighbridge``), the proxy variables (``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``
    in either case) and the variables that name trusted authorities (``SSL_CERT_FILE`` and its kin).

    Raises:
        InvalidParameterError: A variable can't mean anything.
    """
    env = os.environ if environment is None else environment
    bundle = next((env[name] for name in _CA_VARIABLES if env.get(name)), None)
    http = HttpOptions(
        user_agent=f"weighbridge/{__version__}; python/{python_version()}",
        proxies=MappingProxyType(_proxies(env)),
        ca_bundle=None if bundle is None else Path(bundle),
    )
    return Options(
        http=http,
        store=StoreOptions(receipts=_cache_root(env) / "receipts"),
        offline=read_flag(env, "WEIGHBRIDGE_OFFLINE"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceModelsSettings:
    """What the variables of inference-models ask for.

    Attributes:
        options: With its timeouts, attempts and statuses applied.
        is_quiet: ``DISABLE_INTERACTIVE_PROGRESS_BARS``.
        wait_timeout_s: ``INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT``; None if unset.
    """

    options: Options
    is_quiet: bool
    wait_timeout_s: float | None


def inference_models_settings(environment: Mapping[str, str] | None = None) -> InferenceModelsSettings:
    """Return what the variables of inference-models ask for, on top of our own.

    Read are ``OFFLINE_MODE``, ``DISABLE_INTERACTIVE_PROGRESS_BARS``, ``INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT``,
    ``CHUNK_DOWNLOAD_CONNECT_TIMEOUT``, ``CHUNK_DOWNLOAD_READ_TIMEOUT``, ``CHUNK_DOWNLOAD_MAX_ATTEMPTS``,
    ``API_CALLS_TIMEOUT``, ``API_CALLS_MAX_TRIES`` and ``IDEMPOTENT_API_REQUEST_CODES_TO_RETRY``.

    Raises:
        InvalidParameterError: A variable can't mean anything.
    """
    env = os.environ if environment is None else environment
    options = options_from_environment(env)
    http, retry = options.http, options.transfer.retry
    general = _read_number(env, "API_CALLS_TIMEOUT")
    connect = _read_number(env, "CHUNK_DOWNLOAD_CONNECT_TIMEOUT") or general
    read = _read_number(env, "CHUNK_DOWNLOAD_READ_TIMEOUT") or general
    attempts = _read_number(env, "CHUNK_DOWNLOAD_MAX_ATTEMPTS") or _read_number(env, "API_CALLS_MAX_TRIES")
    http = replace(
        http, connect_timeout_s=connect or http.connect_timeout_s, read_timeout_s=read or http.read_timeout_s
    )
    retry = replace(
        retry,
        attempts=int(attempts) if attempts else retry.attempts,
        statuses=_read_statuses(env, "IDEMPOTENT_API_REQUEST_CODES_TO_RETRY") or retry.statuses,
    )
    return InferenceModelsSettings(
        options=replace(
            options,
            http=http,
            transfer=replace(options.transfer, retry=retry),
            offline=options.offline or read_flag(env, "OFFLINE_MODE"),
        ),
        is_quiet=read_flag(env, "DISABLE_INTERACTIVE_PROGRESS_BARS"),
        wait_timeout_s=_read_number(env, "INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT"),
    )


def read_flag(environment: Mapping[str, str], name: str) -> bool:
    """Return a yes-or-no variable; unset is no."""
    value = environment.get(name, "").strip().lower()
    if value not in _YES | _NO:
        raise InvalidParameterError(f"the environment variable {name} is neither yes nor no: {value!r}")
    return value in _YES


def parse_size(text: str) -> int:
    """Read a number of bytes: ``20M`` is 20,000,000 and ``20Mi`` (or ``20MiB``) 20,971,520.

    Raises:
        InvalidParameterError: Anything else.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?", text.strip().upper(), re.ASCII)
    if match is None or match[2] not in _UNITS or float(match[1]) == 0:
        raise InvalidParameterError(f"not a number of bytes: {text!r}; write it like 500K, 20M or 1.5Gi")
    return int(float(match[1]) * _UNITS[match[2]])


def _cache_root(environment: Mapping[str, str]) -> Path:
    if environment.get("WEIGHBRIDGE_CACHE"):
        return Path(environment["WEIGHBRIDGE_CACHE"])
    base = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME") or "~").expanduser() / ".cache")
    return Path(base) / "weighbridge"


def _proxies(environment: Mapping[str, str]) -> dict[str, str]:
    lower = {name.lower(): value for name, value in sorted(environment.items()) if value}
    found = {scheme: lower.get(f"{scheme}_proxy", "") for scheme in ("http", "https", "all", "no")}
    return {
        scheme: value if scheme == "no" or "://" in value else f"http://{value}"
        for scheme, value in found.items()
        if value
    }


def _read_number(environment: Mapping[str, str], name: str) -> float | None:
    text = environment.get(name, "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise InvalidParameterError(f"the environment variable {name} must be a number above 0, not {text!r}")
    return number


def _read_statuses(environment: Mapping[str, str], name: str) -> frozenset[int] | None:
    text = environment.get(name, "").strip()
    try:
        return frozenset(int(each) for each in text.split(",") if each.strip()) or None
    except ValueError as error:
        raise InvalidParameterError(
            f"the environment variable {name} must list statuses like 429,503, not {text!r}"
        ) from error
