"""Faults of the body: other bytes than the resource's, in another wrapping, or another length than told."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass, replace

from tests.support.origin.contents import Flipped, Held, Joined, Slice, Zeros, read_all
from tests.support.origin.faultbase import BlindFault, Exchange, Fault
from tests.support.origin.replies import Ending, Framing, Reply

_MEMBER = 1 << 20
_PORTAL = b"<!doctype html><title>Sign in</title><h1>Welcome to the network</h1><p>Please sign in.</p>\n"


@dataclass(frozen=True, slots=True)
class Gzip(BlindFault):
    """The body compressed, although identity was asked for; with ``& Chunked()`` no length is told."""

    def alter(self, reply: Reply) -> Reply:
        """Compress it, all else unchanged."""
        body = Held(gzip.compress(read_all(reply.body), compresslevel=1, mtime=0))
        return replace(reply.with_headers({"Content-Encoding": "gzip"}), body=body)


@dataclass(frozen=True, slots=True)
class GzipBomb(BlindFault):
    """A small gzip body that unpacks to ``size`` zeros, whole mebibytes."""

    size: int

    def alter(self, reply: Reply) -> Reply:
        """Replace the body."""
        member = Held(gzip.compress(bytes(_MEMBER), mtime=0))
        body = Joined((member,) * max(1, self.size // _MEMBER))
        return replace(reply.with_headers({"Content-Encoding": "gzip"}), body=body)


@dataclass(frozen=True, slots=True)
class Chunked(BlindFault):
    """The body in chunks, no length told; ``& CutAfter(n)`` leaves out the rest and the last chunk."""

    def alter(self, reply: Reply) -> Reply:
        """Change the framing."""
        return replace(reply, framing=Framing.CHUNKED)


@dataclass(frozen=True, slots=True)
class CloseDelimited(BlindFault):
    """HTTP/1.0: no length, the end of the connection is the end of the body.

    With ``& CutAfter(n, rst=False)`` the body is short and nothing on the wire tells.
    """

    def alter(self, reply: Reply) -> Reply:
        """Change version and framing."""
        return replace(reply, framing=Framing.CLOSE, version="HTTP/1.0")


@dataclass(frozen=True, slots=True)
class LengthLie(BlindFault):
    """A ``Content-Length`` that is ``delta`` bytes more (below 0: fewer) than are sent before the end."""

    delta: int

    def alter(self, reply: Reply) -> Reply:
        """Change the length told."""
        length = max(0, reply.body.size + self.delta)
        return replace(reply, declared_length=length, delivery=replace(reply.delivery, ending=Ending.FIN))


@dataclass(frozen=True, slots=True)
class FlipByte(Fault):
    """One bit of the resource's byte at ``offset`` is wrong wherever sent; negative counts from its end."""

    offset: int

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Turn the bit over, if its byte is among those sent."""
        if reply.span is None or exchange.resource is None:
            return reply
        at = self.offset if self.offset >= 0 else exchange.resource.content.size + self.offset
        return replace(reply, body=Flipped(reply.body, at - reply.span.start))


@dataclass(frozen=True, slots=True)
class FlipElsewhere(Fault):
    """One bit of each body is wrong, each time at another place, which depends on the request's ordinal."""

    seed: int = 0

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Turn the bit over."""
        if not reply.body.size:
            return reply
        draw = hashlib.blake2b(b"%d/%d" % (self.seed, exchange.ordinal), digest_size=8).digest()
        return replace(reply, body=Flipped(reply.body, int.from_bytes(draw) % reply.body.size))


@dataclass(frozen=True, slots=True)
class EmptyBody(BlindFault):
    """The head of a reply with content, and an honest length of nothing."""

    def alter(self, reply: Reply) -> Reply:
        """Drop the body."""
        return replace(reply, body=Slice(reply.body, 0, 0))


@dataclass(frozen=True, slots=True)
class EndlessBody(BlindFault):
    """The body, then zeros for ever; to be ended by a close that never comes, or ``& Chunked()``."""

    def alter(self, reply: Reply) -> Reply:
        """Make it endless."""
        return replace(reply, body=Joined((reply.body, Zeros())), framing=Framing.CLOSE)


@dataclass(frozen=True, slots=True)
class Html200(BlindFault):
    """A captive portal: its sign-in page with status 200."""

    page: bytes = _PORTAL

    def alter(self, reply: Reply) -> Reply:
        """Send the page."""
        headers = (("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"))
        return Reply(status=200, headers=headers, body=Held(self.page), delivery=reply.delivery)
