"""URLs as we may show them, the origins they belong to, and how a redirect continues them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from weighbridge.core.errors import InvalidURLError

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?", re.ASCII | re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNREADABLE = "(not a URL)"
_IPV6 = 6


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: what a secret is bound to (RFC 6454, section 4)."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if _DEFAULT_PORTS[self.scheme] == self.port else f":{self.port}")

    @property
    def may_see_secrets(self) -> bool:
        """Whether a secret may travel there at all: https, or plain http that never leaves this machine."""
        return self.scheme == "https" or is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` names this machine: ``localhost``, ``127.0.0.0/8`` or ``::1``."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_url(url: str) -> tuple[str, Origin, str | None]:
    """Check an absolute http(s) URL and take the credentials out of it.

    Returns:
        The URL without user, password and fragment; its origin; ``user:password`` or None.

    Raises:
        InvalidURLError: Not text, not http(s), no host or one that no client agrees on, a bad port, or control
            characters inside.
    """
    parts = _split(url)
    origin = _origin(parts, url)
    host = parts.netloc.rpartition("@")[2]
    bare = urlunsplit((origin.scheme, host, _quote_spaces(parts.path) or "/", parts.query, ""))
    userinfo = None
    if parts.username or parts.password:
        userinfo = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return bare, origin, userinfo


@lru_cache(maxsize=256)  # each request asks several times
def origin_of(url: str) -> Origin:
    """Return the origin of an absolute http(s) URL; raises :class:`InvalidURLError` as :func:`parse_url`."""
    return _origin(_split(url), url)


def follow(url: str, location: str) -> str:
    """Return where ``location``, sent by the server of ``url``, leads (RFC 9110, section 10.2.2).

    Raises:
        InvalidURLError: The result is not an absolute http(s) URL.
    """
    try:
        target = urljoin(url, location.strip().replace(" ", "%20"))
    except ValueError:  # whose text may hold a password
        raise InvalidURLError(f"{redact(url)} leads to no URL", url=redact(url)) from None
    return parse_url(target)[0]


def redact(url: object) -> str:
    """Return ``url`` as it may be shown: without user, password, query and fragment.

    A query is where signatures and tokens live, so it is replaced by ``?…`` whole.  Never raises.
    """
    try:
        parts = urlsplit(str(url))
        host, _ = parts.netloc.rpartition("@")[2], parts.port  # a bad port may be half of an unescaped password
    except ValueError:
        return _UNREADABLE
    if not parts.scheme or not host:
        return _UNREADABLE
    shown = urlunsplit((parts.scheme, host, parts.path, "", "")) + ("?…" if parts.query else "")
    return _CONTROL.sub("?", shown)


def _split(url: str) -> SplitResult:
    given: object = url
    if not isinstance(given, str) or _CONTROL.search(given):
        raise InvalidURLError(f"not a URL: {redact(url)}; it is no text or has control characters", url=redact(url))
    try:
        return urlsplit(url.strip())
    except ValueError:  # whose text may hold a password
        raise InvalidURLError(f"not a URL: {redact(url)}", url=redact(url)) from None


def _origin(parts: SplitResult, url: str) -> Origin:
    scheme = parts.scheme.lower()
    try:
        host, port = parts.hostname, parts.port
    except ValueError:  # whose text may hold a password
        raise InvalidURLError(f"not a URL: {redact(url)}; its port is no number", url=redact(url)) from None
    if scheme not in _DEFAULT_PORTS or not host:
        raise InvalidURLError(f"not an absolute http or https URL: {redact(url)}", url=redact(url))
    if port == 0 or "\\" in parts.netloc or not _is_host(host, is_literal="[" in parts.netloc):
        raise InvalidURLError(f"no machine can have the address in {redact(url)}; write it in ASCII", url=redact(url))
    return Origin(scheme, host.lower(), _DEFAULT_PORTS[scheme] if port is None else port)


def _is_host(host: str, *, is_literal: bool) -> bool:
    """Tell whether every client reads ``host`` alike: where two differ, secrets and rules follow the wrong one."""
    if not is_literal:
        return _HOST.fullmatch(host) is not None
    try:
        return ipaddress.ip_address(host).version == _IPV6
    except ValueError:
        return False


def _quote_spaces(path: str) -> str:
    return path.replace(" ", "%20")
