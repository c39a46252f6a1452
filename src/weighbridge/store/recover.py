"""Finds what earlier runs left of a file and makes the best of it: adopts, copies, removes."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from weighbridge.core.options import MIB
from weighbridge.core.ranges import RangeSet
from weighbridge.core.recovery import Recovered
from weighbridge.store import journal
from weighbridge.store.faults import storing
from weighbridge.store.journal import Identity, JournalState
from weighbridge.store.layout import CLAIM_SUFFIX, DATA, JOURNAL, PARTIAL_SUFFIX, Place
from weighbridge.store.owners import Owner, boot_id
from weighbridge.store.partial import Partial, remove_partial

_FORGOTTEN_S = 24 * 3600.0  # a partial that nobody can read or vouch for is removed after this
_COPY_BYTES = 8 * MIB
_NO_KERNEL_COPY = frozenset({errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})


@dataclass(frozen=True, slots=True)
class Leftover:
    """A partial found on disk.

    Attributes:
        path: Its directory.
        state: What its journal says; None if the journal can't be used.
        last_sign_at: Wall-clock seconds of its last change.
    """

    path: Path
    state: JournalState | None
    last_sign_at: float

    @property
    def is_free(self) -> bool:
        """Whether nobody can be writing it any more."""
        if self.state is None:
            return time.time() - self.last_sign_at > _FORGOTTEN_S
        return self.state.is_released or self.state.owner.is_gone(self.last_sign_at)


def find_leftovers(parent: Path) -> list[str]:
    """Return the names of all partials and claims in a directory; none if it can't be read."""
    try:
        with os.scandir(parent) as entries:
            return [entry.name for entry in entries if entry.name.endswith((PARTIAL_SUFFIX, CLAIM_SUFFIX))]
    except OSError:
        return []


def last_sign_at(place: Place, names: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    """Return something that changes whenever a writer of ``place`` makes progress."""
    signs: list[tuple[str, int, int]] = []
    for name in sorted(names):
        for part in (DATA, JOURNAL):
            try:
                found = (place.parent / name / part).stat()
            except OSError:
                continue
            signs.append((f"{name}/{part}", found.st_mtime_ns, found.st_size))
    return tuple(signs)


def open_partial(place: Place, identity: Identity, names: Sequence[str], *, durable: bool) -> Partial:
    """Return a partial of our own for ``place``, with whatever earlier ones can give.

    The one with the most usable bytes is adopted if its writer has let go or is provably gone, and copied if the
    writer is only silent: two writers never share a file.  Free ones of no use are removed.

    Call it only while holding the claim of ``place``; correctness does not depend on it.

    Args:
        place: Of what.
        identity: What the bytes must be part of.
        names: Names of the partials found beside it.
        durable: See :class:`Partial`.

    Raises:
        StoreError: The directory takes no files.
    """
    own = place.new_partial()
    leftovers = [_read(place.parent / name) for name in names if place.owns(name)]
    usable = [(each, _recoverable(each, identity)) for each in leftovers]
    ranked = sorted(usable, key=lambda pair: pair[1].written.total if pair[1] else 0, reverse=True)
    taken: Recovered | None = None
    for leftover, recovered in ranked:
        if taken is None and recovered is not None and recovered.written:
            if leftover.is_free:
                taken = recovered if _adopt(leftover, own) else None
            else:
                taken = _copy(leftover, recovered, own)
        elif leftover.is_free:
            remove_partial(leftover.path)
    return _begin(own, place.final, identity, taken or Recovered(), durable=durable)


def remove_free(place: Place, names: Sequence[str]) -> None:
    """Remove what is left of a file that is complete, except partials that somebody may still be writing."""
    for name in names:
        if place.is_evicted_claim(name):
            with suppress(OSError):
                (place.parent / name).unlink(missing_ok=True)
        elif place.owns(name):
            leftover = _read(place.parent / name)
            if leftover.is_free:
                remove_partial(leftover.path)


def _read(path: Path) -> Leftover:
    try:
        content = (path / JOURNAL).read_bytes()
    except OSError:
        content = b""
    signs = [0.0]
    for each in (path, path / DATA, path / JOURNAL):
        try:
            signs.append(each.stat().st_mtime)
        except OSError:
            continue
    return Leftover(path, journal.replay(content), max(signs))


def _recoverable(leftover: Leftover, identity: Identity) -> Recovered | None:
    """Return what of a leftover counts, or None if it is a part of something else."""
    state = leftover.state
    if state is None or state.identity != identity:
        return None
    if identity.digest is None and state.validator.strong_etag is None:
        return None  # nothing could ever tell whether the rest is of the same file
    try:
        length = (leftover.path / DATA).stat().st_size
    except OSError:
        return None
    same_boot = bool(state.owner.boot) and state.owner.boot == boot_id()
    written = (state.written if same_boot else state.durable).copy()
    written.discard(min(length, state.size if state.size is not None else 0), 1 << 62)
    prefixes = {at: digest for at, digest in state.prefixes.items() if at <= written.frontier}
    return Recovered(size=state.size, written=written, prefixes=prefixes, validator=state.validator)


def _adopt(leftover: Leftover, own: Path) -> bool:
    try:
        leftover.path.rename(own)  # of several who try, one succeeds
    except OSError:
        return False
    return True


def _copy(leftover: Leftover, recovered: Recovered, own: Path) -> Recovered | None:
    copied = RangeSet()
    with storing(own, "create"):
        own.mkdir()
    try:
        with (leftover.path / DATA).open("rb") as source, (own / DATA).open("xb") as target:
            for span in recovered.written:
                copied.add(span.start, _copy_span(source.fileno(), target.fileno(), span.start, span.stop))
    except OSError:  # it vanished under us, or there is no room: what was copied counts
        pass
    prefixes = {at: digest for at, digest in recovered.prefixes.items() if at <= copied.frontier}
    return Recovered(size=recovered.size, written=copied, prefixes=prefixes, validator=recovered.validator)


def _copy_span(source: int, target: int, start: int, stop: int) -> int:
    while start < stop:
        wanted = min(_COPY_BYTES, stop - start)
        try:
            count = os.copy_file_range(source, target, wanted, start, start)
        except (AttributeError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_KERNEL_COPY:
                raise
            count = os.pwrite(target, os.pread(source, wanted, start), start)
        if count == 0:
            return start
        start += count
    return stop


def _begin(own: Path, final: Path, identity: Identity, recovered: Recovered, *, durable: bool) -> Partial:
    """Write a journal that says, under our name, what counts, then open."""
    records = [journal.header_record(identity, Owner.current())]
    if recovered.size is not None:
        records.append(journal.size_record(recovered.size, recovered.validator))
    records += [journal.wrote_record(each.start, each.stop) for each in recovered.written]
    records += [journal.prefix_record(at, digest) for at, digest in sorted(recovered.prefixes.items())]
    with storing(own, "create"):
        own.mkdir(exist_ok=True)
        fresh = own / f"{JOURNAL}.new"
        fresh.write_bytes(b"".join(map(journal.encode, records)))
        fresh.replace(own / JOURNAL)  # what an adopted one said counts until this one is whole
    return Partial(own, final, recovered, durable=durable)
