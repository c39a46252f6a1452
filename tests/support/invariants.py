"""What must hold of a place at any moment, whatever has happened to those who worked there, and what after a call."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.hub.calls import unfinished, wrongs
from tests.support.hub_repos import Repo, contents
from weighbridge.compat.huggingface_hub import scan_cache_dir
from weighbridge.core.errors import CacheNotFound
from weighbridge.store.cache.room.pruning import find_waste, prune
from weighbridge.store.cache.staging import remove_abandoned

_AN_HOUR_S = 3601.0  # for which what has a temporary name may stay


def broken_in_cache(cache: Path, *, damaged: Mapping[str, bytes] | None = None) -> list[str]:
    """Return what is wrong with a cache, at any moment: bytes, names, links, refs, and what a scan warns of.

    Args:
        cache: The cache, which need not be there.
        damaged: Blobs that were wrong from the beginning, by name: what they may still hold.
    """
    known = {f"wrong bytes: {name}" for name, content in (damaged or {}).items() if _holds(cache, name, content)}
    return [*(each for each in wrongs(cache, cache) if each not in known), *warned_of(cache)]


def warned_of(cache: Path) -> list[str]:
    """Return the warnings of a scan, which is another client's to the letter."""
    try:
        warnings = scan_cache_dir(cache).warnings
    except CacheNotFound:
        return []
    return [f"scan: {each}" for each in warnings if not is_begun(cache)]


def is_begun(cache: Path) -> bool:
    """Tell whether a folder of a cache was made and nothing in it yet: others warn of it, and nothing can be lost."""
    return any(not any(each.iterdir()) for each in cache.glob("*--*"))


def is_warning(complaint: str) -> bool:
    """Tell whether a complaint is one of a scan: about names, not about bytes."""
    return complaint.startswith("scan")


def broken_in_folder(folder: Path, wanted: Mapping[str, bytes]) -> list[str]:
    """Return the files of a directory that have a name and are not what the name promises."""
    found = contents(folder) if folder.exists() else {}
    plain = {path: content for path, content in found.items() if not _is_own(path)}
    return [f"wrong file: {path}" for path, content in plain.items() if wanted.get(path) != content]


def lost(cache: Path, repo: Repo, commits: Sequence[str]) -> list[str]:
    """Return the commits that are not whole in the cache, though they were."""
    snapshots = cache / f"models--{repo.name.replace('/', '--')}" / "snapshots"
    return [f"lost: {each}" for each in commits if contents(snapshots / each) != repo.commits[each]]


def left_in_cache(cache: Path) -> list[str]:
    """Return what a call that went well has left besides its result; then clear the cache, and return what stays."""
    return [f"left: {each}" for each in unfinished(cache)] + left_by_prune(cache)


def left_by_prune(cache: Path) -> list[str]:
    """Clear the cache as an hour later, and return what is still there that no call should leave."""
    if cache.is_dir():
        prune(cache, find_waste(cache, age_s=0.0), age_s=0.0)
    for staged in cache.glob("*/.weighbridge/staged"):
        remove_abandoned(str(staged), time.time() + _AN_HOUR_S)
    stays = [each for name in ("staged", "removed") for each in cache.glob(f"*/.weighbridge/{name}/**/*")]
    return [f"stays: {each}" for each in (*unfinished(cache), *(each for each in stays if not each.is_dir()))]


def left_in_folder(folder: Path, wanted: Mapping[str, bytes]) -> list[str]:
    """Return what a call that went well has left in a directory besides its files."""
    found = contents(folder) if folder.exists() else {}
    more = [path for path in found if path not in wanted and not path.startswith(".cache/")]
    return [f"left: {each}" for each in (*more, *unfinished(folder))]


def _is_own(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))


def _holds(cache: Path, name: str, content: bytes) -> bool:
    return all(blob.read_bytes() == content for blob in cache.glob(f"*/blobs/{name}"))
