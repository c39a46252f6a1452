"""Calls to the Hub that bring no file: each bounded in time, with all its tries, waits and redirects."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from weighbridge.core.errors import (
    HfHubHTTPError,
    RateLimitedError,
    RetriesExhaustedError,
    StalledError,
    TransferError,
)
from weighbridge.core.options import HubOptions, RetryOptions
from weighbridge.core.urls import redact
from weighbridge.http.retry import Verdict, backoff_s, judge
from weighbridge.http.transport import Asking, HostPausedError
from weighbridge.hub.answers import Hop
from weighbridge.hub.credentials import Identity
from weighbridge.hub.exchanges import Exchange, Page
from weighbridge.hub.limits import Limit, limited
from weighbridge.hub.refusals import Asked

_TOO_MANY = 429

_Failure = TransferError | HfHubHTTPError
_Got = TypeVar("_Got")


class Caller:
    """Asks the Hub; safe to use from many threads.

    One call is all its tries: transport failures and the statuses that say "not now" are tried again, until
    ``retry.attempts`` have failed or ``options.call_timeout_s`` are over, whichever comes first.  A host's wish to be
    left alone is obeyed by the transport, for everybody who uses it.

    Args:
        transport: Asks once.
        options: Whom, in whose name, and for how long.
        retry: How often and how patiently a failing call is tried again.
        cancel: Ends every call at once when set.

    Raises:
        InvalidURLError: The endpoint is no address.
    """

    def __init__(self, transport: Asking, options: HubOptions, retry: RetryOptions, cancel: threading.Event) -> None:
        self._transport = transport
        self._options = options
        self._retry = retry
        self._cancel = cancel
        self.identity = Identity.of(options)

    def get_json(self, url: str, asked: Asked) -> Page:
        """Return what ``url`` answers in JSON; redirects are followed, elsewhere without credentials.

        Args:
            url: Whom to ask.
            asked: What for.

        Raises:
            HfHubHTTPError: The Hub says no; the subclass tells why.
            TransferError: No answer, or none that is JSON of at most 64 MiB.
            RequestError: Credentials would travel over plain http.
            CancelledError: The caller wanted to stop.
        """
        return self._call(replace(asked, url=url), None, Exchange.get_json)

    def head(self, url: str, asked: Asked) -> tuple[Hop, ...]:
        """Return the heads on the way to a file, as far as they are needed to know what it is; at least one.

        Redirects on one origin, and back to the endpoint's, are followed.  One to elsewhere is not, once commit and
        content have been named: it leads to the content itself.

        Raises as :meth:`get_json`; one try takes ``options.etag_timeout_s`` at most.
        """
        return self._call(replace(asked, url=url), self._options.etag_timeout_s, Exchange.head)

    def _call(self, asked: Asked, try_s: float | None, attempt: Callable[[Exchange], _Got]) -> _Got:
        limit = self._limit(asked.url, try_s)
        asked = replace(asked, endpoint=self._options.endpoint)
        failures: list[_Failure] = []
        while True:
            try:
                with limited(limit) as interrupt:
                    return attempt(
                        Exchange(
                            transport=self._transport,
                            identity=self.identity,
                            asked=asked,
                            limit=limit,
                            interrupt=interrupt,
                        )
                    )
            except (HostPausedError, RateLimitedError) as error:
                raise _impatience(error, failures, limit) from None
            except (TransferError, HfHubHTTPError) as error:
                failures.append(error)
                if not self._is_passing(error):
                    raise
            pause_s = 0.0 if _is_paced(failures[-1]) else backoff_s(len(failures), self._retry, random.uniform)
            if len(failures) >= self._retry.attempts or pause_s >= limit.left_s:
                raise _summary(failures, limit)
            limit.wait(pause_s)

    def _limit(self, url: str, try_s: float | None) -> Limit:
        call_s = self._options.call_timeout_s
        ends_at = time.monotonic() + call_s
        return Limit(shown=redact(url), ends_at=ends_at, call_s=call_s, try_s=try_s, cancel=self._cancel)

    def _is_passing(self, error: _Failure) -> bool:
        if isinstance(error, HfHubHTTPError):
            return error.status in self._retry.statuses
        return judge(error, was_redirected=False, options=self._retry) is Verdict.AGAIN


def _is_paced(error: _Failure) -> bool:
    """Tell whether the host has named its own time, which the transport waits for."""
    if not isinstance(error, HfHubHTTPError):
        return False
    return error.status == _TOO_MANY or (error.response is not None and "retry-after" in error.response.headers)


def _impatience(error: HostPausedError | RateLimitedError, failures: list[_Failure], limit: Limit) -> Exception:
    """Return what to raise when a host wants to be left alone for longer than there is time."""
    refusals = [each for each in failures if isinstance(each, HfHubHTTPError)]
    if refusals:
        return refusals[-1]
    if isinstance(error, RateLimitedError):
        return error
    return RateLimitedError(
        f"{error}, longer than the {limit.call_s:g} s that asking {limit.shown} may take; try again later",
        url=limit.shown,
        status=_TOO_MANY,
        retry_after_s=error.wait_s,
    )


def _summary(failures: list[_Failure], limit: Limit) -> Exception:
    """Return what to raise when enough was tried: an answer of the Hub rather than its silence afterwards."""
    last = failures[-1]
    refusals = [each for each in failures if isinstance(each, HfHubHTTPError)]
    if isinstance(last, StalledError) and limit.left_s <= 0 and refusals:
        return refusals[-1]
    if len(failures) == 1 or isinstance(last, HfHubHTTPError):
        return last
    return RetriesExhaustedError(
        f"{limit.shown}: gave up after {len(failures)} tries; the last: {last}",
        failures=tuple(failures),
        url=limit.shown,
    )
