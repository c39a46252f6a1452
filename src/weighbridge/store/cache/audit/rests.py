"""What downloads have left among the blobs, or have so far, and whether somebody alive may be at it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from weighbridge.core.errors import StoreError, UnsafePathError
from weighbridge.store.cache.audit.views import Rest
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.locks import is_taken
from weighbridge.store.claims import is_claimed
from weighbridge.store.layout import CLAIM_SUFFIX, DATA, PARTIAL_SUFFIX
from weighbridge.store.leftovers import read_leftover
from weighbridge.store.sight import room_of

_OF_OTHERS = re.compile(r"(?P<etag>.+?)(\.[0-9a-f]{8})?\.incomplete|(?P<locked>.+)\.lock|tmp_[0-9a-f-]+", re.ASCII)


def is_rest(entry: os.DirEntry[str]) -> bool:
    """Tell whether something among the blobs is what a download keeps there until it is done, whosever it is."""
    return entry.name.endswith((PARTIAL_SUFFIX, CLAIM_SUFFIX)) or _OF_OTHERS.fullmatch(entry.name) is not None


def look_at_rest(folder: CacheFolder, entry: os.DirEntry[str]) -> Iterator[Rest]:
    """Yield it, unless it has gone meanwhile."""
    path = Path(entry.path)
    with suppress(OSError):
        found = os.lstat(path / DATA) if entry.is_dir(follow_symlinks=False) else path.lstat()
        yield Rest(path, room_of(found), _is_held(folder, path))
        return
    if os.path.lexists(path):
        yield Rest(path, 0, _is_held(folder, path))


def _is_held(folder: CacheFolder, path: Path) -> bool:
    """Tell whether somebody alive may be writing it; in doubt he is."""
    if path.name.endswith(PARTIAL_SUFFIX):
        leftover = read_leftover(path)
        return leftover is not None and not leftover.is_free
    if path.name.endswith(CLAIM_SUFFIX):
        return is_claimed(path)
    known = _OF_OTHERS.fullmatch(path.name)
    etag = None if known is None else known["etag"]
    if etag is None:
        return False
    with suppress(UnsafePathError, StoreError):
        return is_taken(folder, etag)
    return False
