"""One file of a repository, as the functions of huggingface_hub have it, and what its server tells of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from weighbridge.compat.huggingface_hub.bars import MakeBar, observing
from weighbridge.compat.huggingface_hub.calls import CLIENTS, Call, read_directory
from weighbridge.compat.huggingface_hub.flat import have_flat
from weighbridge.compat.huggingface_hub.keywords import join_subfolder, note_old, one_revision, one_token
from weighbridge.compat.huggingface_hub.recast import as_known
from weighbridge.config import hub_settings, options_from_environment
from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.etags import blob_name
from weighbridge.core.repos import Kind, RepoId
from weighbridge.core.snapshots import Plan
from weighbridge.core.urls import origin_of, parse_url
from weighbridge.hub.endpoints import Endpoint


@dataclass(frozen=True)
class HfFileMetadata:
    """What a server tells of a file.

    Attributes:
        commit_hash: Of the revision that was asked for; None if it was not told.
        etag: What its content is called, without quotes; None if it was not told.
        location: Where its content is; may be signed.
        size: In bytes; None if it was not told.
        xet_file_data: Always None: files are fetched over HTTP alone.
    """

    commit_hash: str | None
    etag: str | None
    location: str
    size: int | None
    xet_file_data: None = None


@dataclass
class DryRunFileInfo:
    """What a download would do with a file.

    Attributes:
        commit_hash: Of the revision that was asked for.
        file_size: In bytes; None if nobody knows.
        filename: Its path in the repository.
        local_path: Where it is, or would be.
        is_cached: Its content is on this machine already.
        will_download: It would be fetched.
    """

    commit_hash: str
    file_size: int | None
    filename: str
    local_path: str
    is_cached: bool
    will_download: bool


@as_known()
def hf_hub_url(
    repo_id: str,
    filename: str,
    *,
    subfolder: str | None = None,
    repo_type: str | None = None,
    revision: str | None = None,
    endpoint: str | None = None,
) -> str:
    """Return the address of a file in a repository; nobody is asked.

    Args:
        repo_id: Such as ``org/name``.
        filename: Its path in the repository, or in ``subfolder``.
        subfolder: A folder of the repository; None and ``""`` are none.
        repo_type: ``model`` (or None), ``dataset``, ``space`` or ``kernel``.
        revision: A branch, a tag, a commit; None is ``main``.
        endpoint: The Hub or a mirror of it; None and ``""`` are ``HF_ENDPOINT``, or the Hub.

    Raises:
        ValueError: One of them can't mean anything; the subclass tells which.
    """
    address = endpoint or options_from_environment().hub.endpoint
    repo = RepoId(Kind.of_word(repo_type), repo_id)
    return Endpoint.parse(address).file_url(repo, one_revision(revision), join_subfolder(subfolder, filename))


@as_known()
def hf_hub_download(
    repo_id: str,
    filename: str,
    *,
    subfolder: str | None = None,
    repo_type: str | None = None,
    revision: str | None = None,
    library_name: str | None = None,
    library_version: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_dir: str | os.PathLike[str] | None = None,
    user_agent: Mapping[str, object] | str | None = None,
    force_download: bool = False,
    etag_timeout: float | None = 10,
    token: str | bool | None = None,
    local_files_only: bool = False,
    headers: Mapping[str, str] | None = None,
    endpoint: str | None = None,
    tqdm_class: MakeBar | None = None,
    dry_run: bool = False,
    force_filename: str | None = None,
    proxies: Mapping[str, str] | None = None,
    resume_download: bool | None = None,
    use_auth_token: str | bool | None = None,
    legacy_cache_layout: bool = False,
    local_dir_use_symlinks: bool | Literal["auto"] = "auto",
) -> Any:
    """Have one file of a repository, verified before it gets its name.

    What is here and right costs no request by commit, and one by branch or tag.  What arrives is kept whatever happens,
    and the same call goes on from there.

    Args:
        repo_id: Such as ``org/name``.
        filename: Its path in the repository, or in ``subfolder``.
        subfolder: A folder of the repository; None and ``""`` are none.
        repo_type: ``model`` (or None), ``dataset``, ``space`` or ``kernel``.
        revision: A branch, a tag, a commit; None is ``main``.
        library_name: Of the calling library, for the ``User-Agent``.
        library_version: Its version.
        cache_dir: The cache; None is this user's.
        local_dir: Have a plain file below this directory, instead of the cache.
        user_agent: More for the ``User-Agent``: text, or names and values.
        force_download: Fetch it whatever is here.
        etag_timeout: Longest wait in seconds for what the server tells of the file, for each try; None is 10, and the
            environment's ``HF_HUB_ETAG_TIMEOUT`` wins.
        token: Text; True: this user's, which there must be; False: none; None: this user's, if there is one.
        local_files_only: Never use the network.
        headers: More request headers for the endpoint; they win over those made here.
        endpoint: The Hub or a mirror of it; None and ``""`` are ``HF_ENDPOINT``, or the Hub.
        tqdm_class: Makes the progress bar; None shows our own, unless ``HF_HUB_DISABLE_PROGRESS_BARS``.
        dry_run: Do nothing; return what would be done.
        force_filename: Old: keep the file under this name in the layout before 0.8.
        proxies: Old: URL of the proxy for each scheme.
        resume_download: Old: always so.
        use_auth_token: Old name of ``token``.
        legacy_cache_layout: Old: keep the file in the layout before 0.8.
        local_dir_use_symlinks: Old: files in ``local_dir`` are always plain.

    Returns:
        Path of the file (text); with ``dry_run`` a :class:`DryRunFileInfo`.

    Raises:
        RepositoryNotFoundError, GatedRepoError, DisabledRepoError, RevisionNotFoundError, RemoteEntryNotFoundError,
        HfHubHTTPError: The Hub answered no.
        LocalEntryNotFoundError: It is not here, and the Hub can't be asked.
        LocalTokenNotFoundError: ``token=True``, and there is none.
        weighbridge.TransferError: The bytes did not arrive; an ``OSError``, too.
        weighbridge.IntegrityError: They are not the promised ones; an ``OSError``, too.
        weighbridge.StoreError: The local side failed; an ``OSError``, too.
        ValueError: An argument can't mean anything; nothing was sent.
    """
    note_old(
        force_filename=force_filename,
        proxies=proxies,
        resume_download=resume_download,
        legacy_cache_layout=legacy_cache_layout,
        local_dir_use_symlinks=local_dir_use_symlinks,
    )
    settings = hub_settings()
    call = Call(
        token=one_token(token, use_auth_token),
        cache_dir=cache_dir,
        endpoint=endpoint,
        headers=headers,
        library_name=library_name,
        library_version=library_version,
        user_agent=user_agent,
        etag_timeout=etag_timeout,
        proxies=proxies,
        local_files_only=local_files_only,
        force_download=force_download,
    )
    options, path = call.options(settings), join_subfolder(subfolder, filename)
    client = CLIENTS.get(options)
    place = None if local_dir is None else read_directory(local_dir, "local_dir")
    if force_filename is not None or legacy_cache_layout:
        if place is not None or dry_run:
            raise InvalidParameterError("the layout before 0.8 knows neither local_dir nor dry_run")
        repo = RepoId(Kind.of_word(repo_type), repo_id)
        url = Endpoint.parse(options.hub.endpoint).file_url(repo, one_revision(revision), path)
        with observing(tqdm_class, is_quiet=settings.is_quiet, name=filename) as tell:
            return have_flat(client, url, force_filename, tell, is_fresh=force_download)
    if dry_run:
        plan = client.plan(
            repo_id, path, revision=one_revision(revision), repo_type=repo_type, local_dir=place, force=force_download
        )
        return dry_run_infos(plan)[0]
    with observing(tqdm_class, is_quiet=settings.is_quiet, name=filename) as tell:
        result = client.download(
            repo_id,
            path,
            revision=one_revision(revision),
            repo_type=repo_type,
            local_dir=place,
            force=force_download,
            observer=tell,
        )
    return str(result.path)


@as_known()
def get_hf_file_metadata(
    url: str,
    token: str | bool | None = None,
    timeout: float | None = 10,
    library_name: str | None = None,
    library_version: str | None = None,
    user_agent: Mapping[str, object] | str | None = None,
    headers: Mapping[str, str] | None = None,
    endpoint: str | None = None,
    retry_on_errors: bool = False,
    *,
    proxies: Mapping[str, str] | None = None,
    use_auth_token: str | bool | None = None,
) -> HfFileMetadata:
    """Return what the server of a file tells of it, by one ``HEAD`` and the redirects that lead on.

    Args:
        url: As :func:`hf_hub_url` makes it.
        token: As for :func:`hf_hub_download`.  A text goes to the server of ``url``, this user's to the endpoint only.
        timeout: Longest wait in seconds, for each try; None is 10.
        library_name, library_version, user_agent, headers, endpoint: As for :func:`hf_hub_download`.
        retry_on_errors: Taken and without effect: passing trouble is always tried again.
        proxies: Old: URL of the proxy for each scheme.
        use_auth_token: Old name of ``token``.

    Raises:
        HfHubHTTPError: The server answered no; the subclass tells why.
        weighbridge.TransferError: It could not be reached; an ``OSError``, too.
        OfflineModeIsEnabled: The network is switched off.
        ValueError: An argument can't mean anything; nothing was sent.
    """
    del retry_on_errors
    note_old(proxies=proxies)
    chosen = one_token(token, use_auth_token)
    address = str(origin_of(parse_url(url)[0])) if isinstance(chosen, str) and not endpoint else endpoint
    call = Call(
        token=chosen,
        endpoint=address,
        headers=headers,
        library_name=library_name,
        library_version=library_version,
        user_agent=user_agent,
        etag_timeout=timeout,
        proxies=proxies,
    )
    head = CLIENTS.get(call.options(hub_settings())).head(url)
    return HfFileMetadata(commit_hash=head.commit, etag=blob_name(head.etag), location=head.location, size=head.size)


def dry_run_infos(plan: Plan) -> list[DryRunFileInfo]:
    """Return a plan as huggingface_hub tells it."""
    return [
        DryRunFileInfo(
            commit_hash=plan.commit,
            file_size=each.size,
            filename=each.name,
            local_path=str(Path(each.path)),
            is_cached=each.is_present or each.is_near,
            will_download=not (each.is_present or each.is_near),
        )
        for each in plan.files
    ]
