"""Hands pieces to workers and takes their reports: the one lock of a transfer, and the I/O done outside it."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from weighbridge.core.artifacts import Artifact
from weighbridge.core.errors import CancelledError, StalledError, StoreError, WeighbridgeError
from weighbridge.core.options import TransferOptions
from weighbridge.transfer.answers import Answer
from weighbridge.transfer.choose import is_hash_bound, next_piece
from weighbridge.transfer.failures import fail_piece
from weighbridge.transfer.hasher import FrontierHasher
from weighbridge.transfer.job import Job
from weighbridge.transfer.piece import Piece
from weighbridge.transfer.sink import Sink

_IDLE_S = 0.25


@dataclass(frozen=True, slots=True)
class Note:
    """Something failed and is tried again: which artifact, and why in words fit to be shown."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands.

    Attributes:
        received: Bytes that are here.
        verified: Bytes that went into the digest.
        size: Whole size in bytes; None while unknown.
        is_obeying: It waits on purpose, because its host or a cap on speed asks for it.
    """

    received: int
    verified: int
    size: int | None
    is_obeying: bool


class Dispatcher:
    """The shared state of all workers; every method is safe from any thread.

    Args:
        options: How to cut and how many at once.
        start_hasher: Gives a hasher a thread that calls :meth:`follow`.
    """

    def __init__(self, options: TransferOptions, start_hasher: Callable[[Job, FrontierHasher], None]) -> None:
        self._options = options
        self._start_hasher = start_hasher
        self._lock = threading.Lock()  # guards every job, piece and source state, and all below
        self._work = threading.Condition(self._lock)  # a piece may be had
        self._frontier = threading.Condition(self._lock)  # bytes arrived, or a hasher is no longer wanted
        self._news = threading.Condition(self._lock)  # somebody should look at finished or notes
        self._still = threading.Condition(self._lock)  # nobody is changing a sink
        self._jobs: list[Job] = []
        self._done: deque[Job] = deque()  # over, their sinks not yet finished
        self._finished: deque[Job] = deque()
        self._finishing = 0  # sinks that get their last touch
        self._notes: deque[Note] = deque()
        self.is_closed = False
        self.idle = 0  # workers waiting for a piece

    # For the one who drives ---------------------------------------------------------------------------

    def submit(self, artifact: Artifact, sink: Sink) -> Job:
        """Take a job in; jobs that came earlier are served first."""
        job = Job(artifact, sink, self._options)
        with self._lock:
            self._jobs.append(job)
            is_hashable = job.size is not None and (job.earlier or job.size == 0)
            wanted = self._new_hasher(job) if is_hashable else None
            self._settle(job)
            self._work.notify()
        if wanted is not None:
            self._start_hasher(job, wanted)
        return job

    def wait(self, timeout_s: float) -> tuple[list[Job], list[Note]]:
        """Wait for jobs to be over or for notes, at most ``timeout_s``; return and forget both."""
        with self._lock:
            if not self._finished and not self._notes:
                self._news.wait(timeout_s)
            finished, notes = list(self._finished), list(self._notes)
            self._finished.clear()
            self._notes.clear()
        return finished, notes

    def standing(self, job: Job) -> Standing:
        """Return where ``job`` stands."""
        with self._lock:
            is_paused = any(each.interrupt.is_waiting for each in job.pieces)
            is_obeying = is_paused or math.isfinite(job.rest_s(time.monotonic()))
            return Standing(job.written.total, job.verified, job.size, is_obeying)

    def close(self) -> None:
        """Void every piece and hand out no more."""
        with self._lock:
            self.is_closed = True
            for job in self._jobs:
                job.fail(CancelledError(f"{job.artifact.name}: stopped; the same call goes on from here"))
            self._work.notify_all()
            self._frontier.notify_all()
            self._news.notify_all()

    def wait_still(self, timeout_s: float) -> bool:
        """Wait until no worker is changing a sink; tell whether that came true in time.  Call after :meth:`close`."""
        with self._lock:
            return self._still.wait_for(self._is_still, timeout_s)

    def record_all(self) -> None:
        """Note in the journals what workers that the system still holds have left unnoted; call after :meth:`close`."""
        with self._lock:
            jobs = list(self._jobs)
        for job in jobs:
            self.record_rest(job)

    # For workers --------------------------------------------------------------------------------------

    def take(self) -> tuple[Job, Piece] | None:
        """Wait for the next piece; None when there will be none any more."""
        with self._lock:
            while not self.is_closed:
                now = time.monotonic()
                for job in self._jobs:
                    piece = next_piece(job, now)
                    if piece is not None:
                        if not job.is_small:
                            self._work.notify()  # there may be another one for the next worker
                        return job, piece
                self.idle += 1
                self._work.wait(min([_IDLE_S, *(job.rest_s(now) for job in self._jobs)]))
                self.idle -= 1
        return None

    def accept(self, job: Job, piece: Piece, answer: Answer, url: str) -> None:
        """Take a good header; raises if it contradicts what is known."""
        with self._lock:
            learned = job.accept(piece, answer, url, time.monotonic())
            wanted = self._new_hasher(job) if job.hasher is None else None
            if not job.is_small:
                self._work.notify()
            size, validator = job.size, job.validator
            piece.is_reading = False  # until below: nobody may take the sink for still
        if wanted is not None:
            self._start_hasher(job, wanted)
        with self._changing(piece):
            self._sync_journal(job)
            if learned and size is not None:
                job.sink.resize(size, validator)

    def reserve(self, piece: Piece, amount: int) -> int:
        """Return how much of ``amount`` may be read next; 0 when the piece ends here."""
        with self._lock:
            return piece.reserve(amount)

    def write(self, job: Job, piece: Piece, data: bytes) -> None:
        """Write the next bytes of a piece; raises if it is void."""
        with self._lock:
            start = piece.position
            spans = job.commit(piece, len(data), time.monotonic())
            hasher = job.hasher if job.is_inline else None
        for span in spans:
            kept = data if len(span) == len(data) else data[span.start - start : span.stop - start]
            job.sink.write(span.start, kept)
            if hasher is not None:
                hasher.feed(span.start, kept)
        with self._lock:
            job.advance(piece, len(data), spans, time.monotonic())
            if hasher is not None:
                job.hashed = hasher.position
            else:
                self._frontier.notify_all()
            self._note_stillness()

    def record(self, job: Job, piece: Piece) -> None:
        """Note in the journal what was written of a piece since the last note."""
        with job.journal_lock:
            with self._lock:
                spans = job.unrecorded(piece)
            for span in spans:
                job.sink.record(span.start, span.stop)

    def record_rest(self, job: Job) -> None:
        """Note in the journal what workers that are stuck in the system have written and not noted."""
        with self._lock:
            pieces = list(job.pieces)
        with suppress(StoreError):
            for piece in pieces:
                self.record(job, piece)

    def end_body(self, job: Job, piece: Piece) -> None:
        """Learn the size if only the body's end tells it."""
        with self._lock:
            is_new = job.size is None
            job.end_body(piece)
            size, validator = job.size, job.validator
        if is_new and size is not None:
            with self._changing(piece):
                job.sink.resize(size, validator)

    def finish(self, job: Job, piece: Piece, error: WeighbridgeError | None) -> None:
        """Take a piece back, done or failed."""
        with self._lock:
            reason = None if error is None else fail_piece(job, piece, error, time.monotonic())
            job.release(piece, time.monotonic())
            if reason is not None and not job.is_over:
                self._notes.append(Note(job.artifact.name, reason))
                self._news.notify_all()
            self._settle(job)
            self._note_stillness()

    # For hashers --------------------------------------------------------------------------------------

    def follow(self, job: Job, hasher: FrontierHasher) -> None:
        """Hash behind the writers until the job is over or the hasher is replaced."""
        while True:
            with self._lock:
                while not job.is_over and job.hasher is hasher and job.written.frontier <= hasher.position:
                    self._frontier.wait()
                if job.is_over or job.hasher is not hasher:
                    return
                frontier, was_bound = job.written.frontier, is_hash_bound(job)
            damaged = hasher.step(frontier)
            if damaged is not None and job.hasher is hasher:
                self._lose(job, *damaged)
            with self._lock:
                if job.hasher is hasher:
                    job.hashed = hasher.position
                if was_bound and not is_hash_bound(job):
                    self._work.notify()
                if hasher.position == job.size:
                    self._settle(job)

    # For the watch ------------------------------------------------------------------------------------

    def break_stalled(self) -> None:
        """Break every connection that stayed below the floor for a whole window."""
        now = time.monotonic()
        window, floor = self._options.stall_window_s, self._options.stall_floor_bps
        if self._options.rate_limit_bps is not None:
            floor = min(floor, self._options.rate_limit_bps / (4 * self._options.connections))
        with self._lock:
            for piece in [each for job in self._jobs for each in job.pieces]:
                if piece.is_stalled(now, window, floor):
                    shown = str(piece.state.source)
                    piece.interrupt.trigger(
                        StalledError(
                            f"{shown} brought less than {floor:.0f} bytes a second for {window:.0f} s at offset "
                            f"{piece.position}",
                            url=shown,
                            offset=piece.position,
                        )
                    )

    def active_jobs(self) -> list[Job]:
        """Return the jobs that are not over."""
        with self._lock:
            return [job for job in self._jobs if not job.is_over]

    def give_up(self, job: Job, error: WeighbridgeError) -> None:
        """End a job for a reason outside its pieces."""
        with self._lock:
            job.fail(error)
            self._settle(job)

    # Inside -------------------------------------------------------------------------------------------

    @contextmanager
    def _changing(self, piece: Piece) -> Iterator[None]:
        """Mark that a piece's worker is busy with its sink rather than waiting for the network."""
        with self._lock:
            piece.is_reading = False
        try:
            yield
        finally:
            with self._lock:
                piece.is_reading = True
                self._note_stillness()

    def _is_still(self) -> bool:
        return self._finishing == 0 and all(piece.is_reading for job in self._jobs for piece in job.pieces)

    def _note_stillness(self) -> None:
        if self.is_closed and self._is_still():
            self._still.notify_all()

    def _new_hasher(self, job: Job) -> FrontierHasher | None:
        """Give a job its hasher; return it if it wants a thread of its own."""
        digest = job.artifact.digest
        if digest is None or job.is_over:
            return None
        prefixes = job.sink.recovered.prefixes if job.earlier else {}
        try:
            job.hasher = FrontierHasher(digest, job.size, prefixes, job.sink)
        except WeighbridgeError as error:
            job.fail(error)
            return None
        job.is_inline = job.is_small
        return None if job.is_inline else job.hasher

    def _settle(self, job: Job) -> None:
        """Decide on a job whose bytes are all here and hashed, and pass on one that is over."""
        if not job.is_over and job.has_all_bytes and job.is_hashed and job.settle():
            if job.hasher is not None:
                job.hasher.restart()
            self._notes.append(Note(job.artifact.name, "the digest is wrong; fetching what is suspect again"))
            self._frontier.notify_all()
            self._news.notify_all()
            self._work.notify_all()
        if job.is_over and not job.live and job in self._jobs:
            self._jobs.remove(job)
            self._done.append(job)
            self._frontier.notify_all()

    def complete(self) -> None:
        """Finish the sinks of all jobs that have become right, and report all that are over; I/O, outside the lock."""
        while True:
            with self._lock:
                if not self._done:
                    return
                job = self._done.popleft()
                self._finishing += 1
            try:
                if job.error is None:
                    job.sink.finish()
                else:
                    self.record_rest(job)
            except WeighbridgeError as error:
                job.error = job.error or error
            except Exception as caught:  # noqa: BLE001 - a job that is never reported would hang the caller
                job.error = job.error or internal_error(job, caught)
            with self._lock:
                self._finishing -= 1
                self._note_stillness()
                self._finished.append(job)
                self._news.notify_all()

    def _lose(self, job: Job, start: int, stop: int) -> None:
        with job.journal_lock:
            job.sink.discard(start, stop)
            with self._lock:
                job.lose(start, stop)
                reason = f"bytes {start}-{stop} on disk are damaged; fetching them again"
                self._notes.append(Note(job.artifact.name, reason))
                self._news.notify_all()
                self._work.notify_all()

    def _sync_journal(self, job: Job) -> None:
        """After everything was voided, make the journal say so before anything new is recorded."""
        with job.journal_lock:
            with self._lock:
                is_current = job.journaled == job.generation
                job.journaled = job.generation
                kept, size, validator = list(job.written), job.size, job.validator
            if is_current:
                return
            job.sink.reset()
            if size is not None:
                job.sink.resize(size, validator)
            for span in kept:
                job.sink.record(span.start, span.stop)


def internal_error(job: Job, cause: Exception) -> WeighbridgeError:
    """Return what a caller is told of a mistake of ours."""
    error = WeighbridgeError(f"{job.artifact.name}: internal error: {type(cause).__name__}")
    error.__cause__ = cause
    return error
