"""All files of a commit, as huggingface_hub's ``snapshot_download`` has them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from weighbridge.compat.huggingface_hub.bars import MakeBar, observing
from weighbridge.compat.huggingface_hub.calls import CLIENTS, Call, read_directory
from weighbridge.compat.huggingface_hub.files import dry_run_infos
from weighbridge.compat.huggingface_hub.keywords import note_old, one_patterns, one_revision, one_token
from weighbridge.compat.huggingface_hub.recast import as_known
from weighbridge.config import hub_settings


@as_known()
def snapshot_download(
    repo_id: str,
    *,
    repo_type: str | None = None,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_dir: str | os.PathLike[str] | None = None,
    library_name: str | None = None,
    library_version: str | None = None,
    user_agent: Mapping[str, object] | str | None = None,
    etag_timeout: float | None = 10,
    force_download: bool = False,
    token: str | bool | None = None,
    local_files_only: bool = False,
    allow_patterns: Sequence[str] | str | None = None,
    ignore_patterns: Sequence[str] | str | None = None,
    max_workers: int = 8,
    tqdm_class: MakeBar | None = None,
    headers: Mapping[str, str] | None = None,
    endpoint: str | None = None,
    dry_run: bool = False,
    proxies: Mapping[str, str] | None = None,
    resume_download: bool | None = None,
    use_auth_token: str | bool | None = None,
    allow_regex: Sequence[str] | str | None = None,
    ignore_regex: Sequence[str] | str | None = None,
    local_dir_use_symlinks: bool | Literal["auto"] = "auto",
) -> Any:
    """Have all files of a commit, each verified before it gets its name.

    One request for the commit, one for the listing, then one for each file that is missing; warm, one by branch and
    none by commit.  What arrives is kept whatever happens, and the same call goes on from there.

    Args:
        repo_id: Such as ``org/name``.
        repo_type: ``model`` (or None), ``dataset``, ``space`` or ``kernel``.
        revision: A branch, a tag, a commit; None is ``main``.
        cache_dir: The cache; None is this user's.
        local_dir: Have plain files below this directory, instead of the cache.
        force_download: Fetch everything whatever is here.
        local_files_only: Never use the network; what is here must be whole.
        allow_patterns: Globs over whole paths, of which a file must match one; None selects all.
        ignore_patterns: Globs, of which a file must match none.
        max_workers: Files in transfer at once; 8 leaves the number to us.
        dry_run: Do nothing; return what would be done.
        allow_regex, ignore_regex: Old names of the patterns.
        library_name, library_version, user_agent, etag_timeout, token, tqdm_class, headers, endpoint, proxies,
            resume_download, use_auth_token, local_dir_use_symlinks: As for :func:`hf_hub_download`.

    Returns:
        Path of the snapshot, or of ``local_dir`` (text); with ``dry_run`` a list of :class:`DryRunFileInfo`.

    Raises:
        IncompleteSnapshotError: The Hub can't be asked, and a part is missing here.
        RepositoryNotFoundError, GatedRepoError, DisabledRepoError, RevisionNotFoundError, HfHubHTTPError,
        LocalEntryNotFoundError, LocalTokenNotFoundError, weighbridge.TransferError, weighbridge.IntegrityError,
        weighbridge.StoreError, ValueError: As for :func:`hf_hub_download`.
    """
    note_old(proxies=proxies, resume_download=resume_download, local_dir_use_symlinks=local_dir_use_symlinks)
    patterns = one_patterns(allow_patterns, ignore_patterns, allow_regex, ignore_regex)
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
        max_workers=max_workers,
        local_files_only=local_files_only,
        force_download=force_download,
    )
    client = CLIENTS.get(call.options(settings))
    place = None if local_dir is None else read_directory(local_dir, "local_dir")
    if dry_run:
        plan = client.plan(
            repo_id,
            revision=one_revision(revision),
            repo_type=repo_type,
            allow_patterns=patterns.allow,
            ignore_patterns=patterns.ignore,
            local_dir=place,
            force=force_download,
        )
        return dry_run_infos(plan)
    with observing(tqdm_class, is_quiet=settings.is_quiet, name=repo_id) as tell:
        result = client.snapshot(
            repo_id,
            revision=one_revision(revision),
            repo_type=repo_type,
            allow_patterns=patterns.allow,
            ignore_patterns=patterns.ignore,
            local_dir=place,
            force=force_download,
            observer=tell,
        )
    return str(result.path)
