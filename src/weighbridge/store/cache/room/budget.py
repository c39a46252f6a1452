"""What leaves a cache that has a limit when something new needs the room."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from weighbridge.core.errors import CacheLimitError, CacheNotFound
from weighbridge.store.cache.room.inventory import CachedRevision, Inventory, take_inventory
from weighbridge.store.cache.room.leaving import Refused, leave

_PATIENCE_S = 1.0  # with those who are at work where something is to leave: elsewhere something else may


@dataclass(frozen=True, slots=True)
class Leavers:
    """What is to leave.

    Attributes:
        revisions: The least recently used first.
        freed: Bytes that come free.
    """

    revisions: tuple[CachedRevision, ...] = ()
    freed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What making room has come to.

    Attributes:
        size: Bytes that the cache took up before.
        limit: Bytes that it may take up.
        leavers: What had to leave.
        removed: What has left.
        refused: What could not.
    """

    size: int
    limit: int
    leavers: Leavers
    removed: tuple[CachedRevision, ...] = ()
    refused: tuple[Refused, ...] = ()


def choose_leavers(revisions: Sequence[CachedRevision], needed: int) -> Leavers | None:
    """Choose which revisions leave, the least recently used first; never one that is pinned or in use.

    A content goes with the last revision that has it.

    Args:
        revisions: All that are in the cache.
        needed: Bytes that must come free; nothing leaves for 0 or less.

    Returns:
        None if whatever may leave does not free so much.
    """
    if needed <= 0:
        return Leavers()
    free = [each for each in revisions if not (each.pins or each.is_used)]
    scale, chosen = _Scale(revisions), list[CachedRevision]()
    for each in sorted(free, key=lambda revision: (revision.used_at, revision.name)):
        if scale.freed >= needed:
            break
        scale.take(each)
        chosen.append(each)
    if scale.freed < needed:
        return None
    for each in reversed(chosen.copy()):  # one that was to go before a larger one may stay after all
        scale.give_back(each)
        if scale.freed >= needed:
            chosen.remove(each)
        else:
            scale.take(each)
    return Leavers(tuple(chosen), scale.freed)


def size_of(inventory: Inventory) -> int:
    """Return how many bytes a cache takes up: contents, and what is unfinished."""
    return inventory.size + sum(each.size for each in inventory.unfinished)


def size_of_cache(root: Path) -> int:
    """Return how many bytes a cache takes up; 0 if there is none."""
    try:
        return size_of(take_inventory(root))
    except CacheNotFound:
        return 0


def plan_room(root: Path, limit: int, needed: int = 0) -> Room:
    """Return what has to leave so that a cache stays within its limit; nothing is removed.

    Args:
        root: The cache; it need not be there yet.
        limit: Bytes that it may take up.
        needed: Bytes that are to come.

    Raises:
        CacheLimitError: Whatever leaves, it would not be enough.
    """
    return _plan(root, limit, needed, ())


def make_room(root: Path, limit: int, needed: int = 0, staying: Path | None = None) -> Room:
    """Let leave what has to, so that a cache stays within its limit.

    What somebody has begun to use meanwhile stays, and others leave instead.

    Args:
        root: See :func:`plan_room`; so are the others.
        limit: Bytes.
        needed: Bytes.
        staying: A snapshot that is being completed, and so can't leave.

    Raises:
        CacheLimitError: Whatever leaves, it would not be enough.  Unless something was in use all at once, nothing was
            removed.
    """
    removed: list[CachedRevision] = []
    refused: list[Refused] = []
    apart = set() if staying is None else {Path(os.path.realpath(staying))}
    while True:
        room = _plan(root, limit, needed, apart)
        if not room.leavers.revisions:
            return replace(room, removed=tuple(removed), refused=tuple(refused))
        by_repo: dict[Path, list[CachedRevision]] = defaultdict(list)
        for each in room.leavers.revisions:
            by_repo[each.path.parent.parent].append(each)
        for repo, leavers in by_repo.items():
            refs = [ref for each in leavers for ref in each.refs]
            left = leave(Path(os.path.realpath(root)), repo, [each.path for each in leavers], refs, _PATIENCE_S)
            apart |= {each.path for each in leavers}
            refused += left.refused
            removed += [each for each in leavers if each.path in left.removed]


def _plan(root: Path, limit: int, needed: int, apart: Collection[Path]) -> Room:
    """Do as :func:`plan_room`; revisions whose snapshots are ``apart`` stay."""
    try:
        inventory = take_inventory(root)
    except CacheNotFound:
        return Room(size=0, limit=limit, leavers=Leavers()) if needed <= limit else _refuse(root, limit, 0, needed)
    size = size_of(inventory)
    revisions = [replace(each, is_used=True) if each.path in apart else each for each in inventory.revisions]
    leavers = choose_leavers(revisions, size + needed - limit)
    return _refuse(root, limit, size, needed) if leavers is None else Room(size=size, limit=limit, leavers=leavers)


class _Scale:
    """Tells how much comes free when revisions leave, one by one.

    Args:
        revisions: All there are.
    """

    def __init__(self, revisions: Iterable[CachedRevision]) -> None:
        self._held = Counter(key for each in revisions for key in each.contents)
        self.freed = 0

    def take(self, revision: CachedRevision) -> None:
        """Let one leave."""
        for key, size in revision.contents.items():
            self._held[key] -= 1
            self.freed += 0 if self._held[key] else size

    def give_back(self, revision: CachedRevision) -> None:
        """Let one stay after all."""
        for key, size in revision.contents.items():
            self.freed -= 0 if self._held[key] else size
            self._held[key] += 1


def _refuse(root: Path, limit: int, size: int, needed: int) -> NoReturn:
    why = (
        "raise the limit"
        if needed > limit
        else "what would have to leave is pinned, in use or unfinished: raise the limit, unpin something, let programs "
        "end that use it (or say client.cache.release()), or try weighbridge cache prune"
    )
    raise CacheLimitError(
        f"{needed} bytes are to come into {root}, which holds {size} and may hold {limit}; {why}",
        path=str(root),
        needed=needed,
        free=max(0, limit - size),
        limit=limit,
    )
