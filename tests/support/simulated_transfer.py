"""Workers without threads: every step of a transfer taken in any order a schedule likes, with lying servers.

It does by hand what ``transfer.dispatch`` does under its lock and outside of it, so that the order of those moments is
in the hands of the test, and it looks after each step at what must always hold.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

from tests.support.memory_sink import MemorySink
from weighbridge.core.artifacts import Artifact, Source
from weighbridge.core.digests import Digest
from weighbridge.core.errors import BadStatusError, ConnectError, TruncatedError, WeighbridgeError
from weighbridge.core.options import RetryOptions, TransferOptions
from weighbridge.core.ranges import ByteRange
from weighbridge.transfer.answers import Question, read_answer
from weighbridge.transfer.choose import next_piece
from weighbridge.transfer.failures import fail_piece
from weighbridge.transfer.hasher import FrontierHasher
from weighbridge.transfer.job import Job
from weighbridge.transfer.piece import Piece
from weighbridge.transfer.spans import held_of

OPTIONS = TransferOptions(
    connections_per_file=4,
    first_piece=48,
    piece_min=16,
    piece_max=64,
    split_min=4,
    read_size=16,
    hash_lag=512,
    straggler_s=1.0,
    retry=RetryOptions(attempts=4, wait_initial_s=0.1, wait_max_s=1.0, refill_bytes=16),
)
STEPS_MAX = 10_000

Act = Callable[[], None]


@dataclass(slots=True, kw_only=True)
class Server:
    """What one source does; chances are per answer or per read.

    Attributes:
        content: What it holds.
        etag: As sent; None sends none.
        whole: Chance that a range is answered with the whole file.
        short: Chance that an answer holds less than was asked for.
        refuse: Chance of a 503.
        gone: Chance of a 404.
        redirect: Chance that an answer comes from a signed address, which later requests go to.
        expire: Chance that such an address answers 403.
        lie: Chance that an answer has the range of its question and other numbers in its header.
        cut: Chance that a read ends the body.
        cut_after: Bytes of a body after which the connection breaks; None is never.
        silent: Chance that a read brings nothing for now.
        changes: Contents that replace its own after some answers.
    """

    content: bytes
    etag: str | None = '"1"'
    whole: float = 0.0
    short: float = 0.0
    refuse: float = 0.0
    gone: float = 0.0
    redirect: float = 0.0
    expire: float = 0.0
    lie: float = 0.0
    cut: float = 0.0
    cut_after: int | None = None
    silent: float = 0.0
    changes: list[bytes] = field(default_factory=list)


class Phase(Enum):
    """What a worker does next."""

    ASK = "ask"
    READ = "read"
    LAND = "land"


@dataclass(slots=True, eq=False)
class Worker:
    """Somebody with a piece."""

    piece: Piece
    body: bytes = b""
    body_start: int = 0
    phase: Phase = Phase.ASK
    data: bytes = b""
    spans: list[ByteRange] = field(default_factory=list)
    hasher: FrontierHasher | None = None


class Transfer:
    """One artifact on its way from ``servers``, the primary first.

    Args:
        servers: The sources.
        digest: What was promised.
        chance: Decides everything that is left open.
        sink: Where to.
        size: The promised size.
    """

    def __init__(
        self,
        servers: list[Server],
        digest: Digest | None,
        chance: random.Random,
        sink: MemorySink | None = None,
        size: int | None = None,
    ) -> None:
        self.servers = servers
        self.sink = sink or MemorySink()
        sources = tuple(Source.parse(f"http://s{index}.example/f") for index in range(len(servers)))
        self.job = Job(
            Artifact(name="f", sources=sources, digest=digest, size=size), self.sink, OPTIONS, chance.uniform
        )
        self.workers: list[Worker] = []
        self.now = 0.0
        self.asked = 0
        self.steps = 0
        self._chance = chance
        if self.job.size is not None and (self.job.earlier or self.job.size == 0):
            self._new_hasher()
        self._settle()

    def run(self) -> None:
        """Take steps until the job is over and nobody holds a piece of it.

        Raises:
            AssertionError: Something that must always hold didn't, or there was no end.
        """
        while not self.job.is_over or self.workers:
            self.steps += 1
            assert self.steps < STEPS_MAX, f"no end: {self.job}"
            acts = self._acts()
            self._chance.choice(acts)()
            self._check()

    @property
    def published(self) -> bytes | None:
        """The file as it would get its name; None if the transfer failed."""
        return None if self.job.error is not None else bytes(self.sink.content[: self.job.size])

    def _check(self) -> None:
        """Look at what must hold between any two steps.

        No two workers write the same byte, nothing lies beyond the end, and the journal speaks of nothing that is not
        there (but for what the second pass fetches again: until then the journal's word on it stands).
        """
        job, landing = self.job, sorted(span for each in self.workers for span in each.spans)
        assert all(left.stop <= right.start for left, right in pairwise(landing)), landing
        assert job.size is None or job.written.missing(job.size).total + job.written.total == job.size
        if job.journaled == job.generation:
            assert all(held_of(each, job.written) == [each] for each in self.sink.noted), job

    # What may happen next ---------------------------------------------------------------------------------

    def _acts(self) -> list[Act]:
        acts: list[Act] = [self._wait, self._cut]
        if self.job.hasher is not None and not self.job.is_inline and not self.job.is_over:
            acts.append(self._hash)
        acts += [lambda each=each: self._work(each) for each in self.workers]  # type: ignore[misc]
        return acts

    def _wait(self) -> None:
        self.now += self._chance.choice([0.01, 0.1, 0.5])

    def _cut(self) -> None:
        piece = next_piece(self.job, self.now)
        if piece is None:
            return
        self.asked += 1
        stop = piece.stop if piece.stop is not None else 1 << 62
        for other in self.job.live:
            if other is not piece and not other.is_whole:
                assert stop <= other.position or other.reserved <= piece.start, (piece, other)
        self.workers.append(Worker(piece))

    def _hash(self) -> None:
        job, hasher = self.job, self.job.hasher
        assert hasher is not None
        if job.written.frontier <= hasher.position:
            return
        damaged = hasher.step(job.written.frontier)
        if damaged is not None:
            self.sink.discard(*damaged)
            job.lose(*damaged)
        job.hashed = hasher.position
        self._settle()

    def _work(self, worker: Worker) -> None:
        try:
            if worker.phase is not Phase.LAND:
                worker.piece.interrupt.check()
            is_done = {Phase.ASK: self._ask, Phase.READ: self._read, Phase.LAND: self._land}[worker.phase](worker)
        except WeighbridgeError as error:
            self._finish(worker, error)
        else:
            if is_done:
                self._finish(worker, None)

    # What a worker does -----------------------------------------------------------------------------------

    def _ask(self, worker: Worker) -> bool:
        piece = worker.piece
        server = self.servers[piece.state.index]
        address = piece.address
        if self._luck(server.refuse):
            raise ConnectError("refused") if self._luck(0.5) else BadStatusError("x", status=503)
        if self._luck(server.gone):
            raise BadStatusError("x", status=404)
        if address == piece.state.source.url and self._luck(server.redirect):
            address = f"http://cdn{piece.state.index}.example/f?sig={self.asked}"
        piece.landed = address
        if address != piece.state.source.url and self._luck(server.expire):
            raise BadStatusError("x", status=403)
        status, headers = self._reply(worker, server)
        answer = read_answer(Question(span=piece.span, size=piece.known_size), status, headers, address)
        learned = self.job.accept(piece, answer, address, self.now)
        if self.job.hasher is None:
            self._new_hasher()
        self._sync_journal()
        if learned and self.job.size is not None:
            self.sink.resize(self.job.size, self.job.validator)
        worker.phase = Phase.READ
        return False

    def _reply(self, worker: Worker, server: Server) -> tuple[int, dict[str, str]]:
        span = worker.piece.span
        if server.changes and self._luck(0.2):
            server.content, server.etag = server.changes.pop(0), f'"{len(server.changes)}+"'
        headers = {} if server.etag is None else {"ETag": server.etag}
        content, is_pinned = server.content, worker.piece.if_range in (None, server.etag)
        if span is None or self._luck(server.whole) or not is_pinned:
            worker.body, worker.body_start = content, 0
            return 200, headers | {"Content-Length": str(len(content))}
        if span.start >= len(content):
            return 416, headers | {"Content-Range": f"bytes */{len(content)}"}
        stop = min(span.stop, len(content))
        if self._luck(server.short):
            stop = self._chance.randint(span.start + 1, stop)
        worker.body, worker.body_start = content[span.start : stop], span.start
        total, start = len(content), span.start
        if self._luck(server.lie):
            start, stop, total = (each + self._chance.randint(-2, 2) for each in (start, stop, total))
        return 206, headers | {"Content-Range": f"bytes {start}-{stop - 1}/{total}"}

    def _read(self, worker: Worker) -> bool:
        piece = worker.piece
        server = self.servers[piece.state.index]
        wanted = piece.reserve(self._chance.randint(1, OPTIONS.read_size))
        if wanted == 0:
            return True
        if self._luck(server.silent):
            return False
        offset = piece.position - worker.body_start
        sent = worker.body[: server.cut_after]
        data = sent[offset : offset + wanted]
        if not data or self._luck(server.cut):
            if piece.stop is not None and piece.position < piece.stop:
                raise TruncatedError("cut") if self._luck(0.5) else ConnectError("reset")
            self.job.end_body(piece)
            return True
        spans = self.job.commit(piece, len(data), self.now)
        worker.data, worker.spans, worker.phase = data, spans, Phase.LAND
        worker.hasher = self.job.hasher if self.job.is_inline else None
        return False

    def _land(self, worker: Worker) -> bool:
        piece, data, spans = worker.piece, worker.data, worker.spans
        worker.data, worker.spans, worker.phase = b"", [], Phase.READ
        for span in spans:
            kept = data[span.start - piece.position : span.stop - piece.position]
            self.sink.write(span.start, kept)
            if worker.hasher is not None:
                worker.hasher.feed(span.start, kept)
        self.job.advance(piece, len(data), spans, self.now)
        if worker.hasher is not None:
            self.job.hashed = worker.hasher.position
        for span in self.job.unrecorded(piece):
            self.sink.record(span.start, span.stop)
        return False

    def _finish(self, worker: Worker, error: WeighbridgeError | None) -> None:
        if error is not None:
            fail_piece(self.job, worker.piece, error, self.now)
        self.job.release(worker.piece, self.now)
        self.workers.remove(worker)
        self._settle()

    # As the dispatcher does it ----------------------------------------------------------------------------

    def _new_hasher(self) -> None:
        job = self.job
        if job.artifact.digest is not None and not job.is_over:
            prefixes = self.sink.recovered.prefixes if job.earlier else {}
            job.hasher = FrontierHasher(job.artifact.digest, job.size, prefixes, self.sink)
            job.is_inline = job.is_small

    def _settle(self) -> None:
        job = self.job
        if not job.is_over and job.has_all_bytes and job.is_hashed and job.settle() and job.hasher is not None:
            job.hasher.restart()

    def _sync_journal(self) -> None:
        job = self.job
        if job.journaled == job.generation:
            return
        job.journaled = job.generation
        self.sink.reset()
        if job.size is not None:
            self.sink.resize(job.size, job.validator)
        for span in job.written:
            self.sink.record(span.start, span.stop)

    def _luck(self, chance: float) -> bool:
        return chance > 0 and self._chance.random() < chance
