"""Piece manifests: what was noted comes back from text, and what is none of ours counts as none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.digests import Digest
from weighbridge.core.pieces import PIECE, PieceManifest
from weighbridge.core.ranges import ByteRange

DIGEST = Digest("sha256", "ab" * 32)
SIZE = 2 * PIECE + 7
PREFIXES = {PIECE: "1" * 64, 2 * PIECE: "2" * 64}


def manifest() -> PieceManifest:
    """Return one of three pieces."""
    found = PieceManifest.of(DIGEST, SIZE, PREFIXES)
    assert found is not None
    return found


@given(size=st.integers(PIECE + 1, 40 * PIECE))
def test_manifest_comes_back_from_text(size: int) -> None:
    """What was kept is what is found, byte counts and digests alike."""
    prefixes = {end: f"{end:064x}" for end in range(PIECE, size, PIECE)}
    kept = PieceManifest.of(DIGEST, size, prefixes)

    assert kept is not None
    assert PieceManifest.decode(kept.encode(), DIGEST) == kept


@given(size=st.integers(PIECE + 1, 40 * PIECE), data=st.data())
def test_pieces_cover_the_whole_once(size: int, data: st.DataObject) -> None:
    """Every byte is in exactly the piece that its number tells."""
    kept = PieceManifest.of(DIGEST, size, dict.fromkeys(range(PIECE, size, PIECE), "0" * 64))
    offset = data.draw(st.integers(0, size - 1))

    assert kept is not None
    piece = kept.piece_at(offset)
    assert piece.start <= offset < piece.stop <= size
    assert kept.number_of(offset) == piece.start // PIECE + 1 <= kept.pieces


@pytest.mark.parametrize("size", [0, 1, PIECE])
def test_content_of_one_piece_has_no_manifest(size: int) -> None:
    """It would tell nothing that the digest of the whole doesn't."""
    assert PieceManifest.of(DIGEST, size, PREFIXES) is None


def test_content_whose_pieces_are_not_all_known_has_no_manifest() -> None:
    """Half a manifest would call pieces right that nobody has looked at."""
    assert PieceManifest.of(DIGEST, SIZE + PIECE, PREFIXES) is None


def test_more_than_is_needed_does_no_harm() -> None:
    """A journal may know of prefixes that are no end of a piece, and of the whole."""
    found = PieceManifest.of(DIGEST, SIZE, {**PREFIXES, 5: "3" * 64, SIZE: "4" * 64, 3 * PIECE: "5" * 64})

    assert found == manifest()


def test_last_piece_ends_with_the_content() -> None:
    """It is shorter than the others."""
    assert manifest().piece_at(SIZE - 1) == ByteRange(2 * PIECE, SIZE)


CHANGES: dict[str, dict[str, Any]] = {
    "later format": {"format": 2},
    "other digest": {"digest": f"sha256:{'cd' * 32}"},
    "other algorithm": {"digest": f"sha1:{'ab' * 20}"},
    "other pieces": {"piece_size": PIECE // 2},
    "size is text": {"size": str(SIZE)},
    "size is a fraction": {"size": SIZE + 0.5},
    "size is negative": {"size": -1},
    "size is true": {"size": True},
    "size is beyond all disks": {"size": 10**40},
    "size of more pieces": {"size": SIZE + PIECE},
    "size of fewer pieces": {"size": SIZE - PIECE},
    "no prefixes": {"prefixes": None},
    "one prefix lacks": {"prefixes": ["1" * 64]},
    "prefix is short": {"prefixes": ["1" * 63, "2" * 64]},
    "prefix is no hex": {"prefixes": ["g" * 64, "2" * 64]},
    "prefix is upper case": {"prefixes": ["A" * 64, "2" * 64]},
    "prefix is a number": {"prefixes": [1, 2]},
    "prefixes are text": {"prefixes": "12"},
    "prefixes are names": {"prefixes": {"1" * 64: 0, "2" * 64: 0}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_not_ours_counts_as_none(change: dict[str, Any]) -> None:
    """P1: a file that anybody may have changed is read with suspicion, and never raises."""
    content = json.loads(manifest().encode()) | change

    assert PieceManifest.decode(json.dumps(content).encode(), DIGEST) is None


@given(cut=st.integers(0, len(manifest().encode()) - 3))
def test_torn_manifest_counts_as_none(cut: int) -> None:
    """A power loss may leave any part of it."""
    assert PieceManifest.decode(manifest().encode()[:cut], DIGEST) is None


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"7", b"\xff", b"[" * 100_000, b'{"size": ' + b"9" * 5000])
def test_anything_else_counts_as_none(content: bytes) -> None:
    """Nothing that lies there stops a repair."""
    assert PieceManifest.decode(content, DIGEST) is None
