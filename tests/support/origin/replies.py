"""Replies as values: what is claimed, what is sent, and how the sending goes; no sockets."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

from tests.support.origin.contents import Content, Held

Headers = tuple[tuple[str, str], ...]


class Span(NamedTuple):
    """The bytes ``[start, stop)`` of a resource."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """Bytes in it."""
        return self.stop - self.start


class Framing(enum.Enum):
    """How the client is told where the body ends."""

    LENGTH = "Content-Length"
    CHUNKED = "Transfer-Encoding: chunked"
    CLOSE = "the end of the connection"


class Ending(enum.Enum):
    """What happens to the connection after the last byte."""

    KEEP = "kept for the next request"
    FIN = "closed in order"
    RST = "reset"


@dataclass(frozen=True, slots=True)
class Cut:
    """At body offset ``at`` the connection ends, in order or by a reset."""

    at: int
    ending: Ending


@dataclass(frozen=True, slots=True)
class Hold:
    """At body offset ``at`` nothing is sent for ``seconds``; None is until the connection ends."""

    at: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Pace:
    """From body offset ``after`` on, ``chunk`` bytes are sent at a time, ``bytes_per_second`` on average."""

    bytes_per_second: float
    after: int = 0
    chunk: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a reply is sent.

    Attributes:
        pauses: Seconds of silence before the first byte of the head, one after the other; None is until the
            connection ends.
        head_pace: How fast the head goes; None is at once.
        paces: How fast the body goes; where several hold, the slowest does.
        marks: What happens at offsets of the body, in any order.
        ending: What happens to the connection afterwards.
    """

    pauses: tuple[float | None, ...] = ()
    head_pace: Pace | None = None
    paces: tuple[Pace, ...] = ()
    marks: tuple[Cut | Hold, ...] = ()
    ending: Ending = Ending.KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply, true or not.

    Attributes:
        status: The code.
        headers: In order; without those that frame the body.
        body: What is sent.
        span: Which bytes of the resource the body claims to be, where it is a part of one.
        reason: The phrase; None is the usual one.
        version: As it appears in the status line.
        framing: How the end of the body is told.
        declared_length: What ``Content-Length`` says; None is the truth.
        raw_head: Bytes sent in place of status line and headers; None is none.
        delivery: How it is sent.
    """

    status: int
    headers: Headers = ()
    body: Content = field(default_factory=lambda: Held(b""))
    span: Span | None = None
    reason: str | None = None
    version: str = "HTTP/1.1"
    framing: Framing = Framing.LENGTH
    declared_length: int | None = None
    raw_head: bytes | None = None
    delivery: Delivery = Delivery()

    @property
    def is_success(self) -> bool:
        """Whether it is a 2xx."""
        return self.status // 100 == 2

    @property
    def has_body(self) -> bool:
        """Whether a body may follow this status."""
        return self.status >= HTTPStatus.OK and self.status not in (
            HTTPStatus.NO_CONTENT,
            HTTPStatus.NOT_MODIFIED,
        )

    @property
    def ending(self) -> Ending:
        """What happens to the connection afterwards, framing considered."""
        if self.framing is Framing.CLOSE and self.delivery.ending is Ending.KEEP:
            return Ending.FIN
        return self.delivery.ending

    def header(self, name: str) -> str | None:
        """Return the value of the first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def with_headers(self, headers: Mapping[str, str]) -> Reply:
        """Return the reply with these headers in place of those of the same names."""
        return replace(self, headers=self.without_headers(*headers).headers + tuple(headers.items()))

    def without_headers(self, *names: str) -> Reply:
        """Return the reply without the headers of these names, in any case."""
        dropped = {name.lower() for name in names}
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0].lower() not in dropped))

    def sent_as(self, delivery: Delivery) -> Reply:
        """Return the reply, sent another way."""
        return replace(self, delivery=delivery)

    def render_head(self) -> bytes:
        """Return what goes over the wire before the body."""
        if self.raw_head is not None:
            return self.raw_head
        reason = _phrase(self.status) if self.reason is None else self.reason
        lines = [f"{self.version} {self.status} {reason}", f"Date: {formatdate(usegmt=True)}"]
        lines += [f"{name}: {value}" for name, value in (*self.headers, *self._framing_headers())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _framing_headers(self) -> Headers:
        if not self.has_body:
            return ()
        if self.framing is Framing.CHUNKED:
            return (("Transfer-Encoding", "chunked"),)
        if self.framing is Framing.CLOSE:
            return (("Connection", "close"),)
        length = self.body.size if self.declared_length is None else self.declared_length
        return (("Content-Length", str(length)),)


def text_reply(status: int, text: str | None = None) -> Reply:
    """Return a reply whose body is ``text``, or else the usual phrase of the status."""
    body = Held((_phrase(status) if text is None else text).encode())
    return Reply(status=status, headers=(("Content-Type", "text/plain"),), body=body)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
