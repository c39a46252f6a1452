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
    Bundle,
    CacheOptions,
    CancelledError,
    Checking,
    Client,
    Digest,
    EntryNotFoundError,
    Event,
    FileFinished,
    FileHashSumMissmatch,
    FileProgress,
    FileRequest,
    FileResult,
    FileStarted,
    FileWaiting,
    Finding,
    GatedRepoError,
    HfHubHTTPError,
    HttpOptions,
    HubOptions,
    IncompleteSnapshotError,
    IntegrityError,
    InvalidParameterError,
    Inventory,
    LocalEntryNotFoundError,
    Locked,
    LockFile,
    Notice,
    Observer,
    OfflineError,
    Options,
    Plan,
    Planned,
    PlannedFile,
    Repair,
    RepositoryNotFoundError,
    RetryError,
    Retrying,
    RetryOptions,
    Revision,
    SnapshotResult,
    Source,
    StoreError,
    StoreOptions,
    Synced,
    Thing,
    TransferError,
    TransferOptions,
    Trouble,
    UntrustedFileError,
    Verification,
    WeighbridgeError,
    cached_download,
    download_files_to_directory,
    filename_to_url,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    scan_cache_dir,
    snapshot_download,
    try_to_load_from_cache,
)
from weighbridge.compat.huggingface_hub import DryRunFileInfo, HFCacheInfo, HfFileMetadata
from weighbridge.compat.inference_models import FILE_LOCK_ACQUIRE_TIMEOUT
from weighbridge.core.refusals import HubAnswer
from weighbridge.hub.answers import Head

Metadata = tuple[str | None, str | None, str, int | None]
MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def watch(event: Event) -> None:
    """Tell the events apart; a new one makes this fail."""
    match event:
        case Planned(files=files, present=present, linked=linked, size=whole, present_size=here, free=free):
            assert_type((files, present, linked), tuple[int, int, int])
            assert_type((whole, here, free), tuple[int | None, int | None, int | None])
        case Notice(message=message):
            assert_type(message, str)
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
        case Checking(done=done, size=total, name=name):
            assert_type((done, total, name), tuple[int, int, str])
        case _:
            assert_never(event)


def look_after(client: Client, cancel: threading.Event) -> None:
    """Use the calls about the cache, projects and bundles."""
    found = client.cache.verify("org/name", full=True, observer=watch, cancel=cancel)
    assert_type(found, Verification)
    assert_type(found.findings, tuple[Finding, ...])
    assert_type(found.is_right, bool)
    assert_type(client.cache.repair(complete=True), Repair)
    assert_type(client.cache.scan(), Inventory)
    assert_type(client.projects.lock(".", upgrade=["org/name"]), Locked)
    assert_type(client.projects.lock(".").lock, LockFile)
    assert_type(client.projects.sync(".", locked=True), Synced)
    assert_type(client.bundles.create("bundle", "org/name@main", tar=True), Bundle)
    assert_type(
        [each for each in found.findings if each.trouble is Trouble.DAMAGED and each.thing is Thing.BLOB], list[Finding]
    )


async def look_after_it_from_asyncio(client: AsyncClient) -> None:
    """Make such a call from asyncio."""
    found = await client.call(lambda sync, tell, cancel: sync.cache.verify(observer=tell, cancel=cancel))
    assert_type(found, Verification)


class Watcher:
    """An observer that is an object."""

    def __call__(self, event: Event, /) -> None:
        """Take an event."""


class Bar:
    """A bar of somebody else's."""

    def __init__(self, *, total: int | None, unit: str, unit_scale: bool, desc: str, initial: int = 0) -> None:
        """Take what bars are told."""

    def update(self, n: float) -> bool | None:
        """Move it."""

    def close(self) -> None:
        """End it."""


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
        hub=HubOptions(endpoint="https://hub.example", token="t", headers={"X-Team": "a"}, etag_timeout_s=5),
        cache=CacheOptions(root=Path("hub")),
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


