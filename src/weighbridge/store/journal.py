"""The append-only list of what is known to be written, and its replay.

One record a line: eight hex digits of CRC-32, a space, JSON.  Replay stops at the first line that is torn or wrong;
what follows it was never promised to anybody.  The kinds of record are the functions below; ``docs/adr/0003`` says why.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weighbridge.core.ranges import RangeSet
from weighbridge.core.recovery import Validator
from weighbridge.store.layout import JOURNAL
from weighbridge.store.owners import Owner

FORMAT = 1
"""Version of the records; a journal of a later one is left alone."""

_LARGEST = 1 << 62

Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a partial is a part of.

    Attributes:
        digest: The promised digest as text; None if none was promised.
        source: Without a digest: the redacted primary URL, since only its validators mean anything then.
        size: The promised size in bytes, if any; not in the journal, which notes what servers told.
    """

    digest: str | None
    source: str | None
    size: int | None = field(default=None, compare=False)


@dataclass(slots=True, kw_only=True)
class JournalState:
    """What a journal says.

    Attributes:
        identity: Of what.
        owner: Who wrote it.
        is_released: The owner let go on purpose.
        size: Whole size in bytes, if known.
        validator: Of the remote file.
        written: What was written.
        flushing: What of it a flush that has begun covers.
        durable: What of it survives a power loss.
        prefixes: Hex digest of the first N bytes, by N.
    """

    identity: Identity
    owner: Owner
    is_released: bool = False
    size: int | None = None
    validator: Validator = field(default_factory=Validator)
    written: RangeSet = field(default_factory=RangeSet)
    flushing: RangeSet = field(default_factory=RangeSet)
    durable: RangeSet = field(default_factory=RangeSet)
    prefixes: dict[int, str] = field(default_factory=dict)


def header_record(identity: Identity, owner: Owner) -> Record:
    """The first record: whose it is, and of what."""
    return {
        "kind": "header",
        "format": FORMAT,
        "digest": identity.digest,
        "source": identity.source,
        "owner": owner.to_record(),
    }


def size_record(size: int, validator: Validator) -> Record:
    """The remote file's size in bytes and validators."""
    return {"kind": "size", "size": size, "etag": validator.etag, "modified": validator.last_modified}


def wrote_record(start: int, stop: int) -> Record:
    """Bytes ``[start, stop)`` were written."""
    return {"kind": "wrote", "start": start, "stop": stop}


def void_record(start: int, stop: int) -> Record:
    """Bytes ``[start, stop)`` are not to be trusted any more."""
    return {"kind": "void", "start": start, "stop": stop}


def prefix_record(offset: int, digest: str) -> Record:
    """The first ``offset`` bytes have this hex digest."""
    return {"kind": "prefix", "at": offset, "digest": digest}


RESET: Record = {"kind": "reset"}
"""Everything is void."""

FLUSHING: Record = {"kind": "flushing"}
"""A flush of the data begins."""

DURABLE: Record = {"kind": "durable"}
"""The flush has ended: everything recorded before it began survives a power loss."""

RELEASED: Record = {"kind": "released"}
"""The owner has let go; anybody may adopt."""


def encode(record: Record) -> bytes:
    """Return one line."""
    body = json.dumps(record, separators=(",", ":"), sort_keys=True).encode("utf-8")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def replay(content: bytes) -> JournalState | None:
    """Read a journal; never raises.

    Returns:
        Its state up to the first bad line; None if not even the header can be used: torn, foreign, or of a later
        format.
    """
    records = _decode(content)
    header = next(records, None)
    state = _begin(header) if header is not None else None
    if state is None:
        return None
    for record in records:
        if not _apply(state, record):
            break
    return state


def is_of_later_format(content: bytes) -> bool:
    """Tell whether a journal is whole and of a format that is yet to come: somebody else's to read."""
    header: Record = next(_decode(content), {})
    version = header.get("format")
    return header.get("kind") == "header" and type(version) is int and version > FORMAT


class JournalWriter:
    """Appends records to a journal file.

    A record that could not be written whole is taken back, so that it can't spoil the next.

    Args:
        path: The file; made if absent, continued if there.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(path, flags, 0o666)
        self._length = os.fstat(self._descriptor).st_size
        self._lock = threading.Lock()  # guards the end of the file: a record is whole or not there

    def append(self, *records: Record) -> None:
        """Append records; raises ``OSError`` with nothing of them kept."""
        content = b"".join(map(encode, records))
        with self._lock:
            try:
                _write_all(self._descriptor, content)
            except OSError:
                os.ftruncate(self._descriptor, self._length)
                raise
            self._length += len(content)

    def flush(self) -> None:
        """Make the records survive a power loss."""
        os.fsync(self._descriptor)

    def touch(self) -> None:
        """Set the file's time to now, as a sign of life."""
        os.utime(self._descriptor)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


@contextmanager
def written_anew(own: Path) -> Iterator[JournalWriter]:
    """Give the writer of a partial's new journal, which takes the place of the one before when the block is done.

    If the process dies in the block, or it raises, what there was before counts.

    Args:
        own: The partial's directory.
    """
    fresh = own / f"{JOURNAL}.new"
    writer = JournalWriter(fresh)
    try:
        yield writer
    finally:
        writer.close()
    fresh.replace(own / JOURNAL)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:  # a short write is followed by one that says why, most likely: no room
        content = content[os.write(descriptor, content) :]


def _decode(content: bytes) -> Iterator[Record]:
    for line in content.split(b"\n")[:-1]:
        checksum, _, body = line.partition(b" ")
        try:
            if int(checksum, 16) != zlib.crc32(body):
                return
            record = json.loads(body)
        except (ValueError, RecursionError):
            return
        if not isinstance(record, dict):
            return
        yield record


def _begin(header: Record) -> JournalState | None:
    owner = Owner.from_record(header.get("owner"))
    texts = (header.get("digest"), header.get("source"))
    if header.get("kind") != "header" or header.get("format") != FORMAT or owner is None:
        return None
    if any(text is not None and not isinstance(text, str) for text in texts):
        return None
    return JournalState(identity=Identity(digest=texts[0], source=texts[1]), owner=owner)


def _apply(state: JournalState, record: Record) -> bool:
    """Apply one record; False if it makes no sense, which ends the replay."""
    match record:
        case {"kind": "size", "size": int(size), "etag": str() | None as etag, "modified": str() | None as modified}:
            if not 0 <= size < _LARGEST:
                return False
            state.size, state.validator = size, Validator(etag, modified)
        case {"kind": "wrote", "start": int(start), "stop": int(stop)} if 0 <= start < stop < _LARGEST:
            state.written.add(start, stop)
        case {"kind": "void", "start": int(start), "stop": int(stop)} if 0 <= start < stop < _LARGEST:
            state.written.discard(start, stop)
            state.flushing.discard(start, stop)
            state.durable.discard(start, stop)
            # what was hashed behind the void is still what has to be there once this has come again
            state.prefixes = {at: digest for at, digest in state.prefixes.items() if not start < at <= stop}
        case {"kind": "prefix", "at": int(at), "digest": str(digest)} if at > 0:
            state.prefixes[at] = digest
        case {"kind": "reset"}:
            state.size, state.validator = None, Validator()
            state.written, state.flushing, state.durable = RangeSet(), RangeSet(), RangeSet()
            state.prefixes = {}
        case {"kind": "flushing"}:
            state.flushing = state.written.copy()
        case {"kind": "durable"}:
            state.durable = state.flushing.copy()
        case {"kind": "released"}:
            state.is_released = True
        case _:
            return False
    return True
