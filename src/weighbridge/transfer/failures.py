"""What a failed piece means for its source and its job; no I/O."""

from __future__ import annotations

from weighbridge.core.errors import (
    CancelledError,
    IntegrityError,
    RetriesExhaustedError,
    TransferError,
    WeighbridgeError,
)
from weighbridge.http.retry import Verdict, backoff_s, judge
from weighbridge.http.transport import HostPausedError
from weighbridge.transfer.job import Job
from weighbridge.transfer.piece import Piece, SourceState

_RANGE_FAULTS = 2  # bad ranged answers in a row, from a source that gave good ones, before ranges are given up
_FRUITLESS = 3  # expired addresses in a row without a byte
_CHANGES = 2  # times the remote file may turn out to be another one; after the first it is asked for in one piece
_REMEMBERED = 16  # failures kept for the last error


def fail_piece(job: Job, piece: Piece, error: WeighbridgeError, now: float) -> str | None:
    """Decide what a failed piece means; call before :meth:`release`.

    Returns:
        What to tell an observer; None if the failure is of no interest.
    """
    if job.is_over or piece.generation != job.generation or isinstance(error, CancelledError):
        return None
    if piece.stop is not None and piece.stop <= piece.position and piece.interrupt.reason is error:
        return None  # its rest was given away
    if isinstance(error, HostPausedError):
        piece.state.not_before = now + error.wait_s
        return None  # nothing was asked, so nothing has failed
    if isinstance(error, TransferError):
        error.offset = piece.position if error.offset is None else error.offset
        verdict = judge(error, was_redirected=piece.was_redirected, options=job.options.retry)
        _remember(job, error)
        _act(job, piece, error, verdict, now)
    elif isinstance(error, IntegrityError):
        _remember(job, error)
        _bury(job, piece.state, error)
    else:
        job.fail(error)
    return str(error)


def _act(job: Job, piece: Piece, error: TransferError, verdict: Verdict, now: float) -> None:
    state = piece.state
    match verdict:
        case Verdict.AGAIN:
            if state.failures:
                _go_home(state)
            _charge(job, state, piece, now)
        case Verdict.RESOLVE:
            _resolve_again(job, piece, error, now)
        case Verdict.WHOLE:
            state.range_faults += 1
            if piece.is_whole:
                _bury(job, state, error)
            elif state.ranges is None or state.range_faults >= _RANGE_FAULTS:
                state.ranges = False
            _charge(job, state, piece, now)
        case Verdict.CHANGED:
            _change(job, state, error)
        case Verdict.NEVER:
            _bury(job, state, error)


def _resolve_again(job: Job, piece: Piece, error: TransferError, now: float) -> None:
    state = piece.state
    if piece.asked_at < state.renewed_at:
        return  # somebody has found out already
    state.renewed_at = now
    _go_home(state)
    state.fruitless += 1
    if state.fruitless >= _FRUITLESS:
        _bury(job, state, error)


def _go_home(state: SourceState) -> None:
    """Ask the source itself next, which tells one who asks where it leads now."""
    if state.address != state.source.url:
        state.address, state.is_open = state.source.url, False


def _change(job: Job, state: SourceState, error: TransferError) -> None:
    """Start again with what the file is now; a helper that changes is left alone instead."""
    if job.artifact.digest is not None and state.index != 0:
        _bury(job, state, error)
        return
    job.changes += 1
    if job.changes > _CHANGES:
        _bury(job, state, error)
        return
    if job.changes == _CHANGES:
        state.ranges = False  # one answer is of one piece, however often the file changes
    job.void()


def _charge(job: Job, state: SourceState, piece: Piece, now: float) -> None:
    if piece.asked_at < state.charged_at:
        return  # began before the last failure: several connections that broke together count once
    state.charged_at = now
    state.failures += 1
    state.not_before = now + backoff_s(state.failures, job.options.retry, job.uniform)
    state.tokens -= 1
    if state.tokens <= 0:
        last = job.failures[-1]
        _bury(
            job,
            state,
            RetriesExhaustedError(
                f"{job.artifact.name}: gave up at byte {piece.position} after {_count(len(job.failures))}; "
                f"the last: {last}",
                failures=tuple(job.failures),
                url=getattr(last, "url", None),
                offset=piece.position,
            ),
        )


def _bury(job: Job, state: SourceState, error: WeighbridgeError) -> None:
    state.dead = state.dead or error
    usable = job.sources if job.trusted is None else [job.sources[job.trusted]]
    if all(each.dead is not None for each in usable):
        job.fail(job.sources[0].dead or error)


def _remember(job: Job, error: Exception) -> None:
    """Keep what happened, without the frames it happened in: they hold buffers, connections and whole addresses."""
    link: BaseException | None = error
    while link is not None and link.__traceback__ is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    job.failures = [*job.failures, error][-_REMEMBERED:]


def _count(failures: int) -> str:
    return "1 failure" if failures == 1 else f"{failures} failures"
