"""The walk from a bundle to a cache that has all of it: each content goes the way of one that is fetched.

It is claimed, copied into a partial, hashed on the way and published if it is what its name says; what an earlier run
left is gone on with, and what the cache has already is not read again.  So there is no harm in being interrupted, in
two at once, or in a download of the same beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from weighbridge.bundling.source import BundleTransport, OpenBundle, in_terms_of
from weighbridge.core.artifacts import Artifact, FileRequest, FileResult, Promise
from weighbridge.core.bundles import PackedRepository
from weighbridge.core.errors import (
    BundleError,
    DiskFullError,
    IntegrityError,
    StoreError,
)
from weighbridge.core.events import Event, FileFinished, Notice
from weighbridge.core.lock_text import read_lock
from weighbridge.core.locks import LockedDownload, LockFile, find_clash
from weighbridge.core.quantities import count
from weighbridge.core.repos import is_commit
from weighbridge.core.snapshots import Plan, SnapshotResult
from weighbridge.delivery import Delivery, Means, as_it_is
from weighbridge.errands import Missing
from weighbridge.shelves.cache import CacheShelf
from weighbridge.shelves.filling import believe, fill, plan
from weighbridge.shelves.records import CacheRecords
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.pins import pin_for
from weighbridge.store.cache.uses import active
from weighbridge.store.faults import free_bytes, storing
from weighbridge.store.layout import Place
from weighbridge.store.leftovers import count_held
from weighbridge.store.present import is_right, look, make_parents
from weighbridge.store.sight import read_plain

_AT_ONCE = 2  # files: more of them at once make a disk seek
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """What became of a bundle that was taken in.

    Attributes:
        snapshots: One for each repository in it, in its order.
        downloads: What became of its files from anywhere; none if nobody said where to have them.
    """

    snapshots: tuple[SnapshotResult, ...]
    downloads: tuple[FileResult, ...] = ()

    @property
    def files(self) -> tuple[FileResult, ...]:
        """A result for each file."""
        return (*(file for each in self.snapshots for file in each.files), *self.downloads)


class Unpacking:
    """One call's way from a bundle to a cache; driven by one thread.

    Args:
        bundle: What is taken in.
        means: What the call works with; nobody on a network is asked, whatever its options say.
    """

    def __init__(self, bundle: OpenBundle, means: Means) -> None:
        self._root = means.options.cache.demand_root()
        self._bundle = bundle
        self._tell = means.tell
        transfer = replace(
            means.options.transfer, connections=_AT_ONCE, connections_per_file=1, files=_AT_ONCE, small_connections=None
        )
        options = replace(means.options, transfer=transfer, offline=False)
        self._means = replace(means, transport=BundleTransport(bundle), options=options, tell=self._pass_on)

    def run(self, lock: Path | None) -> Unpacked:
        """Take in everything; see :meth:`weighbridge.client.bundles.BundleCalls.load`.

        Args:
            lock: Of a project, where the files from anywhere are to be, if it asks for them; None leaves them.
        """
        pinned = LockFile() if lock is None else _read(lock)
        self._check_names()
        if lock is not None:
            self._check_asked(lock, pinned)
        for each in self._bundle.manifest.repositories:
            self._check_known(each)
        self._check_room()
        try:
            snapshots = tuple(self._take(each) for each in self._bundle.manifest.repositories)
            downloads = () if lock is None else self._place(lock.parent)
        except IntegrityError as error:
            raise in_terms_of(self._bundle, error) from error
        finally:
            self._means.receipts.save()
        if lock is not None and lock.exists():
            pin_for(self._root, lock, pinned.commits())  # as a sync there does
        elif lock is None and self._bundle.manifest.downloads:
            left = count(len(self._bundle.manifest.downloads), "plain file")
            self._tell(Notice(message=f"{left} left in the bundle; name a project to have them there"))
        return Unpacked(snapshots=snapshots, downloads=downloads)

    def plans(self) -> list[Plan]:
        """Return what :meth:`run` would do in the cache, without doing any of it; contents are not read."""
        return [plan(self._shelf(each), each.commit, each.files) for each in self._bundle.manifest.repositories]

    def _shelf(self, packed: PackedRepository) -> CacheShelf:
        options = self._means.options
        folder = CacheFolder(self._root, packed.repo)
        return CacheShelf(folder, packed.commit, self._means.receipts, options.cache, options.store)

    def _take(self, packed: PackedRepository) -> SnapshotResult:
        """Have all that the bundle has of a commit; the listing first, so that a part is never taken for the whole."""
        records, shelf = CacheRecords(CacheFolder(self._root, packed.repo)), self._shelf(packed)
        with active(self._root, packed.repo.folder):
            if packed.tree is not None and records.tree(packed.commit) is None:
                records.keep_tree(packed.tree)
            filled = fill(shelf, packed.files, lambda file: self._bundle.source_of(file.digest), self._means)
            for name in packed.refs:
                self._note(records, name, packed)
        return SnapshotResult(path=shelf.path, commit=packed.commit, kept=filled.kept, changed=filled.changed)

    def _note(self, records: CacheRecords, name: str, packed: PackedRepository) -> None:
        """Note what a branch or tag means, unless it is known to mean something else: that may well be newer."""
        known = None if is_commit(name) else records.commit_of(name)
        if known is None:
            records.note_commit(name, packed.commit, None)
        elif known != packed.commit:
            message = f"{name} of the {packed.repo} is {known} here and {packed.commit} in the bundle; it is left so"
            self._tell(Notice(message=message))

    def _place(self, project: Path) -> tuple[FileResult, ...]:
        """Have the files from anywhere in the directory of a project, whose lock file asks for them."""
        means, here = self._means, list[FileResult]()
        missing: list[Missing] = []
        for each in self._bundle.manifest.downloads:
            make_parents(project, each.path, durable=means.options.store.durable)
            place = Place(project.joinpath(*each.path.parts))
            sight = look(place.final)
            if is_right(place.final, Promise(each.digest, each.size), means.receipts, means.cancel):
                here.append(_present(each, place.final))
            else:
                missing.append(Missing(request=self._request(each), place=place, sight=sight))
        return (*here, *Delivery(means, as_it_is).run(missing))

    def _request(self, each: LockedDownload) -> FileRequest:
        source = self._bundle.source_of(each.digest)
        artifact = Artifact(name=each.path.text, sources=(source,), digest=each.digest, size=each.size)
        return FileRequest(name=each.path, artifact=artifact)

    def _check_names(self) -> None:
        """Refuse files that no project may have from elsewhere."""
        problem = find_clash(each.path for each in self._bundle.manifest.downloads)
        if problem is not None:
            raise BundleError(f"{self._bundle.path}: {problem}; nothing was taken in", path=self._bundle.path)

    def _check_asked(self, lock: Path, pinned: LockFile) -> None:
        """Refuse files that the project has not asked for: whoever carried the bundle may have written its list."""
        asked = {(each.path, each.digest) for each in pinned.downloads}
        strange = [each.path.text for each in self._bundle.manifest.downloads if (each.path, each.digest) not in asked]
        if strange:
            raise StoreError(
                f"{self._bundle.path} has {', '.join(strange[:_NAMED])} for {lock.parent}, and no {lock.name} there "
                "asks for that; put the project's own there first, or leave out --project; nothing was taken in",
                path=str(lock),
            )

    def _check_known(self, packed: PackedRepository) -> None:
        """Refuse a bundle that says something else of a commit than was learned here."""
        known = CacheRecords(CacheFolder(self._root, packed.repo)).tree(packed.commit)
        if known is None:
            return
        ours = {each.path: each for each in known.files}
        for file in packed.files:
            here = ours.get(file.path)
            if here is None or (here.size, here.digest) != (file.size, file.digest):
                was = "has no such file" if here is None else f"has {here.digest}"
                raise BundleError(
                    f"{self._bundle.path} says that {file.path} of the {packed.repo} at {packed.commit} is "
                    f"{file.digest}, and the listing of that commit that is kept here {was}; nothing was taken in",
                    path=self._bundle.path,
                    expected=None if here is None else here.digest,
                    actual=file.digest,
                )

    def _check_room(self) -> None:
        """Refuse what can't fit as a whole, before the first of many repositories takes what room there is."""
        needed, places = 0, dict[Path, Place]()
        for each in self._bundle.manifest.repositories:
            shelf, folder = self._shelf(each), CacheFolder(self._root, each.repo)
            for file in shelf.survey(each.files, believe).missing:
                blob = folder.blob(file.etag)
                needed += 0 if blob in places else file.size or 0
                places[blob] = Place(blob)
        free = free_bytes(self._root)
        if free is not None and needed > free and needed - count_held(list(places.values())) > free:
            raise DiskFullError(
                f"{needed} bytes are to be taken out of {self._bundle.path}, and {self._root} has room for {free}; "
                "make room, or choose another place",
                path=str(self._root),
                needed=needed,
                free=free,
            )

    def _pass_on(self, event: Event) -> None:
        """Tell an event; a file comes out of the bundle, whatever address it had for us."""
        if isinstance(event, FileFinished) and event.result.source is not None:
            event = replace(event, result=replace(event.result, source=self._bundle.path))
        self._tell(event)


def _read(lock: Path) -> LockFile:
    if not lock.exists():
        return LockFile()
    with storing(lock, "read"):
        content = read_plain(lock).decode("utf-8-sig", "replace")
    return read_lock(content, str(lock))


def _present(each: LockedDownload, path: Path) -> FileResult:
    return FileResult(name=each.path.text, path=path, size=each.size or 0, digest=each.digest, outcome="present")
