"""What a Hub tells of a repository, as JSON holds it; pure."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from typing import Any

from tests.support.hub_repos import Repo, blob_name, git_id

Entry = dict[str, Any]
"""One file or folder of a listing."""


def info_of(repo: Repo, commit: str) -> dict[str, Any]:
    """Return what is told of a commit."""
    return {
        "_id": commit[:24],
        "id": repo.name,
        **({"modelId": repo.name} if repo.kind == "model" else {}),
        "author": repo.name.rpartition("/")[0],
        "sha": commit,
        "lastModified": "2026-01-02T03:04:05.000Z",
        "private": False,
        "disabled": False,
        "gated": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "siblings": [{"rfilename": path} for path in sorted(repo.at(commit))],
    }


def tree_of(repo: Repo, commit: str) -> list[Entry]:
    """Return all folders and files of a commit, sorted by path."""
    files = repo.at(commit)
    folders = {parent for path in files for parent in _parents(path)}
    entries = [_folder_entry(path) for path in folders] + [file_entry(*item) for item in files.items()]
    return sorted(entries, key=lambda entry: str(entry["path"]))


def file_entry(path: str, content: bytes) -> Entry:
    """Return what a listing tells of a file."""
    oid, digest = _ids_of(path, content)
    entry: Entry = {"type": "file", "oid": oid, "size": len(content), "path": path}
    if digest != entry["oid"]:  # it is kept outside git
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"
        entry["lfs"] = {"oid": digest, "size": len(content), "pointerSize": len(pointer)}
    return entry


def in_folder(entries: Sequence[Entry], folder: str, *, recursive: bool) -> list[Entry]:
    """Return the entries below a folder, ``""`` being the root; all of them, or only those right in it."""
    prefix = f"{folder}/" if folder else ""
    below = [entry for entry in entries if str(entry["path"]).startswith(prefix)]
    return [entry for entry in below if recursive or "/" not in str(entry["path"]).removeprefix(prefix)]


def _folder_entry(path: str) -> Entry:
    return {"type": "directory", "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0, "path": path}


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]


@functools.lru_cache(maxsize=256)
def _ids_of(path: str, content: bytes) -> tuple[str, str]:
    return git_id(path, content), blob_name(path, content)
