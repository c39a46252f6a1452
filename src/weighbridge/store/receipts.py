"""Notes that a file was verified, so that looking at it again costs a stat instead of a read.

They are files of JSON lines, of which the last about a name counts.  Those of a directory lie elsewhere, one file for
each; those of a repository in a cache lie in its folder, so that they move with it.
One holds as long as size, both times and inode of the file are what they were when its bytes were known; losing
receipts costs a read of the file, never correctness.

A receipt for a file that was not flushed holds until the machine starts anew: a power loss may leave all of these facts
in place, and zeros where the bytes should be.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, Self

from weighbridge.core.digests import Digest
from weighbridge.core.errors import InvalidDigestError
from weighbridge.store.cache.layout import OWN
from weighbridge.store.cache.staging import refuse_links
from weighbridge.store.owners import boot_id
from weighbridge.store.sight import Sight, open_plain, read_plain

_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
_PAGE = "receipts.jsonl"
_IN_REPOSITORIES = "--"  # in the names of their folders, and of no other in a cache
_SETTLED_NS = 2_000_000_000  # a file younger than this could change again within the same clock tick
_SLACK = 256  # lines that may be out of date before a file of receipts is written anew

_Lines = dict[str, dict[str, Any]]


class Book(Protocol):
    """Which file of receipts speaks of a file, and under which name."""

    def page_of(self, path: Path) -> tuple[Path, str] | None:
        """Return the file of receipts for ``path`` and what it calls ``path``; None if it does not speak of it."""


@dataclass(frozen=True, slots=True)
class DirectoryBook:
    """Receipts outside of the directories they speak of: one file for each directory.

    Attributes:
        root: Where they are kept.
    """

    root: Path

    def page_of(self, path: Path) -> tuple[Path, str]:
        """Return the file of receipts of the directory of ``path``, and its name in there."""
        key = hashlib.sha256(os.fsencode(path.parent)).hexdigest()
        return self.root / key[:2] / f"{key[2:]}.jsonl", path.name


@dataclass(frozen=True, slots=True)
class CacheBook:
    """Receipts in a cache: one file for each repository, in its folder, so that they move with it.

    Attributes:
        root: Of the cache; a link may lead there, and paths may be told with or without it.
    """

    root: Path
    _starts: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find out, once, what paths inside begin with."""
        starts = [os.path.join(root, "") for root in (str(self.root), os.path.realpath(self.root))]  # noqa: PTH118
        object.__setattr__(self, "_starts", tuple(dict.fromkeys(starts)))

    def page_of(self, path: Path) -> tuple[Path, str] | None:
        """Return the file of receipts of the repository that ``path`` is in, and the path below its folder."""
        text = str(path)
        for start in self._starts:
            if text.startswith(start):
                folder, _, name = text[len(start) :].partition(os.sep)
                if name and _IN_REPOSITORIES in folder:
                    return self.root / folder / OWN / _PAGE, name
        return None


@dataclass(slots=True)
class _Page:
    """A file of receipts.

    Attributes:
        lines: The last about each name.
        length: How many lines there are, those that are out of date among them.
    """

    lines: _Lines
    length: int


_unsaved: dict[Path, _Lines] = {}
"""What no book took, as where everything is read-only: it holds for as long as this process runs."""


