"""Which repositories a cache has, and what in its directory is none of it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from weighbridge.core.errors import EntryNotFoundError
from weighbridge.core.findings import Finding, Thing, Trouble
from weighbridge.core.repos import RepoId
from weighbridge.store.cache.audit.belongings import unfinished
from weighbridge.store.cache.audit.views import Rest
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.root import TAG, list_root

_OF_OLDER = re.compile(r"tmp[a-z0-9_]{8}", re.ASCII)  # what 0.9.1 fetches into, and never cleans up


@dataclass(frozen=True, slots=True)
class Root:
    """What is in the directory of a cache.

    Attributes:
        folders: Of its repositories, sorted.
        findings: What is none of it.
    """

    folders: tuple[CacheFolder, ...]
    findings: tuple[Finding, ...]


def look_at_root(root: Path) -> Root:
    """Return what is in the directory of a cache.

    Raises:
        CacheNotFound: There is no such directory that can be listed.
        InvalidParameterError: It is a file.
    """
    folders: list[CacheFolder] = []
    findings = [] if _has_tag(root) else [_untagged(root)]
    for name in list_root(root):
        repo, path = RepoId.of_folder(name), root / name
        if not os.path.lexists(path):
            continue
        if repo is not None and path.is_dir() and not _leads_astray(path):
            folders.append(CacheFolder(root, repo))
        else:
            findings.append(_stranger(path, repo))
    return Root(tuple(folders), tuple(findings))


def folders_of(root: Path, repos: Sequence[RepoId]) -> tuple[CacheFolder, ...]:
    """Return the folders of some repositories, each once.

    Raises:
        EntryNotFoundError: One of them is not in the cache.
    """
    found = [CacheFolder(root, each) for each in dict.fromkeys(repos)]
    for each in found:
        if not each.path.is_dir():
            raise EntryNotFoundError(f"the {each.repo} is not in the cache {root}", path=each.repo.name)
    return tuple(found)


def _stranger(path: Path, repo: RepoId | None) -> Finding:
    found = path.lstat() if os.path.lexists(path) else None
    is_plain = found is not None and stat.S_ISREG(found.st_mode)
    if is_plain and found is not None and _OF_OLDER.fullmatch(path.name):
        return unfinished(Rest(path, found.st_size), None)
    detail = (
        "it is no repository's directory"
        if repo is not None
        else "other clients complain of what they do not know here"
    )
    return Finding(trouble=Trouble.FOREIGN, thing=Thing.ENTRY, path=path, detail=detail, is_fault=False)


def _leads_astray(path: Path) -> bool:
    """Tell whether something is a link to a directory that is no repository's: in there nothing is ours to mend."""
    return path.is_symlink() and not (path / "snapshots").is_dir()


def _has_tag(root: Path) -> bool:
    try:
        return (root / TAG).lstat().st_size > 0
    except OSError:
        return False


def _untagged(root: Path) -> Finding:
    return Finding(
        trouble=Trouble.MISSING,
        thing=Thing.TAG,
        path=root / TAG,
        detail="it would tell backup programs to leave the cache out",
        is_fault=False,
    )
