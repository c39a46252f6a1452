"""What a client does about the room that the cache takes up: shows what is in it, removes, limits, and pins."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from weighbridge.client.session import Session
from weighbridge.core.errors import CacheInUseError, InvalidParameterError
from weighbridge.core.repos import Kind, RepoId
from weighbridge.store.cache import pins, uses
from weighbridge.store.cache.room import budget, limits, pruning
from weighbridge.store.cache.room.choosing import Choice, choose, name_choice
from weighbridge.store.cache.room.inventory import Inventory, take_inventory
from weighbridge.store.cache.room.leaving import Refused, count_freed, leave


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What has been removed, or would be.

    Attributes:
        choices: What is gone, or would be, in the order in which it was named.
        refused: What stays, since it is pinned or somebody uses it.
        freed: Bytes of the disk that came free, or would.
    """

    choices: tuple[Choice, ...] = ()
    refused: tuple[Refused, ...] = ()
    freed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How large the cache may be.

    Attributes:
        limit: In bytes; None: as large as the disk.
        size: Bytes that it takes up now.
        room: What had to leave, or would have to; None if there is no limit.
    """

    limit: int | None
    size: int
    room: budget.Room | None = None


class RoomCalls:
    """The part of :class:`weighbridge.client.cache.CacheCalls` that is about room.

    Args:
        session: Of the client.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def scan(self) -> Inventory:
        """Read the whole cache: repositories, revisions, sizes, when each was last used, and who keeps it.

        Nothing is written, and no content is read.

        Raises:
            CacheNotFound: There is no such cache.
            InvalidParameterError: It is a file, or no directory is known for it.
        """
        return take_inventory(self._root())

    def remove(self, *targets: str, dry_run: bool = False, force: bool = False) -> Removed:
        """Remove repositories, revisions or files, unless they are pinned, or a live process uses them.

        A revision goes with all branches and tags that mean it, and a content with the last file that is a link to it.
        Whoever of us is at work in the repository is waited for, but only for seconds.  What can go goes, whatever is
        refused.

        Args:
            targets: ``[hf://][datasets/]org/name``, ``org/name@REVISION``, ``org/name@REVISION/path``; a revision is a
                branch, a tag, a commit, or the first 7 or more digits of one.
            dry_run: Remove nothing, and tell what would be removed.
            force: Remove what is pinned, too.  What is in use stays all the same.

        Returns:
            What is gone, what was refused and why, and how many bytes came free.

        Raises:
            CacheNotFound: There is no such cache.
            EntryNotFoundError: A target is not in it; nothing was removed.
            InvalidParameterError: A target can't mean anything; nothing was removed.
        """
        inventory = self.scan()
        chosen = [choose(inventory, each) for each in targets]
        refused = [_pinned(each) for each in chosen if each.pins and not force]
        going = {each.path: each for each in chosen if force or not each.pins}
        gone: set[Path] = set()
        freed = 0
        for repo in sorted({each.repo for each in going.values()}):
            paths = {path for path, each in going.items() if each.repo == repo}
            if dry_run:
                gone |= paths
                freed += count_freed(inventory.root, repo, _widest(repo, paths))
                continue
            refs = [ref for each in going.values() if each.repo == repo for ref in each.refs]
            left = leave(inventory.root, repo, _widest(repo, paths), refs)
            gone |= {each for each in paths if each in left.removed or not _is_there(each)}
            refused += left.refused
            freed += left.freed
        removed = tuple(each for path, each in going.items() if path in gone)
        return Removed(choices=removed, refused=tuple(refused), freed=freed)

    def prune(self, *, older_than_s: float = pruning.DAY_S, dry_run: bool = False) -> pruning.Pruned:
        """Remove what nobody will miss.

        That is: revisions that no branch or tag means, contents that no revision has, what interrupted downloads of any
        client have left, notes about what is gone, and empty folders.  Never what is pinned or in use.

        Args:
            older_than_s: Only what nobody has used, written or renamed for so many seconds.
            dry_run: Remove nothing, and tell what would be removed.

        Returns:
            What is gone, or would be, and what was refused.

        Raises:
            CacheNotFound: There is no such cache.
            InvalidParameterError: It is a file, or the time is none.
        """
        if not 0 <= older_than_s < float("inf"):
            raise InvalidParameterError(f"older_than_s is a number of seconds from 0 on, not {older_than_s!r}")
        found = pruning.find_waste(self._root(), older_than_s)
        if dry_run:
            return pruning.Pruned(removed=tuple(found))
        return pruning.prune(self._root(), found, older_than_s)

    def remove_waste(self, items: Collection[pruning.Item], *, older_than_s: float = pruning.DAY_S) -> pruning.Pruned:
        """Remove what a dry run of :meth:`prune` has told, as far as it can still go.

        Args:
            items: Of what it has returned.
            older_than_s: As before.
        """
        return pruning.prune(self._root(), items, older_than_s)

    def limit(self) -> Limit:
        """Return how large the cache may be and is: what the options say, else what is kept with it."""
        root = self._root()
        limit = limits.read_limit(root, self._session.options.cache.limit)
        return Limit(limit=limit, size=budget.size_of_cache(root))

    def set_limit(self, limit: int | None, *, dry_run: bool = False) -> Limit:
        """Keep with the cache how large it may be, and let leave at once what is too much.

        Revisions leave that nobody has used for longest; those that are pinned or in use never do.  From now on that
        happens before every download by this package that needs the room.

        Args:
            limit: In bytes; None: as large as the disk.
            dry_run: Change nothing, and tell what would leave.

        Returns:
            The limit, how large the cache is, and what has left or would.

        Raises:
            CacheLimitError: It can't get so small; nothing was removed, and the limit is what it was.
            InvalidParameterError: It is no number of bytes from 1 on.
            StoreError: The limit can't be written.
        """
        if limit is not None and (type(limit) is not int or limit < 1):
            raise InvalidParameterError(f"a limit is a number of bytes from 1 on, or None, not {limit!r}")
        root = self._root()
        room = None if limit is None else budget.plan_room(root, limit)
        if not dry_run:
            room = None if limit is None else budget.make_room(root, limit)
            limits.write_limit(root, limit)
        return Limit(limit=limit, size=budget.size_of_cache(root), room=room)

    def pin(self, target: str) -> str:
        """Pin a repository or a revision: nothing of ours removes it until :meth:`unpin`.

        Args:
            target: See :meth:`remove`; without a revision all of the repository, whatever comes into it later.

        Returns:
            What is pinned: ``org/name``, ``org/name@<commit>``.

        Raises:
            EntryNotFoundError: A branch, tag or part of a commit is not known here.
            StoreError: It can't be noted.
        """
        repo, commit = self._name(target)
        pins.pin(self._root(), repo, commit or pins.ALL)
        return f"{repo.address}@{commit}" if commit else repo.address

    def unpin(self, target: str) -> bool:
        """Take back a :meth:`pin`; tells whether there was one.

        What a lock file pins stays pinned: the pin goes with the lock file, or with what it lists.

        Args:
            target: As it was pinned.
        """
        repo, commit = self._name(target)
        return pins.unpin(self._root(), repo, commit or pins.ALL)

    def pins(self) -> dict[str, tuple[str, ...]]:
        """Return who has pinned what: ``by hand`` or paths of lock files, by ``org/name`` or ``org/name@<commit>``."""
        found: dict[str, tuple[str, ...]] = {}
        for (folder, commit), holders in sorted(pins.pins_of(self._root()).items()):
            repo = RepoId.of_folder(folder)
            if repo is not None:
                found[repo.address if commit == pins.ALL else f"{repo.address}@{commit}"] = holders
        return found

    def release(self, repo_id: str | None = None, *, repo_type: str | None = None, commit: str | None = None) -> None:
        """Say that this process no longer uses what calls have given it paths to, so that it may be removed.

        Args:
            repo_id: Such as ``org/name``; None: everything in the cache.
            repo_type: ``model`` (or None), ``dataset``, ``space`` or ``kernel``.
            commit: Of ``repo_id``; None: all of them.
        """
        folder = None if repo_id is None else RepoId(Kind.of_word(repo_type), repo_id).folder
        uses.release(self._root(), folder, commit)

    def _name(self, target: str) -> tuple[RepoId, str | None]:
        root = self._root()
        inventory = take_inventory(root) if root.is_dir() else Inventory.empty(root)
        return name_choice(inventory, target)

    def _root(self) -> Path:
        return self._session.options.cache.demand_root()


def refuse(refused: Collection[Refused]) -> None:
    """Raise an error if anything was refused.

    Raises:
        CacheInUseError: It says what, and why.
    """
    if refused:
        reasons = "; ".join(f"{each.path}: {each.reason}" for each in refused)
        raise CacheInUseError(f"not removed: {reasons}", path=str(next(iter(refused)).path))


def _pinned(choice: Choice) -> Refused:
    return Refused(choice.path, f"{choice.name} is pinned {_whose(choice.pins)}; unpin it, or use force")


def _whose(holders: Collection[str]) -> str:
    return " and ".join(each if each == pins.BY_HAND else f"by {each}" for each in holders)


def _widest(repo: Path, paths: Collection[Path]) -> Collection[Path]:
    """Return paths without those that go with others."""
    if repo in paths:
        return {repo}
    return {each for each in paths if not any(parent in paths for parent in each.parents)}


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()
