"""Manifests in a cache, and the reading that they are compared with: real files, some of them damaged."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from random import Random

import pytest

from weighbridge.core.digests import Digest, new_hasher
from weighbridge.core.errors import CancelledError, StoreError
from weighbridge.core.pieces import PIECE, PieceManifest
from weighbridge.core.ranges import ByteRange
from weighbridge.store.cache.layout import OWN
from weighbridge.store.cache.pieces import find_manifest, keep_manifest, keep_prefixes, manifest_file, stray_manifests
from weighbridge.store.cache.reading import Reading, read_blob

SIZE = 2 * PIECE + 100
CONTENT = Random(1).randbytes(SIZE)


def manifest_of(content: bytes, algorithm: str = "sha256") -> PieceManifest:
    """Return the manifest of a content, computed in the plainest way."""

    def digest(end: int) -> str:
        hasher = new_hasher(algorithm, len(content))
        hasher.update(content[:end])
        return hasher.hexdigest()

    prefixes = {end: digest(end) for end in range(PIECE, len(content), PIECE)}
    return PieceManifest(digest=Digest(algorithm, digest(len(content))), size=len(content), prefixes=prefixes)


MANIFEST = manifest_of(CONTENT)


def read(path: Path, manifest: PieceManifest | None = MANIFEST, digest: Digest = MANIFEST.digest) -> Reading:
    """Read without anybody watching."""
    return read_blob(path, digest, manifest, lambda _: None, threading.Event())


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("algorithm", ["sha256", "git-sha1"])
def test_right_file_gives_its_manifest_for_nothing(blob: Path, algorithm: str) -> None:
    """What others have fetched can be mended by pieces once it was verified."""
    expected = manifest_of(CONTENT, algorithm)

    found = read(blob, None, expected.digest)

    assert (found.digest, found.wrong) == (expected.digest, None)
    assert found.prefixes == expected.prefixes
    assert found.sight.size == SIZE


@pytest.mark.parametrize(
    ("offset", "piece"),
    [
        (0, ByteRange(0, PIECE)),
        (PIECE - 1, ByteRange(0, PIECE)),
        (PIECE, ByteRange(PIECE, 2 * PIECE)),
        (SIZE - 1, ByteRange(2 * PIECE, SIZE)),
    ],
)
@pytest.mark.parametrize("algorithm", ["sha256", "git-sha1"])
def test_reading_names_the_piece_that_is_wrong(blob: Path, offset: int, piece: ByteRange, algorithm: str) -> None:
    """Of a file of 91 MB, whoever reads the report knows where it is damaged."""
    expected = manifest_of(CONTENT, algorithm)
    blob.write_bytes(CONTENT[:offset] + bytes([CONTENT[offset] ^ 1]) + CONTENT[offset + 1 :])

    found = read(blob, expected, expected.digest)

    assert found.digest != expected.digest
    assert found.wrong == piece


@pytest.mark.parametrize("algorithm", ["sha256", "git-sha1"])
@pytest.mark.parametrize(
    ("size", "piece"),
    [
        (0, ByteRange(0, PIECE)),
        (5, ByteRange(0, PIECE)),
        (PIECE, ByteRange(PIECE, 2 * PIECE)),
        (SIZE - 1, ByteRange(2 * PIECE, SIZE)),
        (SIZE + 1, ByteRange(2 * PIECE, SIZE)),
        (4 * PIECE, ByteRange(2 * PIECE, SIZE)),
    ],
)
def test_file_of_another_length_is_wrong_where_it_ends(blob: Path, size: int, piece: ByteRange, algorithm: str) -> None:
    """What is there may be right as far as it goes; the end is what is damaged."""
    expected = manifest_of(CONTENT, algorithm)
    blob.write_bytes((CONTENT + bytes(2 * PIECE))[:size])

    found = read(blob, expected, expected.digest)

    assert found.digest != expected.digest
    assert found.wrong == piece


@pytest.mark.parametrize("algorithm", ["sha256", "git-sha1"])
@pytest.mark.parametrize("size", [SIZE, SIZE + 1])
def test_manifest_that_lies_accuses_no_file_that_is_right(blob: Path, algorithm: str, size: int) -> None:
    """The digest of the whole decides."""
    right = manifest_of(CONTENT, algorithm)
    lie = PieceManifest(digest=right.digest, size=size, prefixes={**right.prefixes, PIECE: "0" * 64})

    found = read(blob, lie, right.digest)

    assert (found.digest, found.wrong) == (right.digest, None)


def test_whoever_watches_is_told_of_every_byte(blob: Path) -> None:
    """A bar that shows the time left needs them all, and often."""
    told: list[int] = []

    read_blob(blob, MANIFEST.digest, None, told.append, threading.Event())

    assert sum(told) == SIZE
    assert max(told) <= PIECE


def test_reading_ends_when_it_is_to_end(blob: Path) -> None:
    """Ctrl-C does not wait for the rest of the file."""
    stop = threading.Event()
    told: list[int] = []

    def tell(count: int) -> None:
        told.append(count)
        stop.set()

    with pytest.raises(CancelledError):
        read_blob(blob, MANIFEST.digest, None, tell, stop)

    assert len(told) == 1


def test_what_is_no_plain_file_is_not_read(tmp_path: Path) -> None:
    """P3: a pipe would keep us waiting for its writer."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(StoreError):
        read(tmp_path / "pipe")


