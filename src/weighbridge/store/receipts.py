"""Notes that a file was verified, so that looking at it again costs a stat instead of a read.

Receipts live outside the directories they speak of.  One holds as long as size, both times and inode of the file are
what they were; losing receipts costs a read of the file, never correctness.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from weighbridge.core.digests import Digest

_SETTLED_NS = 2_000_000_000  # a file younger than this could change again within the same clock tick


class Receipts:
    """A directory of receipts; every failure of it counts as "no receipt".

    Args:
        root: Where they are kept; None keeps none.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def knows(self, path: Path, digest: Digest) -> bool:
        """Tell whether ``path`` was found to have ``digest`` and was not touched since."""
        if self._root is None:
            return False
        try:
            receipt = json.loads(self._place(path).read_bytes())
            return bool(receipt["file"] == _facts(path) and receipt["digests"][digest.algorithm] == digest.value)
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def note(self, path: Path, digest: Digest, *, began_ns: int | None = None) -> None:
        """Note that ``path`` has ``digest``.

        Args:
            path: The file.
            digest: What was computed over its bytes.
            began_ns: Wall-clock nanoseconds at which reading began; nothing is noted about a file that was
                changed only just before.  None for a file this package has just published.
        """
        if self._root is None:
            return
        with suppress(OSError, ValueError):
            facts, place = _facts(path), self._place(path)
            if began_ns is not None and began_ns - max(facts["mtime_ns"], facts["ctime_ns"]) < _SETTLED_NS:
                return
            receipt = {"path": str(path), "file": facts, "digests": {digest.algorithm: digest.value}}
            place.parent.mkdir(parents=True, exist_ok=True)
            fresh = place.with_name(f"{place.name}.{secrets.token_hex(4)}")
            fresh.write_text(json.dumps(receipt), encoding="utf-8")
            fresh.replace(place)

    def _place(self, path: Path) -> Path:
        assert self._root is not None  # noqa: S101 - both callers have checked
        key = hashlib.sha256(os.fsencode(path)).hexdigest()
        return self._root / key[:2] / f"{key[2:]}.json"


def now_ns() -> int:
    """Return the wall clock that file times are compared with, in nanoseconds."""
    return time.time_ns()


def _facts(path: Path) -> dict[str, int]:
    found = path.stat()
    return {
        "size": found.st_size,
        "mtime_ns": found.st_mtime_ns,
        "ctime_ns": found.st_ctime_ns,
        "inode": found.st_ino,
    }
