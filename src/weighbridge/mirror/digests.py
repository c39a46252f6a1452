"""The digests of files, each computed once and noted outside the folder that the file is in."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path

from weighbridge.core.digests import Digest, new_hasher
from weighbridge.mirror.disk import open_in_place
from weighbridge.store.receipts import Receipts, is_settled
from weighbridge.store.sight import Sight

_BLOCK = 2 * 1024 * 1024
_FLUSHED_NS = 120 * 1_000_000_000  # by then the system has written a file out, whoever made it
_AT_ONCE = 2  # files that are read for their digests
_SAVED_S = 5.0  # between two times that digests are kept

_Key = tuple[Path, str, Sight]


class ChangedWhileReadError(Exception):
    """A file was written to while its digest was computed."""


class NotKnownYetError(Exception):
    """A digest takes longer to compute than anybody wants to wait for it; it goes on being computed."""


def _tell_nobody(count: int) -> None:
    del count


class DigestIndex:
    """Knows the digests of files; safe to use from many threads.

    However many ask for one digest, it is computed once, on a thread that is nobody's who asks.

    Args:
        root: Where they are kept between runs; None keeps them only in memory.
    """

    def __init__(self, root: Path | None) -> None:
        self._receipts = Receipts.below(root)
        self._known: dict[tuple[Path, str], tuple[Sight, str]] = {}
        self._running: dict[_Key, Future[str]] = {}
        self._lock = threading.Lock()  # guards _known, _running and _saved_at
        self._saved_at = float("-inf")
        self._is_closed = threading.Event()
        self._readers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="weighbridge-digest")

    def digest(
        self,
        place: Path,
        algorithm: str,
        sight: Sight,
        *,
        tell: Callable[[int], None] = _tell_nobody,
        wait_s: float | None = None,
    ) -> str:
        """Return the hex digest of a plain file, from memory if it was not touched since.

        Args:
            place: The file, all links undone.
            algorithm: ``sha256`` or ``git-sha1``.
            sight: What a stat has just told of it.
            tell: Called with the count of bytes that were read since it was called last; not called if somebody else
                has asked for the same before.
            wait_s: Longest wait in seconds; None waits until it is known.

        Raises:
            NotKnownYetError: It was not known within ``wait_s``.
            ChangedWhileReadError: Somebody is writing to it.
            OSError: It can't be read.
        """
        known = self._recall(place, algorithm, sight)
        if known is not None:
            return known
        key = (place, algorithm, sight)
        with self._lock:
            running = self._running.get(key)
            if running is None:
                running = self._running[key] = self._readers.submit(self._compute, place, algorithm, sight, tell)
        try:
            return running.result(wait_s)
        except FutureTimeoutError:
            raise NotKnownYetError(f"the digest of {place.name} is being computed") from None

    def save(self) -> None:
        """Keep what was computed for the next run; a disk that takes nothing costs only time then."""
        self._receipts.save()

    def close(self) -> None:
        """Compute no more, and keep what is known."""
        self._is_closed.set()
        self._readers.shutdown(cancel_futures=True)
        self.save()

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
        try:
            now_ns = time.time_ns()
            found = Digest(algorithm, self._read(place, algorithm, sight, tell))
            if is_settled(sight, now_ns):
                self._remember(place, found, sight)
                is_flushed = now_ns - sight.changed_at_ns >= _FLUSHED_NS
                self._receipts.note(place, found, sight, is_flushed=is_flushed)
            self._save_sometimes()
            return found.value
        finally:
            with self._lock:
                self._running.pop((place, algorithm, sight), None)

    def _read(self, place: Path, algorithm: str, sight: Sight, tell: Callable[[int], None]) -> str:
        hasher, buffer = new_hasher(algorithm, sight.size), memoryview(bytearray(_BLOCK))
        with open_in_place(place) as file:
            left = sight.size
            while left and (count := file.readinto(buffer[: min(left, _BLOCK)])):
                if self._is_closed.is_set():
                    raise NotKnownYetError("stopped")
                hasher.update(buffer[:count])
                left -= count
                tell(count)
            if left or Sight.of(os.fstat(file.fileno())) != sight:
                raise ChangedWhileReadError(f"{place} is being written to")
        return hasher.hexdigest()

    def _remember(self, place: Path, digest: Digest, sight: Sight) -> None:
        with self._lock:
            self._known[place, digest.algorithm] = (sight, digest.value)

    def _save_sometimes(self) -> None:
        now = time.monotonic()
        with self._lock:
            is_due = now - self._saved_at >= _SAVED_S
            self._saved_at = now if is_due else self._saved_at
        if is_due:
            self.save()
