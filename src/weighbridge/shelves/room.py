"""Room in a cache that has a limit, before something comes into it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.core.quantities import format_bytes
from weighbridge.store.cache.room.limits import read_limit

if TYPE_CHECKING:
    from weighbridge.store.cache.room.inventory import CachedRevision

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
    from weighbridge.store.cache.room import budget  # noqa: PLC0415 - few caches have a limit, and each call would load it

    return [_tell(each, most) for each in budget.make_room(root, most, needed, staying).removed]


def _tell(revision: CachedRevision, limit: int) -> str:
    day = time.strftime("%Y-%m-%d", time.gmtime(revision.used_at))
    name = f"{revision.repo}@{revision.commit[:_SHORT]}"
    size, most = format_bytes(revision.size), format_bytes(limit)
    return f"{name} ({size}, last used {day}) has left the cache, which may take up {most}"
