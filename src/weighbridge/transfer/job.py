"""One artifact on its way: what is here, what is under way, what its sources said; decisions only, no I/O."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from weighbridge.core.artifacts import Artifact
from weighbridge.core.errors import (
    ArtifactChangedError,
    BadAnswerError,
    CancelledError,
    DigestMismatchError,
    RangeIgnoredError,
    RetriesExhaustedError,
    SizeMismatchError,
    WeighbridgeError,
)
from weighbridge.core.options import TransferOptions
from weighbridge.core.ranges import ByteRange, RangeSet
from weighbridge.core.recovery import Validator
from weighbridge.core.urls import origin_of
from weighbridge.transfer.answers import Answer
from weighbridge.transfer.hasher import FrontierHasher
from weighbridge.transfer.piece import Piece, SourceState
from weighbridge.transfer.sink import Sink
from weighbridge.transfer.spans import held_of, missing_of


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
    hashed: int = 0  # bytes that are in the digest, as last told by whoever computes it
    changes: int = 0
    restarts: int = 0  # times a whole body had to begin again, for want of anything that would join it
    steals: int = 0
    previous_piece: int = 0
    is_confirmed: bool = False  # somebody told the size in this run
    is_guessed: bool = False  # nobody did: a body ended there, and may have been cut
    size_from: int | None = None  # index of the source that told the size
    trusted: int | None = None  # in the second pass: the only source that is asked
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
        attempts = float(self.options.retry.attempts)
        self.sources = [
            SourceState(each, index, each.lead or each.url, attempts)
            for index, each in enumerate(self.artifact.sources)
        ]

    # What is known ------------------------------------------------------------------------------------

    @property
    def live(self) -> list[Piece]:
        """Pieces that may still be written to; the others only wait for the system to let go of their workers."""
        return [each for each in self.pieces if not each.is_void]

    @property
    def has_all_bytes(self) -> bool:
        """Whether every byte is written and nobody writes any more."""
        return self.size is not None and self.written.total == self.size and not self.live

    @property
    def is_hashed(self) -> bool:
        """Whether every byte is in the digest, if one was promised."""
        return self.artifact.digest is None or (self.hasher is not None and self.hashed == self.size)

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

    def rest_s(self, now: float) -> float:
        """Return seconds until a source that is left alone for a while may be asked again; infinite if none is."""
        return min((each.not_before - now for each in self.sources if each.not_before > now), default=math.inf)

    # What came of it ----------------------------------------------------------------------------------

    def accept(self, piece: Piece, answer: Answer, url: str, now: float) -> bool:
        """Believe an answer's header, or say why not.

        Returns:
            Whether the size was learned from it (the sink should be told).

        Raises:
            TransferError, IntegrityError: The answer contradicts what is known.
            CancelledError: Nobody wants it any more.
        """
        self._check_wanted(piece)
        state = piece.state
        state.measure_latency(now - piece.asked_at)
        self._check_size(state, answer)
        self._agree(state, answer, url)
        if answer.is_whole:
            self._compare_with_what_is_here(answer)
            self._take_over(piece)
            if piece.span is not None and answer.size != 0:
                state.ranges = False
            piece.is_whole = True
            piece.stop = self.size if answer.stop is None else answer.stop
        else:
            state.ranges, state.range_faults = True, 0
            piece.stop = answer.stop if piece.stop is None or answer.stop is None else min(piece.stop, answer.stop)
        if piece.asked_at >= state.renewed_at:  # an address given up meanwhile stays given up
            state.address, state.is_open = url, True
        known = state.validator if state.origin == origin_of(url) else Validator()
        state.origin = origin_of(url)
        state.validator = self.validator = answer.validator.completed_by(known)
        learned = answer.size is not None and not self.is_confirmed
        if answer.size is not None:
            self.size, self.is_confirmed = answer.size, True
            self.size_from = state.index if self.size_from is None else self.size_from
        return learned

    def _check_wanted(self, piece: Piece) -> None:
        piece.interrupt.check()
        if self.is_over or piece.generation != self.generation:
            raise CancelledError("this piece is void")

    def _check_size(self, state: SourceState, answer: Answer) -> None:
        known, promised = self.size, self.artifact.size
        if answer.is_page and known is not None and answer.size not in (None, known):
            # a portal or a proxy speaks in the file's place: that says nothing about the file, nor of what is here
            raise BadAnswerError(f"{state.source} sent a web page instead of the file", url=str(state.source))
        if answer.size == 0 and self._promises_content():
            raise BadAnswerError(f"{state.source} sent an empty file", url=str(state.source))
        if promised is not None and answer.size not in (None, promised):
            raise SizeMismatchError(
                f"{state.source} has {answer.size} bytes instead of the promised {promised}",
                expected=promised,
                actual=answer.size,
                url=str(state.source),
            )

    def _promises_content(self) -> bool:
        """Tell whether the promise can't be kept by an empty file, whatever stands in for a file that is missing."""
        digest = self.artifact.digest
        return digest is not None and digest.hasher(0).hexdigest() != digest.value

    def _agree(self, state: SourceState, answer: Answer, url: str) -> None:
        """Compare an answer with what is known of the file; only the primary is believed where two disagree."""
        same_size = self.size is None or answer.size is None or answer.size == self.size
        if same_size and not self._contradicts(state, answer.validator, url):
            return
        if not self.is_confirmed:  # only an earlier run said otherwise
            self.void()
            raise CancelledError("this piece is void")
        error = SizeMismatchError(
            f"{state.source} has {answer.size} bytes, {self.size} were told before",
            expected=self.size,
            actual=answer.size,
            url=str(state.source),
        )
        if same_size or state.index == self.size_from:
            raise ArtifactChangedError(f"{state.source} is another file than before", url=str(state.source))
        if state.index != 0 or self.size_from is None:
            raise error
        self.sources[self.size_from].dead = error
        self.void()
        raise CancelledError("this piece is void")

    def _contradicts(self, state: SourceState, found: Validator, url: str) -> bool:
        """Tell whether a validator says that the file is not the one that bytes of it are here."""
        if self.artifact.digest is None and self.earlier and not self.is_confirmed:
            return found.strong_etag is None or found.strong_etag != self.validator.strong_etag
        if self.artifact.digest is not None and state.origin != origin_of(url):
            return False  # the machines of one service may name the same bytes differently; the digest decides
        reference = state.validator if state.origin is not None else self.validator
        return reference.contradicts(found)

    def _compare_with_what_is_here(self, answer: Answer) -> None:
        """Begin again if nothing tells that a body which starts over is the file that bytes of are here."""
        tag = answer.validator.strong_etag
        if self.artifact.digest is not None or not self.written:
            return
        if tag is None or tag != self.validator.strong_etag:
            self._begin_again()

    def _begin_again(self) -> None:
        """Void everything, a few times: a body that is always cut would else be begun for ever."""
        self.restarts += 1
        if self.restarts >= self.options.retry.attempts:
            self.fail(
                RetriesExhaustedError(
                    f"{self.artifact.name}: begun {self.restarts} times; the server sends it whole only, and was cut "
                    "off each time",
                    failures=tuple(self.failures),
                    offset=self.written.frontier,
                )
            )
        self.void()
        raise CancelledError("this piece is void")

    def _take_over(self, piece: Piece) -> None:
        """Make room for a body that is the whole file: nobody else may write while it comes."""
        others = [each for each in self.live if each is not piece]
        if piece.start > 0 or any(each.position > each.start or not each.is_reading for each in others):
            shown = str(piece.state.source)
            raise RangeIgnoredError(f"{shown} sent the whole file instead of a range", url=shown)
        for each in others:
            each.interrupt.trigger(CancelledError("somebody sends the whole file"))

    def commit(self, piece: Piece, amount: int, now: float) -> list[ByteRange]:
        """Allow a worker to write ``amount`` bytes that came for the piece's position.

        Returns:
            What of them to write.  Bytes that are here stay as they are: they may be hashed already, and what was
            hashed has to be what is on disk.

        Raises:
            WeighbridgeError: The bytes are void: the piece was taken away or the job is over.
        """
        self._check_wanted(piece)
        piece.is_reading = False
        piece.last_byte_at = now
        self.fetched += amount
        piece.state.received += amount
        chunk = ByteRange(piece.position, piece.position + amount)
        return missing_of(chunk, self.written) if piece.is_whole else [chunk]

    def advance(self, piece: Piece, amount: int, written: Sequence[ByteRange], now: float) -> None:
        """Account for ``amount`` bytes that came, and those of them that were written.

        Raises:
            CancelledError: Everything was voided meanwhile.
        """
        piece.is_reading = True
        if piece.generation != self.generation:
            raise CancelledError("this piece is void")
        piece.advance(amount, now)
        if not written:
            return  # bytes that were here already are no progress
        for span in written:
            self.written.add(span.start, span.stop)
            self.earlier.discard(span.start, span.stop)
            if piece.state.index != 0:
                self.helped.add(span.start, span.stop)
        state, retry = piece.state, self.options.retry
        state.failures = state.fruitless = self.steals = 0
        state.tokens = min(float(retry.attempts), state.tokens + sum(map(len, written)) / retry.refill_bytes)

    def unrecorded(self, piece: Piece) -> list[ByteRange]:
        """Return what came of a piece since it was last asked and is here."""
        start, piece.recorded = piece.recorded, piece.position
        if piece.generation != self.generation or start == piece.position:
            return []
        return held_of(ByteRange(start, piece.position), self.written)

    def end_body(self, piece: Piece) -> None:
        """Learn the size from a body that only its end bounds."""
        if piece.stop is None and self.size is None and piece.generation == self.generation:
            self.size, self.is_confirmed, self.size_from = piece.position, True, piece.state.index
            self.is_guessed = True

    def release(self, piece: Piece, now: float) -> None:
        """Take a piece out of those under way."""
        piece.finish_sample(now)
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
        self.hashed, self.is_guessed, self.is_inline = 0, False, False
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
        suspect = bool(self.earlier) or bool(self.helped) or self.is_guessed
        if suspect and self.trusted is None and (other := self._beyond_suspicion()) is not None:
            self.trusted = other.index
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

    def _beyond_suspicion(self) -> SourceState | None:
        """Return whom to ask again: the primary, or where it is gone a helper that gave nothing of what is here."""
        alive = [each for each in self.sources if each.dead is None]
        return next((each for each in alive if each.index == 0 or (each.received == 0)), None)

    def _distrust(self) -> None:
        if self.size_from != self.trusted or self.is_inline or self.is_guessed:
            self.void()
            return
        for span in [*self.earlier, *self.helped]:
            self.written.discard(span.start, span.stop)
        self.earlier, self.helped = RangeSet(), RangeSet()
        self.generation += 1
        self.hashed = 0

    def fail(self, error: WeighbridgeError) -> None:
        """End the job; the first error stays."""
        if self.is_over:
            return
        self.error, self.is_over = error, True
        for piece in self.pieces:
            piece.interrupt.trigger(CancelledError("the transfer has failed"))
