"""What the variables of inference-models ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from weighbridge.config.general import options_from_environment
from weighbridge.config.reading import pick, read_count, read_flag, read_seconds, read_statuses
from weighbridge.core.options import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceModelsSettings:
    """What the variables of inference-models ask for.

    Attributes:
        options: With its timeouts, attempts and statuses applied.
        is_quiet: ``DISABLE_INTERACTIVE_PROGRESS_BARS``.
        wait_timeout_s: ``INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT``; None if unset.
    """

    options: Options
    is_quiet: bool
    wait_timeout_s: float | None


def inference_models_settings(environment: Mapping[str, str] | None = None) -> InferenceModelsSettings:
    """Return what the variables of inference-models ask for, on top of our own.

    Read are ``OFFLINE_MODE``, ``DISABLE_INTERACTIVE_PROGRESS_BARS``, ``INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT``,
    ``CHUNK_DOWNLOAD_CONNECT_TIMEOUT``, ``CHUNK_DOWNLOAD_READ_TIMEOUT``, ``CHUNK_DOWNLOAD_MAX_ATTEMPTS``,
    ``API_CALLS_TIMEOUT``, ``API_CALLS_MAX_TRIES`` and ``IDEMPOTENT_API_REQUEST_CODES_TO_RETRY``.

    Raises:
        InvalidParameterError: A variable can't mean anything.
    """
    env = pick(environment)
    options = options_from_environment(env)
    http, retry = options.http, options.transfer.retry
    general = read_seconds(env, "API_CALLS_TIMEOUT")
    connect = read_seconds(env, "CHUNK_DOWNLOAD_CONNECT_TIMEOUT") or general
    read = read_seconds(env, "CHUNK_DOWNLOAD_READ_TIMEOUT") or general
    attempts = read_count(env, "CHUNK_DOWNLOAD_MAX_ATTEMPTS") or read_count(env, "API_CALLS_MAX_TRIES")
    http = replace(
        http, connect_timeout_s=connect or http.connect_timeout_s, read_timeout_s=read or http.read_timeout_s
    )
    retry = replace(
        retry,
        attempts=attempts or retry.attempts,
        statuses=read_statuses(env, "IDEMPOTENT_API_REQUEST_CODES_TO_RETRY") or retry.statuses,
    )
    return InferenceModelsSettings(
        options=replace(
            options,
            http=http,
            transfer=replace(options.transfer, retry=retry),
            offline=options.offline or read_flag(env, "OFFLINE_MODE"),
        ),
        is_quiet=read_flag(env, "DISABLE_INTERACTIVE_PROGRESS_BARS"),
        wait_timeout_s=read_seconds(env, "INFERENCE_MODELS_FILE_LOCK_ACQUIRE_TIMEOUT"),
    )
