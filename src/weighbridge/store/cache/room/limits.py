"""How large a cache may be, as it is kept with the cache.

::

    <root>/.locks/.weighbridge/limit.json    {"format": 1, "limit": <bytes>}
"""

from __future__ import annotations

import json
from pathlib import Path

from weighbridge.store.cache.layout import OWN
from weighbridge.store.cache.staging import make_directories, read_whole, write_whole
from weighbridge.store.faults import storing

_FORMAT = 1
_LARGEST = 4096


def read_limit(root: Path, wanted: int | None = None) -> int | None:
    """Return how many bytes a cache may take up; None if there is no limit.

    Args:
        root: The cache.
        wanted: What the options say; it wins over what is kept with the cache.
    """
    if wanted is not None:
        return wanted
    try:
        found = json.loads(read_whole(_place(root), _LARGEST) or b"")
        limit = found["limit"]
        is_ours = found["format"] == _FORMAT and type(limit) is int and limit > 0
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return limit if is_ours else None


def write_limit(root: Path, limit: int | None) -> None:
    """Keep with a cache how many bytes it may take up; None: as many as there are.

    Raises:
        StoreError: It can't be written; nothing has changed.
    """
    place = _place(root)
    with storing(place, "write"):
        if limit is None:
            place.unlink(missing_ok=True)
            return
        make_directories(root, place.parent)
        content = json.dumps({"format": _FORMAT, "limit": limit}).encode("ascii") + b"\n"
        write_whole(root / ".locks", place, content)


def _place(root: Path) -> Path:
    return root / ".locks" / OWN / "limit.json"
