"""Faults of the delivery: the reply is true, but it comes slowly, late, cut or not at all.

Offsets are bytes of the body as sent; a negative one counts from the body's end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.support.origin.contents import Held
from tests.support.origin.faultbase import BlindFault
from tests.support.origin.replies import Cut, Ending, Hold, Pace, Reply

_SMOOTH_CHUNK = 64 << 10
_CHUNKS_PER_SECOND = 50


@dataclass(frozen=True, slots=True)
class CutAfter(BlindFault):
    """Exactly ``n`` bytes of the body, then a reset (``rst``) or an orderly end."""

    n: int
    rst: bool = True

    def alter(self, reply: Reply) -> Reply:
        """Add the cut."""
        return _marked(reply, Cut(_offset(self.n, reply), _ending(self.rst)))


@dataclass(frozen=True, slots=True)
class StallAfter(BlindFault):
    """``n`` bytes of the body, then nothing for ``seconds``; None is for ever, with the socket open."""

    n: int
    seconds: float | None = None

    def alter(self, reply: Reply) -> Reply:
        """Add the silence."""
        return _marked(reply, Hold(_offset(self.n, reply), self.seconds))


@dataclass(frozen=True, slots=True)
class StallBeforeHeaders(BlindFault):
    """Not one byte for ``seconds``; None is for ever, with the socket open."""

    seconds: float | None = None

    def alter(self, reply: Reply) -> Reply:
        """Add the silence."""
        return _delayed(reply, self.seconds)


@dataclass(frozen=True, slots=True)
class Delay(BlindFault):
    """``seconds`` of latency before the head of the reply."""

    seconds: float

    def alter(self, reply: Reply) -> Reply:
        """Add the wait."""
        return _delayed(reply, self.seconds)


@dataclass(frozen=True, slots=True)
class Trickle(BlindFault):
    """``chunk`` bytes at a time at ``bytes_per_second``, from body offset ``after`` on."""

    bytes_per_second: float
    after: int = 0
    chunk: int = 1

    def alter(self, reply: Reply) -> Reply:
        """Add the pace."""
        return _paced(reply, Pace(self.bytes_per_second, after=_offset(self.after, reply), chunk=self.chunk))


@dataclass(frozen=True, slots=True)
class TrickleHeaders(BlindFault):
    """The head byte by byte at ``bytes_per_second``."""

    bytes_per_second: float

    def alter(self, reply: Reply) -> Reply:
        """Add the pace."""
        return reply.sent_as(replace(reply.delivery, head_pace=Pace(self.bytes_per_second)))


@dataclass(frozen=True, slots=True)
class SlowBandwidth(BlindFault):
    """A link of ``bytes_per_second`` for each connection, kept over all replies of that connection."""

    bytes_per_second: float

    def alter(self, reply: Reply) -> Reply:
        """Add the pace."""
        chunk = max(1, min(_SMOOTH_CHUNK, int(self.bytes_per_second / _CHUNKS_PER_SECOND)))
        return _paced(reply, Pace(self.bytes_per_second, chunk=chunk))


@dataclass(frozen=True, slots=True)
class CloseAfterResponse(BlindFault):
    """A whole reply, then the connection ends unannounced, as an idle one does."""

    rst: bool = False

    def alter(self, reply: Reply) -> Reply:
        """Add the end."""
        return reply.sent_as(replace(reply.delivery, ending=_ending(self.rst)))


@dataclass(frozen=True, slots=True)
class CutHeaders(BlindFault):
    """``n`` bytes of the head, then the end of the connection."""

    n: int
    rst: bool = True

    def alter(self, reply: Reply) -> Reply:
        """Send the beginning of the head, and no body."""
        delivery = replace(reply.delivery, ending=_ending(self.rst))
        return replace(reply, raw_head=reply.render_head()[: self.n], body=Held(b""), delivery=delivery)


@dataclass(frozen=True, slots=True)
class CloseBeforeResponse(BlindFault):
    """The request is read and the connection ends without one byte."""

    rst: bool = False

    def alter(self, reply: Reply) -> Reply:
        """Send nothing."""
        return CutHeaders(0, rst=self.rst).alter(reply)


def _marked(reply: Reply, mark: Cut | Hold) -> Reply:
    return reply.sent_as(replace(reply.delivery, marks=(*reply.delivery.marks, mark)))


def _paced(reply: Reply, pace: Pace) -> Reply:
    return reply.sent_as(replace(reply.delivery, paces=(*reply.delivery.paces, pace)))


def _delayed(reply: Reply, seconds: float | None) -> Reply:
    return reply.sent_as(replace(reply.delivery, pauses=(*reply.delivery.pauses, seconds)))


def _offset(n: int, reply: Reply) -> int:
    return n if n >= 0 else max(0, reply.body.size + n)


def _ending(rst: bool) -> Ending:
    return Ending.RST if rst else Ending.FIN
