"""The JSON that clients of the Hub read (shapes as the real one sends them); pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from weighbridge.core.repos import Kind, RepoId
from weighbridge.mirror.git import pointer_text
from weighbridge.mirror.listing import Held, Listing

_Json = dict[str, Any]
_FIRST_MS, _LAST_MS = -30_000_000_000_000, 253_402_300_799_000  # the years 1019 and 9999


def repo_info(repo: RepoId, listing: Listing, *, is_detailed: bool) -> _Json:
    """Return what ``/api/models/{id}`` tells of a repository at a commit."""
    modified = iso_time(listing.modified_ns)
    info: _Json = {
        "_id": hashlib.sha256(repo.address.encode()).hexdigest()[:24],
        "id": repo.name,
        "author": repo.name.partition("/")[0] if "/" in repo.name else None,
        "sha": listing.commit,
        "lastModified": modified,
        "createdAt": modified,
        "private": False,
        "gated": False,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "siblings": [
            {"rfilename": path} | (_sibling(held) if is_detailed else {}) for path, held in listing.files.items()
        ],
    }
    return info | {"modelId": repo.name} if repo.kind is Kind.MODEL else info


def tree_entry(path: str, listing: Listing, *, is_expanded: bool) -> _Json:
    """Return what the listing of a folder tells of one file or folder of a commit."""
    held = listing.files.get(path)
    entry: _Json = (
        {"type": "directory", "oid": listing.folders[path], "size": 0, "path": path}
        if held is None
        else {"type": "file", "oid": held.blob, "size": held.size, "path": path}
    )
    if held is not None and held.is_large:
        entry["lfs"] = {"oid": held.name, "size": held.size, "pointerSize": _pointer_size(held)}
    if is_expanded:
        date = iso_time(listing.modified_ns)
        entry["lastCommit"] = {"id": listing.commit, "title": "As held by this mirror", "date": date}
    return entry


def refs_info(refs: Mapping[str, str], *, has_pull_requests: bool) -> _Json:
    """Return what ``/refs`` tells; a cache does not know tags from branches, so all are branches."""
    pulls = {name: commit for name, commit in refs.items() if name.startswith("refs/pr/")}
    converts = {name: commit for name, commit in refs.items() if name.startswith("refs/convert/")}
    branches = {name: commit for name, commit in refs.items() if name not in pulls | converts}
    info: _Json = {
        "branches": [_ref(name, f"refs/heads/{name}", commit) for name, commit in branches.items()],
        "tags": [],
        "converts": [_ref(name.removeprefix("refs/convert/"), name, commit) for name, commit in converts.items()],
    }
    if has_pull_requests:
        info["pullRequests"] = [_ref(name.removeprefix("refs/pr/"), name, commit) for name, commit in pulls.items()]
    return info


def iso_time(moment_ns: int) -> str:
    """Return a moment as the Hub writes it, such as ``2026-01-02T03:04:05.000Z``."""
    within_ms = min(max(moment_ns // 1_000_000, _FIRST_MS), _LAST_MS)  # file systems know times that a date can't have
    moment = datetime.fromtimestamp(within_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _sibling(held: Held) -> _Json:
    details: _Json = {"size": held.size, "blobId": held.blob}
    if held.is_large:
        details["lfs"] = {"sha256": held.name, "size": held.size, "pointerSize": _pointer_size(held)}
    return details


def _ref(name: str, ref: str, commit: str) -> _Json:
    return {"name": name, "ref": ref, "targetCommit": commit}


def _pointer_size(held: Held) -> int:
    return len(pointer_text(held.name, held.size))