class Receipts:
    """What is noted of files; every failure to read or write it counts as "no receipt".  Safe to use from many threads.

    Args:
        books: Where: the first that can be written takes what is noted, all are asked.
    """

    def __init__(self, *books: Book) -> None:
        self._books = books
        self._known: dict[Path, _Page] = {}
        self._fresh: dict[Path, _Lines] = {}  # by the directory and the name of the file
        self._lock = threading.Lock()  # guards _known and _fresh

    @classmethod
    def below(cls, root: Path | None) -> Self:
        """Return the receipts that are kept below ``root``; none if that is None."""
        return cls() if root is None else cls(DirectoryBook(root))

    def knows(self, path: Path, digest: Digest) -> bool:
        """Tell whether ``path`` was found to have ``digest`` and was not touched since."""
        return self.recall(path, digest.algorithm) == digest

    def recall(self, path: Path, algorithm: str) -> Digest | None:
        """Return the digest that ``path`` was found to have, if it was not touched since."""
        try:
            value = self.value_of(path, algorithm, path.stat()) if self._books else None
            return None if value is None else Digest(algorithm, value)
        except (OSError, InvalidDigestError):
            return None

    def value_of(self, path: Path, algorithm: str, found: os.stat_result) -> str | None:
        """Return the hex digest that ``path`` was found to have, if a look at it now gives ``found``."""
        return self.reader_of(path.parent).value_of(path.name, algorithm, found)

    def reader_of(self, parent: Path) -> Reader:
        """Return what tells of many files of one directory, quickly, as things are noted now."""
        pages = [page for book in self._books if (page := book.page_of(parent / "_")) is not None]
        with self._lock:
            fresh, unsaved = self._fresh.get(parent, {}), _unsaved.get(parent, {})
            return Reader(
                ((fresh, ""), (unsaved, ""), *((self._page(place).lines, name[:-1]) for place, name in pages))
            )

    def note(self, path: Path, digest: Digest, sight: Sight, *, is_flushed: bool) -> None:
        """Note that the file at ``path`` has ``digest``; it is kept by :meth:`save`.

        Args:
            path: The file.
            digest: Of its bytes.
            sight: The file as it was when they were known; if it is another one by now, the receipt never holds.
            is_flushed: Its bytes survive a power loss.
        """
        receipt = _receipt_of(sight) | {
            "digests": {digest.algorithm: digest.value},
            "boot": None if is_flushed else boot_id(),
        }
        with self._lock:
            self._fresh.setdefault(path.parent, {})[path.name] = receipt

    def forget(self, path: Path) -> None:
        """Let nothing that was ever noted of the file at ``path`` hold for what it is now; kept at once.

        For what was read and found damaged though a stat shows nothing.  Once it is another file, notes hold again.
        """
        try:
            doubt = _receipt_of(Sight.of(path.stat()))
        except OSError:
            return  # of a file that is not there nothing holds
        with self._lock:
            self._fresh.setdefault(path.parent, {})[path.name] = doubt
        self.save()

    def save(self) -> None:
        """Write what was noted since the last time."""
        with self._lock:
            fresh, self._fresh = self._fresh, {}
        rest = {parent / name: receipt for parent, lines in fresh.items() for name, receipt in lines.items()}
        for book in self._books:
            pages: dict[Path, _Lines] = {}
            homes: dict[Path, Path] = {}
            spoken: dict[Path, Path] = {}  # what the names of a file of receipts are relative to
            for path, receipt in rest.items():
                if (page := book.page_of(path)) is not None:
                    homes[path] = page[0]
                    pages.setdefault(page[0], {})[page[1]] = {"name": page[1], **receipt}
                    spoken[page[0]] = Path(str(path)[: -len(page[1])])
            kept = {place for place, lines in pages.items() if self._keep(place, lines, spoken[place])}
            rest = {path: receipt for path, receipt in rest.items() if homes.get(path) not in kept}
        for path, receipt in rest.items() if self._books else ():
            _unsaved.setdefault(path.parent, {})[path.name] = receipt

    def _keep(self, place: Path, lines: _Lines, top: Path) -> bool:
        """Write lines into a file of receipts, which speaks of files below ``top``; tell whether that worked."""
        with self._lock:
            page = self._page(place)
            page.lines.update(lines)
            page.length += len(lines)
            is_stale = page.length > 2 * len(page.lines) + _SLACK
        try:
            _append(place, lines)
        except OSError:
            return False
        if is_stale:
            with suppress(OSError):
                anew = _write_anew(place, top)
                with self._lock:
                    self._known[place] = anew
        return True

    def _page(self, place: Path) -> _Page:
        if place not in self._known:
            found = _load(place, _see(place))
            self._known[place] = _Page(dict(found.lines), found.length)
        return self._known[place]


