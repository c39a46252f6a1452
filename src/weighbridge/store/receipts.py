"""Notes that a file was verified, so that looking at it again costs a stat instead of a read.

Receipts live outside the directories they speak of: one file of JSON lines for each, the last line about a name counts.
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
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from weighbridge.core.digests import Digest
from weighbridge.core.errors import InvalidDigestError
from weighbridge.store.owners import boot_id
from weighbridge.store.sight import Sight, open_plain, read_plain

_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
_SETTLED_NS = 2_000_000_000  # a file younger than this could change again within the same clock tick
_SLACK = 256  # lines that may be out of date before a file of receipts is written anew

_Lines = dict[str, dict[str, Any]]


class Receipts:
    """A directory of receipts; every failure of it counts as "no receipt".  Safe to use from many threads.

    Args:
        root: Where they are kept; None keeps none.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._known: dict[Path, _Lines] = {}
        self._fresh: dict[Path, _Lines] = {}
        self._lock = threading.Lock()  # guards _known and _fresh

    def knows(self, path: Path, digest: Digest) -> bool:
        """Tell whether ``path`` was found to have ``digest`` and was not touched since."""
        return self.recall(path, digest.algorithm) == digest

    def recall(self, path: Path, algorithm: str) -> Digest | None:
        """Return the digest that ``path`` was found to have, if it was not touched since."""
        if self._root is None:
            return None
        with self._lock:
            receipt = self._lines(path.parent).get(path.name)
        try:
            if receipt is not None and receipt["file"] == asdict(Sight.of(path.stat())) and _is_of_now(receipt["boot"]):
                return Digest(algorithm, receipt["digests"][algorithm])
        except (OSError, KeyError, TypeError, AttributeError, InvalidDigestError):
            pass
        return None

    def note(self, path: Path, digest: Digest, sight: Sight, *, is_flushed: bool) -> None:
        """Note that the file at ``path`` has ``digest``; it is kept by :meth:`save`.

        Args:
            path: The file.
            digest: Of its bytes.
            sight: The file as it was when they were known; if it is another one by now, the receipt never holds.
            is_flushed: Its bytes survive a power loss.
        """
        receipt = {
            "name": path.name,
            "file": asdict(sight),
            "digests": {digest.algorithm: digest.value},
            "boot": None if is_flushed else boot_id(),
        }
        with self._lock:
            self._lines(path.parent)[path.name] = receipt
            self._fresh.setdefault(path.parent, {})[path.name] = receipt

    def save(self) -> None:
        """Write what was noted since the last time."""
        with self._lock:
            fresh, self._fresh = self._fresh, {}
            known = {parent: dict(self._known.get(parent, {})) for parent in fresh}
        if self._root is None:
            return
        for parent, lines in fresh.items():
            with suppress(OSError):
                _append(self._place(self._root, parent), lines, known[parent])

    def _lines(self, parent: Path) -> _Lines:
        if parent not in self._known:
            self._known[parent] = {} if self._root is None else _load(self._place(self._root, parent))
        return self._known[parent]

    @staticmethod
    def _place(root: Path, parent: Path) -> Path:
        key = hashlib.sha256(os.fsencode(parent)).hexdigest()
        return root / key[:2] / f"{key[2:]}.jsonl"


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


def _load(place: Path) -> _Lines:
    lines: _Lines = {}
    try:
        content = read_plain(place)
    except OSError:
        return lines
    for line in content.splitlines():
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            receipt = json.loads(line)
            lines[receipt["name"]] = receipt
    return lines


def _append(place: Path, fresh: _Lines, known: _Lines) -> None:
    """Add lines with one write, or write the file anew when most of it is out of date."""
    place.parent.mkdir(parents=True, exist_ok=True)
    content = _encode(fresh)
    with os.fdopen(open_plain(place, _APPENDING), "ab", buffering=0) as file:
        file.write(content)
        length = file.tell()
    if length > 2 * len(_encode(known)) + _SLACK * len(content) // max(1, len(fresh)):
        anew = place.with_name(f"{place.name}.{secrets.token_hex(4)}")
        anew.write_bytes(_encode(known))
        anew.replace(place)


def _encode(lines: _Lines) -> bytes:
    return b"".join(json.dumps(receipt, separators=(",", ":")).encode("utf-8") + b"\n" for receipt in lines.values())
