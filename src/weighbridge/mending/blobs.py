"""Damaged and missing blobs: linked from elsewhere in the cache, else mended piece by piece, else fetched whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from weighbridge.core.artifacts import FileResult, Source
from weighbridge.core.errors import StoreError
from weighbridge.core.events import FileFinished, Planned
from weighbridge.core.options import MIB
from weighbridge.core.repos import RepoFile
from weighbridge.delivery import Delivery, Means
from weighbridge.errands import Missing
from weighbridge.shelves.shelf import request_for
from weighbridge.store.cache import uses
from weighbridge.store.cache.kin import find_elsewhere, take_over
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.locks import BlobLock
from weighbridge.store.cache.pieces import find_manifest, manifest_file
from weighbridge.store.cache.pointers import Pointers
from weighbridge.store.cache.reading import read_blob
from weighbridge.store.cache.root import prepare_folder
from weighbridge.store.cache.shared import content_of, release
from weighbridge.store.faults import flush_directory, free_bytes, storing
from weighbridge.store.layout import Place
from weighbridge.store.mending import leave_for_mending
from weighbridge.store.present import look
from weighbridge.store.sight import Sight, see


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenBlob:
    """A blob that is damaged, or not there.

    Attributes:
        folder: Whose.
        file: Under one of the paths that it has; its size may be unknown.
        commit: In which it has that path.
        pointers: Commit and path of everything that is to lead to it afterwards.
    """

    folder: CacheFolder
    file: RepoFile
    commit: str
    pointers: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> Path:
        """Where the blob is, or should be."""
        return self.folder.blob(self.file.etag)

    @property
    def places(self) -> list[Path]:
        """Where its bytes may be: where there are no links, they are where pointers would be."""
        return [self.path, *(self.folder.pointer(commit, path) for commit, path in self.pointers)]


_HELD = 1024 * MIB  # bytes of copies that are there at a time, unless a single one is larger

FindBlobSource = Callable[[BrokenBlob], Source]
MakePointer = Callable[[Pointers, str, str, str], None]


def mend_blobs(broken: Sequence[BrokenBlob], find_source: FindBlobSource, means: Means) -> list[FileResult]:
    """Have every blob right, and everything leading to it that should.

    What is damaged stays as it is, for those who have it open, until what is right takes its name.  If the process dies
    on the way, the same call goes on from there.

    Args:
        broken: Which; of those of one repository that have the same content, the pointers are put together.
        find_source: Tells where to fetch one; asked only of those whose content is nowhere else in the cache.
        means: What the call works with.

    Returns:
        A result for each blob, in the order in which they became right: ``linked`` if its content was elsewhere in the
        cache; otherwise ``bytes_fetched`` tells how much of it had to come.

    Raises:
        TransferError: No source has one, or it can't be reached.
        IntegrityError: What came is not what the blob must be; nothing was put in its place.
        StoreError: The disk says no.
        CancelledError: ``means.cancel`` was set.
    """
    with ExitStack() as stack:
        for root, repo in sorted({(each.folder.root, each.folder.repo.folder) for each in broken}):
            stack.enter_context(uses.active(root, repo))
        return _mend_blobs(_merge(broken), find_source, means)


def _mend_blobs(pending: list[BrokenBlob], find_source: FindBlobSource, means: Means) -> list[FileResult]:
    mender = _Mender(means)
    shared = {content: each.folder.root for each in pending if (content := content_of(each.folder.root, each.path))}
    for each in pending:
        for place in each.places:
            if place == each.path or not place.is_symlink():
                means.receipts.forget(place)
    try:
        near = mender.find_near(pending)
        means.tell(_planned(pending, near))
        while pending:
            pending = mender.mend(pending, near, find_source)
            near = mender.find_near(pending)
    finally:
        means.receipts.save()
    mender.flush()
    for content, root in shared.items():  # newer clients would give it to the next who asks for it
        release(root, content)
    return mender.results


@dataclass(frozen=True, slots=True)
class _Near:
    """Content of another repository that was read and is right."""

    broken: BrokenBlob
    source: Path
    sight: Sight


@dataclass(slots=True)
class _Mender:
    """One call's work."""

    means: Means
    results: list[FileResult] = field(default_factory=list)
    touched: set[Path] = field(default_factory=set)  # directories in which something got a name
    delivering: dict[Path, BrokenBlob] = field(default_factory=dict)

    def find_near(self, pending: Sequence[BrokenBlob]) -> list[_Near]:
        """Return what is elsewhere in the cache, and proves right when it is read."""
        by_folder: dict[CacheFolder, list[BrokenBlob]] = {}
        for each in pending:
            if each.file.digest is not None and not each.folder.blobs.is_symlink():  # which may be another disk
                by_folder.setdefault(each.folder, []).append(each)
        return [near for folder, some in by_folder.items() for near in self._read_elsewhere(folder, some)]

    def _read_elsewhere(self, folder: CacheFolder, some: Sequence[BrokenBlob]) -> Iterator[_Near]:
        refused, wanted = set[Path](), {each.file.etag: each for each in some}
        while found := find_elsewhere(folder, wanted, refused):
            for etag, source in found.items():
                refused.add(source)
                if (near := self._read(wanted[etag], source)) is not None:
                    yield near
                    del wanted[etag]

    def _read(self, broken: BrokenBlob, source: Path) -> _Near | None:
        """Return a file as what is near if it proves to be what a blob should be."""
        digest = broken.file.digest
        if digest is None:
            return None
        with suppress(StoreError):  # what can't be read is no help
            reading = read_blob(source, digest, None, _tell_nobody, self.means.cancel)
            if reading.digest == digest:
                return _Near(broken, source, reading.sight)
            self.means.receipts.forget(source)
        return None

    def mend(
        self, pending: Sequence[BrokenBlob], near: Sequence[_Near], find_source: FindBlobSource
    ) -> list[BrokenBlob]:
        """Link what is near and fetch one blob of each other content; return those that can be linked to these now."""
        linked = {each.broken.path for each in near if self._link(each)}
        rest = [each for each in pending if each.path not in linked]
        first = {each.file.etag: each for each in reversed(rest)}
        fetched = [each for each in rest if first[each.file.etag] is each]
        sources = [find_source(each) for each in fetched]
        for batch in _batches(zip(fetched, sources, strict=True)):
            errands = [self._errand(each, source) for each, source in batch]
            self.means.check_cancelled()
            self.results += Delivery(self.means, self._settle).run(errands)
        return [each for each in rest if first[each.file.etag] is not each]

    def _link(self, near: _Near) -> bool:
        """Let a blob have content that is here; tells whether that could be done."""
        broken = near.broken
        self.means.check_cancelled()
        prepare_folder(broken.folder)
        try:
            take_over(near.source, broken.path, near.sight, self.means.cancel)
        except StoreError:  # somebody has removed or changed it since
            return False
        self._note(broken.path, broken, see(broken.path))
        now = see(near.source)
        if now != near.sight and replace(now, ctime_ns=near.sight.ctime_ns) == near.sight:
            self._note(near.source, broken, now)  # a second name shows in its times
        self._point(broken, Pointers.make)
        result = FileResult(
            name=broken.file.path,
            path=_path_of(broken),
            size=near.sight.size,
            digest=broken.file.digest,
            outcome="linked",
        )
        self.results.append(result)
        self.means.tell(FileFinished(result=result))
        return True

    def _errand(self, broken: BrokenBlob, source: Source) -> Missing:
        """Return what is to be fetched, with as much of it left beside it as is right."""
        folder, digest = broken.folder, broken.file.digest
        prepare_folder(folder)
        kept = None if digest is None else manifest_file(folder.path, broken.file.etag)
        place = Place(broken.path, folder.path, kept)
        sight = look(broken.path)
        manifest = None if digest is None else find_manifest(folder.root, folder.path, digest)
        damaged = next((each for each in broken.places if see(each).size), None)
        if manifest is not None and damaged is not None and broken.file.size in (None, manifest.size):
            self.means.check_cancelled()
            leave_for_mending(place, damaged, manifest, self.means.cancel)
        self.delivering[broken.path] = broken
        return Missing(
            request=request_for(broken.file, source),
            place=place,
            sight=sight,
            gate=BlobLock(folder, broken.file.etag),
        )

    def _settle(self, missing: Missing, result: FileResult) -> Sequence[FileResult]:
        broken = self.delivering[missing.place.final]
        is_ours = missing.sight == Sight() and result.outcome == "fetched"
        self._point(broken, Pointers.make_fresh if is_ours else Pointers.make)
        return (replace(result, path=_path_of(broken)),)

    def _point(self, broken: BrokenBlob, make_last: MakePointer) -> None:
        """Make what leads to a blob; where there are no links, the last may take it itself if it is new."""
        pointers = Pointers(broken.folder, self.means.options.cache)
        self.touched.add(broken.path.parent)
        for commit, path in broken.pointers:
            is_last = (commit, path) == broken.pointers[-1]
            make: MakePointer = make_last if is_last else Pointers.make
            make(pointers, commit, path, broken.file.etag)
            pointer = broken.folder.pointer(commit, path)
            self.touched.add(pointer.parent)
            if not pointer.is_symlink():
                self._note(pointer, broken, see(pointer))

    def _note(self, path: Path, broken: BrokenBlob, sight: Sight) -> None:
        """Note that a file was read and is right, or has got its bytes from one that is."""
        if broken.file.digest is not None:
            self.means.receipts.note(path, broken.file.digest, sight, is_flushed=False)

    def flush(self) -> None:
        """Make the names that were given survive a power loss."""
        while self.means.options.store.durable and self.touched:
            place = self.touched.pop()
            with storing(place, "flush"):
                flush_directory(place)


