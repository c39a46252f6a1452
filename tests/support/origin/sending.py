"""Sends one reply over one connection, byte by byte as its delivery says."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import cast

from tests.support.origin.gate import Gate
from tests.support.origin.ledger import Account
from tests.support.origin.replies import Cut, Ending, Framing, Hold, Pace, Reply
from tests.support.origin.wire import ConnectionOverError, Wire

_GATE_CHECK_S = 0.02


def send_reply(reply: Reply, wire: Wire, account: Account, gate: Gate | None = None) -> None:
    """Send head and body of ``reply`` and end the connection if it says so.

    Raises:
        ConnectionOverError: The connection can't be used for another request.
    """
    has_body = reply.has_body and bool(reply.body.size or reply.delivery.marks or reply.framing is Framing.CHUNKED)
    if not has_body:
        send_head_of(reply, wire, account)
        return
    _begin(reply, wire, account)
    _send_paced(reply.render_head(), reply.delivery.head_pace, wire)
    _Body(reply, wire, account, gate).send()
    _end(reply.ending, wire)


def send_head_of(reply: Reply, wire: Wire, account: Account) -> None:
    """Send what ``send_reply`` sends before the body, as the whole answer to a ``HEAD``.

    Raises:
        ConnectionOverError: The connection can't be used for another request.
    """
    _begin(reply, wire, account)
    account.close("whole" if reply.raw_head is None else "cut")
    with _gone_if_broken(account):
        _send_paced(reply.render_head(), reply.delivery.head_pace, wire)
    _end(reply.ending, wire)


@contextmanager
def _gone_if_broken(account: Account) -> Iterator[None]:
    """Book the reply as not taken when the client takes no more, even if it was booked as sent."""
    try:
        yield
    except ConnectionOverError:
        account.close("gone")
        raise


def _begin(reply: Reply, wire: Wire, account: Account) -> None:
    for pause in reply.delivery.pauses:
        wire.stall(pause)
    account.begin(reply.status if reply.raw_head is None else None)


def _send_paced(data: bytes, pace: Pace | None, wire: Wire) -> None:
    if pace is None:
        wire.send(data)
        return
    wire.start_pacing()
    for at in range(0, len(data), pace.chunk):
        part = data[at : at + pace.chunk]
        wire.send(part)
        wire.rest(len(part), pace)


def _end(ending: Ending, wire: Wire) -> None:
    if ending is Ending.KEEP:
        return
    if ending is Ending.RST:
        wire.reset()
    else:
        wire.finish()
    raise ConnectionOverError


class _Body:
    """The body of one reply on its way, and how far it is."""

    def __init__(self, reply: Reply, wire: Wire, account: Account, gate: Gate | None) -> None:
        self._reply = reply
        self._wire = wire
        self._account = account
        self._gate = gate
        self._sent = 0
        self._marks = sorted(reply.delivery.marks, key=lambda mark: mark.at)
        self._stops = [mark.at for mark in self._marks] + [pace.after for pace in reply.delivery.paces]

    def send(self) -> None:
        """Send all of it, marks considered."""
        body = self._reply.body
        self._wire.start_pacing()
        with closing(cast("Generator[memoryview]", body.chunks(0, body.size))) as chunks:
            for chunk in chunks:
                self._send_chunk(chunk)
        self._pass_marks()
        self._account.close("whole")
        if self._reply.framing is Framing.CHUNKED:
            self._wire.send(b"0\r\n\r\n")

    def _send_chunk(self, view: memoryview) -> None:
        while view:
            self._pass_marks()
            pace = self._pace()
            part = view[: self._step(len(view), pace)]
            granted = self._ask_gate(len(part))
            self._send_part(view[:granted])
            view = view[granted:]
            if pace is not None:
                self._wire.rest(granted, pace)

    def _pass_marks(self) -> None:
        while self._marks and self._marks[0].at <= self._sent:
            mark = self._marks.pop(0)
            if isinstance(mark, Hold):
                self._wire.stall(mark.seconds)
            else:
                self._cut(mark)

    def _cut(self, mark: Cut) -> None:
        self._account.close("cut")
        _end(mark.ending, self._wire)

    def _pace(self) -> Pace | None:
        paces = [pace for pace in self._reply.delivery.paces if pace.after <= self._sent]
        return min(paces, key=lambda pace: pace.bytes_per_second, default=None)

    def _step(self, available: int, pace: Pace | None) -> int:
        ahead = [stop - self._sent for stop in self._stops if stop > self._sent]
        return min([available, *ahead, *([pace.chunk] if pace else [])])

    def _ask_gate(self, wanted: int) -> int:
        if self._gate is None:
            return wanted
        while not (granted := self._gate.take(wanted)):
            if not self._gate.wait_released(_GATE_CHECK_S):
                self._wire.stall(0)
        return granted

    def _send_part(self, part: memoryview) -> None:
        self._sent += len(part)
        self._account.count(len(part))
        unsent = 0
        try:
            with _gone_if_broken(self._account):
                self._put(part)
        except ConnectionOverError as error:
            unsent = min(error.unsent, len(part))
            self._account.count(-unsent)
            raise
        finally:
            if self._gate is not None:
                self._gate.settle(len(part), len(part) - unsent)

    def _put(self, part: memoryview) -> None:
        if self._reply.framing is Framing.CHUNKED:
            self._wire.send(b"".join((b"%x\r\n" % len(part), part, b"\r\n")))
        elif self._sent == self._reply.body.size and not self._marks:
            # The client can't have the reply before it is booked as sent: the last byte waits for that.
            last = self._wire.send_all_but_one(part)
            self._account.close("whole")
            self._wire.send(last)
        else:
            self._wire.send(part)
