"""Fetches one piece and checks status, range and validator before any byte is written."""

from __future__ import annotations

import time
from collections.abc import Callable

from weighbridge.core.errors import SizeMismatchError, TruncatedError
from weighbridge.core.options import KIB, MIB
from weighbridge.http.transport import Transport
from weighbridge.transfer.answers import Question, read_answer
from weighbridge.transfer.dispatch import Dispatcher
from weighbridge.transfer.job import Job
from weighbridge.transfer.piece import Piece
from weighbridge.transfer.throttle import Throttle

_SMALLEST_READ = 4 * KIB  # a slow connection shows within seconds that it is alive
_GROWTH = 4
_QUICK_S = 0.02
_SLOW_S = 0.2
_RECORD_BYTES = 4 * MIB
_RECORD_S = 0.2


def fetch(job: Job, piece: Piece, desk: Dispatcher, transport: Transport, throttle: Throttle) -> None:
    """Fetch ``piece`` of ``job``.

    Reads grow and shrink so that each takes a fraction of a second: large ones cost less, and only what was read to
    its end counts, for the watch and for whoever would take over a silent piece.

    Args:
        job: Whose.
        piece: What to fetch.
        desk: Where to report.
        transport: Who asks.
        throttle: Shared cap on bytes a second.

    Raises:
        WeighbridgeError: Why the piece, or the rest of it, did not come.
    """
    request = piece.request()
    response = transport.open(request, piece.interrupt)
    try:
        piece.landed = response.url
        question = Question(span=request.span, size=piece.known_size)
        answer = read_answer(question, response.status, response.headers, response.url)
        desk.accept(job, piece, answer, response.url)
        read = response.read_decoded if answer.is_encoded else response.read
        _copy(job, piece, desk, read, throttle)
        if answer.stop is None and job.artifact.digest is None and read(1):
            raise SizeMismatchError(
                f"{piece.state.source} sends more than the {job.size} bytes that were promised",
                expected=job.size,
                actual=None,
                url=str(piece.state.source),
            )
    finally:
        response.close()
        desk.record(job, piece)


def _copy(job: Job, piece: Piece, desk: Dispatcher, read: Callable[[int], bytes], throttle: Throttle) -> None:
    read_size = throttle.read_limit(job.options.read_size)
    amount = min(_SMALLEST_READ, read_size)
    recorded_at = time.monotonic()
    while (wanted := desk.reserve(piece, amount)) > 0:
        began = time.monotonic()
        data = read(wanted)
        if not data:
            break
        took = time.monotonic() - began
        amount = _next_amount(amount, len(data), took, read_size)
        desk.write(job, piece, data)
        throttle.take(len(data), piece.interrupt)
        if piece.position - piece.recorded >= _RECORD_BYTES or began - recorded_at >= _RECORD_S:
            desk.record(job, piece)
            recorded_at = began
    if piece.stop is not None and piece.position < piece.stop:
        raise TruncatedError(
            f"{piece.state.source} ended its answer {piece.stop - piece.position} bytes early",
            url=str(piece.state.source),
            offset=piece.position,
        )
    desk.end_body(job, piece)


def _next_amount(amount: int, came: int, took_s: float, read_size: int) -> int:
    if came == amount and took_s < _QUICK_S:
        return min(read_size, amount * _GROWTH)
    if took_s > _SLOW_S:
        return max(min(_SMALLEST_READ, read_size), amount // 2)
    return amount
