"""Opens a partial of our own, with the best of what earlier runs left of the file."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from weighbridge.core.options import MIB, StoreOptions
from weighbridge.core.ranges import ByteRange, RangeSet
from weighbridge.store import journal
from weighbridge.store.faults import flush_directory, free_bytes, storing
from weighbridge.store.holding import hold, let_go
from weighbridge.store.journal import Identity, Record, written_anew
from weighbridge.store.layout import DATA, Place
from weighbridge.store.leftovers import Leftover, Usable, find_usable, read_leftovers
from weighbridge.store.owners import Owner
from weighbridge.store.partial import Partial, remove_partial

_COPY_BYTES = 8 * MIB
_NO_KERNEL_COPY = frozenset({errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})
_TRIES = 3


def open_partial(
    place: Place, identity: Identity, names: Sequence[str], stop: threading.Event, options: StoreOptions
) -> Partial:
    """Return a partial of our own for ``place``, with whatever earlier ones can give.

    Of the one with the most usable bytes, the data file is moved into ours if its writer has let go or is provably
    gone, and copied if the writer is only silent: two writers never share a file.  Free ones are removed.

    Call it only while holding the claim of ``place``; correctness does not depend on it.

    Args:
        place: Of what.
        identity: What the bytes must be part of.
        names: Names of the partials found beside it.
        stop: Ends a long copy early; what was copied counts.
        options: See :class:`Partial`.

    Raises:
        StoreError: The directory takes no files.
    """
    found = [(each, find_usable(each, identity)) for each in read_leftovers(place, names)]
    for leftover, usable in found:
        is_ours = leftover.state is None or leftover.state.identity == identity
        if usable is None and is_ours and leftover.is_free:  # what is part of another file stays until this one is here
            remove_partial(leftover.path)
    ranked = sorted(
        ((each, usable) for each, usable in found if usable is not None),
        key=lambda pair: pair[1].recovered.written.total,
        reverse=True,
    )
    heir = _Heir(place, identity, stop, options)
    partial = next((taken for each, usable in ranked if (taken := heir.take(each, usable)) is not None), None)
    for leftover, _ in ranked:
        if leftover.is_free or (partial is not None and leftover.is_removable):
            remove_partial(leftover.path)
    return partial or heir.begin(Usable())


class _Heir:
    """Makes partials of our own.

    Every one has its journal, with us as the owner, before it has any data: so at no moment can it be taken for one
    that nobody writes.

    Args:
        place: Of what.
        identity: What its bytes are part of.
        stop: Ends a copy early.
        options: Whether to flush what is taken over before its old place is given up.
    """

    def __init__(self, place: Place, identity: Identity, stop: threading.Event, options: StoreOptions) -> None:
        self._place = place
        self._identity = identity
        self._stop = stop
        self._options = options

    def take(self, leftover: Leftover, usable: Usable) -> Partial | None:
        """Move or copy a leftover's data into a new partial; None if nothing could be had of it."""
        with storing(leftover.path, "take over"):
            if leftover.is_free and _is_single(leftover.path / DATA):
                return self._adopt(leftover, usable)
        # Without a digest nothing would notice bytes that changed while they were copied.
        return None if self._identity.digest is None else self._copy(leftover, usable)

    def begin(self, usable: Usable) -> Partial:
        """Make a new partial of which ``usable`` counts once its data is there."""
        own = self._make(usable)
        return self._open(own, usable)

    def _adopt(self, leftover: Leftover, usable: Usable) -> Partial | None:
        own = self._make(usable)
        try:
            (leftover.path / DATA).rename(own / DATA)  # of several who try, one succeeds
        except OSError as error:
            self._forget(own)
            return None if isinstance(error, FileNotFoundError) else self._copy(leftover, usable)
        return self._open(own, usable, leftover.path)

    def _copy(self, leftover: Leftover, usable: Usable) -> Partial | None:
        size, free = usable.recovered.size, free_bytes(self._place.parent)
        if size is not None and free is not None and size > free:
            return None  # the copy would take the room that the file needs
        own, copied = self._make(Usable()), RangeSet()
        try:
            with (leftover.path / DATA).open("rb") as source, (own / DATA).open("xb") as target:
                for span in usable.recovered.written:
                    copied.add(span.start, self._copy_span(source.fileno(), target.fileno(), span))
        except OSError:  # it vanished under us, or there is no room: what was copied counts
            pass
        if not copied:
            self._forget(own)
            return None
        kept = Usable(recovered=replace(usable.recovered, written=copied))
        try:
            with storing(own, "create"):
                self._write_journal(own, kept)
        except BaseException:
            self._forget(own)
            raise
        return self._open(own, kept)

    def _copy_span(self, source: int, target: int, span: ByteRange) -> int:
        """Copy a range; return how far it came."""
        position = span.start
        while position < span.stop and not self._stop.is_set():
            count = copy_block(source, target, position, min(_COPY_BYTES, span.stop - position))
            if count == 0:
                break
            position += count
        return position

    def _make(self, usable: Usable) -> Path:
        """Make a directory with a journal and return its path; it is held."""
        with storing(self._place.parent, "create a file in"):
            for _ in range(_TRIES):
                own = self._place.new_partial()
                hold(own.name)
                try:
                    own.mkdir()
                    self._write_journal(own, usable)
                except FileNotFoundError:  # somebody took the empty directory for one that was left behind
                    self._forget(own)
                except BaseException:
                    self._forget(own)
                    raise
                else:
                    return own
            raise FileNotFoundError(errno.ENOENT, "what was made there vanished at once", str(self._place.parent))

    def _open(self, own: Path, usable: Usable, moved_from: Path | None = None) -> Partial:
        """Open what was made; the data lay elsewhere before and may go there again if the power fails now."""
        unflushed = usable.recovered.written.total - usable.durable.total
        try:
            if moved_from is not None and self._options.durable:
                flush_directory(own)
                with suppress(FileNotFoundError):  # somebody has tidied up after us
                    flush_directory(moved_from)
            return Partial(own, self._place, usable.recovered, self._options, unflushed=unflushed)
        except BaseException:
            let_go(own.name)  # whatever it holds is for the next who looks
            raise

    def _write_journal(self, own: Path, usable: Usable) -> None:
        with written_anew(own) as writer:
            writer.append(*_records(self._identity, usable))
            if self._options.durable and usable.recovered.written:
                writer.flush()
        if self._options.durable and usable.recovered.written:
            flush_directory(own)
            flush_directory(own.parent)

    @staticmethod
    def _forget(own: Path) -> None:
        remove_partial(own)
        let_go(own.name)


