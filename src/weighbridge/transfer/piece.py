"""A piece under way and the source it comes from: the mutable records that the engine's lock guards."""

from __future__ import annotations

from dataclasses import dataclass, field

from weighbridge.core.artifacts import Source
from weighbridge.core.errors import WeighbridgeError
from weighbridge.core.ranges import ByteRange
from weighbridge.core.recovery import Validator
from weighbridge.core.urls import Origin
from weighbridge.http.transport import Interrupt, Request
from weighbridge.transfer.planner import Link, PieceView

_SAMPLE_S = 0.5
_SAMPLE_WEIGHT = 0.3
_PATIENCE_S = 1.0  # a host's pause that is longer than this is spent on other work


@dataclass(slots=True, eq=False)
class SourceState:
    """What this run has learned about one source.

    Attributes:
        source: The source.
        index: Its place in the artifact's list; 0 is the primary.
        address: Where to ask now: its URL, or where a redirect led.
        is_open: Whether an answer came from there, so that many may ask.
        link: Measured speed and latency of one connection.
        ranges: Whether it serves ranges; None while unknown.
        tokens: Failures it may still have; progress gives them back.
        validator: As it last sent it.
        origin: Whoever sent that, after redirects.
        not_before: Monotonic seconds before which it is left alone.
        failures: In a row.
        charged_at: Monotonic seconds of the last failure that counted.
        range_faults: Bad ranged answers in a row.
        fruitless: Expired addresses in a row that brought no byte.
        renewed_at: Monotonic seconds at which the last of them was given up.
        dead: Why it isn't asked again.
        received: Body bytes it gave.
    """

    source: Source
    index: int
    address: str = field(repr=False)  # may be signed
    tokens: float
    is_open: bool = False
    link: Link = field(default_factory=Link)
    ranges: bool | None = None
    validator: Validator = field(default_factory=Validator)
    origin: Origin | None = None
    not_before: float = 0.0
    failures: int = 0
    charged_at: float = float("-inf")
    range_faults: int = 0
    fruitless: int = 0
    renewed_at: float = float("-inf")
    dead: WeighbridgeError | None = None
    received: int = 0

    def measure(self, rate_bps: float) -> None:
        """Learn a speed."""
        old = self.link.rate_bps
        rate = rate_bps if old is None else old + _SAMPLE_WEIGHT * (rate_bps - old)
        self.link = Link(rate_bps=rate, latency_s=self.link.latency_s)

    def measure_latency(self, seconds: float) -> None:
        """Learn a latency; the shortest seen is believed, since queues only add to it."""
        known = self.link.latency_s
        self.link = Link(rate_bps=self.link.rate_bps, latency_s=min(known, seconds) if known else seconds)


@dataclass(slots=True, eq=False)
class Piece:
    """A range that one worker fetches.

    Attributes:
        state: Where from.
        address: Where the request went; the state's may move on meanwhile.
        landed: Where it ended up after redirects; the same until an answer came.
        start: First byte asked for.
        stop: Where it ends now; others may lower it.  None: wherever the body ends.
        position: Next byte to come.
        reserved: Up to here the worker may be writing; nobody else may write below it.
        is_whole: The body is the whole file, from byte 0; what of it is here already is not written again.
        generation: Of the job when the piece was cut.
        is_reading: Blocked on the network, rather than on disk or on a wait of our own.
        recorded: Written bytes below this are in the journal.
    """

    state: SourceState
    address: str = field(repr=False)  # may be signed
    start: int
    stop: int | None
    generation: int
    now: float
    if_range: str | None = None
    known_size: int | None = None
    is_whole: bool = False
    landed: str = field(init=False, repr=False)
    position: int = field(init=False)
    reserved: int = field(init=False)
    recorded: int = field(init=False)
    recorded_at: float = field(init=False)
    asked_at: float = field(init=False)
    first_byte_at: float | None = None
    last_byte_at: float = field(init=False)
    sampled_at: float = field(init=False)
    sampled: int = field(init=False)
    window_at: float = field(init=False)
    window: int = field(init=False)
    is_reading: bool = True
    interrupt: Interrupt = field(default_factory=Interrupt)

    def __post_init__(self) -> None:
        self.landed = self.address
        self.position = self.reserved = self.recorded = self.sampled = self.window = self.start
        self.recorded_at = self.asked_at = self.last_byte_at = self.sampled_at = self.window_at = self.now

    @property
    def was_redirected(self) -> bool:
        """Whether a redirect, now or earlier, gave the address that answered: such an address may expire."""
        return self.landed != self.state.source.url

    @property
    def is_void(self) -> bool:
        """Whether nothing of it will be written any more: it was told to stop while it waited for the network."""
        return self.interrupt.reason is not None and self.is_reading

    @property
    def span(self) -> ByteRange | None:
        """The range to ask for; None asks for the whole file."""
        return None if self.is_whole or self.stop is None else ByteRange(self.start, self.stop)

    def request(self) -> Request:
        """Return the request that gets this piece."""
        return Request(
            source=self.state.source,
            url=self.address,
            span=self.span,
            if_range=self.if_range,
            patience_s=_PATIENCE_S,
        )

    def reserve(self, amount: int) -> int:
        """Return how many of ``amount`` bytes may be read next, and keep others from writing there."""
        left = amount if self.stop is None else min(amount, self.stop - self.position)
        self.reserved = self.position + max(0, left)
        return max(0, left)

    def advance(self, amount: int, now: float) -> None:
        """Account for ``amount`` bytes that arrived and were written."""
        if self.first_byte_at is None:
            self.first_byte_at = now
            self.sampled_at, self.sampled = now, self.position
        self.position += amount
        self.reserved = self.position
        self.last_byte_at = now
        if now - self.sampled_at >= _SAMPLE_S:
            self.state.measure((self.position - self.sampled) / (now - self.sampled_at))
            self.sampled_at, self.sampled = now, self.position

    def finish_sample(self, now: float) -> None:
        """Learn what a short piece can tell about the speed."""
        elapsed = now - self.asked_at
        if self.state.link.rate_bps is None and self.position > self.start and elapsed > 0:
            self.state.measure((self.position - self.start) / elapsed)

    def view(self, now: float) -> PieceView:
        """Return what the planner needs; bytes the worker may be writing count as arrived."""
        began = self.first_byte_at
        rate = (self.position - self.start) / max(now - began, 1e-3) if began is not None else None
        return PieceView(
            position=self.position,
            reserved=self.reserved,
            stop=self.reserved if self.stop is None else self.stop,
            rate_bps=rate or None,
            silent_s=self.silent_s(now),
        )

    def silent_s(self, now: float) -> float:
        """Return for how long the network, not we, has kept this piece waiting."""
        if not self.is_reading or self.interrupt.is_waiting:
            return 0.0
        return now - max(self.last_byte_at, self.interrupt.waited_until)

    def is_stalled(self, now: float, window_s: float, floor_bps: float) -> bool:
        """Tell whether less than the floor came in a whole window; a wait of our own starts a new window."""
        if not self.is_reading or self.interrupt.is_waiting or self.interrupt.waited_until > self.window_at:
            self.window_at, self.window = now, self.position
            return False
        if now - self.window_at < window_s:
            return False
        brought = self.position - self.window
        self.window_at, self.window = now, self.position
        return brought < floor_bps * window_s
