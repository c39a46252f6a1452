"""Where the manifests of pieces lie in a cache: beside what they speak of, and out of the sight of other clients.

::

    <root>/models--org--name/.weighbridge/pieces/<etag>.json

A manifest is only a help: one that is lost, torn or wrong costs a download of more than was damaged, never correctness.
So it is not flushed, and whatever goes wrong with it stops nobody.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from weighbridge.core.digests import Digest
from weighbridge.core.errors import StoreError
from weighbridge.core.etags import digest_of
from weighbridge.core.options import MIB
from weighbridge.core.pieces import PieceManifest
from weighbridge.core.repos import RepoId
from weighbridge.store.cache.layout import OWN, checked_etag
from weighbridge.store.cache.staging import make_directories, read_whole, refuse_links, write_whole

_FOLDER = "pieces"
_SUFFIX = ".json"
_LARGEST = 64 * MIB  # a content of 2 TB


def manifest_file(folder: Path, etag: str) -> Path:
    """Return where the manifest of a blob is kept.

    Args:
        folder: Of the repository.
        etag: Of the blob.

    Raises:
        UnsafePathError: The etag could lead elsewhere.
    """
    return Path(folder, f"{OWN}/{_FOLDER}/{checked_etag(etag)}{_SUFFIX}")  # in one step: there are many


def keep_manifest(folder: Path, manifest: PieceManifest) -> None:
    """Keep a manifest in the folder of a repository, in one step for everybody who looks; never fails."""
    _keep(manifest_file(folder, manifest.digest.value), manifest)


def keep_prefixes(place: Path, size: int, prefixes: Mapping[int, str]) -> None:
    """Keep what was noted while a content was hashed, if it makes up a manifest; never fails.

    Args:
        place: Where; see :func:`manifest_file`.
        size: Of the whole, in bytes.
        prefixes: Hex digest of the first N bytes, by N.
    """
    digest = digest_of(place.stem)
    manifest = None if digest is None else PieceManifest.of(digest, size, prefixes)
    if manifest is not None:
        _keep(place, manifest)


def find_manifest(root: Path, folder: Path, digest: Digest) -> PieceManifest | None:
    """Return the manifest of a content, from whichever repository of the cache has one; None if none can be used.

    Args:
        root: The cache.
        folder: Of the repository that is asked first.
        digest: Of the content.
    """
    return next((found for each in _folders(root, folder) if (found := _read(each, digest))), None)


def stray_manifests(folder: Path) -> list[Path]:
    """Return the manifests in a repository's folder of contents that are not there any more.

    Where there are no links, contents lie in snapshots under their own names: then a manifest of what could be one of
    them, by its size, is none of these.
    """
    strays: dict[Path, int] = {}
    with suppress(OSError):
        refuse_links(folder / OWN / _FOLDER)
        for each in sorted((folder / OWN / _FOLDER).iterdir()):
            if not (folder / "blobs" / each.stem).is_symlink() and not (folder / "blobs" / each.stem).exists():
                digest = digest_of(each.stem)
                manifest = None if digest is None else _read(folder, digest)
                strays[each] = -1 if manifest is None else manifest.size
    sizes = set(_plain_sizes(folder / "snapshots")) if strays else set[int]()
    return [path for path, size in strays.items() if size not in sizes]


def _keep(place: Path, manifest: PieceManifest) -> None:
    folder = place.parent.parent.parent
    with suppress(OSError, StoreError):
        make_directories(folder, place.parent)
        write_whole(folder, place, manifest.encode())


def _read(folder: Path, digest: Digest) -> PieceManifest | None:
    content = read_whole(manifest_file(folder, digest.value), _LARGEST)
    return None if content is None else PieceManifest.decode(content, digest)


def _folders(root: Path, first: Path) -> Iterator[Path]:
    """Yield the folders of repositories, that of one before the others."""
    yield first
    with suppress(OSError):
        for each in sorted(root.iterdir()):
            if each.name != first.name and RepoId.of_folder(each.name) is not None:
                yield each


def _plain_sizes(snapshots: Path) -> Iterator[int]:
    """Yield the sizes of all plain files below a directory, in bytes."""
    for here, _, names in os.walk(snapshots):
        for name in names:
            with suppress(OSError):
                found = Path(here, name).lstat()
                if stat.S_ISREG(found.st_mode):
                    yield found.st_size
