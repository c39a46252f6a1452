"""The directories a cache is made of, as other clients expect to find them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from weighbridge.core.errors import CacheNotFound, InvalidParameterError
from weighbridge.store.cache import shared
from weighbridge.store.cache.layout import OF_SYSTEMS, CacheFolder
from weighbridge.store.faults import storing

TAG = "CACHEDIR.TAG"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This file is a cache directory tag created by huggingface_hub.\n"
    b"# For information about cache directory tags, see:\n"
    b"#\thttps://bford.info/cachedir/\n"
)  # to the byte what newer clients write: whoever comes first, the file is the same


def prepare_root(root: Path) -> None:
    """Make the cache's root, with the tag that tells backup programs to leave it out.

    Nothing else is put into it: other clients warn about what they don't know there.

    Raises:
        StoreError: There is no such directory and it can't be made.  A tag that can't be written is done without.
    """
    with storing(root, "make the cache"):
        root.mkdir(parents=True, exist_ok=True)
    tag_directory(root)


def list_root(root: Path) -> list[str]:
    """Return the names of what is in a cache, sorted, but for what every cache has: repositories, and strangers.

    Raises:
        CacheNotFound: There is no such directory that can be listed.
        InvalidParameterError: It is a file.
    """
    if root.is_file():
        raise InvalidParameterError(f"a cache is a directory, and {root} is a file; give another cache_dir")
    try:
        names = os.listdir(root)  # noqa: PTH208 - names are all that is needed
    except OSError as error:
        words = error.strerror or type(error).__name__
        message = f"there is no cache to be read at {root} ({words}); give another cache_dir, or set HF_HUB_CACHE"
        raise CacheNotFound(message, cache_dir=root) from error
    passed_over = OF_SYSTEMS | {".locks", TAG} | ({shared.FOLDER} if shared.is_shared(root) else set())
    return sorted(each for each in names if each not in passed_over)


def prepare_folder(folder: CacheFolder) -> None:
    """Make a repository's folder.

    ``snapshots`` comes first: other clients call a folder without it corrupted, and we may die at any time.

    Raises:
        StoreError: It can't be made.
    """
    prepare_root(folder.root)
    for each in (folder.snapshots, folder.blobs):
        with storing(each, "make"):
            each.mkdir(parents=True, exist_ok=True)


def tag_directory(directory: Path) -> None:
    """Write the tag into a directory unless it has one; a tag that can't be written is done without.

    It is written in place, since a temporary file would be a stranger in the root.  Several who do so at once write the
    same bytes to the same place, and one that was left empty by a power loss is filled.
    """
    tag = directory / TAG
    with suppress(OSError):
        if _size(tag) == 0:
            descriptor = os.open(tag, _FLAGS, 0o666)
            try:
                os.write(descriptor, _TAG)
            finally:
                os.close(descriptor)


def _size(path: Path) -> int:
    """Return how many bytes a file has; 0 if there is none."""
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
