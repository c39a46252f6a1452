"""Environment to options; the only reader of the environment."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.options import SECONDS_MAX, STATUSES, HttpOptions, Options, StoreOptions
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
        user_agent=f"weighbridge/{__version__}; python/{sys.version_info.major}.{sys.version_info.minor}",
        proxies=_proxies(env),
        ca_bundle=None if bundle is None else Path(bundle),
    )
    return Options(
        http=http,
        store=StoreOptions(receipts=receipts_root(env)),
        offline=read_flag(env, "WEIGHBRIDGE_OFFLINE"),
    )


def hub_cache_root(environment: Mapping[str, str] | None = None) -> Path:
    """Return the directory of the Hugging Face cache.

    Read are ``HF_HUB_CACHE``, ``HUGGINGFACE_HUB_CACHE``, ``HF_HOME`` (then ``hub`` in it) and ``XDG_CACHE_HOME``
    (``huggingface/hub``), in this order; ``~`` and ``$NAME`` in them are expanded.
    """
    env = os.environ if environment is None else environment
    own = env.get("HF_HUB_CACHE") or env.get("HUGGINGFACE_HUB_CACHE")
    home = env.get("HF_HOME") or f"{env.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    place = os.path.expandvars(own or f"{home}/hub")
    return Path(os.path.expanduser(place)).absolute()  # noqa: PTH111 - pathlib's raises if there is no such user


def receipts_root(environment: Mapping[str, str] | None = None) -> Path | None:
    """Return where receipts are kept (see :func:`options_from_environment`); None if nowhere."""
    cache = _cache_root(os.environ if environment is None else environment)
    return None if cache is None else cache / "receipts"


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
    general = _read_seconds(env, "API_CALLS_TIMEOUT")
    connect = _read_seconds(env, "CHUNK_DOWNLOAD_CONNECT_TIMEOUT") or general
    read = _read_seconds(env, "CHUNK_DOWNLOAD_READ_TIMEOUT") or general
    attempts = _read_count(env, "CHUNK_DOWNLOAD_MAX_ATTEMPTS") or _read_count(env, "API_CALLS_MAX_TRIES")
    http = replace(
        http, connect_timeout_s=connect or http.connect_timeout_s, read_timeout_s=read or http.read_timeout_s
    )
    retry = replace(
        retry,
        attempts=attempts or retry.attempts,
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
        wait_timeout_s=_read_seconds(env, "INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT"),
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
        InvalidParameterError: Anything else, and less than one byte.
    """
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)\s*([KMGT]?I?)B?", text.strip().upper(), re.ASCII)
    size = int(float(match[1]) * _UNITS[match[2]]) if match is not None and match[2] in _UNITS else 0
    if size < 1:
        raise InvalidParameterError(f"not a number of bytes: {text!r}; write it like 500K, 20M or 1.5Gi")
    return size


def _cache_root(environment: Mapping[str, str]) -> Path | None:
    """Return where to keep what only saves time; None if this user has no place of their own."""
    own, base = environment.get("WEIGHBRIDGE_CACHE"), environment.get("XDG_CACHE_HOME", "")
    if own:
        return Path(own).absolute()
    if not Path(base).is_absolute():  # such a one is to be ignored (XDG Base Directory Specification)
        base = os.path.join(environment.get("HOME") or "~", ".cache")  # noqa: PTH118 - "~" is no path yet
    try:
        return Path(base).expanduser().absolute() / "weighbridge"
    except RuntimeError:  # a user without a name or a home, as in containers
        return None


def _proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Return proxy URLs by scheme; a lower-case variable wins over its upper-case twin, an empty one says "none"."""
    found = {name.lower(): value.strip() for name, value in sorted(environment.items())}
    if "REQUEST_METHOD" in environment and "http_proxy" not in environment:
        found.pop("http_proxy", None)  # under CGI the upper-case one is whatever a request's "Proxy" header said
    chosen = {scheme: found.get(f"{scheme}_proxy", "") for scheme in ("http", "https", "all", "no")}
    return {
        scheme: value if scheme == "no" or "://" in value else f"http://{value}"
        for scheme, value in chosen.items()
        if value
    }


def _read_seconds(environment: Mapping[str, str], name: str) -> float | None:
    text = environment.get(name, "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= SECONDS_MAX:
        raise InvalidParameterError(f"the environment variable {name} must be a number of seconds, not {text!r}")
    return number


def _read_count(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name, "").strip()
    if not text:
        return None
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise InvalidParameterError(f"the environment variable {name} must be a whole number above 0, not {text!r}")
    return number


def _read_statuses(environment: Mapping[str, str], name: str) -> frozenset[int] | None:
    text = environment.get(name, "").strip()
    try:
        statuses = frozenset(int(each) for each in text.split(",") if each.strip())
    except ValueError:
        statuses = frozenset({0})
    if not all(each in STATUSES for each in statuses):
        raise InvalidParameterError(f"the environment variable {name} must list statuses like 429,503, not {text!r}")
    return statuses or None
