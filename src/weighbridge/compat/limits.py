"""The numbers of the directory downloader's signature as options, refused under the names its callers know."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from weighbridge.config import InferenceModelsSettings
from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.options import SECONDS_MAX, STATUSES, Options

FILE_LOCK_ACQUIRE_TIMEOUT = 10
"""Seconds; the environment's ``INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT`` replaces it."""

_CONNECTIONS_MAX = 64
_AT_ONCE_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one call says about how much and how long, under the names of its parameters.

    Raises:
        InvalidParameterError: One of them can't mean anything; the message says which.
    """

    response_codes_to_retry: Collection[int] | None
    request_timeout: float | None
    max_parallel_downloads: int
    max_threads_per_download: int
    file_lock_acquire_timeout: float
    rate_limit: float | None
    durable: bool

    def __post_init__(self) -> None:
        timeout, rate, wait = self.request_timeout, self.rate_limit, self.file_lock_acquire_timeout
        rules = {
            "response_codes_to_retry": (_are_statuses(self.response_codes_to_retry), "a set of HTTP statuses, or None"),
            "request_timeout": (
                timeout is None or (_is_number(timeout) and 0 < timeout <= SECONDS_MAX),
                f"a number of seconds, above 0 and at most {SECONDS_MAX:.0f}, or None",
            ),
            "max_parallel_downloads": (_is_count(self.max_parallel_downloads, 1), "a whole number above 0"),
            "max_threads_per_download": (_is_count(self.max_threads_per_download, 0), "a whole number, not below 0"),
            "file_lock_acquire_timeout": (_is_number(wait) and wait <= SECONDS_MAX, "a number of seconds"),
            "rate_limit": (
                rate is None or (_is_number(rate) and 1 <= rate < float("inf")),
                "a number of bytes a second, at least 1, or None",
            ),
        }
        for name, (is_good, meaning) in rules.items():
            if not is_good:
                raise InvalidParameterError(f"{name} is {meaning}, not {getattr(self, name)!r}")

    def apply(self, settings: InferenceModelsSettings) -> Options:
        """Return the options of the environment with these limits over them."""
        http, transfer, store = settings.options.http, settings.options.transfer, settings.options.store
        retry, threads = transfer.retry, max(1, self.max_threads_per_download)
        if self.request_timeout is not None:
            http = replace(http, connect_timeout_s=self.request_timeout, read_timeout_s=self.request_timeout)
        if self.response_codes_to_retry is not None:
            retry = replace(retry, statuses=frozenset(self.response_codes_to_retry))
        transfer = replace(
            transfer,
            files=self.max_parallel_downloads,
            connections_per_file=threads,
            connections=min(_CONNECTIONS_MAX, self.max_parallel_downloads * threads),
            rate_limit_bps=self.rate_limit,
            retry=retry,
        )
        store = replace(store, wait_timeout_s=self._wait_s(settings.wait_timeout_s), durable=self.durable)
        return replace(settings.options, http=http, transfer=transfer, store=store)

    def _wait_s(self, from_environment: float | None) -> float:
        """Return the longest wait without progress; as with file locks, 0 is none and less is without end."""
        wanted = self.file_lock_acquire_timeout
        if wanted == FILE_LOCK_ACQUIRE_TIMEOUT and from_environment is not None:
            return from_environment
        return SECONDS_MAX if wanted < 0 else max(_AT_ONCE_S, wanted)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - not a NaN


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _are_statuses(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, Collection) and all(isinstance(each, int) and each in STATUSES for each in value)
