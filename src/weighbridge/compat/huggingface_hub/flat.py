"""Files by URL in one flat directory, as huggingface_hub kept them before 0.8; for programs that still ask for that."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from weighbridge.client import Client
from weighbridge.compat.huggingface_hub.bars import observing
from weighbridge.compat.huggingface_hub.calls import CLIENTS, Call, read_directory
from weighbridge.compat.huggingface_hub.keywords import note_old, one_token
from weighbridge.compat.huggingface_hub.recast import as_known
from weighbridge.config import hub_cache_root, hub_settings
from weighbridge.core.artifacts import Artifact, FileRequest, Source
from weighbridge.core.digests import Digest
from weighbridge.core.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    TransferError,
    WeighbridgeError,
)
from weighbridge.core.etags import blob_name
from weighbridge.core.events import Observer
from weighbridge.core.names import RelativeName
from weighbridge.core.urls import parse_url, redact
from weighbridge.hub.answers import Head
from weighbridge.hub.credentials import Identity
from weighbridge.shelves.fallback import is_unreachable, why
from weighbridge.store.cache.flat import FlatCache, read_note
from weighbridge.store.cache.root import prepare_root

_ALGORITHMS = {40: "git-sha1", 64: "sha256"}


@as_known()
def cached_download(
    url: str,
    *,
    library_name: str | None = None,
    library_version: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    user_agent: Mapping[str, object] | str | None = None,
    force_download: bool = False,
    force_filename: str | None = None,
    proxies: Mapping[str, str] | None = None,
    etag_timeout: float | None = 10,
    resume_download: bool | None = None,
    token: str | bool | None = None,
    use_auth_token: str | bool | None = None,
    local_files_only: bool = False,
    legacy_cache_layout: bool = False,
) -> str:
    """Have the file at a URL in the flat layout before 0.8; :func:`hf_hub_download` is what programs want today.

    Its name is made of the URL and of the ETag that it came with, and a note of both lies beside it.

    Args:
        url: As :func:`hf_hub_url` makes it.
        force_filename: Keep it under this name, without a note.
        legacy_cache_layout: True says that this layout is wanted; otherwise there is a warning.
        library_name, library_version, cache_dir, user_agent, force_download, proxies, etag_timeout, resume_download,
            token, use_auth_token, local_files_only: As for :func:`hf_hub_download`.

    Returns:
        Path of the file.

    Raises:
        LocalEntryNotFoundError: It is not here, and its server can't be asked.
        HfHubHTTPError, weighbridge.TransferError, weighbridge.IntegrityError, weighbridge.StoreError, ValueError: As
            for :func:`hf_hub_download`.
    """
    note_old(proxies=proxies, resume_download=resume_download, cached_download=None if legacy_cache_layout else True)
    settings = hub_settings()
    call = Call(
        token=one_token(token, use_auth_token),
        cache_dir=cache_dir,
        library_name=library_name,
        library_version=library_version,
        user_agent=user_agent,
        etag_timeout=etag_timeout,
        proxies=proxies,
        local_files_only=local_files_only,
        force_download=force_download,
    )
    client = CLIENTS.get(call.options(settings))
    with observing(None, is_quiet=settings.is_quiet, name=url.rpartition("/")[2]) as tell:
        return have_flat(client, url, force_filename, tell, is_fresh=force_download)


@as_known()
def filename_to_url(
    filename: str, cache_dir: str | os.PathLike[str] | None = None, legacy_cache_layout: bool = False
) -> tuple[str, str | None]:
    """Return the URL and the ETag, quotes and all, that a file of the flat layout came with.

    Args:
        filename: Its name in ``cache_dir``.
        cache_dir: None is this user's cache.
        legacy_cache_layout: True says that this layout is wanted; otherwise there is a warning.

    Raises:
        LocalEntryNotFoundError: There is no such file, or no note beside it.
        ValueError: The name could lead elsewhere.
    """
    note_old(filename_to_url=None if legacy_cache_layout else True)
    root = hub_cache_root() if cache_dir is None else read_directory(cache_dir, "cache_dir")
    path = FlatCache(root).named(filename)
    found = read_note(path) if path.is_file() else None
    if found is None:
        raise LocalEntryNotFoundError(f"there is no file {filename} with a note in {root}", path=filename)
    return found


def have_flat(client: Client, url: str, name: str | None, tell: Observer, *, is_fresh: bool) -> str:
    """Have the file at a URL in the flat layout of a client's cache, and return its path.

    Args:
        client: Fetches it.
        url: Of the file.
        name: What to call it; None makes a name of the URL and its ETag.
        tell: Receives progress.
        is_fresh: Fetch it whatever is here.
    """
    root = client.options.cache.demand_root()
    cache = FlatCache(root)
    try:
        head = client.head(url)
    except (TransferError, HfHubHTTPError, OfflineModeIsEnabled) as error:
        if not is_unreachable(error):
            raise
        return str(_find(cache, url, name, error))
    path = cache.find(url, head.etag) if name is None else cache.named(name)
    prepare_root(root)
    request = _request(client, url, path.relative_to(root).as_posix(), head)
    client.fetch([request], root, allow_unverified=True, force=is_fresh, observer=tell)
    if name is None:
        cache.note(path.name, redact(url) if "?" in url or "@" in url else url, head.etag)  # it may be signed
    return str(path)


def _find(cache: FlatCache, url: str, name: str | None, error: WeighbridgeError) -> Path:
    """Return what is here of a URL that nobody can be asked about."""
    path = cache.newest(url) if name is None else cache.named(name)
    if path is None or not path.is_file():
        raise LocalEntryNotFoundError(f"{redact(url)} is not on this machine, and {why(error)}") from error
    return path


def _request(client: Client, url: str, name: str, head: Head) -> FileRequest:
    etag = blob_name(head.etag) or ""
    algorithm = _ALGORITHMS.get(len(etag))
    digest = None
    if algorithm is not None and all(each in "0123456789abcdef" for each in etag):
        digest = Digest(algorithm, etag)
    source: Source = Identity.of(client.options.hub).source(parse_url(url)[0])
    artifact = Artifact(name=name, sources=(source,), digest=digest, size=head.size)
    return FileRequest(name=RelativeName(name), artifact=artifact)
