"""Hashes the contiguous prefix of an artifact behind its writers, reading back what is on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from weighbridge.core.digests import Digest, Hasher
from weighbridge.core.options import MIB
from weighbridge.core.pieces import PIECE
from weighbridge.transfer.readback import ReadBack
from weighbridge.transfer.sink import Sink

CHECKPOINT = PIECE
"""Distance in bytes of the prefix digests that are noted; a copy of the running hasher gives them for nothing."""

_BLOCK = 2 * MIB  # each costs two waits for the interpreter's lock, which the writers want too


class FrontierHasher:
    """A running digest of the first ``position`` bytes.

    One thread at a time calls :meth:`step` or :meth:`feed`; :meth:`restart` is called only while it doesn't.

    Args:
        digest: What was promised.
        size: Whole size in bytes; None if unknown.
        prefixes: Digests of prefixes as an earlier run noted them, or a manifest has them.  If they reach the last
            piece, that one is judged by itself, too.
        sink: Where the bytes are.
    """

    def __init__(self, digest: Digest, size: int | None, prefixes: Mapping[int, str], sink: Sink) -> None:
        self._digest = digest
        self._size = size
        self._expected = dict(prefixes)
        if size and (size - 1) // CHECKPOINT * CHECKPOINT in prefixes:
            self._expected[size] = digest.value
        self._sink = sink
        self._readback = ReadBack(sink, _BLOCK)
        self._hasher: Hasher = digest.hasher(size)
        self._good: tuple[int, Hasher] = (0, self._hasher.copy())
        self.position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._readback.end()

    def feed(self, offset: int, data: bytes) -> None:
        """Hash bytes as they arrive, if they are the next ones."""
        if offset != self.position:
            return
        boundary = (offset // CHECKPOINT + 1) * CHECKPOINT
        if offset + len(data) < boundary:
            self._hasher.update(data)
            self.position += len(data)
            return
        view = memoryview(data)
        for start in range(boundary - offset - CHECKPOINT, len(data), CHECKPOINT):
            self._hasher.update(view[max(0, start) : start + CHECKPOINT])
            if start + CHECKPOINT <= len(data):
                self._sink.note_prefix(offset + start + CHECKPOINT, self._hasher.copy().hexdigest())
        self.position += len(data)

    def step(self, frontier: int) -> tuple[int, int] | None:
        """Hash one block of what lies before ``frontier``.

        Returns:
            A span ``(start, stop)`` that is not what an earlier run hashed there, and that the hasher has gone
            back from; None if all is well.
        """
        block = self._readback.read(self.position, self._block_at(self.position, frontier))
        if not block:
            return self.position, frontier
        coming = self.position + len(block)
        if frontier - coming >= _BLOCK:
            self._readback.expect(coming, self._block_at(coming, frontier))
        self._hasher.update(block)
        self.position = coming
        is_boundary = coming % CHECKPOINT == 0 or coming == self._size
        return self._checkpoint() if is_boundary else None

    def result(self) -> Digest:
        """Return the digest of what was hashed so far."""
        return Digest(self._digest.algorithm, self._hasher.copy().hexdigest())

    def restart(self) -> None:
        """Begin again at byte 0."""
        self._hasher = self._digest.hasher(self._size)
        self._good = (0, self._hasher.copy())
        self._expected = {}
        self._readback.forget()
        self.position = 0

    def _block_at(self, position: int, frontier: int) -> int:
        """Return how many bytes to hash at once: no more than up to the next checkpoint."""
        return min(_BLOCK, frontier - position, CHECKPOINT - position % CHECKPOINT)

    def _checkpoint(self) -> tuple[int, int] | None:
        state = self._hasher.copy()
        expected = self._expected.pop(self.position, None)
        found = state.copy().hexdigest()
        if expected is not None and expected != found:
            stop = self.position
            start, good = self._good
            self._hasher, self.position = good.copy(), start
            self._readback.forget()
            return start, stop
        self._good = (self.position, state)
        if expected is None and self.position % CHECKPOINT == 0:
            self._sink.note_prefix(self.position, found)
        return None
