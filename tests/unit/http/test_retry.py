"""The verdict on every kind of failure as one table, and how long to wait."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core import errors
from weighbridge.core.errors import (
    ArtifactChangedError,
    BadAnswerError,
    BadStatusError,
    ConnectError,
    OfflineError,
    RangeIgnoredError,
    RateLimitedError,
    RedirectError,
    RetriesExhaustedError,
    StalledError,
    TransferError,
    TruncatedError,
)
from weighbridge.core.options import RETRY_STATUSES, RetryOptions
from weighbridge.http.retry import Verdict, backoff_s, judge

OPTIONS = RetryOptions()
AGAIN, RESOLVE, WHOLE, CHANGED, NEVER = Verdict.AGAIN, Verdict.RESOLVE, Verdict.WHOLE, Verdict.CHANGED, Verdict.NEVER


def status(code: int, kind: type[BadStatusError] = BadStatusError) -> BadStatusError:
    return kind("x", status=code)


# failure, verdict when the primary's own URL was asked, verdict when a redirect's target was
TABLE = [
    (ConnectError("x"), AGAIN, AGAIN),
    (ConnectError("x", is_permanent=True), NEVER, NEVER),
    (StalledError("x"), AGAIN, AGAIN),
    (TruncatedError("x"), AGAIN, AGAIN),
    (BadAnswerError("x"), WHOLE, WHOLE),
    (RangeIgnoredError("x"), WHOLE, WHOLE),
    (ArtifactChangedError("x"), CHANGED, CHANGED),
    (RedirectError("x"), NEVER, NEVER),
    (RateLimitedError("x", status=429), NEVER, NEVER),
    (RetriesExhaustedError("x"), NEVER, NEVER),
    (TransferError("x"), NEVER, NEVER),
    *((status(code), AGAIN, AGAIN) for code in (408, 425, 429, 500, 502, 503, 504)),
    *((status(code), NEVER, RESOLVE) for code in (400, 401, 403, 404, 410)),
    *((status(code), NEVER, NEVER) for code in (100, 204, 304, 402, 405, 406, 409, 411, 412, 413, 416, 418, 451)),
    *((status(code), NEVER, NEVER) for code in (501, 505, 507, 511, 599)),
]
IDS = [f"{type(error).__name__} {vars(error).get('status', '')}".strip() for error, _, _ in TABLE]


@pytest.mark.parametrize(("error", "direct", "redirected"), TABLE, ids=IDS)
def test_failure_has_its_verdict(error: TransferError, direct: Verdict, redirected: Verdict) -> None:
    """What is tried again though it can't help costs minutes; what isn't though it could costs the download."""
    assert judge(error, was_redirected=False, options=OPTIONS) is direct
    assert judge(error, was_redirected=True, options=OPTIONS) is redirected


def test_every_kind_of_transfer_failure_is_in_the_table() -> None:
    """A new kind of failure finds its verdict here first."""
    kinds = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, TransferError)}

    assert {type(error) for error, _, _ in TABLE} == kinds
    assert not issubclass(OfflineError, TransferError)  # nothing was sent, so there is nothing to judge


@pytest.mark.parametrize("code", range(400, 600))
def test_options_say_which_statuses_are_tried_again(code: int) -> None:
    """``response_codes_to_retry`` is obeyed, for statuses that are usual and those that aren't."""
    only = RetryOptions(statuses=frozenset({code}))
    none = RetryOptions(statuses=frozenset())

    assert judge(status(code), was_redirected=False, options=only) is AGAIN
    assert judge(status(code), was_redirected=False, options=none) is NEVER


def test_expired_address_is_resolved_again_even_if_its_status_is_to_be_retried() -> None:
    """Asking an expired signed URL again can never help."""
    options = RetryOptions(statuses=RETRY_STATUSES | {403})

    assert judge(status(403), was_redirected=True, options=options) is RESOLVE
    assert judge(status(403), was_redirected=False, options=options) is AGAIN


@given(failures=st.integers(1, 10_000), seed=st.integers())
def test_wait_stays_between_nothing_and_the_longest(failures: int, seed: int) -> None:
    """P3: however many failures, the wait is bounded."""
    wait = backoff_s(failures, OPTIONS, random.Random(seed).uniform)

    assert 0.0 <= wait <= OPTIONS.wait_max_s


@pytest.mark.parametrize(
    ("failures", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 10.0), (7, 10.0), (1000, 10.0)]
)
def test_longest_wait_doubles_up_to_its_limit(failures: int, longest: float) -> None:
    """A server that is down for a second is asked again soon, one that is down for a minute is left alone."""
    assert backoff_s(failures, OPTIONS, lambda _, high: high) == longest


def test_wait_is_drawn_evenly_from_zero() -> None:
    """Full jitter: a hundred clients that failed together don't come back together."""
    assert backoff_s(3, OPTIONS, lambda low, _: low) == 0.0
