"""What a free connection should do next for a job: whom to ask, for which bytes, or whose rest to take over; no I/O."""

from __future__ import annotations

from collections import Counter

from weighbridge.core.errors import ConnectError
from weighbridge.core.urls import origin_of
from weighbridge.transfer.job import Job
from weighbridge.transfer.piece import Piece, SourceState
from weighbridge.transfer.planner import find_split, is_laggard, piece_size

_STEALS = 3  # takeovers in a row of a silent piece without a byte
_WHILE_HASHING = 2  # connections while the hasher is behind
_NEARLY = 0.8  # sources this near to the fastest share the work


def next_piece(job: Job, now: float) -> Piece | None:
    """Cut the next piece for a free connection; None if there is nothing to do right now."""
    # of a small file that is under way there is nothing more to have: most jobs of many, most times
    is_served = job.is_small and bool(job.pieces) and not job.pieces[-1].is_void
    live = [] if is_served else job.live
    if is_served or job.is_over or any(each.generation != job.generation or each.is_whole for each in live):
        return None
    limit = 1 if job.size is None or job.is_small or job.is_inline else job.options.connections_per_file
    if len(live) >= limit or job.has_all_bytes or is_hash_bound(job):
        return None
    state = _pick_source(job, now)
    if any(each.generation != job.generation for each in job.live):
        return None  # another source begins only when the last byte of the one before is down
    span = None if state is None else _pick_span(job, state, now)
    if state is None or span is None:
        return None
    return _start(job, state, span, now)


def is_hash_bound(job: Job) -> bool:
    """Tell whether the hasher has enough to do: more connections would only take the processor away from it.

    Pieces under way end in any order, so the bytes that are in order grow by leaps; what they may leap by is no lag.
    """
    leap = sum((each.stop or each.position) - each.start for each in job.live)
    lag, limit = job.lag - leap, job.options.hash_lag
    return lag > limit or (lag > limit // 4 and len(job.live) >= _WHILE_HASHING)


def _start(job: Job, state: SourceState, span: tuple[int, int | None], now: float) -> Piece:
    is_whole = state.ranges is False
    pin = state.validator.strong_etag if state.origin == origin_of(state.address) else None
    piece = Piece(
        state=state,
        address=state.address,
        start=span[0],
        stop=span[1],
        generation=job.generation,
        now=now,
        if_range=pin,
        known_size=job.size,
        is_whole=is_whole,
    )
    job.pieces.append(piece)
    return piece


def _pick_source(job: Job, now: float) -> SourceState | None:
    alive = [each for each in job.sources if each.dead is None]
    if job.trusted is not None:
        alive = [each for each in alive if each.index == job.trusted]
    if job.artifact.digest is None:
        alive = alive[:1]
        _stick_to(job, alive)
    active = Counter(each.state.index for each in job.live)
    ready = [each for each in alive if now >= each.not_before and not _is_tried(job, each, now)]
    if any(each.ranges is not False for each in ready):
        ready = [each for each in ready if each.ranges is not False]
    if not ready:
        return None
    if job.size is None:
        return ready[0]
    unknown = next((each for each in ready if each.link.rate_bps is None and not active[each.index]), None)
    if unknown is not None:
        return unknown
    best = max(each.link.rate_bps or 0.0 for each in ready)
    fast = [each for each in ready if (each.link.rate_bps or 0.0) >= _NEARLY * best]
    return min(fast, key=lambda each: (active[each.index], each.index))


def _is_tried(job: Job, state: SourceState, now: float) -> bool:
    """Tell whether one connection is finding out for all whether a source answers, and where."""
    if state.is_open and not state.failures:
        return False
    since, patience = max(state.charged_at, state.renewed_at), job.options.straggler_s
    asked = [each for each in job.live if each.state is state and each.asked_at >= since]
    return any(each.first_byte_at is None and each.silent_s(now) <= patience for each in asked)


def _stick_to(job: Job, alive: list[SourceState]) -> None:
    if alive and job.only_source != alive[0].index:
        if job.only_source is not None and (job.written or job.live):
            job.void()
        job.only_source = alive[0].index


def _pick_span(job: Job, state: SourceState, now: float) -> tuple[int, int | None] | None:
    if state.ranges is False:
        return None if job.live else (0, job.size)
    if job.size is None:
        return (0, job.options.first_piece)
    gaps = job.written.missing(job.size)
    for piece in job.live:
        gaps.discard(piece.position, piece.stop or job.size)
    gap = gaps.first()
    laggard = _laggard(job, state, now)
    if gap is None or laggard is not None:
        return _split(job, state, laggard, now)
    unassigned = gaps.total
    length = unassigned if job.is_small else piece_size(state.link, unassigned, job.previous_piece, job.options)
    stop = min(gap.stop, gap.start + length)
    job.previous_piece = stop - gap.start
    return gap.start, stop


def _laggard(job: Job, state: SourceState, now: float) -> Piece | None:
    first = min(job.live, key=lambda each: each.position, default=None)
    if first is not None and is_laggard(first.view(now), state.link, job.options):
        return first
    return None


def _split(job: Job, state: SourceState, laggard: Piece | None, now: float) -> tuple[int, int] | None:
    pieces = job.live if laggard is None else [laggard]
    if job.steals >= _STEALS:
        pieces = [each for each in pieces if each.position > each.start]
    patience = job.options.straggler_s * 2**job.steals
    # one that has only just been asked for has nothing to give, and must not stand before one that has fallen silent
    pieces = [each for each in pieces if each.first_byte_at is not None or each.silent_s(now) > patience]
    found = find_split([each.view(now) for each in pieces], state.link, job.steals, job.options)
    if found is None:
        return None
    victim, cut = pieces[found[0]], found[1]
    stop = victim.stop
    if stop is None or cut >= stop:
        return None
    victim.stop = cut
    if cut <= victim.position:
        job.steals += 1
        victim.interrupt.trigger(ConnectError("the rest was given to another connection"))
    return cut, stop
