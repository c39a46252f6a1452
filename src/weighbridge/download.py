"""The walk from a path in a repository to one file: what the Hub tells of it, or what is noted here, and a shelf."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from weighbridge.core.artifacts import FileResult, Source
from weighbridge.core.errors import (
    BadStatusError,
    DryRunError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    StoreError,
    TransferError,
    WeighbridgeError,
)
from weighbridge.core.events import Notice
from weighbridge.core.repos import RepoFile, Tree, is_commit
from weighbridge.core.snapshots import FileOrder, Plan, result_of
from weighbridge.core.urls import origin_of
from weighbridge.delivery import Means
from weighbridge.hub.patience import Hubs
from weighbridge.shelves.choice import at_work, records_for, shelf_for
from weighbridge.shelves.denials import raise_denial
from weighbridge.shelves.fallback import (
    Meaning,
    is_unreachable,
    near_names,
    note_meaning,
    unverifiable_content,
    why,
)
from weighbridge.shelves.filling import Filled, FindSource, complete, fill, fill_anew, look, plan, plan_anew
from weighbridge.shelves.records import Records, named_by


class DownloadWalk:
    """One call's way from an order to a file; driven by one thread.

    Args:
        hubs: Who knows.
        means: What the call works with.
    """

    def __init__(self, hubs: Hubs, means: Means) -> None:
        self._hubs = hubs
        self._means = means

    def run(self, order: FileOrder) -> FileResult:
        """Have the file; see :meth:`weighbridge.client.Client.download`."""
        records = records_for(order, self._means.options)
        try:
            with at_work(order, self._means.options):
                held = None if order.is_fresh else self._find_listed(order, records)
                return held or self._ask(order, records)
        finally:
            self._means.receipts.save()

    def plan(self, order: FileOrder) -> Plan:
        """Return what :meth:`run` would do, without doing any of it."""
        records = records_for(order, self._means.options)
        commit, file = order.revision, _listed(order, records)
        try:
            if file is None:
                told = self._hubs.patient.describe(order.repo, order.revision, order.path)
                commit, file = told.commit, told.file(order.path)
        except OfflineModeIsEnabled as error:
            raise DryRunError(f"what would be fetched can't be told without the Hub: {error}") from error
        shelf = shelf_for(order, commit, self._means)
        return (plan_anew if order.is_fresh else plan)(shelf, commit, [file])

    def _find_listed(self, order: FileOrder, records: Records) -> FileResult | None:
        """Return the file without asking anybody about it: it is here, or a listing of its very commit was kept."""
        if not is_commit(order.revision):
            return None
        file = _listed(order, records)
        try:
            if file is not None and file.etag:
                return self._have(order, file, order.revision)
            held = records.held_at(order.revision, order.path)
            # of a plain file nobody here knows what it must be, but the Hub does
            return None if held is None or held.algorithm is None else self._keep(order, held, order.revision)
        except OfflineModeIsEnabled:
            return None

    def _ask(self, order: FileOrder, records: Records) -> FileResult:
        was = records.commit_of(order.revision)
        try:
            hub = self._hubs.patient if order.is_fresh or was is None else self._hubs.brief
            told = hub.describe(order.repo, order.revision, order.path)
        except RemoteEntryNotFoundError as error:
            self._note_absence(order, records, error)
            raise
        except (TransferError, HfHubHTTPError, OfflineModeIsEnabled) as error:
            if not is_unreachable(error):
                raise
            return self._make_do(order, records, error)
        file = told.file(order.path)
        if file.digest is None:
            self._means.tell(Notice(message=unverifiable_content(f"{order.path} of the {order.repo}")))
        result = self._have(order, file, told.commit, told.location)
        note_meaning(records, Meaning(order.revision, told.commit, was), is_needed=result.outcome != "present")
        return result

    def _have(self, order: FileOrder, file: RepoFile, commit: str, location: str | None = None) -> FileResult:
        """Have a file of which all is known.

        Args:
            order: What is wanted.
            file: What is known.
            commit: Of which it is.
            location: Where the Hub has just sent us for it.
        """
        shelf = shelf_for(order, commit, self._means)
        filled = fill_anew if order.is_fresh else fill
        try:
            return _only(filled(shelf, [file], self._source_finder(order, commit, location), self._means), shelf.path)
        except BadStatusError as error:
            raise_denial(self._hubs.patient, order, commit, [file], error)
            raise

    def _source_finder(self, order: FileOrder, commit: str, location: str | None) -> FindSource:
        def find(file: RepoFile) -> Source:
            source = self._hubs.patient.source_of(order.repo, commit, file.path)
            if location is None:
                return source
            # an address of the Hub's own may be one of a branch, which may have moved since
            is_lasting = origin_of(location) != source.origin or commit in location
            return replace(source, lead=location) if is_lasting and location != source.url else source

        return find

    def _make_do(self, order: FileOrder, records: Records, error: WeighbridgeError) -> FileResult:
        """Return the file as it is here, or tell why it can't be had."""
        commit = records.commit_of(order.revision)
        if not order.is_fresh and commit is not None:
            held = self._held(order, records, commit)
            if held is not None:
                if not isinstance(error, OfflineModeIsEnabled):
                    message = f"{why(error)}; using {order.path} of the {order.repo} as it is here, of {commit}"
                    self._means.tell(Notice(message=message))
                return held
        is_absent = commit is not None and records.is_absent(commit, order.path)
        known = "; when the Hub was last asked, there was no such file" if is_absent else ""
        raise LocalEntryNotFoundError(
            f"{order.path} of the {order.repo} at {order.revision} is not on this machine, and {why(error)}{known}",
            path=order.path,
        ) from error

    def _held(self, order: FileOrder, records: Records, commit: str) -> FileResult | None:
        """Return the file if it is here and right, as far as anybody here can tell."""
        tree = records.tree(commit)
        file = records.held_at(commit, order.path) if tree is None else _find(order.path, tree)
        if file is None:
            return None
        file = named_by(self._means.receipts, file, shelf_for(order, commit, self._means).path_of(file))
        if not file.etag:
            self._means.tell(Notice(message=f"nobody can tell whether {order.path} of the {order.repo} is right here"))
        return self._keep(order, file, commit)

    def _keep(self, order: FileOrder, file: RepoFile, commit: str) -> FileResult | None:
        """Return a file without fetching it; None if it is not here, or wrong."""
        shelf = shelf_for(order, commit, self._means)
        survey = look(shelf, [file], self._means)
        if survey.missing:
            return None
        done = complete(shelf, [file], survey, self._source_finder(order, commit, None), self._means)
        return _only(done, shelf.path)

    def _note_absence(self, order: FileOrder, records: Records, error: RemoteEntryNotFoundError) -> None:
        """Note that a commit has no such file, and tell which names are like it, as far as they are known here."""
        commit = error.commit
        if commit is None:
            return
        records.note_absence(commit, order.path)
        with suppress(StoreError):
            records.note_commit(order.revision, commit, records.commit_of(order.revision))
        tree = records.tree(commit)
        if hint := near_names(order.path, [] if tree is None else [each.path for each in tree.files]):
            error.add_note(hint)


def _only(filled: Filled, root: Path) -> FileResult:
    """Return the result of the only file."""
    return filled.changed[0] if filled.changed else result_of(filled.kept[0], root)


def _listed(order: FileOrder, records: Records) -> RepoFile | None:
    """Return what a kept listing of the very commit tells of the file."""
    tree = records.tree(order.revision) if is_commit(order.revision) else None
    return None if tree is None else _find(order.path, tree)


def _find(path: str, tree: Tree) -> RepoFile | None:
    return next((each for each in tree.files if each.path == path), None)
