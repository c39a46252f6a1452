"""Piece manifests: the digest of everything up to the end of each piece of a content, as values and as text.

A digest of all bytes *so far* costs nothing to note while the whole is hashed, where one of each piece alone would be a
second hash of every byte.  Its price: pieces are checked in their order, each once all before it are right.
The format on disk is documented in docs/format.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from weighbridge.core.digests import Digest
from weighbridge.core.options import MIB
from weighbridge.core.ranges import ByteRange

PIECE = 4 * MIB
"""Bytes of a piece."""

_FORMAT = 1
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceManifest:
    """What a content's pieces must be.

    Attributes:
        digest: Of the whole.
        size: Of the whole, in bytes.
        prefixes: Hex digest, of the whole's algorithm, of the first N bytes, by N: every multiple of :data:`PIECE`
            below ``size``.  For ``git-sha1`` the header that git hashes first tells the whole size.
    """

    digest: Digest
    size: int
    prefixes: Mapping[int, str]

    @property
    def pieces(self) -> int:
        """How many pieces there are."""
        return -(-self.size // PIECE)

    def number_of(self, offset: int) -> int:
        """Return which piece a byte is in, counted from 1."""
        return offset // PIECE + 1

    def piece_at(self, offset: int) -> ByteRange:
        """Return the piece that a byte is in."""
        start = offset // PIECE * PIECE
        return ByteRange(start, min(start + PIECE, self.size))

    @classmethod
    def of(cls, digest: Digest, size: int, prefixes: Mapping[int, str]) -> Self | None:
        """Return the manifest that digests of prefixes make up; None if one is lacking, or there is but one piece."""
        ends = range(PIECE, size, PIECE)
        if not ends or any(end not in prefixes for end in ends):
            return None
        return cls(digest=digest, size=size, prefixes={end: prefixes[end] for end in ends})

    def encode(self) -> bytes:
        """Return it as it is kept in a file."""
        content = {
            "format": _FORMAT,
            "digest": str(self.digest),
            "size": self.size,
            "piece_size": PIECE,
            "prefixes": [self.prefixes[end] for end in sorted(self.prefixes)],
        }
        return json.dumps(content, indent=1).encode("ascii") + b"\n"

    @classmethod
    def decode(cls, content: bytes, digest: Digest) -> Self | None:
        """Read what :meth:`encode` has written of the content with a digest; None if it can't be that."""
        try:
            found = json.loads(content)
            size, prefixes = found["size"], found["prefixes"]
            is_ours = found["format"] == _FORMAT and found["piece_size"] == PIECE and found["digest"] == str(digest)
            is_sound = type(size) is int and type(prefixes) is list and len(prefixes) == len(range(PIECE, size, PIECE))
            length = len(digest.value)
            are_hex = all(len(each) == length and _HEX.fullmatch(each) for each in prefixes)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None
        if not (is_ours and is_sound and are_hex):
            return None
        return cls.of(digest, size, dict(zip(range(PIECE, size, PIECE), prefixes, strict=True)))
