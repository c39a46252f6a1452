"""Jobs whose moments are driven by hand: no threads, no sockets, the clock passed in."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.support.memory_sink import MemorySink
from weighbridge.core.artifacts import Artifact, Source
from weighbridge.core.digests import Digest
from weighbridge.core.errors import WeighbridgeError
from weighbridge.core.options import RetryOptions, TransferOptions
from weighbridge.core.recovery import Validator
from weighbridge.transfer.answers import Answer
from weighbridge.transfer.choose import next_piece
from weighbridge.transfer.failures import fail_piece
from weighbridge.transfer.hasher import FrontierHasher
from weighbridge.transfer.job import Job
from weighbridge.transfer.piece import Piece

SIZE = 1000
CONTENT = bytes(range(250)) * 4
OPTIONS = TransferOptions(
    connections_per_file=4,
    first_piece=100,
    piece_min=100,
    piece_max=100,
    split_min=100,
    read_size=50,
    straggler_s=3.0,
    retry=RetryOptions(attempts=3, wait_initial_s=1.0, wait_max_s=8.0, refill_bytes=100),
)


def md5(content: bytes = CONTENT) -> Digest:
    """Return its digest."""
    return Digest("md5", hashlib.md5(content, usedforsecurity=False).hexdigest())


def url(index: int = 0) -> str:
    """Return the address of a source."""
    return f"http://s{index}.example/f"


def make_job(
    count: int = 1,
    *,
    digest: Digest | None = None,
    size: int | None = None,
    sink: MemorySink | None = None,
    **more: Any,
) -> Job:
    """Return a job for ``CONTENT`` with so many sources; waits are always the longest there may be."""
    sources = tuple(Source.parse(url(index)) for index in range(count))
    artifact = Artifact(name="f", sources=sources, digest=digest, size=size)
    options = TransferOptions(**{name: getattr(OPTIONS, name) for name in OPTIONS.__slots__} | more)
    return Job(artifact, sink or MemorySink(), options, lambda _, longest: longest)


def take(job: Job, now: float = 0.0) -> Piece:
    """Return the next piece, which there must be."""
    piece = next_piece(job, now)
    assert piece is not None
    return piece


def part(start: int, stop: int, size: int | None = SIZE, etag: str | None = '"1"') -> Answer:
    """Return a 206."""
    return Answer(start=start, stop=stop, size=size, validator=Validator(etag), is_whole=False)


def whole(size: int | None = SIZE, etag: str | None = '"1"') -> Answer:
    """Return a 200."""
    return Answer(start=0, stop=size, size=size, validator=Validator(etag), is_whole=True)


def answer(job: Job, piece: Piece, now: float = 0.0, **more: Any) -> None:
    """Let a piece get an honest answer to what it asked for; ``address`` is where it came from."""
    address, size = more.pop("address", piece.address), job.artifact.size or SIZE
    piece.landed = address
    span = piece.span
    given = whole(size, **more) if span is None else part(span.start, min(span.stop, size), size, **more)
    job.accept(piece, given, address, now)
    if job.hasher is None and job.artifact.digest is not None:
        job.hasher = FrontierHasher(job.artifact.digest, job.size, {}, job.sink)


def bring(job: Job, piece: Piece, amount: int, now: float = 0.0, content: bytes = CONTENT) -> None:
    """Let so many bytes of a piece arrive and be written."""
    start = piece.position
    assert piece.reserve(amount) == amount
    spans = job.commit(piece, amount, now)
    for span in spans:
        job.sink.write(span.start, content[span.start : span.stop])
    assert piece.position == start
    job.advance(piece, amount, spans, now)


def fail(job: Job, piece: Piece, error: WeighbridgeError, now: float = 0.0) -> str | None:
    """Let a piece end with an error; return what is told of it."""
    reason = fail_piece(job, piece, error, now)
    job.release(piece, now)
    return reason


def hash_all(job: Job) -> None:
    """Let the hasher catch up with the writers."""
    assert job.hasher is not None
    while job.hasher.position < job.written.frontier:
        job.hasher.step(job.written.frontier)
    job.hashed = job.hasher.position
