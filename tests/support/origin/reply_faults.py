"""Faults of the head: another status, another place to look, or headers that are not true."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Protocol

from tests.support.origin.contents import Held
from tests.support.origin.faultbase import BlindFault, Exchange, Fault
from tests.support.origin.replies import Ending, Reply, text_reply


class SignsUrls(Protocol):
    """A server that hands out URLs that expire."""

    def signed(self, path: str, ttl_s: float) -> str:
        """Return an absolute URL of ``path`` that is good for ``ttl_s`` seconds."""


@dataclass(frozen=True, slots=True)
class Status(BlindFault):
    """Any status, with a body and headers of one's own; the phrase of the status unless told."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    reason: str | None = None

    def alter(self, reply: Reply) -> Reply:
        """Answer so."""
        other = text_reply(self.code).with_headers(self.headers)
        body = other.body if self.body is None else Held(self.body)
        return replace(other, body=body, reason=self.reason, delivery=reply.delivery)


@dataclass(frozen=True, slots=True)
class RetryAfter(BlindFault):
    """Not now: ``code`` with ``Retry-After`` in seconds."""

    seconds: float
    code: int = 429

    def alter(self, reply: Reply) -> Reply:
        """Refuse."""
        return Status(self.code, {"Retry-After": f"{self.seconds:g}"}).alter(reply)


@dataclass(frozen=True, slots=True)
class RetryAfterDate(BlindFault):
    """Not now: ``code`` with ``Retry-After`` as the HTTP date at least ``seconds`` from the reply on.

    Such a date has whole seconds, so it lies up to one second later.
    """

    seconds: float
    code: int = 429

    def alter(self, reply: Reply) -> Reply:
        """Refuse."""
        date = formatdate(math.ceil(time.time() + self.seconds), usegmt=True)
        return Status(self.code, {"Retry-After": date}).alter(reply)


@dataclass(frozen=True, slots=True)
class RateLimited(BlindFault):
    """Too many requests, told as the Hub does: ``RateLimit: "api";r=0;t=<seconds>``, no ``Retry-After``."""

    seconds: int
    code: int = 429

    def alter(self, reply: Reply) -> Reply:
        """Refuse."""
        headers = {
            "RateLimit": f'"api";r=0;t={self.seconds}',
            "RateLimit-Policy": '"fixed window";"api";q=500;w=300',
        }
        return Status(self.code, headers).alter(reply)


@dataclass(frozen=True, slots=True)
class RateLimitedOld(BlindFault):
    """Too many requests, told by the older ``RateLimit-Limit``, ``-Remaining`` and ``-Reset``."""

    seconds: int
    code: int = 429

    def alter(self, reply: Reply) -> Reply:
        """Refuse."""
        headers = {"RateLimit-Limit": "500", "RateLimit-Remaining": "0", "RateLimit-Reset": str(self.seconds)}
        return Status(self.code, headers).alter(reply)


@dataclass(frozen=True, slots=True)
class Redirect(BlindFault):
    """Look elsewhere: ``to`` goes out as it is, so it may be relative or lead to another server."""

    to: str
    code: int = 302

    def alter(self, reply: Reply) -> Reply:
        """Point there."""
        return Status(self.code, {"Location": self.to}).alter(reply)


@dataclass(frozen=True, slots=True)
class RedirectLoop(Fault):
    """A redirect to what was just asked for."""

    code: int = 302

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Point back."""
        return Redirect(exchange.request.target, self.code).alter(reply)


@dataclass(frozen=True, slots=True)
class RedirectChain(Fault):
    """``hops`` relative redirects, counted in the query, and then the reply itself."""

    hops: int
    code: int = 302

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Point one hop further, or answer."""
        hop = int(exchange.request.query.get("hop", "0"))
        return reply if hop >= self.hops else Redirect(f"?hop={hop + 1}", self.code).alter(reply)


@dataclass(frozen=True, slots=True)
class RedirectSigned(Fault):
    """A redirect to a fresh signed URL of ``path`` on another server; None is the path that was asked for."""

    to_server: SignsUrls
    path: str | None = None
    ttl_s: float = 2.0
    code: int = 302

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Sign and point there."""
        path = exchange.request.path if self.path is None else self.path
        return Redirect(self.to_server.signed(path, self.ttl_s), self.code).alter(reply)


@dataclass(frozen=True, slots=True)
class ExtraHeaders(BlindFault):
    """These headers in place of those of the same names; the framing headers are not among them."""

    headers: Mapping[str, str]

    def alter(self, reply: Reply) -> Reply:
        """Set them."""
        return reply.with_headers(self.headers)


@dataclass(frozen=True, slots=True)
class WithoutHeaders(BlindFault):
    """The reply without the headers of these names."""

    names: tuple[str, ...]

    def alter(self, reply: Reply) -> Reply:
        """Drop them."""
        return reply.without_headers(*self.names)


@dataclass(frozen=True, slots=True)
class ChangeEtag(Fault):
    """Another ETag than the resource's on the same bytes; None is a new one for every reply."""

    etag: str | None = None

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Change it."""
        return reply.with_headers({"ETag": self.etag or f'"changed-{exchange.ordinal}"'})


@dataclass(frozen=True, slots=True)
class HugeHeaders(BlindFault):
    """``lines`` more header lines of ``length`` bytes each."""

    lines: int = 1000
    length: int = 1000

    def alter(self, reply: Reply) -> Reply:
        """Add them."""
        return reply.with_headers({f"X-Pad-{line:06}": "a" * max(0, self.length - 14) for line in range(self.lines)})


@dataclass(frozen=True, slots=True)
class GarbageHeaders(BlindFault):
    """Something that is not HTTP, then the end."""

    data: bytes = b"SSH-2.0-OpenSSH_9.2p1\r\n\x00\x01\xff\xfe\x80 no such protocol\r\n\r\n"

    def alter(self, reply: Reply) -> Reply:
        """Send it."""
        delivery = replace(reply.delivery, ending=Ending.FIN)
        return replace(reply, raw_head=self.data, body=Held(b""), delivery=delivery)
