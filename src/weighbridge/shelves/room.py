"""Room in a cache that has a limit, before something comes into it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from weighbridge.store.cache.budget import make_room as let_leave
from weighbridge.store.cache.budget import read_limit
from weighbridge.store.cache.inventory import CachedRevision

_MEGABYTE = 1_000_000
_SHORT = 12  # digits of a commit that tell it apart


def make_room(root: Path, limit: int | None, needed: int, staying: Path) -> Sequence[str]:
    """Let revisions leave a cache, those first that nobody has used for longest, until what is to come fits.

    Args:
        root: The cache.
        limit: Bytes that it may take up; None is what is kept with it.
        needed: Bytes that are to come.
        staying: The snapshot into which it is to come.

    Returns:
        A sentence for each that has left.

    Raises:
        CacheLimitError: Whatever may leave is not enough; nothing was removed.
    """
    most = read_limit(root, limit)
    if most is None or needed <= 0:
        return ()
    return [_tell(each, most) for each in let_leave(root, most, needed, staying).removed]


def _tell(revision: CachedRevision, limit: int) -> str:
    day = time.strftime("%Y-%m-%d", time.gmtime(revision.used_at))
    size, most = (f"{each / _MEGABYTE:.1f} MB" for each in (revision.size, limit))
    name = f"{revision.repo}@{revision.commit[:_SHORT]}"
    return f"{name} ({size}, last used {day}) has left the cache, which may take up {most}"
