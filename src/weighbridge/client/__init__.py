"""The native interface: builds everything below from options, once, and runs the walks."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from weighbridge.client.session import Session, log_notices, read_directory
from weighbridge.config import options_from_environment
from weighbridge.core.artifacts import FileRequest, FileResult
from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.events import Event, Observer
from weighbridge.core.options import Options
from weighbridge.core.patterns import Patterns
from weighbridge.core.repos import Kind, RepoId, check_revision, repo_path
from weighbridge.core.snapshots import FileOrder, Plan, Revision, SnapshotOrder, SnapshotResult
from weighbridge.delivery import Means
from weighbridge.directory import DirectoryWalk, check_requests
from weighbridge.download import DownloadWalk
from weighbridge.hub.answers import Head
from weighbridge.snapshot import SnapshotWalk
from weighbridge.store.receipts import Receipts

if TYPE_CHECKING:
    from weighbridge.client.bundles import BundleCalls
    from weighbridge.client.cache import CacheCalls
    from weighbridge.client.projects import ProjectCalls

__all__ = ["Client", "log_notices"]


class Client:
    """Gets files onto this machine; safe to share between threads and to use for many calls.

    Connections are kept between calls.  Use it as a context manager, or call :meth:`close`.

    Args:
        options: How; None reads the environment, as the command does.

    Attributes:
        options: How.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options_from_environment() if options is None else options
        self._session = Session(self.options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop all connections; the client may be used again."""
        self._session.close()

    # what most programs never use is imported by the first who does

    @cached_property
    def cache(self) -> CacheCalls:
        """What can be done with the cache as a whole."""
        from weighbridge.client.cache import CacheCalls  # noqa: PLC0415

        return CacheCalls(self._session)

    @cached_property
    def projects(self) -> ProjectCalls:
        """What a project pins, and has."""
        from weighbridge.client.projects import ProjectCalls  # noqa: PLC0415

        return ProjectCalls(self._session)

    @cached_property
    def bundles(self) -> BundleCalls:
        """What goes to machines without a network."""
        from weighbridge.client.bundles import BundleCalls  # noqa: PLC0415

        return BundleCalls(self._session)

    def fetch(  # noqa: PLR0913 - each is a noun of its own, and all but the first are named by the caller
        self,
        files: Iterable[FileRequest],
        directory: str | os.PathLike[str],
        *,
        allow_unverified: bool = False,
        force: bool = False,
        observer: Observer | None = None,
        cancel: threading.Event | None = None,
    ) -> tuple[FileResult, ...]:
        """Have all of ``files`` in ``directory``, verified.

        A file that is there and right costs nothing but a look; one that is there and wrong is replaced in one step.
        What arrives is kept whatever happens, and the same call goes on from there: after an error, a full disk,
        Ctrl-C, ``kill -9`` or a power loss.  Any number of processes may ask for the same files at once: one
        fetches, the others wait for it.  The first error ends the call.

        Args:
            files: What to have; exact repetitions are fetched once.
            directory: Where; made if absent.
            allow_unverified: Accept requests without a digest.
            force: Fetch them whatever is there; it is replaced once what replaces it is complete.
            observer: Receives events, on this thread.
            cancel: Ends the call with :class:`CancelledError` when set.

        Returns:
            One result for each different file, in the order of the request.

        Raises:
            RequestError: Asked for something that can't be; nothing was sent.
            UntrustedFileError: A file has no promised digest; nothing was sent.
            TransferError: The bytes did not arrive.
            IntegrityError: They arrived and are wrong.
            StoreError: The local side failed.
            OfflineError: Something is missing and the network is switched off.
            CancelledError: ``cancel`` was set.
        """
        place = read_directory(directory)
        requests = check_requests(_read_files(files), place, allow_unverified=allow_unverified)
        means = Means(
            transport=self._session.transport,
            options=self.options,
            receipts=Receipts.below(self.options.store.receipts),
            tell=observer or _ignore,
            cancel=cancel or threading.Event(),
        )
        walk = DirectoryWalk(means)
        return walk.run_anew(requests, place) if force else walk.run(requests, place)

    def resolve(
        self,
        repo_id: str,
        *,
        revision: str | None = None,
        repo_type: str | None = None,
        cancel: threading.Event | None = None,
    ) -> Revision:
        """Return the commit that a branch or tag of a repository means now; one question, none for a commit.

        Args:
            repo_id: Such as ``org/name``.
            revision: A branch, a tag, a commit; None is ``main``.
            repo_type: ``model`` (or None), ``dataset``, ``space`` or ``kernel``.
            cancel: Ends the call when set.

        Raises:
            HfHubHTTPError: The Hub answered no; the subclass tells why.
            TransferError: It could not be reached.
            OfflineModeIsEnabled: It would have to be asked.
            InvalidParameterError: An argument can't mean anything; nothing was sent.
        """
        repo, name = RepoId(Kind.of_word(repo_type), repo_id), check_revision(revision)
        commit = self._session.hubs(cancel or threading.Event()).patient.commit_of(repo, name)
        return Revision(repo_id=repo.name, repo_type=repo.kind.word, name=name, commit=commit)

    def download(  # noqa: PLR0913 - each is a noun of its own, and all but the first are named by the caller
        self,
        repo_id: str,
        filename: str,
        *,
        revision: str | None = None,
        repo_type: str | None = None,
        local_dir: str | os.PathLike[str] | None = None,
        force: bool = False,
        observer: Observer | None = None,
        cancel: threading.Event | None = None,
    ) -> FileResult:
        """Have one file of a repository, verified, in the cache or in a folder.

        By commit, a file that is here costs no request; by branch or tag it costs one.  If the Hub can't be reached,
        what was last known of the revision answers; a refusal of it is never hidden.

        Args:
            repo_id: Such as ``org/name``.
            filename: Path of the file in the repository.
            revision: A branch, a tag, a commit; None is ``main``.
            repo_type: ``model`` (or None), ``dataset``, ``space`` or ``kernel``.
            local_dir: Have a plain file below this directory, instead of the cache.
            force: Fetch it whatever is here.
            observer: Receives progress events, on this thread; None logs what must not be missed.
            cancel: Ends the call with :class:`weighbridge.CancelledError` when set; what arrived is kept.

        Returns:
            What became of it; ``path`` is its pointer in the snapshot, or the file in the folder.

        Raises:
            HfHubHTTPError: The Hub answered no; the subclass tells why.
            LocalEntryNotFoundError: It is not here, and the Hub can't be asked.
            TransferError: The bytes did not arrive.
            IntegrityError: They arrived and are wrong; nothing is at the final path.
            StoreError: The local side failed.
            InvalidParameterError: An argument can't mean anything; nothing was sent.
        """
        order = FileOrder(
            repo=RepoId(Kind.of_word(repo_type), repo_id),
            revision=check_revision(revision),
            path=repo_path(filename).text,
            folder=None if local_dir is None else read_directory(local_dir),
            is_fresh=force,
        )
        means = self._session.means(observer, cancel)
        return DownloadWalk(self._session.hubs(means.cancel), means).run(order)

    def snapshot(  # noqa: PLR0913 - each is a noun of its own, and all but the first are named by the caller
        self,
        repo_id: str,
        *,
        filenames: Sequence[str] = (),
        revision: str | None = None,
        repo_type: str | None = None,
        allow_patterns: Sequence[str] | str | None = None,
        ignore_patterns: Sequence[str] | str | None = None,
        local_dir: str | os.PathLike[str] | None = None,
        force: bool = False,
        observer: Observer | None = None,
        cancel: threading.Event | None = None,
    ) -> SnapshotResult:
        """Have all files of a commit, verified, in the cache or in a folder.

        One request for the commit, one for the listing, then only for files that are missing: content that this or
        another repository of the cache has already is linked.  Warm, it is one request by branch, none by commit.

        Args:
            repo_id: Such as ``org/name``.
            filenames: Paths in the repository, all of which there must be; none: whatever the patterns select.
            revision: A branch, a tag, a commit; None is ``main``.
            repo_type: ``model`` (or None), ``dataset``, ``space`` or ``kernel``.
            allow_patterns: Globs over whole paths, of which a file must match one; None selects all.
            ignore_patterns: Globs, of which a file must match none.
            local_dir: Have plain files below this directory, instead of the cache.
            force: Fetch everything whatever is here.
            observer: Receives progress events, on this thread; None logs what must not be missed.
            cancel: Ends the call with :class:`weighbridge.CancelledError` when set; what arrived is kept.

        Returns:
            Where it is, its commit, and a result for each file.

        Raises:
            IncompleteSnapshotError: The Hub can't be asked, and a part is missing here.
            DiskFullError: What is missing can't fit; nothing was fetched.
            HfHubHTTPError, LocalEntryNotFoundError, TransferError, IntegrityError, StoreError, InvalidParameterError:
                As for :meth:`download`.
        """
        order = _snapshot_order(repo_id, revision, repo_type, Patterns(allow_patterns, ignore_patterns), local_dir)
        order = replace(order, names=_read_names(filenames), is_fresh=force)
        means = self._session.means(observer, cancel)
        return SnapshotWalk(self._session.hubs(means.cancel), means).run(order)

    def plan(  # noqa: PLR0913 - each is a noun of its own, and all but the first are named by the caller
        self,
        repo_id: str,
        filename: str | None = None,
        *,
        filenames: Sequence[str] = (),
        revision: str | None = None,
        repo_type: str | None = None,
        allow_patterns: Sequence[str] | str | None = None,
        ignore_patterns: Sequence[str] | str | None = None,
        local_dir: str | os.PathLike[str] | None = None,
        force: bool = False,
        cancel: threading.Event | None = None,
    ) -> Plan:
        """Tell what :meth:`snapshot`, or with a ``filename`` :meth:`download`, would do; nothing is written.

        Files that are here are looked at and not read.

        Raises:
            DryRunError: The Hub would have to be asked, and the network is switched off.
            HfHubHTTPError, TransferError, InvalidParameterError: As for :meth:`download`.
        """
        order = _snapshot_order(repo_id, revision, repo_type, Patterns(allow_patterns, ignore_patterns), local_dir)
        means = self._session.means(None, cancel)
        hubs = self._session.hubs(means.cancel)
        if filename is None:
            return SnapshotWalk(hubs, means).plan(replace(order, names=_read_names(filenames), is_fresh=force))
        file = FileOrder(
            repo=order.repo, revision=order.revision, folder=order.folder, path=repo_path(filename).text, is_fresh=force
        )
        return DownloadWalk(hubs, means).plan(file)

    def head(self, url: str, *, cancel: threading.Event | None = None) -> Head:
        """Return what the server of a file tells about it, without fetching it.

        Args:
            url: Of the file; the token goes along only if it is the endpoint's.
            cancel: Ends the call when set.

        Raises:
            HfHubHTTPError: The server answered no; the subclass tells why.
            TransferError: It could not be reached.
            OfflineModeIsEnabled: It would have to be asked.
            InvalidParameterError: That is no URL.
        """
        return self._session.hubs(cancel or threading.Event()).patient.head_of(url)


def _read_files(files: object) -> tuple[FileRequest, ...]:
    if isinstance(files, FileRequest):
        files = (files,)
    given = tuple(files) if isinstance(files, Iterable) else (files,)
    for each in given:
        if not isinstance(each, FileRequest):
            raise InvalidParameterError(f"files are FileRequests, see FileRequest.parse; not {type(each).__name__}")
    return given


def _snapshot_order(
    repo_id: str,
    revision: str | None,
    repo_type: str | None,
    patterns: Patterns,
    local_dir: str | os.PathLike[str] | None,
) -> SnapshotOrder:
    return SnapshotOrder(
        repo=RepoId(Kind.of_word(repo_type), repo_id),
        revision=check_revision(revision),
        patterns=patterns,
        folder=None if local_dir is None else read_directory(local_dir),
    )


def _read_names(filenames: Sequence[str]) -> tuple[str, ...]:
    if isinstance(filenames, str):
        raise InvalidParameterError(f"filenames are a list of paths, not one path; did you mean [{filenames!r}]?")
    return tuple(repo_path(each).text for each in filenames)


def _ignore(event: Event) -> None:
    del event
