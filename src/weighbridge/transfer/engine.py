"""Runs a transfer's threads: workers, hashers, the stall watch and the background flush."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self

from weighbridge.core.artifacts import Artifact
from weighbridge.core.errors import StoreError, WeighbridgeError
from weighbridge.core.options import TransferOptions
from weighbridge.http.transport import Transport
from weighbridge.transfer.dispatch import Dispatcher, Note, Standing, internal_error
from weighbridge.transfer.hasher import FrontierHasher
from weighbridge.transfer.job import Job
from weighbridge.transfer.piece import Piece
from weighbridge.transfer.sink import Sink
from weighbridge.transfer.throttle import Throttle
from weighbridge.transfer.worker import fetch

_WATCH_S = 0.25
_LINGER_S = 0.5  # for threads that wait for the network; what they wait for was broken
_WRITING_S = 10.0  # for threads that change files


class Engine:
    """Fetches artifacts into sinks with one budget of connections for all of them.

    Driven by one thread; the work happens on daemon threads of its own, which end with :meth:`close`.

    Args:
        transport: Who asks.
        options: How.
    """

    def __init__(self, transport: Transport, options: TransferOptions) -> None:
        self._transport = transport
        self._options = options
        self._throttle = Throttle(options.rate_limit_bps)
        self._dispatcher = Dispatcher(options, self._start_hasher)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._threads_lock = threading.Lock()  # guards _threads and _workers
        self._workers = 0
        try:
            self._start(self._watch, "watch")
            self._start(self._flush, "flush")
        except WeighbridgeError:
            self._stop.set()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, artifact: Artifact, sink: Sink) -> Job:
        """Begin to fetch ``artifact`` into ``sink``; jobs submitted earlier are served first."""
        job = self._dispatcher.submit(artifact, sink)
        self._spawn()
        self._dispatcher.complete()
        return job

    def wait(self, timeout_s: float) -> tuple[list[Job], list[Note]]:
        """Wait for jobs to be over (see ``job.error``) or for notes, at most ``timeout_s``."""
        return self._dispatcher.wait(timeout_s)

    def standing(self, job: Job) -> Standing:
        """Return where ``job`` stands."""
        return self._dispatcher.standing(job)

    def close(self) -> None:
        """Stop what is under way, keep what arrived, and end the threads; bounded in time.

        When it returns nobody writes any more.  A thread that the system holds, in a name lookup say, ends by itself as
        soon as it is let go.
        """
        self._stop.set()
        self._dispatcher.close()
        self._dispatcher.wait_still(_WRITING_S)
        deadline = time.monotonic() + _LINGER_S
        with self._threads_lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._dispatcher.record_all()

    def _start(self, target: Callable[[], None], name: str) -> None:
        """Start a thread; raises if the system has none left to give."""
        thread = threading.Thread(target=target, name=f"weighbridge-{name}", daemon=True)
        with self._threads_lock:
            self._threads = [each for each in self._threads if each.is_alive()]
            try:
                thread.start()
            except RuntimeError as error:
                raise WeighbridgeError(
                    "the system starts no more threads; end other programs, or allow fewer connections"
                ) from error
            self._threads.append(thread)

    def _spawn(self) -> None:
        """Add a worker if none is idle and there may be one more."""
        with self._threads_lock:
            is_full = self._workers >= self._options.connections
            if is_full or self._dispatcher.idle > 0 or self._stop.is_set():
                return
            self._workers += 1
        try:
            self._start(self._work, f"worker-{self._workers}")
        except WeighbridgeError as error:
            self._do_with_fewer(error)

    def _do_with_fewer(self, error: WeighbridgeError) -> None:
        """Go on with the workers there are; give up if there is none."""
        with self._threads_lock:
            self._workers -= 1
            is_alone = self._workers == 0
        if is_alone:
            for job in self._dispatcher.active_jobs():
                self._dispatcher.give_up(job, error)

    def _start_hasher(self, job: Job, hasher: FrontierHasher) -> None:
        try:
            self._start(lambda: self._hash(job, hasher), "hasher")
        except WeighbridgeError as error:
            self._dispatcher.give_up(job, error)

    def _work(self) -> None:
        while (taken := self._dispatcher.take()) is not None:
            self._spawn()
            self._fetch(*taken)

    def _fetch(self, job: Job, piece: Piece) -> None:
        error: WeighbridgeError | None = None
        try:
            fetch(job, piece, self._dispatcher, self._transport, self._throttle)
        except WeighbridgeError as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001 - a worker that dies silently would hang the caller
            error = internal_error(job, caught)
        self._spawn()
        self._dispatcher.finish(job, piece, error)
        self._dispatcher.complete()

    def _hash(self, job: Job, hasher: FrontierHasher) -> None:
        try:
            with hasher:
                self._dispatcher.follow(job, hasher)
        except WeighbridgeError as error:
            self._dispatcher.give_up(job, error)
        except Exception as caught:  # noqa: BLE001 - as above
            self._dispatcher.give_up(job, internal_error(job, caught))
        self._dispatcher.complete()

    def _watch(self) -> None:
        while not self._stop.wait(_WATCH_S):
            self._dispatcher.break_stalled()

    def _flush(self) -> None:
        while not self._stop.wait(self._options.flush_interval_s):
            for job in self._dispatcher.active_jobs():
                try:
                    job.sink.flush()
                except StoreError as error:
                    self._dispatcher.give_up(job, error)
                    self._dispatcher.complete()
