"""Lies that know whether they were told: what a tool never met it has not withstood."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tests.support.fault_server import Request
from tests.support.faults import CutAfter, Exchange, Fault, Reply
from tests.support.origin.contents import Content
from tests.support.origin.faultbase import BlindFault


class Watched(Fault):
    """A fault that notes whether an answer with it was ever sent, as far as the byte at which it begins."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._told = threading.Event()

    @property
    def is_told(self) -> bool:
        """Whether it ever was."""
        return self._told.is_set()

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Lie, and note it when the lie is on its way."""
        shaped = self._fault.shape(reply, exchange)
        if shaped is reply:
            return reply
        delivery = shaped.delivery
        begins = min((*(mark.at for mark in delivery.marks), *(pace.after for pace in delivery.paces)), default=0)
        if begins == 0:
            self._told.set()
            return shaped
        return replace(shaped, body=_Noted(shaped.body, begins, self._told.set))


class OnceAt(Fault):
    """The first answer that is sent as far as a byte of the file goes wrong there, whichever connection has it.

    A tool that asks for the file piece by piece meets it as well as one that asks for all of it at once. It knows
    whether it was met, so each play needs its own.

    Args:
        position: Of the byte, in the file.
        begin: Returns what goes wrong from an offset of an answer's body on.
        then: Done at that moment.
    """

    def __init__(self, position: int, begin: Callable[[int], Fault], then: Callable[[], object] = bool) -> None:
        self._position = position
        self._begin = begin
        self._then = then
        self._told = threading.Event()

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Lie, if the byte is among those that are sent and nobody has met it yet."""
        span = reply.span
        if self._told.is_set() or span is None or not span.start < self._position < span.stop:
            return reply
        at = self._position - span.start
        shaped = self._begin(at).shape(reply, exchange)
        return replace(shaped, body=_Noted(shaped.body, at, self._meet))

    def _meet(self) -> None:
        if not self._told.is_set():
            self._told.set()
            self._then()


@dataclass(frozen=True, slots=True)
class CutShare(BlindFault):
    """The connection ends when so many hundredths of the body were sent.

    Attributes:
        percent: Of the body, below 100.
        rst: Whether it is reset, and not ended in order.
    """

    percent: int
    rst: bool = True

    def alter(self, reply: Reply) -> Reply:
        """Add the cut."""
        return CutAfter(max(1, reply.body.size * self.percent // 100), rst=self.rst).alter(reply)


def has_byte(position: int) -> Callable[[Request], bool]:
    """Return the question whether the byte at ``position`` is among those that a request is for."""

    def holds(request: Request) -> bool:
        first, _, last = request.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")
        return int(first or 0) <= position <= int(last or position)

    return holds


@dataclass(frozen=True, slots=True)
class _Noted:
    """A body that says when it was sent as far as an offset."""

    content: Content
    at: int
    reached: Callable[[], None]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.content.size

    def chunks(self, start: int, stop: int) -> Iterator[memoryview]:
        """Yield the bytes; whoever asks for what follows the offset has sent what is before it."""
        if start < self.at:
            yield from self.content.chunks(start, min(self.at, stop))
        if start <= self.at <= stop:
            self.reached()
        if stop > self.at:
            yield from self.content.chunks(max(start, self.at), stop)