def _records(identity: Identity, usable: Usable) -> list[Record]:
    """Return the records of a journal that says what counts, and no more."""
    recovered = usable.recovered
    records = [journal.header_record(identity, Owner.current())]
    if recovered.size is not None:
        records.append(journal.size_record(recovered.size, recovered.validator))
    if usable.durable:
        records += [journal.wrote_record(each.start, each.stop) for each in usable.durable]
        records += [journal.FLUSHING, journal.DURABLE]
    records += [journal.wrote_record(each.start, each.stop) for each in recovered.written]
    records += [journal.prefix_record(at, digest) for at, digest in sorted(recovered.prefixes.items())]
    return records


def _is_single(path: Path) -> bool:
    """Tell whether a file has one name only: bytes that a hard link shares are not ours to write over."""
    try:
        return path.lstat().st_nlink == 1
    except FileNotFoundError:
        return True  # whoever took it was first


def copy_block(source: int, target: int, start: int, wanted: int) -> int:
    """Copy up to ``wanted`` bytes at ``start``, inside the kernel where it can; return how many.

    There it shares blocks, where the file system can do that.
    """
    try:
        return os.copy_file_range(source, target, wanted, start, start)
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_KERNEL_COPY:
            raise
        return os.pwrite(target, os.pread(source, wanted, start), start)
