"""From a lock file to the files it names on this machine; what the server says now can't change what they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from weighbridge.core.artifacts import Artifact, FileRequest, FileResult, Source
from weighbridge.core.errors import (
    BadStatusError,
    DigestMismatchError,
    IncompleteSnapshotError,
    OfflineError,
    OfflineModeIsEnabled,
    SizeMismatchError,
    WeighbridgeError,
)
from weighbridge.core.events import Notice
from weighbridge.core.lock_changes import wish_of
from weighbridge.core.locks import LockedDownload, LockedRepository, LockFile, SyncPlan
from weighbridge.core.names import RelativeName
from weighbridge.core.quantities import count
from weighbridge.core.repos import RepoFile
from weighbridge.core.snapshots import Order, PlannedFile, SnapshotResult
from weighbridge.delivery import Means
from weighbridge.hub.patience import Hubs
from weighbridge.pinning.disagreements import Gone, is_gone, other_bytes, vanished
from weighbridge.shelves.choice import at_work, records_for, shelf_for
from weighbridge.shelves.denials import raise_denial
from weighbridge.shelves.fallback import Meaning, note_meaning
from weighbridge.shelves.filling import Filled, complete, look, plan
from weighbridge.shelves.records import files_below
from weighbridge.shelves.shelf import Shelf
from weighbridge.store.present import check_parents
from weighbridge.store.sight import Sight, see

_NAMED = 5


Fetch = Callable[[], tuple[FileResult, ...]]


def requests_of(lock: LockFile) -> list[FileRequest]:
    """Return the requests for the files from anywhere, relative to the project."""
    return [_request_of(each) for each in lock.downloads]


class Syncing:
    """One call's way from a lock file to files; driven by one thread.

    Args:
        hubs: Where bytes are to be had.
        means: What the call works with.
        directory: Of the project.
    """

    def __init__(self, hubs: Hubs, means: Means, directory: Path) -> None:
        self._hubs = hubs
        self._means = means
        self._directory = directory
        options = means.options
        self._is_offline = options.offline or options.hub.offline

    def run(self, lock: LockFile, fetch: Fetch) -> tuple[tuple[SnapshotResult, ...], tuple[FileResult, ...]]:
        """Have all that is locked: snapshots and files from anywhere, in the order of the lock file.

        Offline, all of it is looked at before it is told what is missing.

        Args:
            lock: What is locked.
            fetch: Has the files from anywhere.

        Raises:
            LockMismatchError: The server has other bytes, or does not have it any more.
            IncompleteSnapshotError: The network is switched off, and something is missing.
        """
        snapshots: list[SnapshotResult] = []
        missing: list[IncompleteSnapshotError | OfflineError] = []
        downloads: tuple[FileResult, ...] = ()
        try:
            for each in lock.repositories:
                self._means.check_cancelled()
                try:
                    snapshots.append(self._have(each))
                except IncompleteSnapshotError as error:
                    missing.append(error)
            try:
                downloads = fetch() if lock.downloads else ()
            except OfflineError as error:
                missing.append(error)
            except (DigestMismatchError, SizeMismatchError) as error:
                raise other_bytes("the project", [each.path.text for each in lock.downloads], error) from error
        finally:
            self._means.receipts.save()
        if missing:
            raise _joined(missing)
        self._tell_of_others(lock)
        return tuple(snapshots), downloads

    def plan(self, lock: LockFile) -> SyncPlan:
        """Return what :meth:`run` would do, without a question and without doing any of it."""
        orders = [(each, self._order(each)) for each in lock.repositories]
        return SyncPlan(
            repositories=tuple(
                plan(shelf_for(order, each.commit, self._means), each.commit, each.tree.files) for each, order in orders
            ),
            downloads=tuple(_plan_file(each, self._directory) for each in lock.downloads),
        )

    def _tell_of_others(self, lock: LockFile) -> None:
        """Tell which files of the directories are not locked: a program that takes all there is takes them, too."""
        listed: dict[RelativeName, set[str]] = {}
        for each in lock.repositories:
            if each.directory is not None:
                listed.setdefault(each.directory, set()).update(file.path for file in each.files)
        for directory, names in listed.items():
            here = files_below(self._directory.joinpath(*directory.parts))
            others = sorted(set(here) - names - _locked_below(lock, directory))
            if others:
                message = f"{directory} has {count(len(others), 'file')} that the lock does not list: {_some(others)}"
                self._means.tell(Notice(message=message))

    def _order(self, locked: LockedRepository) -> Order:
        if locked.directory is None:
            return Order(repo=locked.repo, revision=locked.revision)
        check_parents(self._directory, RelativeName(f"{locked.directory}/any"))  # the directory itself included
        folder = self._directory.joinpath(*locked.directory.parts)
        return Order(repo=locked.repo, revision=locked.revision, folder=folder)

    def _have(self, locked: LockedRepository) -> SnapshotResult:
        order = self._order(locked)
        records = records_for(order, self._means.options)
        was = records.commit_of(order.revision)
        shelf = shelf_for(order, locked.commit, self._means)
        with at_work(order, self._means.options):
            filled = self._fill(locked, order, shelf)
            meaning = Meaning(order.revision, locked.commit, was)
            note_meaning(records, meaning, is_needed=bool(filled.changed))
        return SnapshotResult(path=shelf.path, commit=locked.commit, kept=filled.kept, changed=filled.changed)

    def _fill(self, locked: LockedRepository, order: Order, shelf: Shelf) -> Filled:
        files = locked.tree.files
        survey = look(shelf, files, self._means)
        if survey.missing and self._is_offline:
            raise _incomplete(locked, shelf, survey.missing)
        try:
            try:
                return complete(shelf, files, survey, self._source(locked), self._means)
            except BadStatusError as error:
                raise_denial(self._hubs.patient, order, locked.commit, files, error)
                raise
        except Gone as error:
            if not is_gone(error):
                raise
            raise vanished(self._hubs.patient, locked, error) from error
        except (DigestMismatchError, SizeMismatchError) as error:
            raise other_bytes(f"the {wish_of(locked)}", [each.path for each in files], error) from error

    def _source(self, locked: LockedRepository) -> _Sources:
        return _Sources(self._hubs, locked)


class _Sources:
    """Tells where to fetch the files of a locked repository.

    Args:
        hubs: Where bytes are to be had.
        locked: Which repository.
    """

    def __init__(self, hubs: Hubs, locked: LockedRepository) -> None:
        self._hubs = hubs
        self._locked = locked

    def __call__(self, file: RepoFile) -> Source:
        """Return the place of a file."""
        return self._hubs.patient.source_of(self._locked.repo, self._locked.commit, file.path)


def _request_of(locked: LockedDownload) -> FileRequest:
    sources = tuple(Source.parse(each) for each in (locked.url, *locked.mirrors))
    artifact = Artifact(name=locked.path.text, sources=sources, digest=locked.digest, size=locked.size)
    return FileRequest(name=locked.path, artifact=artifact)


def _plan_file(locked: LockedDownload, directory: Path) -> PlannedFile:
    path = directory.joinpath(*locked.path.parts)
    found, size = see(path), locked.size
    is_present = found != Sight() and size in (None, found.size)
    return PlannedFile(name=locked.path.text, size=found.size if is_present else size, path=path, is_present=is_present)


def _incomplete(locked: LockedRepository, shelf: Shelf, missing: Sequence[RepoFile]) -> IncompleteSnapshotError:
    names = tuple(each.path for each in missing)
    error = IncompleteSnapshotError(
        f"the {wish_of(locked)} ({locked.commit}) is not whole on this machine, and the network is switched off; "
        f"missing or damaged: {_some(names)}",
        snapshot_path=str(shelf.path),
        missing=names,
    )
    error.__cause__ = OfflineModeIsEnabled("the network is switched off (offline mode)")
    return error


def _locked_below(lock: LockFile, directory: RelativeName) -> set[str]:
    """Return what else is locked in a directory, by the path there: files from anywhere, and of directories in it."""
    start = f"{directory}/"
    paths = [each.path.text for each in lock.downloads]
    for each in lock.repositories:
        paths += [f"{each.directory}/{file.path}" for file in each.files if each.directory is not None]
    return {each.removeprefix(start) for each in paths if each.startswith(start)}


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _joined(errors: Sequence[IncompleteSnapshotError | OfflineError]) -> WeighbridgeError:
    """Return one error that tells of all that is missing."""
    if len(errors) == 1:
        return errors[0]
    missing = tuple(name for each in errors for name in getattr(each, "missing", ()))
    whole = IncompleteSnapshotError("; ".join(each.message for each in errors), missing=missing)
    whole.__cause__ = OfflineModeIsEnabled("the network is switched off (offline mode)")
    return whole
