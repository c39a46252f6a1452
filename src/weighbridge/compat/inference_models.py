"""The directory downloader of inference-models: the same call, verified, resumable and parallel."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Literal

from weighbridge.client import Client
from weighbridge.compat.file_specs import read_specs
from weighbridge.compat.limits import FILE_LOCK_ACQUIRE_TIMEOUT, Limits
from weighbridge.config import inference_models_settings
from weighbridge.core.errors import (
    FileHashSumMissmatch,
    InvalidParameterError,
    RetryError,
    UntrustedFileError,
)
from weighbridge.core.events import Event, FileFinished, FileStarted, Observer

__all__ = [
    "FILE_LOCK_ACQUIRE_TIMEOUT",
    "FileHashSumMissmatch",
    "InvalidParameterError",
    "RetryError",
    "UntrustedFileError",
    "download_files_to_directory",
]

FileHandle = str
DownloadUrl = str
MD5Hash = str | None


def download_files_to_directory(
    target_dir: str | os.PathLike[str],
    files_specs: Sequence[tuple[FileHandle, DownloadUrl, MD5Hash]],
    verbose: bool = True,
    response_codes_to_retry: Collection[int] | None = None,
    request_timeout: float | None = None,
    max_parallel_downloads: int = 8,
    max_threads_per_download: int = 8,
    file_lock_acquire_timeout: float = FILE_LOCK_ACQUIRE_TIMEOUT,
    verify_hash_while_download: bool = True,
    download_files_without_hash: bool = False,
    name_after: Literal["file_handle", "md5_hash"] = "file_handle",
    on_file_created: Callable[[str], None] | None = None,
    on_file_renamed: Callable[[str, str], None] | None = None,
    *,
    mirrors: Mapping[FileHandle, Sequence[DownloadUrl]] | None = None,
    cancel: threading.Event | None = None,
    observer: Observer | None = None,
    rate_limit: float | None = None,
    durable: bool = True,
) -> dict[str, str]:
    """Have files in a directory, each verified before it gets its name.

    A file that is there with the promised hash is left alone: its first check reads it, later ones only look at it.
    One that is there and wrong is replaced in one step; one without a promised hash is taken as it is.  What arrives is
    kept whatever happens, and the same call goes on from there.

    Args:
        target_dir: Directory for the files; made if absent.
        files_specs: ``(file_handle, download_url, md5_hash)`` each.  The hash may also be ``sha256:…``, ``sha1:…``,
            ``blake3:…`` and so on, or bare hex of another length; None if unknown.
        verbose: Show progress on standard error; ``DISABLE_INTERACTIVE_PROGRESS_BARS`` switches it off.
        response_codes_to_retry: HTTP statuses to try again; None means 408, 425, 429, 500, 502, 503 and 504.
        request_timeout: Longest wait in seconds for a connection and for the next byte; None means 10 and 30.
        max_parallel_downloads: Files in transfer at the same time.
        max_threads_per_download: Connections for one file.
        file_lock_acquire_timeout: Seconds to wait for another process that fetches the same file and makes *no
            progress*; while it makes progress the wait goes on.
        verify_hash_while_download: Kept for compatibility: a promised hash is always checked, in flight, before the
            file gets its name.
        download_files_without_hash: Accept files without a hash; their size is still checked.
        name_after: Name files after their handle or after their hash.
        on_file_created: Called with the path of an unfinished file when work on it begins.
        on_file_renamed: Called with the unfinished and the final path once a file has its name.
        mirrors: Further URLs of the same bytes, by handle.  Never trusted: the hash decides.
        cancel: Ends the call with :class:`weighbridge.CancelledError` when set.
        observer: Receives progress events, on the calling thread.
        rate_limit: Bytes a second over all connections; None for no limit.
        durable: Flush each file to the disk before it gets its name.

    Returns:
        Absolute path by handle.

    Raises:
        UntrustedFileError: A file that has no hash was asked for without ``download_files_without_hash``, or is to be
            named after it.
        FileHashSumMissmatch: What arrived is not what was promised; nothing is at the final path.
        RetryError: The file could not be had.
        InvalidParameterError: An argument can't mean anything; nothing was sent.
        StoreError: The directory can't be used, or the disk is full; what arrived is kept.
        CancelledError: ``cancel`` was set; what arrived is kept.
    """
    del verify_hash_while_download  # the promise of this package has no switch
    settings = inference_models_settings()
    options = Limits(
        response_codes_to_retry=response_codes_to_retry,
        request_timeout=request_timeout,
        max_parallel_downloads=max_parallel_downloads,
        max_threads_per_download=max_threads_per_download,
        file_lock_acquire_timeout=file_lock_acquire_timeout,
        rate_limit=rate_limit,
        durable=durable,
    ).apply(settings)
    _check_callable(on_file_created=on_file_created, on_file_renamed=on_file_renamed, observer=observer)
    requests = read_specs(files_specs, name_after, mirrors or {})
    with ExitStack() as stack:
        client = stack.enter_context(Client(options))
        show = stack.enter_context(_bars()) if verbose and not settings.is_quiet else _ignore

        def tell(event: Event) -> None:
            show(event)
            _call_back(event, on_file_created, on_file_renamed)
            if observer is not None:
                observer(event)

        results = client.fetch(
            requests.values(), target_dir, allow_unverified=download_files_without_hash, observer=tell, cancel=cancel
        )
    paths = {result.name: str(result.path) for result in results}
    return {handle: paths[request.name.text] for handle, request in requests.items()}


def _check_callable(**given: object) -> None:
    for name, value in given.items():
        if value is not None and not callable(value):
            raise InvalidParameterError(f"{name} is something that can be called, or None, not {type(value).__name__}")


def _bars() -> AbstractContextManager[Observer]:
    from weighbridge.progress import show_progress  # noqa: PLC0415 - only who looks at bars should wait for them

    return show_progress()


def _call_back(event: Event, created: Callable[[str], None] | None, renamed: Callable[[str, str], None] | None) -> None:
    match event:
        case FileStarted(partial=partial) if created is not None:
            created(str(partial))
        case FileFinished(result=result, partial=Path() as partial) if renamed is not None:
            renamed(str(partial), str(result.path))
        case _:
            pass


def _ignore(event: Event) -> None:
    del event
