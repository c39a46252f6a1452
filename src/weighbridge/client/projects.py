"""What a client does for a project: pins what it needs, and has exactly that on this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import replace

from weighbridge.client.session import Session, read_directory
from weighbridge.core.errors import LockFileError, LockOutdatedError, StoreError
from weighbridge.core.events import Observer
from weighbridge.core.lock_changes import describe_changes, find_outdated
from weighbridge.core.locks import Locked, LockFile, Synced, SyncPlan
from weighbridge.delivery import Means
from weighbridge.directory import DirectoryWalk, check_requests
from weighbridge.pinning.files import ProjectPlace
from weighbridge.pinning.locking import Locking, Upgrade, note_unasked_tags
from weighbridge.pinning.syncing import Fetch, Syncing, requests_of
from weighbridge.store.cache.pins import pin_for
from weighbridge.store.receipts import Receipts

_Path = str | os.PathLike[str]


class ProjectCalls:
    """The projects of a client; see :attr:`weighbridge.client.Client.projects`.

    A project is named by its directory, or by its ``weighbridge.toml``; ``weighbridge.lock`` lies beside it.

    Args:
        session: Of the client.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(
        self,
        project: _Path = ".",
        *,
        upgrade: bool | Sequence[str] = False,
        observer: Observer | None = None,
        cancel: threading.Event | None = None,
    ) -> Locked:
        """Pin what a project needs: write ``weighbridge.lock``, unless it says so already.

        What is locked and asked for as before stays as it is, and costs no request, but for tags: each is asked for
        whether it has moved.  For what is new it is one request for the commit and one for the listing.

        Args:
            project: Its directory, or its ``weighbridge.toml``.
            upgrade: Ask again what branches mean: True for all repositories, or the ids of some.  A tag that has moved
                is accepted only of a repository that is named.
            observer: Receives events, on this thread; None logs what must not be missed.
            cancel: Ends the call with :class:`weighbridge.CancelledError` when set.

        Returns:
            What is locked now, and what has changed.

        Raises:
            ProjectError: The project can't be used, or nothing is selected of a repository.
            LockFileError: The lock file can't be used, or a server tells no digest of a file.
            LockMismatchError: A tag has moved; nothing was written.
            HfHubHTTPError, TransferError, OfflineModeIsEnabled: The Hub could not be asked.
            StoreError: The lock file can't be written.
        """
        place = ProjectPlace.of(read_directory(project))
        locked = self._lock(place, Upgrade.read(upgrade), self._session.means(observer, cancel))
        place.write_lock(locked.lock)
        return locked

    def plan_lock(
        self,
        project: _Path = ".",
        *,
        upgrade: bool | Sequence[str] = False,
        observer: Observer | None = None,
        cancel: threading.Event | None = None,
    ) -> Locked:
        """Return what :meth:`lock` would; nothing is written.  Arguments and errors are the same."""
        place = ProjectPlace.of(read_directory(project))
        return self._lock(place, Upgrade.read(upgrade), self._session.means(observer, cancel))

    def check_lock(self, project: _Path = ".") -> Locked:
        """Tell whether the lock file is of what the project asks for now; nobody is asked, nothing is written.

        Args:
            project: Its directory, or its ``weighbridge.toml``.

        Returns:
            What is locked.

        Raises:
            LockOutdatedError: It is not, or there is none.
            ProjectError, LockFileError: One of the two files can't be used.
        """
        place = ProjectPlace.of(read_directory(project))
        place.read_project()
        return _demand_lock(place)

    def sync(
        self,
        project: _Path = ".",
        *,
        locked: bool = False,
        observer: Observer | None = None,
        cancel: threading.Event | None = None,
    ) -> Synced:
        """Have exactly what a project has pinned on this machine, verified against ``weighbridge.lock``.

        What has changed in ``weighbridge.toml`` is locked first.  Then only files that are missing or damaged are asked
        for, one request each; nothing is asked about commits and listings.  Branches and tags get the locked commit in
        the cache, so that other programs that name them find it offline; and what is locked is pinned there for as long
        as the lock file is.

        Args:
            project: Its directory, or its ``weighbridge.toml``, or its ``weighbridge.lock``.
            locked: Use the lock file as it is: it has to be of what the project asks for, unless there is nothing but
                the lock file.
            observer: Receives progress events, on this thread; None logs what must not be missed.
            cancel: Ends the call with :class:`weighbridge.CancelledError` when set; what arrived is kept.

        Returns:
            Where everything is, and what became of each file.

        Raises:
            LockOutdatedError: ``locked``, and the project asks for something else; nothing was sent.
            LockMismatchError: A server has other bytes than were locked, or has something no more.
            IncompleteSnapshotError, OfflineError: The network is switched off, and something is missing.
            ProjectError, LockFileError: One of the two files can't be used.
            HfHubHTTPError, TransferError, StoreError: As for :meth:`weighbridge.Client.download`.
        """
        place, means = ProjectPlace.of(read_directory(project)), self._session.means(observer, cancel)
        current = _demand_lock(place) if locked else self._lock_changes(place, means)
        if not locked:
            place.write_lock(current.lock)
        fetch = self._fetching(current.lock, place, means)
        denial = self._pin(current)
        syncing = Syncing(self._session.hubs(means.cancel), means, place.directory)
        snapshots, downloads = syncing.run(current.lock, fetch)
        if denial is not None and any(each.changed for each in snapshots):
            raise denial
        return Synced(locked=current, snapshots=snapshots, downloads=downloads)

    def plan_sync(
        self, project: _Path = ".", *, locked: bool = False, cancel: threading.Event | None = None
    ) -> SyncPlan:
        """Tell what :meth:`sync` would do; nothing is written, and files here are not read.

        What has changed in ``weighbridge.toml`` is asked for.

        Raises:
            LockOutdatedError, ProjectError, LockFileError, HfHubHTTPError, TransferError: As for :meth:`sync`.
        """
        place, means = ProjectPlace.of(read_directory(project)), self._session.means(None, cancel)
        current = _demand_lock(place) if locked else self._lock_changes(place, means)
        return Syncing(self._session.hubs(means.cancel), means, place.directory).plan(current.lock)

    def _fetching(self, lock: LockFile, place: ProjectPlace, means: Means) -> Fetch:
        """Return what has the files from anywhere; what can't be asked for is refused now."""
        requests = check_requests(requests_of(lock), place.directory, allow_unverified=False)
        own = replace(means, receipts=Receipts.below(means.options.store.receipts))
        return lambda: DirectoryWalk(own).run(requests, place.directory)

    def _pin(self, locked: Locked) -> StoreError | None:
        """Keep what is locked from leaving the cache, also while the rest of it arrives.

        Returns:
            Why that can't be noted, which is no error while nothing new comes: the cache may only be read.
        """
        root, commits = self._session.options.cache.root, tuple(locked.lock.commits())
        if root is None or not (commits or root.is_dir()):
            return None
        try:
            pin_for(root, locked.path, commits)
        except StoreError as error:
            return error
        return None

    def _lock(self, place: ProjectPlace, upgrade: Upgrade, means: Means) -> Locked:
        project, before = place.read_project(), place.find_lock() or LockFile()
        upgrade.check(project, str(place.toml))
        locking = Locking(self._session.hubs(means.cancel), means)
        lock = locking.lock(project, before, upgrade, str(place.toml))
        if self._session.options.offline or self._session.options.hub.offline:
            note_unasked_tags(lock, means)
        else:
            locking.check_tags(lock)
        return Locked(lock=lock, path=place.lock, changes=describe_changes(before, lock))

    def _lock_changes(self, place: ProjectPlace, means: Means) -> Locked:
        """Lock what has changed; nobody is asked about the rest."""
        project, before = place.read_project(), place.find_lock() or LockFile()
        locking = Locking(self._session.hubs(means.cancel), means)
        lock = locking.lock(project, before, Upgrade(), str(place.toml))
        return Locked(lock=lock, path=place.lock, changes=describe_changes(before, lock))


def _demand_lock(place: ProjectPlace) -> Locked:
    """Return a lock file that is of what the project asks for, if that can be told."""
    project, lock = place.find_project(), place.find_lock()
    if lock is None and project is not None:
        changes = tuple(f"{each} is not locked" for each in project.wishes)
        raise LockOutdatedError(
            f"there is no {place.lock}; write it with `weighbridge lock`", path=str(place.lock), changes=changes
        )
    if lock is None:
        raise LockFileError(f"there is no {place.lock}, and no {place.toml}", path=str(place.lock))
    changes = () if project is None else find_outdated(project, lock)
    if changes:
        raise LockOutdatedError(
            f"{place.lock} is not of what {place.toml} asks for now: {'; '.join(changes)}; run `weighbridge lock`",
            path=str(place.lock),
            changes=changes,
        )
    return Locked(lock=lock, path=place.lock)
