"""The way from a cache to all that is wrong in it: a look at everything, then the reading of what no receipt knows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from weighbridge.core.errors import CancelledError, StoreError
from weighbridge.core.events import Observer
from weighbridge.core.findings import Finding, Thing, Trouble, Verification
from weighbridge.core.repos import RepoId
from weighbridge.store.cache.audit.belongings import judge_blobs, judge_folder, judge_rests, judge_strays
from weighbridge.store.cache.audit.checking import Checker
from weighbridge.store.cache.audit.contents import Content, contents_of, same_files
from weighbridge.store.cache.audit.looking import look_at
from weighbridge.store.cache.audit.notes import judge_listings, judge_markers, judge_refs
from weighbridge.store.cache.audit.roots import folders_of, look_at_root
from weighbridge.store.cache.audit.snapshots import demand_all, judge_lacks, judge_names
from weighbridge.store.cache.audit.views import Repository
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.receipts import Reader, Receipts

_JUDGES = (
    judge_folder,
    judge_names,
    judge_refs,
    judge_listings,
    judge_markers,
    judge_blobs,
    judge_strays,
    judge_rests,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is to be verified.

    Attributes:
        root: The cache.
        repos: Which repositories; none: all, and what is beside them.
        is_full: Read what receipts know as well.
        is_complete: A file that its commit has, and its snapshot has not, is a fault.
    """

    root: Path
    repos: tuple[RepoId, ...] = ()
    is_full: bool = False
    is_complete: bool = False


class Audit:
    """One verification; driven by one thread.

    Args:
        scope: Of what.
        receipts: Asked what need not be read, told what was; saved by the caller.
        tell: Receives events.
        cancel: Ends it when set.
    """

    def __init__(self, scope: Scope, receipts: Receipts, tell: Observer, cancel: threading.Event) -> None:
        self._scope = scope
        self._receipts = receipts
        self._cancel = cancel
        self._checker = Checker(receipts, tell, cancel)
        self._readers: dict[Path, Reader] = {}

    def run(self) -> Verification:
        """Look, read, and return what was found.

        Raises:
            CacheNotFound: There is no such cache.
            EntryNotFoundError: One of the repositories is not in it.
            CancelledError: It was to end.
        """
        began, scope = time.monotonic(), self._scope
        findings: list[Finding] = []
        if scope.repos:
            folders = folders_of(scope.root, scope.repos)
        else:
            root = look_at_root(scope.root)
            folders, findings = root.folders, list(root.findings)
        contents: list[Content] = []
        for folder in folders:
            if self._cancel.is_set():
                raise CancelledError("stopped; nothing has changed")
            found, more = self._look(folder)
            findings += found
            contents += more
        groups = same_files(contents)
        unknown = groups if scope.is_full else [each for each in groups if not self._is_known(each)]
        damages = self._checker.run(unknown)
        findings = [*_without_extras(findings, damages), *damages]
        return Verification(
            findings=tuple(sorted(findings, key=lambda each: (str(each.path), each.trouble.value))),
            repos=len(folders),
            contents=len(groups),
            size=_size(groups),
            bytes_read=_size(unknown),
            seconds=round(time.monotonic() - began, 3),
        )

    def _look(self, folder: CacheFolder) -> tuple[list[Finding], list[Content]]:
        """Return what a look at a repository finds, and what there is to be read.

        What looks wrong is looked at once more: somebody may have been in the middle of something.
        """
        try:
            seen = look_at(folder)
            findings = list(self._judge(seen))
            if any(each.is_fault for each in findings):
                seen = look_at(folder)
                still = set(self._judge(seen))
                findings = [each for each in findings if each in still]
        except StoreError as error:
            return [_closed(folder, error)] if folder.path.is_dir() else [], []
        return findings, list(contents_of(seen))

    def _judge(self, seen: Repository) -> Iterator[Finding]:
        lacks = demand_all if self._scope.is_complete else judge_lacks
        judges: list[Callable[[Repository], Iterator[Finding]]] = [*_JUDGES, lacks]
        for judge in judges:
            yield from judge(seen)

    def _is_known(self, group: Sequence[Content]) -> bool:
        """Tell whether a receipt says that a content is right, under any of its names."""
        return any(
            self._reader_of(each.path.parent).value_of(each.path.name, each.digest.algorithm, each.found)
            == each.digest.value
            for each in group
        )

    def _reader_of(self, parent: Path) -> Reader:
        """Return what tells of the files of a directory, of which there may be very many."""
        if parent not in self._readers:
            self._readers[parent] = self._receipts.reader_of(parent)
        return self._readers[parent]


def _without_extras(findings: Sequence[Finding], damages: Sequence[Finding]) -> list[Finding]:
    """Return findings without notes that nothing leads to a blob, of those that are damaged as well."""
    damaged = {each.path for each in damages}
    return [each for each in findings if each.trouble is not Trouble.EXTRA or each.path not in damaged]


def _closed(folder: CacheFolder, error: StoreError) -> Finding:
    return Finding(
        trouble=Trouble.FOREIGN,
        thing=Thing.REPO,
        path=folder.path,
        detail=f"{error}; so nobody can tell whether it is right",
        repo=folder.repo,
    )


def _size(groups: Sequence[Sequence[Content]]) -> int:
    return sum(each[0].found.st_size for each in groups)
