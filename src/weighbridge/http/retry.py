"""Whether a failure is worth another try and how long to wait; pure functions of error and options."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from weighbridge.core.errors import (
    ArtifactChangedError,
    BadAnswerError,
    BadStatusError,
    ConnectError,
    RateLimitedError,
    StalledError,
    TransferError,
    TruncatedError,
)
from weighbridge.core.options import RetryOptions

_CAPABILITY_GONE = frozenset({400, 401, 403, 404, 410})


class Verdict(Enum):
    """What to do about a failure."""

    AGAIN = "the same source may well answer next time"
    RESOLVE = "the address has expired; ask the source for a new one"
    WHOLE = "the source can't do ranges right; ask it for the whole file"
    CHANGED = "the file is another one now; what was fetched of it is void"
    NEVER = "this source has nothing for us"


def judge(error: TransferError, *, was_redirected: bool, options: RetryOptions) -> Verdict:
    """Decide what a failure means for the source it came from.

    Args:
        error: What happened.
        was_redirected: Whether the request went straight to an address that an earlier redirect gave:
            such an address is a capability that may expire (signed URLs).
        options: ``statuses`` says which ones are tried again.
    """
    verdict = Verdict.NEVER
    match error:
        case RateLimitedError():
            pass
        case BadStatusError(status=status) if was_redirected and status in _CAPABILITY_GONE:
            verdict = Verdict.RESOLVE
        case BadStatusError(status=status) if status in options.statuses:
            verdict = Verdict.AGAIN
        case ArtifactChangedError():
            verdict = Verdict.CHANGED
        case BadAnswerError():
            verdict = Verdict.WHOLE
        case ConnectError(is_permanent=False) | StalledError() | TruncatedError():
            verdict = Verdict.AGAIN
        case _:
            pass
    return verdict


def backoff_s(failures: int, options: RetryOptions, uniform: Callable[[float, float], float]) -> float:
    """Return how long to wait after ``failures`` failures in a row, with full jitter.

    Args:
        failures: 1 for the first.
        options: ``wait_initial_s`` doubles up to ``wait_max_s``.
        uniform: Source of jitter, as :func:`random.uniform`.
    """
    return uniform(0.0, min(options.wait_max_s, options.wait_initial_s * 2.0 ** min(failures - 1, 30)))