def folder_of(root: Path, name: str) -> Path:
    """Return the folder of a repository with the blob."""
    folder = root / f"models--acme--{name}"
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs" / MANIFEST.digest.value).touch()
    return folder


def test_manifest_is_found_in_any_repository(tmp_path: Path) -> None:
    """A content is the same wherever it is; so are its pieces."""
    first, second = folder_of(tmp_path, "a"), folder_of(tmp_path, "b")
    keep_manifest(second, MANIFEST)

    assert find_manifest(tmp_path, first, MANIFEST.digest) == MANIFEST
    assert find_manifest(tmp_path, second, MANIFEST.digest) == MANIFEST


def test_manifest_of_another_content_is_not_taken(tmp_path: Path) -> None:
    """P1: only what names the very digest speaks of it, whatever its file is called."""
    folder = folder_of(tmp_path, "a")
    keep_manifest(folder, MANIFEST)
    other = Digest("sha256", "0" * 64)
    manifest_file(folder, MANIFEST.digest.value).rename(manifest_file(folder, other.value))

    assert find_manifest(tmp_path, folder, other) is None


def test_folder_outside_of_repositories_is_not_asked(tmp_path: Path) -> None:
    """What else lies in a cache is none of ours."""
    folder = folder_of(tmp_path, "a")
    keep_manifest(tmp_path / "backup", MANIFEST)

    assert find_manifest(tmp_path, folder, MANIFEST.digest) is None


def test_manifest_that_can_not_be_kept_stops_nobody(tmp_path: Path) -> None:
    """P2: a download that has everything must not fail for a help to later repairs."""
    folder = folder_of(tmp_path, "a")
    (folder / OWN).touch()

    keep_manifest(folder, MANIFEST)

    assert find_manifest(tmp_path, folder, MANIFEST.digest) is None


def test_manifest_is_kept_through_no_link(tmp_path: Path) -> None:
    """P5: a link in the place of our directory would lead anywhere."""
    folder = folder_of(tmp_path, "a")
    (tmp_path / "elsewhere").mkdir()
    (folder / OWN).mkdir()
    (folder / OWN / "pieces").symlink_to(tmp_path / "elsewhere")

    keep_manifest(folder, MANIFEST)

    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["W0abc", "0" * 63, "A" * 64, "0" * 32])
def test_name_that_is_no_digest_has_no_manifest(tmp_path: Path, name: str) -> None:
    """Of what no digest names nobody could say whether a manifest is of it."""
    keep_prefixes(manifest_file(tmp_path, name), SIZE, MANIFEST.prefixes)

    assert list(tmp_path.iterdir()) == []


def test_strays_are_manifests_whose_content_is_gone(tmp_path: Path) -> None:
    """Whoever clears the cache finds them; those of blobs that are here stay."""
    folder = folder_of(tmp_path, "a")
    keep_manifest(folder, MANIFEST)
    other = manifest_of(CONTENT[:-1])
    keep_manifest(folder, other)

    assert stray_manifests(folder) == [manifest_file(folder, other.digest.value)]


def test_manifest_of_a_plain_file_is_no_stray(tmp_path: Path) -> None:
    """Where there are no links, the content lies in a snapshot under another name."""
    folder = folder_of(tmp_path, "a")
    keep_manifest(folder, MANIFEST)
    snapshot = folder / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(CONTENT)
    (folder / "blobs" / MANIFEST.digest.value).unlink()

    assert stray_manifests(folder) == []


def test_file_as_documented(tmp_path: Path) -> None:
    """docs/format.md: others can check pieces with what the standard library has."""
    keep_manifest(tmp_path, MANIFEST)

    lines = manifest_file(tmp_path, MANIFEST.digest.value).read_text().splitlines()

    assert lines == [
        "{",
        ' "format": 1,',
        f' "digest": "sha256:{hashlib.sha256(CONTENT).hexdigest()}",',
        f' "size": {SIZE},',
        ' "piece_size": 4194304,',
        ' "prefixes": [',
        f'  "{hashlib.sha256(CONTENT[:PIECE]).hexdigest()}",',
        f'  "{hashlib.sha256(CONTENT[: 2 * PIECE]).hexdigest()}"',
        " ]",
        "}",
    ]