class Reader:
    """Tells of files of one directory what was noted of them.

    Args:
        pages: Receipts by name, and what the names of these files begin with there; what was noted last comes first.
    """

    def __init__(self, pages: Sequence[tuple[Mapping[str, dict[str, Any]], str]]) -> None:
        self._pages = pages
        self._fresh = pages[0][0]

    def value_of(self, name: str, algorithm: str, found: os.stat_result) -> str | None:
        """Return the hex digest that a file was found to have, if a look at it now gives ``found``."""
        told: str | None = None
        for lines, prefix in self._pages:
            receipt = lines.get(prefix + name)
            if receipt is None or not _is_of(receipt, found):
                continue
            value = _read(receipt, algorithm)
            if not receipt.get("digests") or (lines is self._fresh and value is not None):
                return value  # a doubt counts in whichever book it is, unless something newer is known
            told = told or value
        return told


def _receipt_of(sight: Sight) -> dict[str, Any]:
    """Return a receipt that tells nothing of a file but that what was noted of it is in doubt."""
    file = {"size": sight.size, "mtime_ns": sight.mtime_ns, "ctime_ns": sight.ctime_ns, "inode": sight.inode}
    return {"file": file, "digests": {}, "boot": None}


def _is_of(receipt: dict[str, Any], found: os.stat_result) -> bool:
    """Tell whether a receipt is of a file that looks like ``found`` now."""
    try:
        file = receipt["file"]
        return bool(
            file["ctime_ns"] == found.st_ctime_ns
            and file["mtime_ns"] == found.st_mtime_ns
            and file["size"] == found.st_size
            and file["inode"] == found.st_ino
            and _is_of_now(receipt["boot"])
        )
    except (KeyError, TypeError, AttributeError):
        return False


def _read(receipt: dict[str, Any], algorithm: str) -> str | None:
    try:
        return str(receipt["digests"][algorithm])
    except (KeyError, TypeError, AttributeError):
        return None


def _is_of_now(boot: object) -> bool:
    """Tell whether a note still holds: it is of a file that was flushed, or of this boot, if that can be told."""
    return boot is None or (boot == boot_id() and bool(boot))


def is_settled(sight: Sight, now_ns: int) -> bool:
    """Tell whether any later change of a file would show in what a stat tells.

    Args:
        sight: The file.
        now_ns: Wall-clock nanoseconds at which its bytes began to be read.
    """
    return now_ns - sight.changed_at_ns >= _SETTLED_NS


def _see(place: Path) -> Sight:
    try:
        return Sight.of(place.lstat())
    except OSError:
        return Sight()


@lru_cache(maxsize=8)
def _load(place: Path, sight: Sight) -> _Page:
    """Read a file of receipts that looks like ``sight`` now, so that another one is read anew."""
    del sight
    lines: _Lines = {}
    try:
        content = read_plain(place)
    except OSError:
        return _Page(lines, 0)
    written = content.splitlines()
    with suppress(ValueError, KeyError, TypeError, RecursionError):  # all at once, which is quicker, if nothing is torn
        lines = {receipt["name"]: receipt for receipt in json.loads(b"[%s]" % b",".join(written))}
        return _Page(lines, len(written))
    for line in written:
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            receipt = json.loads(line)
            lines[receipt["name"]] = receipt
    return _Page(lines, len(written))


def _append(place: Path, fresh: _Lines) -> None:
    """Add lines with one write."""
    refuse_links(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(open_plain(place, _APPENDING), "ab", buffering=0) as file:
        file.write(_encode(fresh))


def _write_anew(place: Path, top: Path) -> _Page:
    """Write a file of receipts anew, with one line for each file below ``top`` that is there; return what it holds.

    It is read first, as others may have added lines; what they add meanwhile is lost, and costs a read.
    """
    known = _load(place, _see(place)).lines
    lines = {name: each for name, each in known.items() if (top / str(name)).exists()}
    anew = place.with_name(f"{place.name}.{secrets.token_hex(4)}")
    try:
        anew.write_bytes(_encode(lines))
        anew.replace(place)
    except OSError:
        with suppress(OSError):
            anew.unlink()
        raise
    return _Page(lines, len(lines))


def _encode(lines: _Lines) -> bytes:
    return b"".join(json.dumps(receipt, separators=(",", ":")).encode("utf-8") + b"\n" for receipt in lines.values())
