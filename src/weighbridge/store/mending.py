"""Leaves a damaged file as the rest of an interrupted download, so that the next one fetches only what is damaged."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.core.pieces import PIECE, PieceManifest
from weighbridge.core.ranges import RangeSet
from weighbridge.core.recovery import Validator
from weighbridge.store import journal
from weighbridge.store.cache.staging import CREATING
from weighbridge.store.faults import free_bytes
from weighbridge.store.holding import hold, let_go
from weighbridge.store.journal import Identity, Record, written_anew
from weighbridge.store.layout import DATA, Place
from weighbridge.store.leftovers import find_leftovers, find_usable, read_leftovers
from weighbridge.store.owners import Owner
from weighbridge.store.partial import remove_partial
from weighbridge.store.recover import copy_block
from weighbridge.store.sight import open_plain


def leave_for_mending(place: Place, damaged: Path, manifest: PieceManifest, stop: threading.Event) -> bool:
    """Leave a copy of a damaged file beside its place, of which all counts that its manifest does not contradict.

    The file itself is only read: others may be reading it as well.  The copy shares its blocks where the file system
    can do that.  If the process dies on the way, what is there is a partial of which nothing counts;
    so it is after a power loss, and nothing is flushed.

    Args:
        place: Where the file is to be, mended.
        damaged: Where its bytes are; links are followed.
        manifest: What its pieces must be.
        stop: Ends a long copy early; what was copied counts.

    Returns:
        Whether something is there now that the next delivery goes on with; maybe it was before.
    """
    identity = Identity(digest=str(manifest.digest), source=None, size=manifest.size)
    own = place.new_partial()
    hold(own.name)
    try:
        if _is_left(place, identity, manifest):
            return True
        own.mkdir()
        header = journal.header_record(identity, Owner.current())
        _write_journal(own, [header])
        copied = _copy(damaged, own / DATA, manifest.size, stop)
        if copied:
            _write_journal(own, [header, *_records(manifest, copied)])
            return True
    except (OSError, StoreError):
        pass
    finally:
        let_go(own.name)
    remove_partial(own)
    return False


def _is_left(place: Place, identity: Identity, manifest: PieceManifest) -> bool:
    """Tell whether an earlier run has left what it was mending: that is further than a copy would be."""
    last = max(manifest.prefixes)
    for leftover in read_leftovers(place, find_leftovers(place.parent)):
        usable = find_usable(leftover, identity)
        if usable is not None and usable.recovered.prefixes.get(last) == manifest.prefixes[last]:
            return True
    return False


def _records(manifest: PieceManifest, copied: RangeSet) -> list[Record]:
    wrote = [journal.wrote_record(each.start, each.stop) for each in copied]
    prefixes = [journal.prefix_record(at, digest) for at, digest in sorted(manifest.prefixes.items())]
    return [journal.size_record(manifest.size, Validator()), *wrote, *prefixes, journal.RELEASED]


def _write_journal(own: Path, records: Sequence[Record]) -> None:
    with written_anew(own) as writer:
        writer.append(*records)


def _copy(source: Path, target: Path, size: int, stop: threading.Event) -> RangeSet:
    """Copy what can be read of the first ``size`` bytes; return which."""
    copied = RangeSet()
    reading = open_plain(source)
    try:
        length = min(size, os.fstat(reading).st_size)
        free = free_bytes(target.parent)
        if free is not None and length > free:
            return copied  # the copy would take the room that the file needs
        writing = os.open(target, CREATING, 0o666)
        try:
            for start in range(0, length, PIECE):
                if stop.is_set():
                    break
                end = min(start + PIECE, length)
                with suppress(OSError):  # of a bad sector, say: a piece that can't be copied is fetched
                    copied.add(start, _copy_piece(reading, writing, start, end))
        finally:
            os.close(writing)
    finally:
        os.close(reading)
    return copied


def _copy_piece(reading: int, writing: int, start: int, stop: int) -> int:
    """Copy a piece; return how far it came."""
    while start < stop and (count := copy_block(reading, writing, start, stop - start)):
        start += count
    return start
