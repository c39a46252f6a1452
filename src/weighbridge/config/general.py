"""What the environment asks for, whoever is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from weighbridge.config.hub import cache_options, hub_options
from weighbridge.config.reading import pick, read_flag, read_seconds
from weighbridge.core.options import HttpOptions, Options, StoreOptions
from weighbridge.version import __version__

_CA_VARIABLES = ("WEIGHBRIDGE_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def options_from_environment(environment: Mapping[str, str] | None = None) -> Options:
    """Return the options that the environment asks for.

    Read are ``WEIGHBRIDGE_OFFLINE``, ``WEIGHBRIDGE_CACHE`` (where receipts are kept; default
    ``$XDG_CACHE_HOME/weighbridge``), the proxy variables (``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``
    in either case), the variables that name trusted authorities (``SSL_CERT_FILE`` and its kin), and those of
    huggingface_hub (see :mod:`weighbridge.config.hub`), of which ``HF_HUB_DOWNLOAD_TIMEOUT`` holds for every file.

    Raises:
        InvalidParameterError: A variable can't mean anything.
    """
    env = pick(environment)
    bundle = next((env[name] for name in _CA_VARIABLES if env.get(name)), None)
    http = HttpOptions(
        user_agent=f"weighbridge/{__version__}; python/{sys.version_info.major}.{sys.version_info.minor}",
        proxies=_proxies(env),
        ca_bundle=None if bundle is None else Path(bundle),
    )
    idle_s = read_seconds(env, "HF_HUB_DOWNLOAD_TIMEOUT")
    return Options(
        http=http if idle_s is None else replace(http, read_timeout_s=idle_s),
        store=StoreOptions(receipts=receipts_root(env)),
        cache=cache_options(env),
        hub=hub_options(env),
        offline=read_flag(env, "WEIGHBRIDGE_OFFLINE"),
    )


def receipts_root(environment: Mapping[str, str] | None = None) -> Path | None:
    """Return where receipts are kept (see :func:`options_from_environment`); None if nowhere."""
    cache = _cache_root(pick(environment))
    return None if cache is None else cache / "receipts"


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
