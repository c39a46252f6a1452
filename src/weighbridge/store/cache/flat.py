"""The layout of huggingface_hub before 0.8: flat files that are called by the digests of URL and ETag.

::

    <root>/<sha256(url)>.<sha256(etag)>            content; ".h5" follows if the URL ends like that
    <root>/<sha256(url)>.<sha256(etag)>.json       {"url": …, "etag": …}
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from weighbridge.core.repos import repo_path
from weighbridge.store.cache.staging import make_directories, read_whole, write_whole
from weighbridge.store.faults import storing

_LARGEST = 1 << 20


def flat_name(url: str, etag_header: str | None) -> str:
    """Return what the content of a URL is called.

    Args:
        url: As it was asked for.
        etag_header: As it came, quotes and all; None if nobody could be asked.
    """
    name = hashlib.sha256(url.encode("utf-8")).hexdigest()
    if etag_header:
        name += "." + hashlib.sha256(etag_header.encode("utf-8")).hexdigest()
    return name + _suffix(url)


class FlatCache:
    """A directory of such files.

    Args:
        root: The directory.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, url: str, etag_header: str | None) -> Path:
        """Return where the content of a URL lies, or would."""
        return self._root / flat_name(url, etag_header)

    def named(self, name: str) -> Path:
        """Return where a file lies that the caller has given a name of his own.

        Raises:
            UnsafePathError: It would lie elsewhere.
        """
        return self._root / repo_path(name).text

    def newest(self, url: str) -> Path | None:
        """Return the content that a URL had last, when nobody can be asked what it has now; None if it is not here.

        Files that are not finished, locks and notes are not taken, whoever has left them there.
        """
        exact = self.find(url, None)
        if _modified_ns(exact) is not None:
            return exact
        stem = re.escape(flat_name(url, None).removesuffix(_suffix(url)))
        pattern = re.compile(rf"{stem}\.[0-9a-f]{{64}}{re.escape(_suffix(url))}", re.ASCII)
        found: list[tuple[int, str]] = []
        with suppress(OSError):
            for name in filter(pattern.fullmatch, os.listdir(self._root)):  # noqa: PTH208 - there may be many
                modified_ns = _modified_ns(self._root / name)
                if modified_ns is not None:
                    found.append((modified_ns, name))
        return self._root / max(found)[1] if found else None

    def note(self, name: str, url: str, etag_header: str | None) -> None:
        """Note beside a file where it came from, in one step for everybody who looks.

        The temporary name is in the directory of locks: older clients take any file for content whose name begins like
        this one's, and newer ones warn about any that is beside it.

        Raises:
            UnsafePathError: The name could lead elsewhere.
            StoreError: The disk says no.
        """
        note = self.named(f"{name}.json")
        content = json.dumps({"url": url, "etag": etag_header}).encode("ascii")
        make_directories(self._root, note.parent)
        with storing(note, "write"):
            write_whole(self._root / ".locks", note, content)


def read_note(path: Path) -> tuple[str, str | None] | None:
    """Return the URL and the ETag that a file came with; None if it is not noted.

    Args:
        path: The file.
    """
    content = read_whole(path.with_name(f"{path.name}.json"), _LARGEST)
    try:
        found = json.loads(content or b"")
        url, etag = found["url"], found["etag"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (url, etag) if isinstance(url, str) and isinstance(etag, str | None) else None


def _suffix(url: str) -> str:
    return ".h5" if url.endswith(".h5") else ""


def _modified_ns(path: Path) -> int | None:
    """Return when a plain file was written last; None if there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_mtime_ns if stat.S_ISREG(found.st_mode) else None
