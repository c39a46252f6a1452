"""The walk from what is wanted to a bundle: found, hashed while it is copied, and given its name when all is right."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.bundling.carriers import BLOCK
from weighbridge.bundling.checker import checker
from weighbridge.bundling.outlet import Outlet
from weighbridge.bundling.volumes import Form, Volume, each_block
from weighbridge.bundling.wanted import Content, Revision, Search, Wanted
from weighbridge.core.artifacts import FileResult
from weighbridge.core.bundles import (
    CHECKER,
    LOCK,
    MANIFEST,
    README,
    BundleManifest,
    Member,
    content_name,
    pieces_name,
)
from weighbridge.core.digests import Digest
from weighbridge.core.errors import DamagedCacheError, InvalidParameterError
from weighbridge.core.events import FileFinished, FileProgress, FileStarted, Planned
from weighbridge.core.findings import Finding, Thing, Trouble
from weighbridge.core.lock_text import read_lock
from weighbridge.core.locks import LockFile
from weighbridge.delivery import Means
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.pieces import find_manifest
from weighbridge.store.cache.uses import active
from weighbridge.store.faults import free_bytes, storing
from weighbridge.store.sight import open_plain, read_plain

_SHA256 = "sha256"
_REPORT_S = 0.1

_TEXT = """\
This is a bundle of files of machine learning models.  bundle.json tells what is in it.

Is it whole and undamaged?  Python 3.8 or newer is all that this needs:

    python3 check.py

