"""The walk from a revision to a snapshot: its commit, its listing, the files that are wanted of it, a shelf for them.

One question for the commit, unless it is one, one for the listing, unless it was kept, then the files alone.  If the
Hub can't be reached, what is noted here answers instead; a refusal of the Hub is never hidden by it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from weighbridge.core.errors import (
    BadStatusError,
    DryRunError,
    EntryNotFoundError,
    HfHubHTTPError,
    IncompleteSnapshotError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    TransferError,
    WeighbridgeError,
)
from weighbridge.core.events import Notice
from weighbridge.core.repos import RepoFile, Tree
from weighbridge.core.snapshots import Plan, SnapshotOrder, SnapshotResult
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
from weighbridge.shelves.filling import FindSource, complete, fill, fill_anew, look, plan, plan_anew
from weighbridge.shelves.records import Records, named_by

_NAMED = 5


class SnapshotWalk:
    """One call's way from an order to a snapshot; driven by one thread.

    Args:
        hubs: Who knows.
        means: What the call works with.
    """

    def __init__(self, hubs: Hubs, means: Means) -> None:
        self._hubs = hubs
        self._means = means

    def run(self, order: SnapshotOrder) -> SnapshotResult:
        """Have the snapshot; see :meth:`weighbridge.client.Client.snapshot`."""
        with at_work(order, self._means.options):
            return self._run(order)

    def _run(self, order: SnapshotOrder) -> SnapshotResult:
        records = records_for(order, self._means.options)
        was = records.commit_of(order.revision)
        try:
            try:
                tree = self._list(order, records, records.keep_tree)
            except (TransferError, HfHubHTTPError, OfflineModeIsEnabled) as error:
                if not is_unreachable(error):
                    raise
                return self._make_do(order, records, error)
            result = self._have(order, tree)
            meaning = Meaning(order.revision, tree.commit, was)
            note_meaning(records, meaning, is_needed=bool(result.changed))
            return result
        finally:
            self._means.receipts.save()

    def plan(self, order: SnapshotOrder) -> Plan:
        """Return what :meth:`run` would do, without doing any of it."""
        records = records_for(order, self._means.options)
        try:
            tree = self._list(order, records, _forget)
        except OfflineModeIsEnabled as error:
            raise DryRunError(f"what would be fetched can't be told without the Hub: {error}") from error
        shelf = shelf_for(order, tree.commit, self._means)
        files = self._name(order, tree.commit, self._select(order, tree.files))
        return (plan_anew if order.is_fresh else plan)(shelf, tree.commit, files)

    def _list(self, order: SnapshotOrder, records: Records, keep: Callable[[Tree], None]) -> Tree:
        hub = self._hubs.patient if records.commit_of(order.revision) is None else self._hubs.brief
        commit = hub.commit_of(order.repo, order.revision)
        tree = records.tree(commit)
        if tree is None:
            tree = self._hubs.patient.tree_of(order.repo, commit)
            keep(tree)
        return tree

    def _have(self, order: SnapshotOrder, tree: Tree) -> SnapshotResult:
        files = self._name(order, tree.commit, self._select(order, tree.files))
        shelf = shelf_for(order, tree.commit, self._means)
        filled = fill_anew if order.is_fresh else fill
        try:
            result = filled(shelf, files, self._source_finder(order, tree.commit), self._means)
        except BadStatusError as error:
            raise_denial(self._hubs.patient, order, tree.commit, files, error)
            raise
        return SnapshotResult(path=shelf.path, commit=tree.commit, kept=result.kept, changed=result.changed)

    def _name(self, order: SnapshotOrder, commit: str, files: Sequence[RepoFile]) -> list[RepoFile]:
        """Ask for what the listing of a server that is no Hub does not tell: what the content of a file is called."""
        named: list[RepoFile] = []
        unverifiable = 0
        for each in files:
            self._means.check_cancelled()
            file = each if each.etag else self._hubs.patient.describe(order.repo, commit, each.path).file(each.path)
            unverifiable += file.algorithm is None
            named.append(file)
        if unverifiable:
            self._means.tell(Notice(message=unverifiable_content(f"{unverifiable} files of the {order.repo}")))
        return named

    def _source_finder(self, order: SnapshotOrder, commit: str) -> FindSource:
        return lambda file: self._hubs.patient.source_of(order.repo, commit, file.path)

    def _select(self, order: SnapshotOrder, files: Sequence[RepoFile]) -> list[RepoFile]:
        paths = [each.path for each in files]
        named, known = set(order.names), set(paths)
        for name in order.names:
            if name not in known:
                raise _absent(order, name, paths)
        if named:
            return [each for each in files if each.path in named]
        wanted = set(order.patterns.select(paths))
        if files and not wanted:
            self._means.tell(Notice(message=f"the patterns select none of the {len(files)} files of the {order.repo}"))
        return [each for each in files if each.path in wanted]

    def _make_do(self, order: SnapshotOrder, records: Records, error: WeighbridgeError) -> SnapshotResult:
        """Return what is here of the snapshot, if all that is wanted of it is."""
        commit = records.commit_of(order.revision)
        tree = None if commit is None else records.tree(commit)
        if commit is None:
            raise LocalEntryNotFoundError(
                f"the {order.repo} at {order.revision} is not on this machine, and {why(error)}"
            ) from error
        shelf = shelf_for(order, commit, self._means)
        known = records.held(commit) if tree is None else tree.files
        files = [named_by(self._means.receipts, each, shelf.path_of(each)) for each in self._select(order, known)]
        if not files and tree is None:
            raise LocalEntryNotFoundError(
                f"nothing of the {order.repo} at {order.revision} is on this machine, and {why(error)}"
            ) from error
        survey = look(shelf, files, self._means)
        if survey.missing:
            raise _incomplete(order, survey.missing, f"{shelf.path}", why(error)) from error
        if not isinstance(error, OfflineModeIsEnabled):
            message = f"{why(error)}; using the {order.repo} as it is here, at {commit}"
            self._means.tell(Notice(message=message))
        if tree is None:
            message = f"the {order.repo} at {commit} was never listed here: nobody can tell whether files are missing"
            self._means.tell(Notice(message=message))
        if any(not each.etag for each in files):
            self._means.tell(Notice(message=f"nobody can tell whether the plain files in {shelf.path} are right"))
        result = complete(shelf, files, survey, self._source_finder(order, commit), self._means)
        return SnapshotResult(path=shelf.path, commit=commit, kept=result.kept, changed=result.changed)


def _forget(tree: Tree) -> None:
    """Keep no listing: nothing is to be written."""
    del tree


def _absent(order: SnapshotOrder, name: str, paths: Sequence[str]) -> EntryNotFoundError:
    hint = near_names(name, paths)
    message = f"the {order.repo} has no file {name} at {order.revision}"
    return EntryNotFoundError(f"{message}; {hint}" if hint else message, path=name)


def _incomplete(order: SnapshotOrder, missing: Sequence[RepoFile], path: str, reason: str) -> IncompleteSnapshotError:
    names = tuple(each.path for each in missing)
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return IncompleteSnapshotError(
        f"the {order.repo} at {order.revision} is not whole on this machine, and {reason}; missing or damaged: {shown}",
        snapshot_path=path,
        missing=names,
    )