def _merge(broken: Iterable[BrokenBlob]) -> list[BrokenBlob]:
    """Return each blob once, with all its pointers."""
    merged: dict[Path, BrokenBlob] = {}
    for each in broken:
        before = merged.get(each.path)
        pointers = each.pointers if before is None else (*before.pointers, *each.pointers)
        merged[each.path] = replace(before or each, pointers=tuple(dict.fromkeys(pointers)))
    return list(merged.values())


def _batches(wanted: Iterable[tuple[BrokenBlob, Source]]) -> Iterator[list[tuple[BrokenBlob, Source]]]:
    """Cut what is to be fetched so that copies of what is damaged, which go as they are mended, take little room."""
    batch: list[tuple[BrokenBlob, Source]] = []
    held = 0
    for broken, source in wanted:
        size = max((see(each).size for each in broken.places), default=0)
        if batch and held + size > _HELD:
            yield batch
            batch, held = [], 0
        batch.append((broken, source))
        held += size
    if batch:
        yield batch


def _planned(pending: Sequence[BrokenBlob], near: Sequence[_Near]) -> Planned:
    sizes = [each.file.size for each in pending]
    return Planned(
        files=len(pending),
        present=0,
        linked=len(near),
        size=None if None in sizes else sum(each or 0 for each in sizes),
        present_size=0,
        linked_size=sum(each.sight.size for each in near),
        free=free_bytes(pending[0].folder.root) if pending else None,
    )


def _path_of(broken: BrokenBlob) -> Path:
    """Return where the bytes of a blob that is right can be had."""
    return next((each for each in broken.places if see(each) != Sight()), broken.path)


def _tell_nobody(count: int) -> None:
    del count
