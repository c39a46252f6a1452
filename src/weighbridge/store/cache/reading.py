"""Reading a whole file once: its digest, the first piece of it that is wrong, and what a manifest is made of."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from weighbridge.core.digests import Digest, Hasher
from weighbridge.core.errors import CancelledError
from weighbridge.core.options import MIB
from weighbridge.core.pieces import PIECE, PieceManifest
from weighbridge.core.ranges import ByteRange
from weighbridge.store.faults import storing
from weighbridge.store.sight import Sight, open_plain

_GIT = "git-sha1"
_BLOCK = MIB  # divides a piece; what was read is still in the processor's own memory when it is hashed


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file was found to be.

    Attributes:
        digest: Of its bytes.
        sight: What it looked like before they were read.
        wrong: The first piece that is not what the manifest says; None if the whole is right, or there was no manifest.
        prefixes: Hex digest of the first N bytes, by N: every multiple of a piece that is less than its size.
    """

    digest: Digest
    sight: Sight
    wrong: ByteRange | None
    prefixes: Mapping[int, str]


def read_blob(
    path: Path, digest: Digest, manifest: PieceManifest | None, tell: Callable[[int], None], stop: threading.Event
) -> Reading:
    """Read a file once, as fast as it can be hashed; safe from many threads at once.

    Args:
        path: A plain file; links to it are followed.
        digest: What it must have; read for its algorithm.
        manifest: What its pieces must be; None if nobody knows.
        tell: Told how many bytes more were read, on this thread, for each MiB.
        stop: Ends it within a MiB.

    Raises:
        StoreError: It is no plain file, or can't be read; its cause says why.
        CancelledError: ``stop`` was set.
    """
    with storing(path, "read"), os.fdopen(open_plain(path), "rb", buffering=0) as file:
        if hasattr(os, "posix_fadvise"):
            with suppress(OSError):  # advice only
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        sight = Sight.of(os.fstat(file.fileno()))
        pieces = _Pieces(digest.hasher(sight.size), manifest, sight.size)
        buffer = memoryview(bytearray(_BLOCK))
        while True:
            if stop.is_set():
                raise CancelledError(f"stopped while reading {path}")
            block = buffer[: min(_BLOCK, PIECE - pieces.position % PIECE)]
            if not (count := file.readinto(block)):
                break
            pieces.add(block[:count])
            tell(count)
    found = pieces.digest(digest.algorithm)
    return Reading(found, sight, pieces.wrong_of(found), pieces.prefixes())


class _Pieces:
    """A running digest that notes its value at the end of each piece.

    Args:
        hasher: A fresh one.
        manifest: What the values must be.
        size: Of the file, in bytes.
    """

    def __init__(self, hasher: Hasher, manifest: PieceManifest | None, size: int) -> None:
        self._hasher = hasher
        self._manifest = manifest
        # git hashes the size first: where that is another, no piece has the digest that it should
        is_known = manifest is not None and (manifest.size == size or manifest.digest.algorithm != _GIT)
        self._expected = manifest.prefixes if manifest is not None and is_known else {}
        self._found: dict[int, str] = {}
        self._wrong: ByteRange | None = None
        self.position = 0

    def add(self, block: memoryview) -> None:
        """Add bytes of one piece."""
        self._hasher.update(block)
        self.position += len(block)
        if self.position % PIECE == 0:
            found = self._found[self.position] = self._hasher.copy().hexdigest()
            expected = self._expected.get(self.position)
            if self._wrong is None and expected is not None and expected != found:
                self._wrong = ByteRange(self.position - PIECE, self.position)

    def digest(self, algorithm: str) -> Digest:
        """Return the digest of all."""
        return Digest(algorithm, self._hasher.hexdigest())

    def prefixes(self) -> dict[int, str]:
        """Return what was noted, but for the digest of all."""
        return {end: found for end, found in self._found.items() if end < self.position}

    def wrong_of(self, found: Digest) -> ByteRange | None:
        """Return the first piece that is wrong in a content with a digest."""
        manifest = self._manifest
        if manifest is None or found == manifest.digest:
            return None  # of a content that is right, a manifest that says otherwise is what is wrong
        if self._wrong is not None:
            return self._wrong
        if self.position < manifest.size:  # all that is there is right, as far as whole pieces go
            return manifest.piece_at(self.position)
        return manifest.piece_at(manifest.size - 1)