To have it in the cache of a machine, from this directory, from the tar file, or from the first of its parts:

    weighbridge bundle import DIRECTORY | FILE.tar | FILE.tar.001
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackOrder:
    """What is to be packed, and where to.

    Attributes:
        out: The bundle.
        revisions: In the cache.
        lock: A ``weighbridge.lock``; None if nothing is needed of one.
        form: A directory, or a tar file.
        replaces: A bundle that is there may be replaced.
    """

    out: Path
    revisions: tuple[Revision, ...] = ()
    lock: Path | None = None
    form: Form
    replaces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What was made.

    Attributes:
        paths: The directory, the tar file, or its parts and the list of them.
        digest: SHA-256 of its ``bundle.json``, which tells the digests of all else that is in it.
        files: A result for each content.
        size: Bytes of the contents.
    """

    paths: tuple[Path, ...]
    digest: Digest
    files: tuple[FileResult, ...] = field(repr=False)
    size: int


class Packing:
    """One call's way from an order to a bundle; driven by one thread.

    Args:
        means: What the call works with.
    """

    def __init__(self, means: Means) -> None:
        self._root = means.options.cache.demand_root()
        self._means = means

    def run(self, order: PackOrder) -> Bundle:
        """Make the bundle; see :meth:`weighbridge.client.bundles.BundleCalls.create`."""
        if Path(os.path.realpath(order.out)).is_relative_to(os.path.realpath(self._root)):
            raise InvalidParameterError(
                f"{order.out} is inside the cache, where clients take what they find for theirs; choose another place"
            )
        text = b"" if order.lock is None else _read(order.lock)
        lock = LockFile() if order.lock is None else read_lock(text.decode("utf-8-sig", "replace"), str(order.lock))
        repos = {each.repo for each in order.revisions} | {each.repo for each in lock.repositories}
        with ExitStack() as stack:
            for folder in sorted(each.folder for each in repos):
                stack.enter_context(active(self._root, folder))  # so that nothing of it is cleared away meanwhile
            return self._make(order, lock, text)

    def _make(self, order: PackOrder, lock: LockFile, text: bytes) -> Bundle:
        directory = order.out.parent if order.lock is None else order.lock.parent
        wanted = Search(self._root, self._means).find(order.revisions, lock, directory)
        if not wanted.contents:
            raise InvalidParameterError("there is nothing to pack; name repositories, or a lock file that has some")
        small = {README: _TEXT.encode(), CHECKER: checker(), **self._pieces(wanted)}
        if order.lock is not None:
            small[LOCK] = text
        outlet = Outlet(order.out, self._means.options.store, replaces=order.replaces)
        with outlet.staging(self._means.tell, self._means.cancel) as place:
            manifest = _manifest(wanted, small, self._sums(wanted))
            content = manifest.encode()
            volume = order.form.begin(place, order.out, _needed(manifest, content))
            self._means.tell(_planned(wanted, place))
            for name, each in {MANIFEST: content, **dict(sorted(small.items()))}.items():
                volume.put(name, each)
            results = self._copy(volume, wanted, {each.name: each.sha256 for each in manifest.members})
            paths = outlet.publish(volume.finish())
        digest = Digest(_SHA256, hashlib.sha256(content).hexdigest())
        return Bundle(paths=paths, digest=digest, files=results, size=sum(each.size for each in results))

    def _pieces(self, wanted: Wanted) -> dict[str, bytes]:
        """Return what is known of the pieces of contents: whoever finds one damaged can tell where."""
        found: dict[str, bytes] = {}
        for packed in wanted.repositories:
            folder = CacheFolder(self._root, packed.repo).path
            for digest in {each.digest for each in packed.files if each.digest is not None}:
                manifest = find_manifest(self._root, folder, digest)
                if manifest is not None and manifest.size == wanted.contents[digest].size:
                    found[pieces_name(digest)] = manifest.encode()
        return found

    def _sums(self, wanted: Wanted) -> dict[Digest, str]:
        """Return the SHA-256 of each content; of those that are called by another digest after they were read."""
        sums: dict[Digest, str] = {}
        for each in wanted.contents.values():
            sums[each.digest] = each.digest.value if each.digest.algorithm == _SHA256 else self._sum(each)
        return sums

    def _sum(self, content: Content) -> str:
        own, whole = content.digest.hasher(content.size), hashlib.sha256()

        def see(block: memoryview) -> None:
            self._means.check_cancelled()
            own.update(block)
            whole.update(block)

        with _opened(content) as reading:
            each_block(reading, content.size, see)
        if own.hexdigest() != content.digest.value:
            raise _damaged(content, own.hexdigest())
        return whole.hexdigest()

    def _copy(self, volume: Volume, wanted: Wanted, sums: Mapping[str, str]) -> tuple[FileResult, ...]:
        """Copy every content, hashing it on the way."""
        results: list[FileResult] = []
        for digest in sorted(wanted.contents, key=content_name):
            content, name = wanted.contents[digest], content_name(digest)
            shown = _Shown(content, self._means)
            with _opened(content) as reading:
                volume.copy(name, reading, content.size, shown)
            if shown.sum.hexdigest() != sums[name]:
                raise _damaged(content, shown.sum.hexdigest())
            results.append(
                FileResult(name=content.name, path=content.path, size=content.size, digest=digest, outcome="linked")
            )
            self._means.tell(FileFinished(result=results[-1]))
        return tuple(results)


class _Shown:
    """Hashes what is copied, and tells how far it is.

    Args:
        content: What is copied.
        means: Who is told, and who may end it.
    """

    def __init__(self, content: Content, means: Means) -> None:
        self.sum = hashlib.sha256()
        self._content = content
        self._means = means
        self._done = 0
        self._told_at = time.monotonic()
        self._is_told = False

    def __call__(self, block: memoryview) -> None:
        self._means.check_cancelled()
        self.sum.update(block)
        self._done += block.nbytes
        now = time.monotonic()
        if now - self._told_at >= _REPORT_S:
            self._told_at = now
            name, size = self._content.name, self._content.size
            if not self._is_told:  # small ones are done before anybody could see them begin
                self._is_told = True
                self._means.tell(FileStarted(name=name, resumed=0, partial=self._content.path))
            self._means.tell(FileProgress(name=name, received=self._done, verified=self._done, size=size))


def _manifest(wanted: Wanted, small: Mapping[str, bytes], sums: Mapping[Digest, str]) -> BundleManifest:
    members = [Member(name, len(each), hashlib.sha256(each).hexdigest()) for name, each in small.items()]
    members += [Member(content_name(each.digest), each.size, sums[each.digest]) for each in wanted.contents.values()]
    return BundleManifest(
        repositories=tuple(wanted.repositories), downloads=tuple(wanted.downloads), members=tuple(sorted(members))
    )


def _planned(wanted: Wanted, place: Path) -> Planned:
    number, size = len(wanted.contents), sum(each.size for each in wanted.contents.values())
    return Planned(
        files=number, present=0, linked=number, size=size, present_size=0, linked_size=size, free=free_bytes(place)
    )


def _needed(manifest: BundleManifest, content: bytes) -> int:
    """Return how many bytes a bundle takes, with what an archive adds to each file."""
    sizes = [len(content), *(each.size for each in manifest.members)]
    return sum(BLOCK - (-each // BLOCK) * BLOCK for each in sizes) + 2 * BLOCK


@contextmanager
def _opened(content: Content) -> Iterator[int]:
    with storing(content.path, "read"):
        reading = open_plain(content.path)
    try:
        yield reading
    finally:
        os.close(reading)


def _read(lock: Path) -> bytes:
    with storing(lock, "read"):
        return read_plain(lock)


def _damaged(content: Content, found: str) -> DamagedCacheError:
    detail = f"{content.path} is damaged: its {content.digest.algorithm} is not {content.digest.value}"
    finding = Finding(
        trouble=Trouble.DAMAGED,
        thing=Thing.BLOB,
        path=content.path,
        detail=detail,
        size=content.size,
    )
    return DamagedCacheError(
        f"{content.name} is not packed, and so nothing: {detail}; mend it with `weighbridge cache repair`",
        findings=(finding,),
        expected=content.digest,
        actual=found,
    )
