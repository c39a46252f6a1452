"""The real transport: pooled connections, redirects, and library errors mapped to ours."""

from __future__ import annotations

import math
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout, make_headers, parse_url

from weighbridge.core.errors import InvalidParameterError, InvalidURLError, RateLimitedError, TransferError
from weighbridge.core.options import HttpOptions, RetryOptions
from weighbridge.core.urls import Origin, is_loopback, origin_of, redact
from weighbridge.http.connections import PlainPool, TLSPool, breakable, was_kept
from weighbridge.http.failures import is_gone, mapped
from weighbridge.http.messages import format_range
from weighbridge.http.pacing import HostPacer
from weighbridge.http.redirects import STATUSES, Trail
from weighbridge.http.transport import HostPausedError, Interrupt, Question, Request

_DRAINABLE = 64 * 1024  # bytes of an unwanted body that are cheaper to read than a new connection


class PoolTransport:
    """A transport over urllib3; safe to use from many threads.

    Args:
        options: Timeouts, proxies, trust.
        retry: Only ``pause_max_s`` is read: the longest pause that a host may ask for.
        connections: How many connections to keep for one host.
    """

    def __init__(self, options: HttpOptions, retry: RetryOptions, connections: int) -> None:
        self._options = options
        self._retry = retry
        self._pacer = HostPacer()
        self._managers: dict[str | None, urllib3.PoolManager] = {}
        self._kwargs: dict[str, Any] = {"num_pools": 32, "maxsize": connections}
        self._lock = threading.Lock()  # guards _managers and _tls
        self._tls: ssl.SSLContext | None = None

    def open(self, request: Request, interrupt: Interrupt) -> PoolResponse:
        """Send ``request``; see :class:`weighbridge.http.transport.Transport`."""
        url, trail = request.url, Trail(request.url, self._options.redirects_max)
        while True:
            question = Question(url=url, headers=_wishes(request, url), patience_s=request.patience_s)
            raw = self._send(question, interrupt)
            location = raw.headers.get("Location")
            if raw.status not in STATUSES or location is None:
                return PoolResponse(raw, url, interrupt)
            _drop(raw)
            interrupt.attach(None)  # the connection may be somebody else's by now
            url = trail.follow(url, location)

    def ask(self, question: Question, interrupt: Interrupt) -> PoolResponse:
        """Send ``question``; see :class:`weighbridge.http.transport.Asking`."""
        response = PoolResponse(self._send(question, interrupt), question.url, interrupt)
        if question.method == "HEAD":
            response.read(1)  # finds the end, which gives the connection back
        return response

    def close(self) -> None:
        """Drop all idle connections."""
        with self._lock:
            managers = list(self._managers.values())
            self._managers.clear()
        for manager in managers:
            for key in manager.pools.keys():  # noqa: SIM118 - it can't be iterated
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()  # else its connections live for as long as anybody holds an error of theirs
            manager.clear()

    def _send(self, question: Question, interrupt: Interrupt) -> urllib3.BaseHTTPResponse:
        origin = origin_of(question.url)
        self._await_turn(origin, question, interrupt)
        while True:
            try:
                raw = self._exchange(question, interrupt)
                break
            except TransferError as error:
                # an idle connection may end at any time, which says nothing about the request (RFC 9112, section 9.3.1)
                if interrupt.reason is not None or not (was_kept() and is_gone(error)):
                    raise
        if interrupt.reason is not None:  # then the head may have been cut by it
            raw.close()
            raise interrupt.reason
        self._pacer.note(origin, raw.status, raw.headers, time.monotonic())
        return raw

    def _exchange(self, question: Question, interrupt: Interrupt) -> urllib3.BaseHTTPResponse:
        manager = self._manager_for(origin_of(question.url))
        with breakable(interrupt), mapped(question.url, interrupt):
            return manager.urlopen(
                question.method,
                question.url,
                headers=self._headers(question),
                timeout=self._timeout(question),
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )

    def _headers(self, question: Question) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict({"User-Agent": self._options.user_agent, "Accept": "*/*"})
        headers["Accept-Encoding"] = "identity"
        for name, value in question.headers.items():
            headers[name] = value
        return headers

    def _timeout(self, question: Question) -> Timeout:
        limit = math.inf if question.timeout_s is None else question.timeout_s
        return Timeout(
            connect=min(self._options.connect_timeout_s, limit), read=min(self._options.read_timeout_s, limit)
        )

    def _await_turn(self, origin: Origin, question: Question, interrupt: Interrupt) -> None:
        while (wait := self._pacer.reserve(origin, time.monotonic())) > 0:
            shown = redact(question.url)
            if wait > self._retry.pause_max_s:
                raise RateLimitedError(
                    f"{origin} asks to be left alone for {wait:.0f} s, longer than the {self._retry.pause_max_s:g} s "
                    "that are allowed; try again later",
                    url=shown,
                    status=429,
                    retry_after_s=wait,
                )
            if wait > question.patience_s:
                raise HostPausedError(f"{origin} is to be left alone for {wait:.0f} s", url=shown, wait_s=wait)
            interrupt.sleep(wait)

    def _manager_for(self, origin: Origin) -> urllib3.PoolManager:
        proxy = self._proxy_for(origin)
        with self._lock:
            is_tls = origin.scheme == "https" or (proxy or "").startswith("https:")
            if is_tls and self._tls is None:
                self._tls = _tls_context(self._options)
                self._kwargs["ssl_context"] = self._tls
                for manager in self._managers.values():
                    manager.connection_pool_kw["ssl_context"] = self._tls
            if proxy not in self._managers:
                self._managers[proxy] = _new_manager(proxy, self._kwargs)
            return self._managers[proxy]

    def _proxy_for(self, origin: Origin) -> str | None:
        proxies = self._options.proxies
        if is_loopback(origin.host):
            return None  # a proxy would carry what is meant for this machine, tokens included, to another one
        host = f"{origin.host}:{origin.port}"
        if not proxies or proxy_bypass_environment(host, {"no": proxies.get("no", "")}):
            return None
        return proxies.get(origin.scheme) or proxies.get("all")


