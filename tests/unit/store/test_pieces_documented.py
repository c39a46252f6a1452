"""What docs/format.md says about manifests, taken at its word: its example is ours, and its program finds damage."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from weighbridge.core.digests import Digest, new_hasher
from weighbridge.core.pieces import PIECE, PieceManifest

PAGE = Path(__file__).parents[3] / "docs" / "format.md"
SIZE = 2 * PIECE + 100


def block(language: str) -> str:
    """Return the one block of the page in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def manifest_of(content: bytes, algorithm: str) -> PieceManifest:
    """Return the manifest of a content."""
    hasher, prefixes = new_hasher(algorithm, len(content)), dict[int, str]()
    for start in range(0, len(content), PIECE):
        hasher.update(content[start : start + PIECE])
        prefixes[start + PIECE] = hasher.copy().hexdigest()
    found = PieceManifest.of(Digest(algorithm, hasher.hexdigest()), len(content), prefixes)
    assert found is not None
    return found


def test_example_is_what_is_written() -> None:
    """Others write their readers by it."""
    written = manifest_of(bytes(11 << 20), "sha256").encode().decode()

    assert written == block("json")
    assert PieceManifest.decode(block("json").encode(), Digest.parse(json.loads(written)["digest"])) is not None


@pytest.mark.parametrize("algorithm", ["sha256", "git-sha1"])
@pytest.mark.parametrize(("offset", "number"), [(None, 0), (0, 1), (PIECE, 2), (SIZE - 1, 3)])
def test_program_finds_the_first_wrong_piece(tmp_path: Path, algorithm: str, offset: int | None, number: int) -> None:
    """A person without Weighbridge can find out what is damaged."""
    content = bytearray(Random(3).randbytes(SIZE))
    (tmp_path / "manifest.json").write_bytes(manifest_of(bytes(content), algorithm).encode())
    if offset is not None:
        content[offset] ^= 1
    (tmp_path / "file").write_bytes(content)
    names: dict[str, Callable[[Path, Path], int]] = {}
    exec(block("python"), names)

    found = names["first_wrong_piece"](tmp_path / "file", tmp_path / "manifest.json")

    assert found == number
