"""What the arguments of a call say about whom to ask, in whose name and how; and the client that it comes to."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from weighbridge.client import Client
from weighbridge.config import HubSettings, expand, implicit_token, options_from_environment
from weighbridge.core.errors import InvalidParameterError, LocalTokenNotFoundError
from weighbridge.core.options import SECONDS_MAX, Options
from weighbridge.hub.user_agent import user_agent

_USUAL_ETAG_TIMEOUT_S = 10
_USUAL_WORKERS = 8  # the default of the signature; ours is another number, which serves small files better
_CLIENTS_MAX = 8
_PROXIED = ("http", "https", "all")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Call:
    """The arguments that are not about files, under the names of the signatures; shows nothing of itself."""

    token: str | bool | None = None
    cache_dir: str | os.PathLike[str] | None = None
    endpoint: str | None = None
    headers: Mapping[str, str] | None = None
    library_name: str | None = None
    library_version: str | None = None
    user_agent: Mapping[str, object] | str | None = None
    etag_timeout: float | None = _USUAL_ETAG_TIMEOUT_S
    proxies: Mapping[str, str] | None = None
    max_workers: int = _USUAL_WORKERS
    local_files_only: bool = False
    force_download: bool = False

    def options(self, settings: HubSettings) -> Options:
        """Return the options of the environment with these arguments over them.

        Raises:
            InvalidParameterError: One of them can't mean anything.
            LocalTokenNotFoundError: ``token=True``, and there is none.
        """
        options = options_from_environment()
        is_offline = options.offline or options.hub.offline or self.local_files_only
        if is_offline and self.force_download:
            raise InvalidParameterError("force_download fetches, and local_files_only (or HF_HUB_OFFLINE) forbids that")
        endpoint = self.endpoint.rstrip("/") if self.endpoint else options.hub.endpoint
        hub = replace(
            options.hub,
            endpoint=endpoint,
            token=self._token(settings, implicit_token(endpoint, settings.implicit)),
            user_agent=user_agent(self.library_name, self.library_version, self.user_agent, options.hub.user_agent),
            headers=self.headers or {},
            etag_timeout_s=self._etag_timeout_s(settings),
        )
        cache = options.cache
        if self.cache_dir is not None:
            cache = replace(cache, root=read_directory(self.cache_dir, "cache_dir"))
        http = options.http
        if self.proxies is not None:
            http = replace(http, proxies=read_proxies(self.proxies, http.proxies.get("no")))
        transfer = options.transfer
        if self.max_workers != _USUAL_WORKERS:
            transfer = replace(transfer, files=self.max_workers, small_connections=self.max_workers)
        return replace(options, hub=hub, cache=cache, http=http, transfer=transfer, offline=is_offline)

    def _token(self, settings: HubSettings, implicit: str | None) -> str | None:
        """Return the token to send: the given one, this user's, or none."""
        match self.token:
            case None:
                return implicit
            case False:
                return None
            case True:
                if settings.token is None:
                    raise LocalTokenNotFoundError(
                        "a token is demanded and there is none here; set HF_TOKEN, or log in with `hf auth login`"
                    )
                return settings.token
            case str():
                return self.token.strip() or None
            case _:
                raise InvalidParameterError(f"a token is text, True, False or None, not {type(self.token).__name__}")

    def _etag_timeout_s(self, settings: HubSettings) -> float:
        """Return the longest wait for the answer about a file; the environment's word wins, as it always did."""
        if settings.etag_timeout_s is not None:
            return settings.etag_timeout_s
        given: object = _USUAL_ETAG_TIMEOUT_S if self.etag_timeout is None else self.etag_timeout
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= SECONDS_MAX:
            raise InvalidParameterError(f"etag_timeout is a number of seconds above 0, not {given!r}")
        return float(given)


def read_proxies(given: Mapping[str, str | None], no_proxy: str | None) -> dict[str, str]:
    """Return proxies by scheme, as requests takes them: None is none, and an address may lack its scheme.

    Args:
        given: By ``http``, ``https`` or ``all``.
        no_proxy: Hosts to reach directly, as the environment has them.

    Raises:
        InvalidParameterError: One is for something else, or no text.
    """
    proxies = {} if no_proxy is None else {"no": no_proxy}
    as_given: object = given
    if not isinstance(as_given, Mapping):
        raise InvalidParameterError(f"proxies are addresses by scheme, not {type(given).__name__}")
    for scheme, address in given.items():
        if scheme not in _PROXIED or not isinstance(address, str | None):
            raise InvalidParameterError(f"a proxy is an address, or None, for one of {', '.join(_PROXIED)}")
        if address:
            proxies[scheme] = address if "://" in address else f"http://{address}"
    return proxies


def read_directory(given: str | os.PathLike[str], what: str) -> Path:
    """Return an absolute path, ``~`` and ``$NAME`` in it expanded.

    Raises:
        InvalidParameterError: It is no path.
    """
    text: object = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(text, str) or not text or "\0" in text:
        raise InvalidParameterError(f"{what} is a path that is not empty and holds no NUL, not {given!r}")
    return expand(text)


class Clients:
    """The clients that calls have used lately, so that calls that ask alike share connections."""

    def __init__(self) -> None:
        self._clients: list[Client] = []  # the latest last
        self.begin_anew()

    def begin_anew(self) -> None:
        """Be of use in a process that was just forked, whatever threads of its parent were doing."""
        self._lock = threading.Lock()  # guards _clients

    def get(self, options: Options) -> Client:
        """Return a client that has these options; others may be using it, so it is not to be closed."""
        with self._lock:
            found = next((each for each in self._clients if each.options == options), None)
            client = Client(options) if found is None else found
            others = [each for each in self._clients if each is not client]
            self._clients = [*others[1 - _CLIENTS_MAX :], client]
        return client


CLIENTS = Clients()
"""Those of this process."""

if hasattr(os, "register_at_fork"):  # not where processes can't be forked
    os.register_at_fork(after_in_child=CLIENTS.begin_anew)
