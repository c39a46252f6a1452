"""The walk from what was found in a cache to one that is right: what can be mended is, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from weighbridge.core.errors import CancelledError, WeighbridgeError
from weighbridge.core.findings import Finding, Left, Mended, Repair, Trouble, Verification
from weighbridge.core.repos import RepoFile
from weighbridge.delivery import Means
from weighbridge.hub.patience import Hubs
from weighbridge.mending.contents import ContentMender
from weighbridge.mending.cures import Cure, cure_of, reason_to_leave
from weighbridge.mending.upkeep import Upkeep
from weighbridge.shelves.cache import CacheShelf
from weighbridge.shelves.filling import fill
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.room.aside import put_back
from weighbridge.store.cache.trees import read_tree
from weighbridge.store.cache.uses import active

_AT_ONCE = 64  # repositories in which we are at work, each of which takes an open file


class RepairWalk:
    """One call's way from findings to what became of them; driven by one thread.

    Args:
        root: The cache.
        hubs: Who has what is missing.
        means: What the call works with.
    """

    def __init__(self, root: Path, hubs: Hubs, means: Means) -> None:
        self._root = root
        self._hubs = hubs
        self._means = means
        self._contents = ContentMender(root, hubs.patient, means)
        self._upkeep = Upkeep(root, hubs.patient)

    def run(self, verification: Verification) -> Repair:
        """Mend what was found.

        Whoever dies on the way leaves a cache in which more is right than before, and the same call goes on from there.

        Raises:
            CancelledError: The call is to end; what was mended is.
        """
        curable = [each for each in verification.findings if cure_of(each) is not None]
        outcomes: list[Mended | Left] = [
            Left(finding=each, why=reason_to_leave(each)) for each in verification.findings if cure_of(each) is None
        ]
        try:
            for findings in _batches(curable):
                outcomes += self._mend_all(findings)
        finally:
            self._means.receipts.save()
        return Repair(
            verification=verification,
            mended=tuple(each for each in outcomes if isinstance(each, Mended)),
            left=tuple(each for each in outcomes if isinstance(each, Left)),
        )

    def _mend_all(self, findings: Sequence[Finding]) -> Iterator[Mended | Left]:
        """Mend all that was found in some repositories, of which nothing is removed meanwhile."""
        with ExitStack() as stack:
            for folder in sorted({each.repo.folder for each in findings if each.repo is not None}):
                stack.enter_context(active(self._root, folder))
            self._end_removals(findings)
            for cure in Cure:
                yield from self._mend(cure, [each for each in findings if cure_of(each) is cure])

    def _end_removals(self, findings: Sequence[Finding]) -> None:
        """Put back what somebody was about to remove, and died, where something refers to it."""
        repos = {each.repo for each in findings if each.repo is not None and each.trouble is Trouble.DANGLING}
        for repo in sorted(repos, key=lambda each: each.folder):
            with suppress(OSError):
                put_back(CacheFolder(self._root, repo).path)

    def _mend(self, cure: Cure, findings: Sequence[Finding]) -> Iterator[Mended | Left]:
        self._means.check_cancelled()
        if cure is Cure.CONTENT:
            yield from self._contents.mend(findings)
        elif cure is Cure.FETCH:
            yield from self._fetch(findings)
        else:
            for each in findings:
                self._means.check_cancelled()
                yield self._upkeep.mend(each, cure)

    def _fetch(self, findings: Sequence[Finding]) -> Iterator[Mended | Left]:
        """Have files that snapshots lack, those of each commit together."""
        groups: dict[tuple[CacheFolder, str], dict[str, Finding]] = {}
        for each in findings:
            for commit, path in each.pointers:
                if each.repo is not None:
                    groups.setdefault((CacheFolder(self._root, each.repo), commit), {})[path] = each
        for (folder, commit), wanted in groups.items():
            yield from self._complete(folder, commit, wanted)

    def _complete(self, folder: CacheFolder, commit: str, wanted: dict[str, Finding]) -> Iterator[Mended | Left]:
        means, options = self._means, self._means.options
        tree = read_tree(folder.tree(commit), commit)
        files: list[RepoFile] = [each for each in (() if tree is None else tree.files) if each.path in wanted]
        shelf = CacheShelf(folder, commit, means.receipts, options.cache, options.store)
        failure: WeighbridgeError | None = None
        try:
            fill(shelf, files, lambda file: self._hubs.patient.source_of(folder.repo, commit, file.path), means)
        except CancelledError:
            raise
        except WeighbridgeError as error:
            failure = error
        for path, finding in wanted.items():
            if folder.pointer(commit, path).exists():
                yield Mended(finding=finding, how="fetched")
            else:
                why = "its listing has gone" if failure is None else str(failure)
                yield Left(finding=finding, why=why, error=failure)


def _batches(findings: Sequence[Finding]) -> Iterator[list[Finding]]:
    """Cut findings so that those of each repository are together, and of not too many repositories at a time."""
    by_folder: dict[str, list[Finding]] = {}
    for each in findings:
        by_folder.setdefault("" if each.repo is None else each.repo.folder, []).append(each)
    folders = sorted(by_folder)
    for start in range(0, len(folders), _AT_ONCE):
        yield [each for folder in folders[start : start + _AT_ONCE] for each in by_folder[folder]]
