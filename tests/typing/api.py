"""Uses of the public names, checked by mypy and never run: a change that breaks these breaks somebody's program."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import assert_never, assert_type

import weighbridge
from weighbridge import (
    Artifact,
    AsyncClient,
    CancelledError,
    Client,
    Digest,
    Event,
    FileFinished,
    FileHashSumMissmatch,
    FileProgress,
    FileRequest,
    FileResult,
    FileStarted,
    FileWaiting,
    HttpOptions,
    IntegrityError,
    InvalidParameterError,
    Observer,
    OfflineError,
    Options,
    Planned,
    RetryError,
    Retrying,
    RetryOptions,
    Source,
    StoreError,
    StoreOptions,
    TransferError,
    TransferOptions,
    UntrustedFileError,
    WeighbridgeError,
    download_files_to_directory,
)
from weighbridge.compat.inference_models import FILE_LOCK_ACQUIRE_TIMEOUT

MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def watch(event: Event) -> None:
    """Tell the events apart; a new one makes this fail."""
    match event:
        case Planned(files=files, present=present):
            assert_type(files, int)
            assert_type(present, int)
        case FileStarted(name=name, resumed=resumed, partial=started):
            assert_type((name, resumed, started), tuple[str, int, Path])
        case FileWaiting(name=name):
            assert_type(name, str)
        case FileProgress(name=name, received=received, verified=verified, size=size):
            assert_type((name, received, verified, size), tuple[str, int, int, int | None])
        case Retrying(name=name, reason=reason):
            assert_type((name, reason), tuple[str, str])
        case FileFinished(result=result, partial=partial):
            assert_type((result, partial), tuple[FileResult, Path | None])
        case _:
            assert_never(event)


class Watcher:
    """An observer that is an object."""

    def __call__(self, event: Event, /) -> None:
        """Take an event."""


def values() -> None:
    """The nouns."""
    assert_type(weighbridge.__version__, str)
    digest = Digest.parse("sha256:" + "0" * 64)
    assert_type((digest.algorithm, digest.value), tuple[str, str])
    request = FileRequest.parse("a", "https://hub.example/a")
    assert_type(request, FileRequest)
    assert_type(request.artifact, Artifact)
    assert_type(request.artifact.sources, tuple[Source, ...])
    assert_type(request.artifact.digest, Digest | None)
    assert_type(request.artifact.sources[0].secrets, Mapping[str, str])
    headers = {"Authorization": "Bearer t"}
    FileRequest.parse("a", "https://hub.example/a", digest, mirrors=["https://m.example/a"], size=7, headers=headers)
    FileRequest.parse("a", "https://hub.example/a", MD5, mirrors=("https://m.example/a",))
    FileRequest.parse("a", "https://hub.example/a", None)
    Source.parse("https://hub.example/a", {"Authorization": "Bearer t"})


def options() -> Options:
    """The knobs."""
    return Options(
        http=HttpOptions(connect_timeout_s=5, proxies={"https": "http://proxy.example"}, ca_bundle=Path("ca.pem")),
        transfer=TransferOptions(
            connections=4, rate_limit_bps=1e6, retry=RetryOptions(attempts=3, statuses=frozenset({503}))
        ),
        store=StoreOptions(durable=False, receipts=Path("receipts")),
        offline=True,
    )


def sync(requests: Sequence[FileRequest]) -> None:
    """The client."""
    observers: list[Observer] = [watch, Watcher()]
    with Client(options()) as client:
        assert_type(client, Client)
        assert_type(client.options, Options)
        results = client.fetch(
            requests, "models", allow_unverified=True, observer=observers[0], cancel=threading.Event()
        )
        assert_type(results, tuple[FileResult, ...])
        for result in results:
            assert_type((result.path, result.size, result.digest), tuple[Path, int, Digest | None])
            assert_type((result.bytes_fetched, result.seconds, result.source), tuple[int, float, str | None])
            assert_type(result.outcome == "fetched", bool)
    Client().fetch((each for each in requests), Path("models"))
    Client().close()


async def asynchronous(requests: Sequence[FileRequest]) -> tuple[FileResult, ...]:
    """Its twin."""
    async with AsyncClient() as client:
        assert_type(client, AsyncClient)
        return await client.fetch(requests, Path("models"), allow_unverified=True, observer=watch)


def compatible() -> None:
    """The call of inference-models, as its users write it, by position and by keyword."""
    specs = [("model.onnx", "https://example.com/model.onnx", MD5)]
    paths = download_files_to_directory("cache", specs)
    assert_type(paths, dict[str, str])
    download_files_to_directory(
        "cache", specs, True, {503}, 5, 8, 8, FILE_LOCK_ACQUIRE_TIMEOUT, True, False, "md5_hash", print, print
    )
    download_files_to_directory(
        target_dir="cache",
        files_specs=[("a", "https://example.com/a", None), ("b", "https://example.com/b", MD5)],
        verbose=False,
        response_codes_to_retry=None,
        request_timeout=None,
        download_files_without_hash=True,
        name_after="file_handle",
        on_file_created=None,
        on_file_renamed=None,
        mirrors={"b": ["https://m.example/b"]},
        cancel=threading.Event(),
        observer=watch,
        rate_limit=1e6,
        durable=False,
    )
    download_files_to_directory("cache", specs, name_after="url")  # type: ignore[arg-type]
    weighbridge.download_file_to_directory("cache", specs)  # type: ignore[attr-defined]


def as_callers_catch_them(error: WeighbridgeError) -> Exception:
    """The families of errors, and what existing ``except`` clauses call them."""
    assert_type((error.message, error.help_url), tuple[str, str])
    caught: Exception = error
    match error:
        case OfflineError():
            runtime: RuntimeError = error
            caught = runtime
        case TransferError():
            retry: RetryError = error
            assert_type((error.url, error.offset), tuple[str | None, int | None])
            caught = retry
        case IntegrityError():
            mismatch: FileHashSumMissmatch = error
            assert_type(error.url, str | None)
            caught = mismatch
        case StoreError():
            assert_type(error.path, str | None)
        case InvalidParameterError():
            value: ValueError = error
            caught = value
        case CancelledError() | UntrustedFileError():
            pass
    return caught
