"""One artifact on its way: what is here, what is under way, what its sources said; decisions only, no I/O."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from weighbridge.core.artifacts import Artifact
from weighbridge.core.errors import (
    ArtifactChangedError,
    CancelledError,
    DigestMismatchError,
    RangeIgnoredError,
    SizeMismatchError,
    WeighbridgeError,
)
from weighbridge.core.options import TransferOptions
from weighbridge.core.ranges import RangeSet
from weighbridge.core.recovery import Validator
from weighbridge.core.urls import origin_of
from weighbridge.transfer.answers import Answer
from weighbridge.transfer.hasher import FrontierHasher
from weighbridge.transfer.piece import Piece, SourceState
from weighbridge.transfer.sink import Sink

_RANGE_FAULTS = 2  # bad ranged answers in a row, from a source that gave good ones, before ranges are given up
_FRUITLESS = 3  # expired addresses in a row without a byte
_STEALS = 3  # takeovers in a row of a silent piece without a byte
_CHANGES = 1  # times the remote file may turn out to be another one
_REMEMBERED = 16  # failures kept for the last error
_NEARLY = 0.8  # sources this near to the fastest share the work


@dataclass(slots=True, eq=False)
class Job:
    """The state of one artifact's transfer.

    Every method is called with the engine's lock held and does no I/O.

    Attributes:
        artifact: What.
        sink: Where to.
        size: Whole size in bytes; None until somebody told.
        written: Bytes that are in the sink.
        earlier: Those of them that an earlier run wrote.
        helped: Those of them that a helper gave in this run.
        pieces: Under way.
        generation: Grows whenever everything is void; pieces of an older one must not write.
        hasher: None if there is nothing to hash or nothing to hash yet.
        error: Why it failed.
        is_over: Succeeded or failed; nothing more is started.
        fetched: Body bytes that came, thrown-away ones included.
    """

    artifact: Artifact
    sink: Sink
    options: TransferOptions
    uniform: Callable[[float, float], float] = random.uniform
    size: int | None = None
    written: RangeSet = field(default_factory=RangeSet)
    earlier: RangeSet = field(default_factory=RangeSet)
    helped: RangeSet = field(default_factory=RangeSet)
    pieces: list[Piece] = field(default_factory=list)
    sources: list[SourceState] = field(default_factory=list)
    validator: Validator = field(default_factory=Validator)
    generation: int = 0
    hasher: FrontierHasher | None = None
    error: WeighbridgeError | None = None
    is_over: bool = False
    fetched: int = 0
    failures: list[Exception] = field(default_factory=list)
    tokens: float = 0.0
    charged_at: float = float("-inf")
    changes: int = 0
    steals: int = 0
    previous_piece: int = 0
    is_confirmed: bool = False  # somebody told the size in this run
    size_from: int | None = None  # index of that source
    is_second_pass: bool = False
    is_inline: bool = False  # hashed by the worker as it arrives rather than by a thread behind it
    journaled: int = 0  # the generation that the sink's journal speaks of
    journal_lock: threading.Lock = field(default_factory=threading.Lock)  # orders the sink's notes
    only_source: int | None = None  # without a digest, bytes of two sources are never mixed

    def __post_init__(self) -> None:
        recovered = self.sink.recovered
        self.size = recovered.size if self.artifact.size is None else self.artifact.size
        if recovered.size in (None, self.size):
            self.written, self.earlier = recovered.written.copy(), recovered.written.copy()
        self.validator = recovered.validator
        self.tokens = float(self.options.retry.attempts)
        self.sources = [SourceState(each, index, each.url) for index, each in enumerate(self.artifact.sources)]

    # What is known ------------------------------------------------------------------------------------

    @property
    def has_all_bytes(self) -> bool:
        """Whether every byte is written and nobody writes any more."""
        return self.size is not None and not self.pieces and self.written.total == self.size

    @property
    def lag(self) -> int:
        """Bytes that have arrived in order and are not hashed yet."""
        return 0 if self.hasher is None else max(0, self.written.frontier - self.hasher.position)

    @property
    def verified(self) -> int:
        """Bytes that went into the digest; without a digest, bytes that arrived."""
        if self.artifact.digest is None:
            return self.written.total
        return 0 if self.hasher is None else self.hasher.position

    @property
    def is_small(self) -> bool:
        """Whether the file is one piece, hashed as it arrives."""
        return self.size is not None and self.size <= self.options.first_piece and not self.earlier

    # What came of it ----------------------------------------------------------------------------------

    def accept(self, piece: Piece, answer: Answer, url: str, now: float) -> bool:
        """Believe an answer's header, or say why not.

        Returns:
            Whether the size was learned from it (the sink should be told).

        Raises:
            TransferError, IntegrityError: The answer contradicts what is known.
        """
        state = piece.state
        state.measure_latency(now - piece.asked_at)
        promised = self.artifact.size
        if promised is not None and answer.size is not None and answer.size != promised:
            raise SizeMismatchError(
                f"{state.source} has {answer.size} bytes instead of the promised {promised}",
                expected=promised,
                actual=answer.size,
                url=str(state.source),
            )
        self._agree(piece, answer, url)
        if answer.is_whole and piece.start > 0:
            raise RangeIgnoredError(f"{state.source} sent the whole file instead of a range", url=str(state.source))
        if answer.is_whole:
            if piece.span is not None and answer.size != 0:
                state.ranges = False
            piece.is_whole, piece.skip_to = True, self.written.frontier
            piece.stop = self.size if answer.stop is None else answer.stop
        else:
            state.ranges, state.range_faults = True, 0
            piece.stop = answer.stop if piece.stop is None or answer.stop is None else min(piece.stop, answer.stop)
        state.address, state.origin = url, origin_of(url)
        state.validator = self.validator = answer.validator
        learned = answer.size is not None and not self.is_confirmed
        if answer.size is not None:
            self.size, self.is_confirmed = answer.size, True
            self.size_from = state.index if self.size_from is None else self.size_from
        return learned

    def _agree(self, piece: Piece, answer: Answer, url: str) -> None:
        state = piece.state
        same_size = self.size is None or answer.size is None or answer.size == self.size
        comparable = state.origin == origin_of(url) or self.artifact.digest is None
        reference = state.validator if state.origin is not None else self.validator
        if same_size and not (comparable and reference.contradicts(answer.validator)):
            return
        if not self.is_confirmed:  # only an earlier run said otherwise
            self.void()
            raise CancelledError("this piece is void")
        if not same_size and state.index not in (0, self.size_from):
            raise SizeMismatchError(
                f"{state.source} has {answer.size} bytes, {self.size} were told before",
                expected=self.size,
                actual=answer.size,
                url=str(state.source),
            )
        raise ArtifactChangedError(f"{state.source} is another file than before", url=str(state.source))

    def commit(self, piece: Piece, amount: int, now: float) -> None:
        """Allow a worker to write ``amount`` bytes at the piece's position.

        Raises:
            WeighbridgeError: The bytes are void: the piece was taken away or the job is over.
        """
        if piece.interrupt.reason is not None:
            piece.interrupt.check()
        if self.is_over or piece.generation != self.generation:
            raise CancelledError("this piece is void")
        piece.is_reading = False
        piece.last_byte_at = now
        self.fetched += amount
        piece.state.received += amount

    def advance(self, piece: Piece, amount: int, now: float) -> None:
        """Account for ``amount`` written bytes."""
        start = piece.position
        piece.advance(amount, now)
        piece.is_reading = True
        piece.state.failures = piece.state.fruitless = self.steals = 0
        self.written.add(start, piece.position)
        if piece.start < piece.position and start >= piece.skip_to:
            self.earlier.discard(start, piece.position)
            if piece.state.index != 0:
                self.helped.add(start, piece.position)
        retry = self.options.retry
        self.tokens = min(float(retry.attempts), self.tokens + amount / retry.refill_bytes)

    def end_body(self, piece: Piece) -> None:
        """Learn the size from a body that only its end bounds."""
        if piece.stop is None and self.size is None:
            self.size, self.is_confirmed, self.size_from = piece.position, True, piece.state.index

    def release(self, piece: Piece, now: float) -> None:
        """Take a piece out of those under way."""
        piece.finish_sample(now)
        piece.state.active -= 1
        self.pieces.remove(piece)

    # The whole ----------------------------------------------------------------------------------------

    def lose(self, start: int, stop: int) -> None:
        """Take damaged bytes out of what is here."""
        self.written.discard(start, stop)
        self.earlier.discard(start, stop)
        self.helped.discard(start, stop)

    def void(self) -> None:
        """Forget everything that was fetched; pieces under way must not write any more."""
        self.generation += 1
        self.written, self.earlier, self.helped = RangeSet(), RangeSet(), RangeSet()
        self.size, self.is_confirmed, self.size_from = self.artifact.size, False, None
        self.validator, self.hasher, self.previous_piece = Validator(), None, 0
        for state in self.sources:
            state.validator, state.origin = Validator(), None
        for piece in self.pieces:
            piece.interrupt.trigger(CancelledError("this piece is void"))

    def settle(self) -> bool:
        """Decide on the whole once every byte is here and hashed.

        Returns:
            Whether suspect bytes must be fetched again: the sink and the hasher have to start over.
        """
        if self.hasher is None:
            self.is_over = True
            return False
        promised, found = self.artifact.digest, self.hasher.result()
        if promised == found:
            self.is_over = True
            return False
        suspect = bool(self.earlier) or bool(self.helped)
        if suspect and not self.is_second_pass and self.sources[0].dead is None:
            self._distrust()
            return True
        worst = max(self.sources, key=lambda each: each.received)
        self.fail(
            DigestMismatchError(
                f"{self.artifact.name}: the bytes from {worst.source} are not the promised ones: "
                f"expected {promised}, got {found}",
                expected=promised,
                actual=found,
                url=str(worst.source),
            )
        )
        return False

    def _distrust(self) -> None:
        self.is_second_pass = True
        if self.size_from != 0 or self.is_inline:
            self.void()
            return
        for span in [*self.earlier, *self.helped]:
            self.written.discard(span.start, span.stop)
        self.earlier, self.helped = RangeSet(), RangeSet()
        self.generation += 1

    def fail(self, error: WeighbridgeError) -> None:
        """End the job; the first error stays."""
        if self.is_over:
            return
        self.error, self.is_over = error, True
        for piece in self.pieces:
            piece.interrupt.trigger(CancelledError("the transfer has failed"))
