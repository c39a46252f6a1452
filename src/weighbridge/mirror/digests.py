"""The digests of files, each computed once and noted outside the folder that the file is in."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from weighbridge.core.digests import Digest, new_hasher
from weighbridge.store.receipts import Receipts, is_settled
from weighbridge.store.sight import Sight, open_plain

_BLOCK = 2 * 1024 * 1024
_FLUSHED_NS = 120 * 1_000_000_000  # by then the system has written a file out, whoever made it


class ChangedWhileReadError(Exception):
    """A file was written to while its digest was computed."""


def _tell_nobody(count: int) -> None:
    del count


class DigestIndex:
    """Knows the digests of files; safe to use from many threads.

    Args:
        root: Where they are kept between runs; None keeps them only in memory.
    """

    def __init__(self, root: Path | None) -> None:
        self._receipts = Receipts(root)
        self._known: dict[tuple[Path, str], tuple[Sight, str]] = {}
        self._lock = threading.Lock()  # guards _known
        self._computing = threading.Lock()  # so that many who want the same read it once

    def digest(self, place: Path, algorithm: str, sight: Sight, tell: Callable[[int], None] = _tell_nobody) -> str:
        """Return the hex digest of a plain file, from memory if it was not touched since.

        Args:
            place: The file.
            algorithm: ``sha256`` or ``git-sha1``.
            sight: What a stat has just told of it.
            tell: Called with the count of bytes that were read since it was called last.

        Raises:
            ChangedWhileReadError: Somebody is writing to it.
            OSError: It can't be read.
        """
        known = self._recall(place, algorithm, sight)
        if known is not None:
            return known
        with self._computing:
            known = self._recall(place, algorithm, sight)  # whoever computed before us may have wanted the same
            return self._compute(place, algorithm, sight, tell) if known is None else known

    def _recall(self, place: Path, algorithm: str, sight: Sight) -> str | None:
        with self._lock:
            known = self._known.get((place, algorithm))
        if known is not None and known[0] == sight:
            return known[1]
        receipt = self._receipts.recall(place, algorithm)
        if receipt is None:
            return None
        self._remember(place, receipt, sight)
        return receipt.value

    def _compute(self, place: Path, algorithm: str, sight: Sight, tell: Callable[[int], None]) -> str:
        now_ns = time.time_ns()
        found = Digest(algorithm, _read(place, algorithm, sight, tell))
        if is_settled(sight, now_ns):
            self._remember(place, found, sight)
            is_flushed = now_ns - sight.changed_at_ns >= _FLUSHED_NS
            self._receipts.note(place, found, sight, is_flushed=is_flushed)
        return found.value

    def _remember(self, place: Path, digest: Digest, sight: Sight) -> None:
        with self._lock:
            self._known[place, digest.algorithm] = (sight, digest.value)

    def save(self) -> None:
        """Keep what was computed for the next run; a disk that takes nothing costs only time then."""
        self._receipts.save()


def _read(place: Path, algorithm: str, sight: Sight, tell: Callable[[int], None]) -> str:
    hasher, buffer = new_hasher(algorithm, sight.size), memoryview(bytearray(_BLOCK))
    descriptor = open_plain(place, os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        left = sight.size
        while left and (count := file.readinto(buffer[: min(left, _BLOCK)])):
            hasher.update(buffer[:count])
            left -= count
            tell(count)
        if left or Sight.of(os.fstat(descriptor)) != sight:
            raise ChangedWhileReadError(f"{place} is being written to")
    return hasher.hexdigest()