def hub(client: Client) -> None:
    """Its calls about repositories."""
    revision = client.resolve("org/name", revision="v1", repo_type="dataset", cancel=threading.Event())
    assert_type(revision, Revision)
    assert_type((revision.repo_id, revision.repo_type, revision.name, revision.commit), tuple[str, str, str, str])
    file = client.download(
        "org/name", "a/b.txt", revision=None, repo_type=None, local_dir="x", force=True, observer=watch
    )
    assert_type(file, FileResult)
    snapshot = client.snapshot("org/name", allow_patterns="*.json", ignore_patterns=["a/*"], local_dir=Path("x"))
    assert_type(snapshot, SnapshotResult)
    assert_type((snapshot.path, snapshot.commit, snapshot.files), tuple[Path, str, tuple[FileResult, ...]])
    client.snapshot("org/name", filenames=["a", "b"], force=True, observer=Watcher(), cancel=threading.Event())
    plan = client.plan("org/name", "a/b.txt", revision="main")
    assert_type(plan, Plan)
    assert_type((plan.path, plan.commit, plan.size, plan.fetched_size), tuple[Path, str, int, int])
    for each in client.plan("org/name", filenames=("a",), allow_patterns=None).files:
        assert_type(each, PlannedFile)
        assert_type((each.name, each.size, each.path, each.is_present), tuple[str, int | None, Path, bool])
    head = client.head("https://hub.example/org/name/resolve/main/a")
    assert_type(head, Head)
    assert_type((head.commit, head.etag, head.size), tuple[str | None, str | None, int | None])


async def asynchronous_hub(client: AsyncClient) -> None:
    """And theirs."""
    assert_type(await client.resolve("org/name", revision="v1", repo_type="space"), Revision)
    assert_type(await client.download("org/name", "a", revision="v1", local_dir="x", observer=watch), FileResult)
    assert_type(await client.snapshot("org/name", filenames=["a"], force=True, observer=watch), SnapshotResult)
    assert_type(await client.plan("org/name", "a"), Plan)
    assert_type(await client.plan("org/name", ignore_patterns=["a"], local_dir=Path("x")), Plan)
    assert_type(await client.head("https://hub.example/org/name/resolve/main/a"), Head)


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


def compatible_hub(cache: Path) -> None:
    """The calls of huggingface_hub, as programs write them."""
    path: str = hf_hub_download("org/name", "a", subfolder="b", cache_dir=cache, token=True, etag_timeout=None)
    told: DryRunFileInfo = hf_hub_download(repo_id="org/name", filename="a", dry_run=True, use_auth_token="t")
    assert_type((told.commit_hash, told.file_size, told.will_download), tuple[str, int | None, bool])
    root: str = snapshot_download(
        "org/name",
        revision="v1",
        repo_type="dataset",
        local_dir=path,
        allow_patterns=["*"],
        ignore_patterns="*.bin",
        max_workers=4,
        token=False,
        endpoint="",
        headers={"X-Team": "a"},
        local_files_only=True,
    )
    infos: list[DryRunFileInfo] = snapshot_download("org/name", cache_dir=root, dry_run=True, tqdm_class=Bar)
    assert_type(infos[0].local_path, str)
    url = hf_hub_url("org/name", "a", subfolder=None, repo_type=None, revision=None, endpoint=None)
    assert_type(url, str)
    metadata = get_hf_file_metadata(url, token="t", timeout=None, library_name="a", library_version="1")
    assert_type(metadata, HfFileMetadata)
    assert_type((metadata.commit_hash, metadata.etag, metadata.location, metadata.size), Metadata)
    found = try_to_load_from_cache("org/name", "a", cache_dir="c", revision="main", repo_type="model")
    if isinstance(found, str):
        assert_type(found, str)
    assert_type(scan_cache_dir(cache), HFCacheInfo)
    assert_type(cached_download(url, cache_dir=cache, legacy_cache_layout=True), str)
    assert_type(filename_to_url("a", cache, legacy_cache_layout=True), tuple[str, str | None])


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


def as_callers_of_the_hub_catch_them(error: WeighbridgeError) -> Exception:
    """Those of calls about repositories."""
    caught: Exception = error
    match error:
        case IncompleteSnapshotError():
            here: LocalEntryNotFoundError = error
            assert_type((error.snapshot_path, error.missing), tuple[str | None, tuple[str, ...]])
            caught = here
        case LocalEntryNotFoundError():
            absent: FileNotFoundError = error
            caught = absent
        case GatedRepoError():
            gated: RepositoryNotFoundError = error
            assert_type((gated.repo_id, gated.repo_type), tuple[str | None, str | None])
        case HfHubHTTPError(response=HubAnswer() as answer):
            system: OSError = error
            assert_type((error.status, error.url, error.request_id), tuple[int, str | None, str | None])
            assert_type((answer.status_code, answer.headers.get("Date")), tuple[int, str | None])
            caught = system
        case EntryNotFoundError():
            assert_type(error.path, str | None)
    return caught
