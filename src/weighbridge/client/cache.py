"""What a client does with the cache as a whole: shows, checks, mends and clears it."""

from __future__ import annotations

import threading

from weighbridge.client.room import RoomCalls
from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.events import Observer
from weighbridge.core.findings import Repair, Verification
from weighbridge.core.repos import Kind, RepoId
from weighbridge.delivery import Means
from weighbridge.mending.repairs import RepairWalk
from weighbridge.store.cache.audit.verifying import Audit, Scope

_SCHEME = "hf://"


class CacheCalls(RoomCalls):
    """The cache of a client; see :attr:`weighbridge.client.Client.cache`.

    Args:
        session: Of the client.
    """

    def verify(
        self,
        *repos: str,
        repo_type: str | None = None,
        full: bool = False,
        complete: bool = False,
        observer: Observer | None = None,
        cancel: threading.Event | None = None,
    ) -> Verification:
        """Find everything in the cache that is otherwise than it should be; the network is never used.

        Every content is read, on all cores, and compared with the digest that its own name tells, or of a plain file in
        a snapshot its commit's listing.  What proves right is noted, so that the next time a look is enough.  Nothing
        else is changed, and what others change meanwhile is no finding.

        Args:
            repos: Such as ``org/name``, ``datasets/org/name``; none: the whole cache.
            repo_type: Of all ``repos``: ``model``, ``dataset``, ``space`` or ``kernel``; None is what each says itself.
            full: Read what is noted to be right as well: whoever can change a disk's bits can do so without a trace.
            complete: Take a file of a commit for a fault that its snapshot lacks: it may not have been asked for.
            observer: Receives :class:`weighbridge.core.events.Checking`, on this thread.
            cancel: Ends the call with :class:`weighbridge.CancelledError` when set; what was found right is noted.

        Returns:
            All that was found, and how much was read.

        Raises:
            CacheNotFound: There is no such cache.
            EntryNotFoundError: A repository is not in it.
            InvalidParameterError: An argument can't mean anything.
        """
        scope = Scope(root=self._root(), repos=_read_repos(repos, repo_type), is_full=full, is_complete=complete)
        return _verify(scope, self._session.means(observer, cancel))

    def repair(  # noqa: PLR0913 - each is a noun of its own, and all but the first are named by the caller
        self,
        *repos: str,
        repo_type: str | None = None,
        full: bool = False,
        complete: bool = False,
        verification: Verification | None = None,
        observer: Observer | None = None,
        cancel: threading.Event | None = None,
    ) -> Repair:
        """Mend what :meth:`verify` finds, and nothing else.

        Damaged content comes from another repository of this cache that has it whole; else those pieces are fetched
        that are wrong, if it is known what they must be; else the file.  Whoever reads a damaged file reads on until
        the right one takes its name.  After a kill, the same call goes on from there.

        Args:
            repos: As for :meth:`verify`.
            repo_type: As for :meth:`verify`.
            full: As for :meth:`verify`.
            complete: Fetch every file, too, that a snapshot lacks of its commit.
            verification: What was found already; None verifies first.
            observer: Receives progress events, on this thread; None logs what must not be missed.
            cancel: Ends the call with :class:`weighbridge.CancelledError` when set; what was mended is.

        Returns:
            What was mended, and what was left and why: also if the Hub could not be reached, or refused.

        Raises:
            CacheNotFound, EntryNotFoundError, InvalidParameterError: As for :meth:`verify`.
        """
        scope = Scope(root=self._root(), repos=_read_repos(repos, repo_type), is_full=full, is_complete=complete)
        means = self._session.means(observer, cancel)
        found = _verify(scope, means) if verification is None else verification
        return RepairWalk(scope.root, self._session.hubs(means.cancel), means).run(found)


def _verify(scope: Scope, means: Means) -> Verification:
    try:
        return Audit(scope, means.receipts, means.tell, means.cancel).run()
    finally:
        means.receipts.save()


def _read_repos(repos: tuple[str, ...], repo_type: str | None) -> tuple[RepoId, ...]:
    """Return the repositories that a caller names.

    Raises:
        InvalidParameterError: One can't be a repository.
    """
    for each in repos:
        given: object = each
        if not isinstance(given, str):
            raise InvalidParameterError(f"a repository is text like 'org/name', not {type(given).__name__}")
    names = [each.removeprefix(_SCHEME) for each in repos]
    if repo_type is None:
        return tuple(RepoId.parse(each) for each in names)
    kind = Kind.of_word(repo_type)
    return tuple(RepoId(kind, each.removeprefix(f"{kind.value}/")) for each in names)
