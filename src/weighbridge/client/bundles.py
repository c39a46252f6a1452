"""What a client does for machines without a network: packs files into a bundle, and takes them out again there."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.client.session import Session, read_directory
from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.events import Observer
from weighbridge.core.snapshots import Plan
from weighbridge.pinning.files import ProjectPlace

if TYPE_CHECKING:  # archives and all that belongs to them: a tenth of the time that a client takes to be imported
    from weighbridge.bundling.packing import Bundle
    from weighbridge.bundling.source import OpenBundle
    from weighbridge.bundling.unpacking import Unpacked

_Path = str | os.PathLike[str]


class BundleCalls:
    """The bundles of a client; see :attr:`weighbridge.client.Client.bundles`.

    Args:
        session: Of the client.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(  # noqa: PLR0913 - each is a noun of its own, and all but the first are named by the caller
        self,
        out: _Path,
        *repositories: str,
        lock: _Path | None = None,
        tar: bool = False,
        split: int | None = None,
        force: bool = False,
        observer: Observer | None = None,
        cancel: threading.Event | None = None,
    ) -> Bundle:
        """Pack files of this machine for others that have no network; nobody is asked for anything.

        Every byte is hashed while it is copied, whatever is noted of it.  The bundle gets its name when all of it is
        right, so an interrupted call leaves none; the next call of the same name begins again.

        Args:
            out: The directory to be made, or the tar file, or what the names of its parts begin with.
            repositories: Revisions in the cache, as ``[TYPES/]org/name[@REVISION]``, as far as they are there.
            lock: A ``weighbridge.lock``, or the project that it is of, all of which is packed; files outside of the
                cache are looked for beside it.
            tar: Make a tar file, the same bytes for the same files.
            split: Most bytes of each part of the tar file, which are ``OUT.001``, ``OUT.002`` and so on, beside
                ``OUT.parts.json``; None makes one file.
            force: Replace a bundle that is there.
            observer: Receives progress events, on this thread; None logs what must not be missed.
            cancel: Ends the call with :class:`weighbridge.CancelledError` when set.

        Returns:
            Where it is, the digest of what it tells of itself, and a result for each content.

        Raises:
            LocalEntryNotFoundError: A repository is not in the cache, or, as ``IncompleteSnapshotError``, files are
                not here, which it names.
            DamagedCacheError: A file is not what it must be; nothing was made.
            LockFileError: The lock file can't be used.
            DiskFullError: It can't fit; nothing was made.
            StoreError: Something else is at ``out``, another process is making it, or the disk says no.
            InvalidParameterError: An argument can't mean anything.
        """
        from weighbridge.bundling.packing import Packing, PackOrder  # noqa: PLC0415 - see above
        from weighbridge.bundling.volumes import FolderForm, TarForm  # noqa: PLC0415
        from weighbridge.bundling.wanted import Revision  # noqa: PLC0415

        if split is not None and not tar:
            raise InvalidParameterError("only a tar file can be split; ask for one, too")
        order = PackOrder(
            out=read_directory(out),
            revisions=tuple(Revision.parse(each) for each in repositories),
            lock=None if lock is None else _lock_at(lock),
            form=TarForm(split) if tar else FolderForm(),
            replaces=force,
        )
        return Packing(self._session.means(observer, cancel)).run(order)

    def load(
        self,
        *source: _Path,
        project: _Path | None = None,
        observer: Observer | None = None,
        cancel: threading.Event | None = None,
    ) -> Unpacked:
        """Have everything that is in a bundle in the cache, each content verified before it gets its name.

        What the cache has already is not read again.  It may be interrupted, and the same call goes on from there; any
        number of them may run at once, beside downloads.  Nothing that is in the bundle is believed: names that lead
        elsewhere, digests that contents do not have and listings other than those that were learned here are refused.

        Args:
            source: The directory, the tar file, the first of its parts, or all of them in any order.
            project: Directory of the project whose files from anywhere are to be had as well, or its
                ``weighbridge.toml``.  Its lock file, if it has one, keeps what it needs in the cache, and tells which
                files may be replaced.  None leaves them in the bundle.
            observer: Receives progress events, on this thread; None logs what must not be missed.
            cancel: Ends the call with :class:`weighbridge.CancelledError` when set; what arrived is kept.

        Returns:
            A snapshot for each repository, and what became of the other files.

        Raises:
            BundleError: It is none, is not whole, or is damaged; contents that were right before are kept.
            DiskFullError: It can't fit; nothing was written.
            StoreError: The local side failed, or a file that no lock file asks for would be replaced.
            InvalidParameterError: An argument can't mean anything.
        """
        from weighbridge.bundling.unpacking import Unpacking  # noqa: PLC0415 - see above

        lock = None if project is None else ProjectPlace.of(read_directory(project)).lock
        return Unpacking(_open(source), self._session.means(observer, cancel)).run(lock)

    def plan_load(self, *source: _Path, cancel: threading.Event | None = None) -> list[Plan]:
        """Tell what :meth:`load` would do in the cache, for each repository; nothing is written, contents are not read.

        Raises:
            BundleError: It is none, or is not whole.
            StoreError: It can't be read.
        """
        from weighbridge.bundling.unpacking import Unpacking  # noqa: PLC0415 - see above

        return Unpacking(_open(source), self._session.means(None, cancel)).plans()


def _lock_at(given: _Path) -> Path:
    path = read_directory(given)
    return ProjectPlace.of(path).lock if path.is_dir() or path.suffix == ".toml" else path


def _open(source: Sequence[_Path]) -> OpenBundle:
    from weighbridge.bundling.source import OpenBundle  # noqa: PLC0415 - see above

    if not source:
        raise InvalidParameterError("name the bundle: a directory, a tar file, or parts of one")
    return OpenBundle([read_directory(each) for each in source])
