"""Listings of commits, kept as newer clients keep them: they read ours, and we read theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from weighbridge.core.repos import RepoFile, Tree, is_commit, repo_path
from weighbridge.store.cache.staging import make_directories, read_whole, write_whole
from weighbridge.store.faults import storing
from weighbridge.store.sight import Sight

TREE_FORMAT = 1
LARGEST_TREE = 1 << 30
"""Bytes of a listing that are read; a million files take a quarter of it."""

_SIZE_MAX = 1 << 63
_SHA1 = re.compile(r"[0-9a-f]{40}", re.ASCII).fullmatch
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII).fullmatch
_OURS = ".wb-"

# what nearly all paths are, and repo_path takes: it need not be asked about each of thousands
_ORDINARY = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*){0,255}", re.ASCII).fullmatch


def read_tree(place: Path, commit: str) -> Tree | None:
    """Return the listing of a commit that is kept at ``place``; None if there is none that can be believed.

    Another program may have written it, or half of it: a listing with a single path, size or digest that can't be one
    counts as none.

    Args:
        place: What ``tree`` returns of :class:`~weighbridge.store.cache.layout.CacheFolder`, or of
            :class:`~weighbridge.store.cache.folders.LocalFolder`.
        commit: Which it is of.
    """
    try:
        return _read(place, commit, Sight.of(place.lstat()))
    except OSError:
        return None


def write_tree(place: Path, tree: Tree) -> None:
    """Keep the listing of a commit, in one step for everybody who looks; nothing happens if it is kept already.

    A listing that lacks the size or the git id of any file is not kept: other clients could not use it.

    Args:
        place: See :func:`read_tree`.
        tree: All files of the commit.

    Raises:
        StoreError: The disk says no; nothing has changed.
    """
    if any(each.size is None or not is_commit(each.blob_id) for each in tree.files):
        return
    files = {each.path: _entry(each) for each in sorted(tree.files, key=lambda each: each.path)}
    content = json.dumps({"format_version": TREE_FORMAT, "files": files}, indent=1).encode("ascii")
    if read_whole(place, len(content)) == content:
        return
    folder = place.parent.parent
    make_directories(folder, place.parent)
    with storing(place, "write"):
        write_whole(folder, place, content)


def _entry(file: RepoFile) -> Mapping[str, object]:
    entry: dict[str, object] = {"size": file.size, "blob_id": file.blob_id}
    if file.sha256 is not None:
        entry |= {"lfs_sha256": file.sha256, "lfs_size": file.size}
    if file.xet_hash is not None and _SHA256(file.xet_hash):  # a strange one would void the listing for others
        entry["xet_hash"] = file.xet_hash
    return entry


@lru_cache(maxsize=8)
def _read(place: Path, commit: str, sight: Sight) -> Tree | None:
    """Read a listing that looks like ``sight`` now, so that another one is read anew."""
    del sight
    content = read_whole(place, LARGEST_TREE)
    try:
        found = json.loads(content or b"")
        if found["format_version"] != TREE_FORMAT:
            return None
        files = tuple(_read_file(path, entry) for path, entry in sorted(found["files"].items()))
        "".join(each.path for each in files).encode("utf-8")  # JSON can spell what no file system can
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Tree(commit, files)


def _read_file(path: str, entry: Mapping[str, Any]) -> RepoFile:
    """Return one file of a listing; raises ``ValueError`` or the like if anything about it can't be."""
    size, blob_id, sha256, xet_hash = entry["size"], entry["blob_id"], entry.get("lfs_sha256"), entry.get("xet_hash")
    is_sized = type(size) is int and 0 <= size < _SIZE_MAX and (sha256 is None or entry.get("lfs_size", size) == size)
    is_named = (_ORDINARY(path) and _OURS not in path) or repo_path(path)
    are_hex = _SHA1(blob_id) and (sha256 is None or _SHA256(sha256)) and (xet_hash is None or _SHA256(xet_hash))
    if not (is_sized and is_named and are_hex):
        raise ValueError(path)
    return RepoFile(path=path, size=size, blob_id=blob_id, sha256=sha256, xet_hash=xet_hash)
