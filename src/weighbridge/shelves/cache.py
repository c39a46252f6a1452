"""The files of a commit in the Hugging Face cache: blobs named by digest, and pointers to them."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from weighbridge.core.artifacts import FileResult, Source
from weighbridge.core.options import CacheOptions, StoreOptions
from weighbridge.core.repos import RepoFile
from weighbridge.core.snapshots import Kept
from weighbridge.errands import Missing
from weighbridge.shelves.room import make_room
from weighbridge.shelves.shelf import Judge, Near, Survey, request_for, sort_near
from weighbridge.store.cache import uses
from weighbridge.store.cache.kin import find_elsewhere, take_over
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.locks import BlobLock
from weighbridge.store.cache.pieces import manifest_file
from weighbridge.store.cache.pointers import Pointers
from weighbridge.store.cache.root import prepare_folder
from weighbridge.store.faults import flush_directory, storing
from weighbridge.store.layout import Place
from weighbridge.store.leftovers import find_leftovers
from weighbridge.store.present import look
from weighbridge.store.receipts import Receipts
from weighbridge.store.sight import Sight, see
from weighbridge.store.tidying import tidy, tidy_abandoned

_LONGEST_NAME = 100  # of an ETag that becomes a part of a blob's name
_ABANDONED_S = 7 * 86_400.0


class CacheShelf:
    """One commit of a repository in the cache.

    Args:
        folder: Of the repository.
        commit: 40 hex digits.
        receipts: What is known of files that are here.
        options: Of the cache.
        store: ``durable`` says whether what is done is to survive a power loss.
    """

    def __init__(
        self, folder: CacheFolder, commit: str, receipts: Receipts, options: CacheOptions, store: StoreOptions
    ) -> None:
        self._folder = folder
        self._commit = commit
        self._receipts = receipts
        self._store = store
        self._limit = options.limit
        self._pointers = Pointers(folder, options)
        self._wanted: dict[str, list[RepoFile]] = {}  # by etag: one blob may have several names
        self._seen: dict[str, Sight] = {}  # what blobs looked like that were found to be absent or wrong, by etag
        self._touched: set[Path] = set()  # directories in which pointers were made
        self._here: list[RepoFile] = []  # files that were here before

    @property
    def path(self) -> Path:
        """The snapshot."""
        return self._folder.snapshot(self._commit)

    @property
    def own(self) -> Path:
        """What only we know, in the repository's folder."""
        return self._folder.own

    def path_of(self, file: RepoFile) -> Path:
        """Return the file's pointer."""
        return self._folder.pointer(self._commit, file.path)

    def use(self) -> None:
        """Hold the commit, if any of it is here."""
        if self.path.is_dir():
            uses.hold(self._folder.root, self._folder.repo.folder, self._commit)

    def survey(self, files: Sequence[RepoFile], judge: Judge) -> Survey:
        """Return what is here: pointers, blobs that lack one, and blobs of other repositories."""
        survey, doubtful, rest = Survey(), list[Kept](), list[RepoFile]()
        receipts, start = self._receipts.reader_of(self._folder.blobs), f"{self.path}/"
        for file in files:
            # most are right and known to be: whatever leads there, it is the very file that was verified
            algorithm, seen = file.algorithm, _stat(start + file.path)
            if algorithm and seen and receipts.value_of(file.etag, algorithm, seen) == file.etag:
                survey.kept.append(Kept(file, seen.st_size))
                continue
            found = self._find(file)
            if found is None or file.size not in (None, found.st_size):
                rest.append(file)
            elif self._is_known(file, found):
                survey.kept.append(Kept(file, found.st_size))
            else:
                doubtful.append(Kept(file, found.st_size))
        verdicts = judge([(self.path_of(each.file), each.file) for each in doubtful])
        for kept, is_right in zip(doubtful, verdicts, strict=True):
            if is_right:
                survey.kept.append(kept)
            else:
                rest.append(kept.file)
        if rest:
            self._look_around(rest, judge, survey)
        return survey

    def make_room(self, needed: int) -> Sequence[str]:
        """Let the least recently used revisions leave if the cache has a limit and would exceed it."""
        return make_room(self._folder.root, self._limit, needed, self.path)

    def confirm(self, kept: Sequence[Kept]) -> None:
        """Do no more than remember them: where a pointer lies tells of which commit it is."""
        self._here += [each.file for each in kept]

    def bring(self, near: Near, stop: threading.Event) -> FileResult:
        """Link a blob, after it was taken over if it is another repository's."""
        file, name = near.file, self._blob_name(near.file)
        blob = self._folder.blob(name)
        self._seen.pop(name, None)  # from now on it may be another one
        if near.source != blob:
            self._make_directory(self._folder.blobs)
            take_over(near.source, blob, near.sight, stop)
            self._touched.add(blob.parent)
            self._note(blob, file)
            self._note_linked(near)
        self._here.append(file)
        self._pointers.make(self._commit, file.path, name)
        self._note_pointer(file)
        return self._result_of(file)

    def missing(self, files: Sequence[RepoFile], sources: Mapping[str, Source]) -> list[Missing]:
        """Return one errand for each blob, however many names it has."""
        self._wanted = {}
        for file in files:
            self._wanted.setdefault(self._blob_name(file), []).append(file)
        prepare_folder(self._folder)
        uses.join(self._folder.root, self._folder.repo.folder)
        return [self._errand(name, same[0], sources) for name, same in self._wanted.items()]

    def settle(self, missing: Missing, result: FileResult) -> Sequence[FileResult]:
        """Make all pointers to a blob that has its name now."""
        name = missing.place.final.name
        results: list[FileResult] = []
        same = self._wanted[name]
        for file in same:  # the last takes the blob itself where there are no links, unless others may refer to it
            is_ours = missing.sight == Sight() and result.outcome == "fetched"
            make = self._pointers.make_fresh if is_ours and file is same[-1] else self._pointers.make
            make(self._commit, file.path, name)
            path = self._note_pointer(file)
            results.append(self._result_of(file) if results else replace(result, path=path))
        return results

    def finish(self) -> None:
        """Flush the directories in which something got a name, and clean up after those who were killed."""
        while self._store.durable and self._touched:
            place = self._touched.pop()
            with storing(place, "flush"):
                flush_directory(place)
        if find_leftovers(self._folder.blobs):
            tidy({self._folder.blob(each.etag) for each in self._here if each.etag}, self._store.claim_ttl_s)
            tidy_abandoned(self._folder.blobs, _ABANDONED_S)

    def count_needed(self, survey: Survey) -> int:
        """Return how many bytes it takes to have what is not in place."""
        if self._pointers.has_links:
            sizes = {self._blob_name(each): each.size or 0 for each in survey.missing}
            return sum(sizes.values())
        return sum(each.size or 0 for each in survey.missing) + sum(each.sight.size for each in survey.near)

    def _blob_name(self, file: RepoFile) -> str:
        """Return what the blob of a file is called.

        An ETag that is no digest tells contents apart at one address only, so there the path is a part of the name.
        """
        etag = file.etag
        if file.algorithm is not None:
            return etag
        mark = "." + hashlib.sha256(file.path.encode("utf-8")).hexdigest()[:8]
        return etag if etag.endswith(mark) else f"{etag[:_LONGEST_NAME]}{mark}"

    def _find(self, file: RepoFile) -> os.stat_result | None:
        """Return the stat of what is in a file's place; of one whose content nobody has named, anything will do."""
        if not file.etag:
            return _stat(self.path_of(file))
        found = self._pointers.has(self._commit, file.path, self._blob_name(file))
        if found is None and file.algorithm is None:  # as other clients name it
            found = self._pointers.has(self._commit, file.path, file.etag)
        return found

    def _is_known(self, file: RepoFile, found: os.stat_result) -> bool:
        """Tell whether a receipt says that the file is right, or there is nothing that it could say."""
        digest = file.digest
        if digest is None:
            return True
        for place in (self._folder.blob(file.etag), self.path_of(file)):
            if self._receipts.value_of(place, digest.algorithm, found) == digest.value:
                return True
        return False

    def _look_around(self, files: Sequence[RepoFile], judge: Judge, survey: Survey) -> None:
        """Sort files that have no right pointer into what is near and what is missing."""
        doubtful, absent = list[Near](), list[RepoFile]()
        # of content that no digest names nothing could tell whether it is this file's
        survey.missing.extend(each for each in files if each.algorithm is None)
        for file in (each for each in files if each.algorithm is not None):
            blob = self._folder.blob(file.etag)
            found = _stat(blob)
            self._seen[file.etag] = Sight() if found is None else Sight.of(found)
            if found is None or file.size not in (None, found.st_size):
                absent.append(file)
            elif self._is_known(file, found):
                survey.near.append(Near(file, blob, Sight.of(found)))
            else:
                doubtful.append(Near(file, blob, Sight.of(found)))
        elsewhere = self._find_elsewhere([each.etag for each in absent])
        survey.missing.extend(each for each in absent if each.etag not in elsewhere)
        doubtful += [
            Near(each, elsewhere[each.etag], see(elsewhere[each.etag])) for each in absent if each.etag in elsewhere
        ]
        sort_near(doubtful, judge, survey)

    def _find_elsewhere(self, etags: Sequence[str]) -> Mapping[str, Path]:
        """Return content of other repositories; none if our blobs lie on a disk of their own, which can't share it."""
        return {} if self._folder.blobs.is_symlink() else find_elsewhere(self._folder, etags)

    def _note(self, path: Path, file: RepoFile) -> None:
        """Note that a file, which was verified and then copied or linked here, is right."""
        if file.digest is not None:
            self._receipts.note(path, file.digest, look(path), is_flushed=False)

    def _note_linked(self, near: Near) -> None:
        """Note of a file that got a second name, which shows in its times, that it is still the one it was."""
        sight, digest = look(near.source), near.file.digest
        was = near.sight
        is_same = (sight.size, sight.mtime_ns, sight.inode) == (was.size, was.mtime_ns, was.inode)
        if digest is not None and is_same and sight != was:
            self._receipts.note(near.source, digest, sight, is_flushed=False)

    def _note_pointer(self, file: RepoFile) -> Path:
        """Return a file's pointer; if it is the file itself, moved or copied, note that it is right."""
        path = self.path_of(file)
        self._touched.add(path.parent)
        if not path.is_symlink():
            self._note(path, file)
        return path

    def _errand(self, name: str, file: RepoFile, sources: Mapping[str, Source]) -> Missing:
        manifest = None if file.digest is None else manifest_file(self._folder.path, name)
        place = Place(self._folder.blob(name), self._folder.path, manifest)
        return Missing(
            request=request_for(file, sources[file.path]),
            place=place,
            sight=self._seen.get(name) or look(place.final),
            gate=BlobLock(self._folder, name),
        )

    def _result_of(self, file: RepoFile) -> FileResult:
        path = self.path_of(file)
        return FileResult(name=file.path, path=path, size=look(path).size, digest=file.digest, outcome="linked")

    def _make_directory(self, path: Path) -> None:
        with storing(path, "make"):
            path.mkdir(parents=True, exist_ok=True)


def _stat(path: Path | str) -> os.stat_result | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - of many files
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None
