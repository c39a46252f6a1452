"""The files of a commit as plain files in a folder, with a note of each beside them (``local_dir``)."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from weighbridge.core.artifacts import FileResult, Source
from weighbridge.core.errors import StoreError
from weighbridge.core.names import RelativeName
from weighbridge.core.options import StoreOptions
from weighbridge.core.repos import RepoFile
from weighbridge.core.snapshots import Kept
from weighbridge.errands import Missing
from weighbridge.shelves.shelf import Judge, Near, Survey, request_for, sort_near
from weighbridge.store.cache.folders import LocalFolder
from weighbridge.store.cache.kin import find_elsewhere
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.layout import Place
from weighbridge.store.present import check_parents, look, make_parents
from weighbridge.store.receipts import Receipts
from weighbridge.store.sight import Sight, see
from weighbridge.store.tidying import tidy


class FolderShelf:
    """One commit of a repository as plain files.

    What is there and right stays, whatever its note says; what is there and wrong is replaced in one step, once what
    replaces it is verified.

    Args:
        folder: The folder.
        commit: 40 hex digits.
        receipts: What is known of files that are here.
        cache: The repository's folder in the cache, which may have the content already; None if there is no cache.
        store: ``durable`` says whether what is done is to survive a power loss.
    """

    def __init__(
        self, folder: LocalFolder, commit: str, receipts: Receipts, cache: CacheFolder | None, store: StoreOptions
    ) -> None:
        self._folder = folder
        self._commit = commit
        self._receipts = receipts
        self._cache = cache
        self._store = store
        self._wanted: dict[Path, list[RepoFile]] = {}  # by the file that is fetched for them
        self._seen: dict[Path, Sight] = {}  # what was in the places of files before it was judged
        self._complete: set[Path] = set()  # files that were here before

    @property
    def path(self) -> Path:
        """The folder."""
        return self._folder.root

    @property
    def own(self) -> Path:
        """Where what is known about the files is kept."""
        return self._folder.kept

    def path_of(self, file: RepoFile) -> Path:
        """Return the file's place in the folder."""
        return self._folder.place(file.path)

    def use(self) -> None:
        """Do nothing: nobody of us removes anything of a folder."""

    def survey(self, files: Sequence[RepoFile], judge: Judge) -> Survey:
        """Return what is here, in the folder or in the cache."""
        survey, doubtful, rest = Survey(), list[Kept](), list[RepoFile]()
        for file in files:
            check_parents(self.path, RelativeName(file.path))
            path = self.path_of(file)
            found = self._seen[path] = look(path)
            if found == Sight() or file.size not in (None, found.size):
                rest.append(file)
            elif file.digest is None and not self._is_noted(file):
                rest.append(file)  # nothing but its note could tell what it is
            elif file.digest is None or self._receipts.knows(path, file.digest):
                survey.kept.append(Kept(file, found.size))
            else:
                doubtful.append(Kept(file, found.size))
        verdicts = judge([(self.path_of(each.file), each.file) for each in doubtful])
        for kept, is_right in zip(doubtful, verdicts, strict=True):
            if is_right:
                survey.kept.append(kept)
            else:
                rest.append(kept.file)
        self._look_around(rest, judge, survey)
        return survey

    def count_needed(self, survey: Survey) -> int:
        """Return how many bytes it takes to have what is not in place: each name has a file of its own."""
        return sum(each.size or 0 for each in survey.missing) + sum(each.sight.size for each in survey.near)

    def make_room(self, needed: int) -> Sequence[str]:
        """Do nothing: a folder has no limit."""
        del needed
        return ()

    def confirm(self, kept: Sequence[Kept]) -> None:
        """Note of files that were there already that they are of this commit."""
        self._complete.update(self.path_of(each.file) for each in kept)
        for each in kept:
            if not self._is_noted(each.file):
                with suppress(StoreError):  # a folder that can't be written to can still be read
                    self._write_note(each.file)

    def bring(self, near: Near, stop: threading.Event) -> FileResult:
        """Copy a file that the cache has."""
        path = self._folder.copy_in(near.source, near.file.path, near.sight, stop)
        digest = near.file.digest
        if digest is not None:
            self._receipts.note(path, digest, look(path), is_flushed=self._store.durable)
        self._write_note(near.file)
        return FileResult(name=near.file.path, path=path, size=look(path).size, digest=digest, outcome="linked")

    def missing(self, files: Sequence[RepoFile], sources: Mapping[str, Source]) -> list[Missing]:
        """Return an errand for each content; other files that have it are copied."""
        self._wanted, first = {}, dict[str, Path]()
        for file in files:
            path = self._make_place(file)
            fetched = path if file.digest is None else first.setdefault(file.etag, path)
            self._wanted.setdefault(fetched, []).append(file)
        return [
            Missing(
                request=request_for(same[0], sources[same[0].path]),
                place=Place(path),
                sight=self._seen.get(path) or look(path),
            )
            for path, same in self._wanted.items()
        ]

    def settle(self, missing: Missing, result: FileResult) -> Sequence[FileResult]:
        """Note of which commit the file is, and copy it to wherever the same content is wanted."""
        first, *others = self._wanted[missing.place.final]
        self._write_note(first)
        sight = look(result.path)
        return [result, *(self.bring(Near(each, result.path, sight), threading.Event()) for each in others)]

    def finish(self) -> None:
        """Clean up after those who were killed."""
        tidy(self._complete, self._store.claim_ttl_s)

    def _look_around(self, files: Sequence[RepoFile], judge: Judge, survey: Survey) -> None:
        """Sort files that are not right here into what the cache has and what is missing."""
        found: dict[str, Path] = {}
        if self._cache is not None and files:
            etags = [each.etag for each in files if each.digest is not None]
            found = find_elsewhere(self._cache, etags)
            own = {each: self._cache.blob(each) for each in etags}
            found |= {etag: blob for etag, blob in own.items() if os.path.isfile(blob)}  # noqa: PTH113 - never raises
        doubtful = [Near(each, found[each.etag], see(found[each.etag])) for each in files if each.etag in found]
        survey.missing.extend(each for each in files if each.etag not in found)
        sort_near(doubtful, judge, survey)

    def _is_noted(self, file: RepoFile) -> bool:
        note = self._folder.note_of(file.path)
        return note is not None and (note.commit, note.etag) == (self._commit, file.etag)

    def _write_note(self, file: RepoFile) -> None:
        self._folder.write_note(file.path, self._commit, file.etag)

    def _make_place(self, file: RepoFile) -> Path:
        name = RelativeName(file.path)
        make_parents(self.path, name, durable=self._store.durable)
        return self.path_of(file)
