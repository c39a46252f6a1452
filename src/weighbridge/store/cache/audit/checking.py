"""Reads contents on all cores and tells which of them are not what they must be."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from weighbridge.core.errors import CancelledError, StoreError
from weighbridge.core.events import Checking, Observer
from weighbridge.core.findings import Finding
from weighbridge.core.pieces import PIECE, PieceManifest
from weighbridge.core.ranges import ByteRange
from weighbridge.store.cache.audit.contents import Content, damage, mismatch
from weighbridge.store.cache.pieces import find_manifest, keep_prefixes, manifest_file
from weighbridge.store.cache.reading import Reading, read_blob
from weighbridge.store.receipts import Receipts, is_settled
from weighbridge.store.sight import see

_TICK_S = 0.1
_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})  # says nothing about the file
_TRIES = 2  # of a file that somebody replaces while it is read


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What reading a content has come to.

    Attributes:
        group: The content, under all its names.
        what: What is wrong with it; None if it is right, or has gone meanwhile.
        wrong: The first piece that is.
    """

    group: Sequence[Content]
    what: str | None = None
    wrong: ByteRange | None = None


class Checker:
    """Reads contents; driven by one thread, which is told of progress.

    Args:
        receipts: Told what is right, and what is not.
        tell: Receives :class:`~weighbridge.core.events.Checking`.
        cancel: Ends the reading when set.
    """

    def __init__(self, receipts: Receipts, tell: Observer, cancel: threading.Event) -> None:
        self._receipts = receipts
        self._tell = tell
        self._cancel = cancel
        self._lock = threading.Lock()  # guards _read
        self._read = 0
        self._told_at = float("-inf")

    def run(self, groups: Sequence[Sequence[Content]]) -> list[Finding]:
        """Return a finding for each name of each content that is wrong.

        Args:
            groups: Contents under all their names; those that come first are read first.

        Raises:
            CancelledError: ``cancel`` was set; what was found right is noted.
        """
        size = sum(group[0].found.st_size for group in groups)
        verdicts: SimpleQueue[_Verdict | Exception] = SimpleQueue()
        stop = threading.Event()
        findings: list[Finding] = []

        def work(group: Sequence[Content]) -> None:
            try:
                verdicts.put(self._check(group, stop))
            except Exception as error:  # noqa: BLE001 - raised on the driving thread
                verdicts.put(error)

        with ThreadPoolExecutor(_cores(), thread_name_prefix="weighbridge-check") as readers:
            try:
                for group in groups:
                    readers.submit(work, group)
                for _ in groups:
                    findings += self._judge(self._next(verdicts, size))
            finally:
                stop.set()
                readers.shutdown(wait=True, cancel_futures=True)
        if groups:
            self._tell(Checking(done=size, size=size, name=""))
        return findings

    def _next(self, verdicts: SimpleQueue[_Verdict | Exception], size: int) -> _Verdict:
        """Wait for one more content, and show meanwhile how far it is."""
        while True:
            if self._cancel.is_set():
                raise CancelledError("stopped; the same call reads on with what was not read yet")
            found: _Verdict | Exception | None = None
            with suppress(Empty):
                found = verdicts.get(timeout=_TICK_S)
            now = time.monotonic()
            if now - self._told_at >= _TICK_S:
                self._told_at = now
                name = "" if not isinstance(found, _Verdict) else found.group[0].path.name
                self._tell(Checking(done=min(self._read, size), size=size, name=name))
            if isinstance(found, Exception):
                raise found
            if found is not None:
                return found

    def _judge(self, verdict: _Verdict) -> list[Finding]:
        if verdict.what is None:
            return []
        for each in verdict.group:
            self._receipts.forget(each.path)
        return [damage(each, verdict.what, verdict.wrong) for each in verdict.group]

    def _check(self, group: Sequence[Content], stop: threading.Event) -> _Verdict:
        """Read a content, and note that it is right if it is; on a thread of its own."""
        content = group[0]
        manifest = _pieces_of(content)
        for _ in range(_TRIES):
            began_ns = time.time_ns()
            try:
                reading = read_blob(content.path, content.digest, manifest, self._count, stop)
            except StoreError as error:
                if _has_gone(content.path):
                    return _Verdict(group)
                if isinstance(error.__cause__, OSError) and error.__cause__.errno in _SHORT:
                    raise
                return _Verdict(group, f"it can't be read: {getattr(error.__cause__, 'strerror', None) or error}")
            if reading.digest == content.digest:
                self._note(group, reading, began_ns)
                if manifest is None or manifest.prefixes != reading.prefixes:
                    place = manifest_file(content.folder.path, content.digest.value)
                    keep_prefixes(place, reading.sight.size, reading.prefixes)
                return _Verdict(group)
            if see(content.path) == reading.sight:
                return _Verdict(group, mismatch(content, reading.digest), reading.wrong)
        return _Verdict(group)

    def _note(self, group: Sequence[Content], reading: Reading, began_ns: int) -> None:
        if is_settled(reading.sight, began_ns):
            for each in group:
                self._receipts.note(each.path, each.digest, reading.sight, is_flushed=False)

    def _count(self, amount: int) -> None:
        with self._lock:
            self._read += amount


def _pieces_of(content: Content) -> PieceManifest | None:
    """Return what the pieces of a content must be; None if nobody knows, or it looks as if it had but one."""
    if content.found.st_size <= PIECE:  # there may be very many, and as many repositories to be asked
        return None
    return find_manifest(content.folder.root, content.folder.path, content.digest)


def _has_gone(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
