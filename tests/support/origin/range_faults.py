"""Faults of a partial reply: the range asked for, the one claimed and the bytes sent are not the same.

All but ``IgnoreRange`` leave alone what is not a 206.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus

from tests.support.origin.contents import Content, Held, Joined, Slice, Zeros, rotated
from tests.support.origin.faultbase import Exchange, Fault
from tests.support.origin.honest import Resource, content_range, whole_reply
from tests.support.origin.replies import Reply, Span

_BOUNDARY = "3d6b6a416f9b5"


class RangeFault(Fault):
    """A fault of a 206."""

    __slots__ = ()

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Lie about the range, if there is one."""
        if reply.status != HTTPStatus.PARTIAL_CONTENT or reply.span is None or exchange.resource is None:
            return reply
        return self.misplace(reply, reply.span, exchange.resource)

    def misplace(self, reply: Reply, span: Span, resource: Resource) -> Reply:
        """Return the lie that stands for ``span`` of ``resource``."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class IgnoreRange(Fault):
    """The whole resource with a 200, whatever range was asked for."""

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Answer as if there were no ``Range``."""
        if reply.status not in (206, 416) or exchange.resource is None:
            return reply
        return whole_reply(exchange.resource).sent_as(reply.delivery)


@dataclass(frozen=True, slots=True)
class WrongOffset(RangeFault):
    """Another range, honestly labelled: moved by ``delta`` bytes and cut at the ends of the resource."""

    delta: int

    def misplace(self, reply: Reply, span: Span, resource: Resource) -> Reply:
        """Send the moved range."""
        size = resource.content.size
        start = min(max(0, span.start + self.delta), size - 1)
        return _claim(reply, resource, Span(start, min(start + span.size, size)))


@dataclass(frozen=True, slots=True)
class ShiftedBody(RangeFault):
    """The right label and the right length, with the bytes that lie ``delta`` further on (around the end)."""

    delta: int

    def misplace(self, reply: Reply, span: Span, resource: Resource) -> Reply:
        """Send the bytes from elsewhere."""
        return replace(reply, body=Slice(rotated(resource.content, self.delta), *span))


@dataclass(frozen=True, slots=True)
class OverLong(RangeFault):
    """The range as asked in ``Content-Range``, but ``extra`` more bytes in body and ``Content-Length``.

    The extra bytes are those that follow in the resource, then zeros.
    """

    extra: int

    def misplace(self, reply: Reply, span: Span, resource: Resource) -> Reply:
        """Send more than was asked for."""
        following = Slice(resource.content, span.stop, min(span.stop + self.extra, resource.content.size))
        beyond = Zeros(self.extra - following.size)
        return replace(reply, body=Joined((reply.body, following, beyond)))


@dataclass(frozen=True, slots=True)
class WiderRange(RangeFault):
    """A range up to ``extra`` bytes longer than asked, honestly labelled."""

    extra: int

    def misplace(self, reply: Reply, span: Span, resource: Resource) -> Reply:
        """Send the wider range."""
        return _claim(reply, resource, Span(span.start, min(span.stop + self.extra, resource.content.size)))


@dataclass(frozen=True, slots=True)
class ShortRange(RangeFault):
    """Only the first ``n`` bytes of the range asked for, honestly labelled, as the RFC allows."""

    n: int

    def misplace(self, reply: Reply, span: Span, resource: Resource) -> Reply:
        """Send the shorter range."""
        return _claim(reply, resource, Span(span.start, span.start + max(1, min(self.n, span.size))))


@dataclass(frozen=True, slots=True)
class WrongTotal(RangeFault):
    """The right bytes of a resource that is said to have ``total`` bytes."""

    total: int

    def misplace(self, reply: Reply, span: Span, resource: Resource) -> Reply:  # noqa: ARG002 - the label only
        """Change the label."""
        return reply.with_headers({"Content-Range": content_range(span, self.total)})


@dataclass(frozen=True, slots=True)
class UnknownTotal(RangeFault):
    """The right bytes, the total given as ``*``."""

    def misplace(self, reply: Reply, span: Span, resource: Resource) -> Reply:  # noqa: ARG002 - the label only
        """Change the label."""
        return reply.with_headers({"Content-Range": content_range(span, "*")})


@dataclass(frozen=True, slots=True)
class NoContentRange(RangeFault):
    """The right bytes with no word on which they are."""

    def misplace(self, reply: Reply, span: Span, resource: Resource) -> Reply:  # noqa: ARG002 - the label only
        """Drop the label."""
        return reply.without_headers("Content-Range")


@dataclass(frozen=True, slots=True)
class Multipart(RangeFault):
    """One range wrapped as ``multipart/byteranges``."""

    def misplace(self, reply: Reply, span: Span, resource: Resource) -> Reply:
        """Wrap the part."""
        label = content_range(span, resource.content.size)
        before = f"--{_BOUNDARY}\r\nContent-Type: application/octet-stream\r\nContent-Range: {label}\r\n\r\n"
        parts: tuple[Content, ...] = (
            Held(before.encode()),
            reply.body,
            Held(f"\r\n--{_BOUNDARY}--\r\n".encode()),
        )
        kind = {"Content-Type": f"multipart/byteranges; boundary={_BOUNDARY}"}
        return replace(reply.without_headers("Content-Range").with_headers(kind), body=Joined(parts))


def _claim(reply: Reply, resource: Resource, span: Span) -> Reply:
    label = {"Content-Range": content_range(span, resource.content.size)}
    return replace(reply.with_headers(label), body=Slice(resource.content, *span), span=span)
