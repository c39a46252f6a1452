"""What the variables of huggingface_hub ask for: where the cache is, whom to ask, in whose name.

Yes is ``1``, ``on``, ``yes`` or ``true`` in any case, everything else is no, as huggingface_hub has it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from weighbridge.config.reading import expand, pick, read_path, read_seconds, read_size
from weighbridge.core.errors import InvalidURLError
from weighbridge.core.options import CacheOptions, HubOptions
from weighbridge.core.urls import origin_of, redact
from weighbridge.hub.user_agent import user_agent

_YES = frozenset({"1", "on", "yes", "true"})
_LARGEST_TOKEN = 65_536  # bytes of a token's file that are read
_USUAL_ETAG_TIMEOUT_S = 10.0


def hub_cache_root(environment: Mapping[str, str] | None = None) -> Path:
    """Return the directory of the Hugging Face cache.

    Read are ``HF_HUB_CACHE``, ``HUGGINGFACE_HUB_CACHE``, ``HF_HOME`` (then ``hub`` in it) and ``XDG_CACHE_HOME``
    (``huggingface/hub``), in this order; ``~`` and ``$NAME`` in them are expanded.
    """
    env = pick(environment)
    return read_path(env, "HF_HUB_CACHE") or read_path(env, "HUGGINGFACE_HUB_CACHE") or hub_home(env) / "hub"


def hub_assets_root(environment: Mapping[str, str] | None = None) -> Path:
    """Return the directory for what libraries cache beside repositories (``HF_ASSETS_CACHE`` and its old name)."""
    env = pick(environment)
    own = read_path(env, "HF_ASSETS_CACHE") or read_path(env, "HUGGINGFACE_ASSETS_CACHE")
    return own or hub_home(env) / "assets"


def hub_home(environment: Mapping[str, str]) -> Path:
    """Return the directory of all that huggingface_hub keeps (``HF_HOME``, else ``XDG_CACHE_HOME``)."""
    return read_path(environment, "HF_HOME") or expand(f"{environment.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface")


def cache_options(environment: Mapping[str, str]) -> CacheOptions:
    """Return where the cache is, whether it has links (``HF_HUB_DISABLE_SYMLINKS``), and how large it may be.

    That is ``WEIGHBRIDGE_CACHE_LIMIT``, which wins over the limit that is kept with the cache.
    """
    return CacheOptions(
        root=hub_cache_root(environment),
        symlinks=not _is_yes(environment, "HF_HUB_DISABLE_SYMLINKS"),
        limit=read_size(environment, "WEIGHBRIDGE_CACHE_LIMIT"),
    )


def hub_options(environment: Mapping[str, str]) -> HubOptions:
    """Return whom to ask and in whose name.

    Read are ``HF_ENDPOINT``, the token (see :func:`find_token`) unless ``HF_HUB_DISABLE_IMPLICIT_TOKEN``,
    ``HF_HUB_USER_AGENT_ORIGIN``, ``HF_HUB_ETAG_TIMEOUT``, and ``HF_HUB_OFFLINE`` or ``TRANSFORMERS_OFFLINE``.
    """
    origin = environment.get("HF_HUB_USER_AGENT_ORIGIN", "").strip()
    endpoint = environment.get("HF_ENDPOINT", "").strip().rstrip("/") or HubOptions().endpoint
    return HubOptions(
        endpoint=endpoint,
        token=implicit_token(endpoint, hub_settings(environment).implicit),
        user_agent=user_agent(user_agent=f"origin/{origin}" if origin else None),
        etag_timeout_s=read_seconds(environment, "HF_HUB_ETAG_TIMEOUT") or _USUAL_ETAG_TIMEOUT_S,
        offline=is_offline(environment),
    )


def find_token(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the token of this user: ``HF_TOKEN``, ``HUGGING_FACE_HUB_TOKEN``, or the one that a login has left.

    That is in the file ``HF_TOKEN_PATH``, else ``token`` in ``HF_HOME``.  Line ends and white space around it are
    taken off, and what is empty then is none.
    """
    env = pick(environment)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if token := _clean(env.get(name, "")):
            return token
    try:
        with (read_path(env, "HF_TOKEN_PATH") or hub_home(env) / "token").open("rb") as file:
            return _clean(file.read(_LARGEST_TOKEN).decode("utf-8"))
    except (OSError, ValueError):
        return None


def implicit_token(endpoint: str, token: str | None) -> str | None:
    """Return the token to send to an endpoint for which nobody has named one: this user's, but never over plain http.

    A mirror in the local network mostly needs none, and whoever wants it to have one can say so.
    """
    try:
        may_see = origin_of(endpoint).may_see_secrets
    except InvalidURLError:  # which whoever asks there is told
        may_see = True
    if token is not None and not may_see:
        logging.getLogger("weighbridge").info("no token is sent to %s, which is plain http", redact(endpoint))
    return token if may_see else None


def is_offline(environment: Mapping[str, str]) -> bool:
    """Tell whether the Hub is not to be asked: ``HF_HUB_OFFLINE``, or, if that is unset, ``TRANSFORMERS_OFFLINE``."""
    name = "HF_HUB_OFFLINE" if "HF_HUB_OFFLINE" in environment else "TRANSFORMERS_OFFLINE"
    return _is_yes(environment, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSettings:
    """What the variables say to the functions that are called as huggingface_hub's are.

    Attributes:
        token: Of this user; None if there is none.
        implicit: The same, if it may be sent without being asked for (``HF_HUB_DISABLE_IMPLICIT_TOKEN``).
        is_quiet: ``HF_HUB_DISABLE_PROGRESS_BARS``.
        etag_timeout_s: ``HF_HUB_ETAG_TIMEOUT``, which wins over an argument; None if it is unset, or 10 as always.
    """

    token: str | None
    implicit: str | None
    is_quiet: bool
    etag_timeout_s: float | None


def hub_settings(environment: Mapping[str, str] | None = None) -> HubSettings:
    """Return what the variables say to the functions that are called as huggingface_hub's are."""
    env = pick(environment)
    timeout, token = read_seconds(env, "HF_HUB_ETAG_TIMEOUT"), find_token(env)
    return HubSettings(
        token=token,
        implicit=None if _is_yes(env, "HF_HUB_DISABLE_IMPLICIT_TOKEN") else token,
        is_quiet=_is_yes(env, "HF_HUB_DISABLE_PROGRESS_BARS"),
        etag_timeout_s=None if timeout == _USUAL_ETAG_TIMEOUT_S else timeout,
    )


def _is_yes(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").strip().lower() in _YES


def _clean(text: str) -> str | None:
    return text.replace("\r", "").replace("\n", "").strip() or None