class PoolResponse:
    """A response whose every failure is one of ours."""

    def __init__(self, raw: urllib3.BaseHTTPResponse, url: str, interrupt: Interrupt) -> None:
        self._raw = raw
        self._interrupt = interrupt
        self.url = url
        self.status = raw.status
        self.headers: Mapping[str, str] = raw.headers

    def read(self, amount: int) -> bytes:
        """Return up to ``amount`` bytes as sent."""
        return self._read(amount, decode=False)

    def read_decoded(self, amount: int) -> bytes:
        """Return up to ``amount`` bytes with the content encoding undone."""
        return self._read(amount, decode=True)

    def close(self) -> None:
        """Drop the connection unless the body was read whole."""
        self._interrupt.attach(None)
        if self._raw.connection is not None:
            self._raw.close()
            self._raw.release_conn()

    def _read(self, amount: int, *, decode: bool) -> bytes:
        with mapped(self.url, self._interrupt):
            data = self._raw.read(amount, decode_content=decode)
        if self._raw.connection is None:
            self._interrupt.attach(None)  # the body is over, and the connection may be somebody else's by now
        self._interrupt.check()  # what an interrupted socket gave is never content
        return data


def _new_manager(proxy: str | None, kwargs: Mapping[str, Any]) -> urllib3.PoolManager:
    manager = urllib3.PoolManager(**kwargs) if proxy is None else _new_proxy_manager(proxy, kwargs)
    manager.pool_classes_by_scheme = {"http": PlainPool, "https": TLSPool}
    return manager


def _new_proxy_manager(proxy: str, kwargs: Mapping[str, Any]) -> urllib3.PoolManager:
    try:
        userinfo = parse_url(proxy).auth
        headers = make_headers(proxy_basic_auth=unquote(userinfo)) if userinfo else None
        trust = kwargs.get("ssl_context")
        return urllib3.ProxyManager(proxy, proxy_headers=headers, proxy_ssl_context=trust, **kwargs)
    except (HTTPError, ValueError):  # whose text may hold the proxy's password
        raise InvalidURLError(f"not a proxy that can be used: {redact(proxy)}", url=redact(proxy)) from None


def _wishes(request: Request, url: str) -> dict[str, str]:
    """Return the headers with which ``url`` is asked for what the request wants."""
    headers: dict[str, str] = {}
    if request.span is not None:
        headers["Range"] = format_range(request.span)
        if request.if_range is not None:
            headers["If-Range"] = request.if_range
    if origin_of(url) == request.source.origin:
        headers.update(request.source.secrets)  # which can't be any of those above: see Source
    return headers


def _drop(raw: urllib3.BaseHTTPResponse) -> None:
    length = raw.headers.get("Content-Length", "")
    if length.isdigit() and int(length) <= _DRAINABLE:
        raw.drain_conn()
    else:
        raw.close()


def _tls_context(options: HttpOptions) -> ssl.SSLContext:
    if options.ca_bundle is not None:
        bundle = str(options.ca_bundle)
        try:
            if options.ca_bundle.is_dir():
                return ssl.create_default_context(capath=bundle)
            return ssl.create_default_context(cafile=bundle)
        except OSError as error:  # SSLError included: it is no certificate
            raise InvalidParameterError(
                f"can't read trusted certificates from {options.ca_bundle}: {error.strerror or 'none in it'}"
            ) from error
    import truststore  # noqa: PLC0415 - slow to import and needed for https only

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
