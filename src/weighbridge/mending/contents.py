"""Mends what findings tell of contents: has their bytes from wherever they are right, and links what leads to them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from weighbridge.core.artifacts import FileResult, Source
from weighbridge.core.errors import (
    BadStatusError,
    CancelledError,
    StoreError,
    WeighbridgeError,
)
from weighbridge.core.etags import is_digest_name
from weighbridge.core.events import Event, FileFinished
from weighbridge.core.findings import Finding, Left, Mended, Thing, Trouble
from weighbridge.core.pieces import PIECE
from weighbridge.core.repos import RepoFile, RepoId, is_commit
from weighbridge.delivery import Means
from weighbridge.hub.resolver import Hub
from weighbridge.mending.blobs import BrokenBlob, mend_blobs
from weighbridge.mending.cures import is_hopeless
from weighbridge.store.cache.kin import find_elsewhere
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.locks import is_taken
from weighbridge.store.cache.pointers import Pointers
from weighbridge.store.cache.room.aside import set_aside, settle
from weighbridge.store.cache.trees import read_tree
from weighbridge.store.claims import is_claimed
from weighbridge.store.faults import storing
from weighbridge.store.layout import Place
from weighbridge.store.sight import Sight, see

_REFUSED = frozenset({401, 403, 404, 410})  # another commit may still have it


@dataclass(frozen=True, slots=True)
class _Case:
    """All findings about one content.

    Attributes:
        folder: Of the repository.
        etag: What its blob is called.
        findings: About it.
        pointers: What is to lead to it.
        origins: Commit and file under which the Hub may have it, those that are here first.
    """

    folder: CacheFolder
    etag: str
    findings: tuple[Finding, ...]
    pointers: tuple[tuple[str, str], ...]
    origins: tuple[tuple[str, RepoFile], ...]

    @property
    def is_held(self) -> bool:
        """Whether somebody is fetching it."""
        return is_taken(self.folder, self.etag) or is_claimed(Place(self.folder.blob(self.etag)).claim)

    def broken(self, number: int) -> BrokenBlob:
        """Return what is to be mended, as the file of one of its origins."""
        commit, file = self.origins[number]
        return BrokenBlob(folder=self.folder, file=file, commit=commit, pointers=self.pointers)


class _Listings:
    """The listings that are kept of one repository, each read once."""

    def __init__(self, folder: CacheFolder) -> None:
        places = sorted((folder.path / "trees").glob("*.json"))
        trees = [read_tree(each, each.stem) for each in places if is_commit(each.stem)]
        self._files = {each.commit: {file.path: file for file in each.files} for each in trees if each is not None}
        self._owners: dict[str, list[tuple[str, RepoFile]]] = {}
        for commit, files in self._files.items():
            for file in files.values():
                self._owners.setdefault(file.etag, []).append((commit, file))

    def file(self, commit: str, path: str) -> RepoFile | None:
        """Return what a commit has at a path; None if nobody knows."""
        return self._files.get(commit, {}).get(path)

    def origins(self, etag: str, pointers: Sequence[tuple[str, str]]) -> tuple[tuple[str, RepoFile], ...]:
        """Return commits and files that have a content: those that lead to it, then all that are known to have it."""
        known: dict[tuple[str, str], RepoFile] = {}
        for commit, path in pointers:
            known[commit, path] = self.file(commit, path) or RepoFile.of_etag(path, etag)
        for commit, file in self._owners.get(etag, []):
            known.setdefault((commit, file.path), file)
        return tuple((commit, file) for (commit, _), file in known.items() if file.etag == etag)


@dataclass(slots=True)
class ContentMender:
    """Mends contents; driven by one thread.

    Attributes:
        root: The cache.
        hub: Tells where contents are to be had.
        means: What the call works with.
    """

    root: Path
    hub: Hub
    means: Means
    _listings: dict[CacheFolder, _Listings] = field(default_factory=dict)
    _outcomes: list[Mended | Left] = field(default_factory=list)
    _finished: list[FileResult] = field(default_factory=list)
    _spare: list[_Case] = field(default_factory=list)

    def mend(self, findings: Sequence[Finding]) -> list[Mended | Left]:
        """Do what can be done about findings of contents.

        Returns:
            An outcome for each.

        Raises:
            CancelledError: The call is to end; what was mended is.
        """
        damaged = {each.path for each in findings if each.thing is Thing.BLOB}
        open_cases = [case for case in self._cases(findings) if not self._is_settled_here(case, damaged)]
        self._remove_spare()
        self._mend_together(open_cases)
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def _cases(self, findings: Sequence[Finding]) -> Iterator[_Case]:
        cases: dict[tuple[CacheFolder, str], list[Finding]] = {}
        for each in findings:
            folder = None if each.repo is None else CacheFolder(self.root, each.repo)
            etag = None if folder is None else _etag_of(self._listings_of(folder), each)
            if folder is None or etag is None:
                self._leave([each], "nobody here knows what its content must be; download it again")
            else:
                cases.setdefault((folder, etag), []).append(each)
        for (folder, etag), some in cases.items():
            pointers = sorted({pointer for each in some for pointer in each.pointers if is_commit(pointer[0])})
            origins = self._listings_of(folder).origins(etag, pointers)
            yield _Case(folder, etag, tuple(some), tuple(pointers), origins)

    def _listings_of(self, folder: CacheFolder) -> _Listings:
        if folder not in self._listings:
            self._listings[folder] = _Listings(folder)
        return self._listings[folder]

    def _is_settled_here(self, case: _Case, damaged: set[Path]) -> bool:
        """Do what need not be fetched, or can't be; tells whether nothing is left to do about a case."""
        blob = case.folder.blob(case.etag)
        if case.is_held:
            self._leave(case.findings, "somebody is fetching it; run this again later")
        elif not any(each.pointers for each in case.findings):
            self._spare.append(case)
        elif not case.origins:
            self._leave(case.findings, "nobody here knows of which file of which commit it is; download it again")
        elif see(blob) != Sight() and blob not in damaged:
            self._link(case)
        else:
            return False
        return True

    def _remove_spare(self) -> None:
        """Remove what is damaged and what nothing leads to; what has come to be needed meanwhile is put back."""
        aside: list[_Case] = []
        for case in self._spare:
            try:
                with storing(case.folder.blob(case.etag), "remove"), suppress(FileNotFoundError):
                    set_aside(case.folder.blob(case.etag))
                aside.append(case)
            except StoreError as error:
                self._leave(case.findings, str(error), error)
        settle({case.folder.path for case in aside})
        for case in aside:
            if os.path.lexists(case.folder.blob(case.etag)):
                self._leave(case.findings, "something has come to need it; run this again")
            else:
                self._outcomes += [Mended(finding=each, how="removed") for each in case.findings]
        self._spare.clear()

    def _link(self, case: _Case) -> None:
        """Let what should lead to a content that is here do so."""
        pointers = Pointers(case.folder, self.means.options.cache)
        try:
            for commit, path in case.pointers:
                pointers.make(commit, path, case.etag)
        except WeighbridgeError as error:
            self._leave(case.findings, str(error), error)
        else:
            self._outcomes += [Mended(finding=each, how="linked anew") for each in case.findings]

    def _mend_together(self, cases: Sequence[_Case]) -> None:
        """Mend all at once, and if that fails, each for itself: one that can't be had must not keep others broken."""
        if not cases:
            return
        try:
            self._try([(each, 0) for each in cases])
        except CancelledError:
            raise
        except WeighbridgeError as error:
            rest = [each for each in cases if self._result_of(each) is None]
            if is_hopeless(error) or len(cases) == 1:
                self._mend_each(rest, error)
            else:
                self._mend_each(rest, None)
        for case in cases:
            result = self._result_of(case)
            if result is not None:
                how = _words(case, result)
                self._outcomes += [Mended(finding=each, how=how, result=result) for each in case.findings]

    def _mend_each(self, cases: Sequence[_Case], known: WeighbridgeError | None) -> None:
        """Mend contents one after the other.

        Args:
            cases: Which.
            known: What stands in the way of the first attempt; None if that is to be found out.  What would stand in
                the way of all is found out once: each could take minutes to fail.
        """
        for case in cases:
            error = known
            for number in range(len(case.origins)):
                if number or known is None:
                    error = self._attempt(case, number)
                is_refused = isinstance(error, BadStatusError) and error.status in _REFUSED
                if not is_refused:
                    break
            if error is not None:
                self._leave(case.findings, str(error), error)
                known = error if is_hopeless(error) else None

    def _attempt(self, case: _Case, number: int) -> WeighbridgeError | None:
        try:
            self._try([(case, number)])
        except CancelledError:
            raise
        except WeighbridgeError as error:
            return error
        return None

    def _try(self, cases: Sequence[tuple[_Case, int]]) -> None:
        """Mend contents, each as the file of one of its origins, and remember what became of them."""

        def tell(event: Event) -> None:
            if isinstance(event, FileFinished):
                self._finished.append(event.result)
            self.means.tell(event)

        mend_blobs([case.broken(number) for case, number in cases], self._source, replace(self.means, tell=tell))

    def _source(self, broken: BrokenBlob) -> Source:
        return self.hub.source_of(broken.folder.repo, broken.commit, broken.file.path)

    def _result_of(self, case: _Case) -> FileResult | None:
        places = set(case.broken(0).places)
        return next((each for each in self._finished if each.path in places), None)

    def _leave(self, findings: Sequence[Finding], why: str, error: Exception | None = None) -> None:
        self._outcomes += [Left(finding=each, why=why, error=error) for each in findings]


def _etag_of(listings: _Listings, finding: Finding) -> str | None:
    """Return what the blob is called that a finding is about; None if nobody can tell."""
    if finding.thing is Thing.BLOB:
        return finding.path.name
    for commit, path in finding.pointers:
        file = listings.file(commit, path)
        if file is not None and file.algorithm is not None:
            return file.etag
    if finding.trouble is Trouble.DANGLING and finding.path.is_symlink():
        name = finding.path.readlink().name
        return name if is_digest_name(name) else None
    return None


def _words(case: _Case, result: FileResult) -> str:
    """Return how a content was mended, in a few words."""
    if result.outcome == "linked":
        near = find_elsewhere(case.folder, [case.etag]).get(case.etag)
        owner = None if near is None else next(filter(None, map(RepoId.of_folder, near.parts)), None)
        return "linked from another repository" if owner is None else f"linked from {owner.kind.value}/{owner.name}"
    if result.outcome != "fetched":
        return "another process has fetched it"
    if 0 < result.bytes_fetched < result.size:
        return f"{-(-result.bytes_fetched // PIECE)} of {-(-result.size // PIECE)} pieces fetched"
    return "fetched"
