"""What earlier runs left of a file, whether anybody may still be writing it, and what of it counts."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.core.ranges import RangeSet
from weighbridge.core.recovery import Recovered
from weighbridge.store import journal
from weighbridge.store.faults import storing
from weighbridge.store.holding import is_held
from weighbridge.store.journal import Identity, JournalState
from weighbridge.store.layout import CLAIM_SUFFIX, DATA, JOURNAL, PARTIAL_SUFFIX, Place
from weighbridge.store.owners import Owner, boot_id
from weighbridge.store.partial import remove_partial
from weighbridge.store.sight import BLOCK, read_plain

_FORGOTTEN_S = 60.0  # a writer shows every second that it is alive; one that nobody can look up is given up after this


@dataclass(frozen=True, slots=True, kw_only=True)
class Usable:
    """What of a leftover counts.

    Attributes:
        recovered: For the transfer.
        durable: What of it survives a power loss.
    """

    recovered: Recovered = field(default_factory=Recovered)
    durable: RangeSet = field(default_factory=RangeSet)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A partial found on disk.

    A partial belongs to whoever made it, for ever: its journal is never handed on.  So what is free stays free.

    Attributes:
        path: Its directory.
        state: What its journal says; None if the journal can't be used.
        last_sign_at: Wall-clock seconds of its last change.
        is_of_later_format: A later version of this package wrote it.
        is_unreadable: Its journal is there and could not be read just now.
    """

    path: Path
    state: JournalState | None
    last_sign_at: float
    is_of_later_format: bool = False
    is_unreadable: bool = False

    @property
    def is_free(self) -> bool:
        """Whether nobody can be writing it any more.

        A journal is whole before there is any data, so where it can't be read it is damaged and nobody ever goes on.
        """
        if self.state is None:
            return not self.is_of_later_format and not self.is_unreadable
        owner = self.state.owner
        is_ours = owner == Owner.current() and not is_held(self.path.name)
        return self.state.is_released or is_ours or owner.is_gone(self.last_sign_at)

    @property
    def is_removable(self) -> bool:
        """Whether it may go once the file is complete, or its bytes were copied: free, or given up.

        Should a writer that was given up come back all the same, it finds the file complete, or begins again.
        """
        if self.is_free:
            return True
        is_unknown = self.state is not None and not self.state.owner.is_near
        return is_unknown and time.time() - self.last_sign_at > _FORGOTTEN_S


def find_leftovers(parent: Path) -> list[str]:
    """Return the names of all partials and claims in a directory; none if it isn't there or may not be listed.

    Only true directories count as partials: a link of such a name would lead somewhere else.

    Raises:
        StoreError: It can't be listed.
    """
    with storing(parent, "list"):
        try:
            with os.scandir(parent) as entries:
                ours = (each for each in entries if ".wb-" in each.name)  # quicker than the next, and mostly none
                found = [each for each in ours if each.name.endswith((PARTIAL_SUFFIX, CLAIM_SUFFIX))]
                return [each.name for each in found if each.is_dir(follow_symlinks=False) == _is_partial(each.name)]
        except (FileNotFoundError, PermissionError):
            return []


def read_leftovers(place: Place, names: Sequence[str]) -> list[Leftover]:
    """Return the partials of ``place`` among ``names``."""
    return [_read(place.parent / name) for name in names if place.owns(name)]


def read_leftover(path: Path) -> Leftover | None:
    """Return the partial in a directory; None if that is not called as one of ours is."""
    return None if Place.of_partial(path) is None else _read(path)


def remove_free(place: Place, names: Sequence[str]) -> None:
    """Remove what is left of a file that is complete, except partials that somebody may still be writing."""
    for name in names:
        if place.is_evicted_claim(name):
            with suppress(OSError):
                (place.parent / name).unlink(missing_ok=True)
    for leftover in read_leftovers(place, names):
        if leftover.is_removable:
            remove_partial(leftover.path)


def last_sign_at(place: Place, names: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    """Return something that changes whenever a writer of ``place`` makes progress."""
    signs: list[tuple[str, int, int]] = []
    for name in sorted(names):
        for part in (DATA, JOURNAL):
            try:
                found = (place.parent / name / part).lstat()
            except OSError:
                continue
            signs.append((f"{name}/{part}", found.st_mtime_ns, found.st_size))
    return tuple(signs)


def count_held(places: Sequence[Place]) -> int:
    """Return how many bytes of the disk the unfinished files of ``places`` take up already."""
    prefixes = {(each.parent, each.prefix) for each in places}
    held = 0
    for parent in {each.parent for each in places}:
        for name in find_leftovers(parent):
            prefix = name.removesuffix(PARTIAL_SUFFIX).rpartition(".")[0] + "."
            if (parent, prefix) in prefixes:
                with suppress(OSError):
                    held += (parent / name / DATA).lstat().st_blocks * BLOCK
    return held


def find_usable(leftover: Leftover, identity: Identity) -> Usable | None:
    """Return what of a leftover counts; None if nothing does, or if it is a part of something else."""
    state = leftover.state
    if state is None or state.identity != identity or identity.size not in (None, state.size):
        return None
    if identity.digest is None and state.validator.strong_etag is None:
        return None  # nothing could ever tell whether the rest is of the same file
    length = _length_of(leftover.path / DATA)
    is_same_boot = bool(state.owner.boot) and state.owner.boot == boot_id()
    written = (state.written if is_same_boot else state.durable).copy()
    written.discard(min(length, state.size if state.size is not None else 0), 1 << 62)
    if not written:
        return None
    durable = RangeSet(written)
    for gap in state.durable.missing(length):
        durable.discard(gap.start, gap.stop)
    return Usable(
        recovered=Recovered(size=state.size, written=written, prefixes=state.prefixes, validator=state.validator),
        durable=durable,
    )


def _is_partial(name: str) -> bool:
    return name.endswith(PARTIAL_SUFFIX)


def _read(path: Path) -> Leftover:
    content, is_unreadable = b"", False
    try:
        content = read_plain(path / JOURNAL)
    except FileNotFoundError:
        pass
    except OSError:
        is_unreadable = True
    signs = [0.0]
    for each in (path, path / DATA, path / JOURNAL):
        try:
            signs.append(each.lstat().st_mtime)
        except OSError:
            continue
    return Leftover(
        path=path,
        state=journal.replay(content),
        last_sign_at=max(signs),
        is_of_later_format=journal.is_of_later_format(content),
        is_unreadable=is_unreadable,
    )


def _length_of(data: Path) -> int:
    """Return the length of a data file; 0 if there is none."""
    with storing(data, "look at"):
        try:
            found = data.lstat()
        except FileNotFoundError:
            return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0
