"""From what a project needs to its lock file: what is locked stays, what is new or to be upgraded is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from weighbridge.core.errors import InvalidParameterError, LockFileError, ProjectError
from weighbridge.core.events import Notice
from weighbridge.core.lock_changes import short, wish_of
from weighbridge.core.lock_text import sort_files, sort_repositories
from weighbridge.core.locks import LockedFile, LockedRepository, LockFile, find_clash
from weighbridge.core.patterns import Patterns
from weighbridge.core.projects import Project, Wish
from weighbridge.core.repos import RepoFile, RepoId, Tree
from weighbridge.core.snapshots import Order
from weighbridge.delivery import Means
from weighbridge.hub.patience import Hubs
from weighbridge.pinning.disagreements import Gone, is_gone, moved_tag, vanished
from weighbridge.shelves.choice import records_for
from weighbridge.shelves.fallback import near_names

_SECRET = re.compile(r"[?&][^=&]*(sig|token|key|secret|credential|passw|auth)[^=&]*=", re.IGNORECASE)
_SIGNED = (
    "has a query that looks like a signature or a token: all who see weighbridge.lock see it, and it may expire; find "
    "an address without one, or fetch that file with `weighbridge get`"
)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What is to be asked for again although it is locked.

    Attributes:
        is_all: Everything.
        names: Ids of repositories, whose tags may have moved, too.
    """

    is_all: bool = False
    names: frozenset[str] = frozenset()

    @classmethod
    def read(cls, given: object) -> Upgrade:
        """Read what a caller says: True for everything, False for nothing, or ids of repositories.

        Raises:
            InvalidParameterError: It is none of these.
        """
        if isinstance(given, bool):
            return cls(is_all=given)
        names = [given] if isinstance(given, str) else list(given) if isinstance(given, Sequence) else [None]
        if not all(isinstance(each, str) for each in names):
            raise InvalidParameterError(f"upgrade is True, False, or a list of ids of repositories, not {given!r}")
        return cls(names=frozenset(str(each) for each in names))

    def names_it(self, repo: RepoId) -> bool:
        """Tell whether a repository is named."""
        return not self.names.isdisjoint({repo.name, repo.address})

    def takes(self, repo: RepoId) -> bool:
        """Tell whether a repository is to be asked for."""
        return self.is_all or self.names_it(repo)

    def check(self, project: Project, path: str) -> None:
        """Refuse names of repositories that the project has not.

        Raises:
            ProjectError: There is one.
        """
        known = [each for wish in project.wishes for each in (wish.repo.name, wish.repo.address)]
        for name in sorted(self.names - {*known}):
            hint = near_names(name, sorted({*known}))
            raise ProjectError(f"{path} asks for no repository {name!r}{hint and f'; {hint}'}", path=path)


class Locking:
    """One call's way from a project to its lock file; driven by one thread.

    Args:
        hubs: Who knows.
        means: What the call works with.
    """

    def __init__(self, hubs: Hubs, means: Means) -> None:
        self._hubs = hubs
        self._means = means
        self._commits: dict[tuple[RepoId, str], str] = {}  # as told in this call: two wishes get the same

    def lock(self, project: Project, before: LockFile, upgrade: Upgrade, path: str) -> LockFile:
        """Return what is to be in the lock file.

        A repository whose wish has not changed stays as it is, without a question; one of which other files are wanted
        than before, or elsewhere, stays at its commit.

        Args:
            project: What is needed.
            before: What was locked.
            upgrade: What is to be asked for again.
            path: Of the project, for messages.

        Raises:
            ProjectError: Nothing is selected of a repository, or two files would be one.
            LockFileError: A server does not tell what a file has to be.
            LockMismatchError: A tag has moved, and its repository is not to be upgraded by name.
            HfHubHTTPError, TransferError: The Hub could not be asked.
        """
        repositories = tuple(self._lock_one(each, before, upgrade, path) for each in project.wishes)
        lock = LockFile(
            repositories=tuple(sort_repositories(repositories)),
            downloads=tuple(sorted(project.downloads, key=lambda each: each.path.text)),
        )
        problem = find_clash(lock.places())
        if problem is not None:
            raise ProjectError(f"{path}: {problem}", path=path)
        for each in lock.downloads:
            if each not in before.downloads and any(map(_SECRET.search, (each.url, *each.mirrors))):
                self._means.tell(Notice(message=f"the address of {each.path} {_SIGNED}"))
        return lock

    def check_tags(self, lock: LockFile) -> None:
        """Ask for each tag whether it still means what is locked.

        Raises:
            LockMismatchError: One does not.
        """
        for each in lock.repositories:
            if each.is_tag:
                self._means.check_cancelled()
                self._check_tag(each)

    def _lock_one(self, wish: Wish, before: LockFile, upgrade: Upgrade, path: str) -> LockedRepository:
        self._means.check_cancelled()
        kin = [each for each in before.repositories if _is_kin(each, wish)]
        same = next((each for each in kin if wish_of(each) == wish), None)
        takes = upgrade.takes(wish.repo)
        if same is not None and not takes:
            return same
        commit = kin[0].commit if kin and not takes else self._commit_of(wish.repo, wish.revision)
        if kin and wish.is_tag and commit != kin[0].commit and not upgrade.names_it(wish.repo):
            raise moved_tag(kin[0], commit)
        if same is not None and same.commit == commit:
            return same
        try:
            files = sort_files(self._files(wish, commit, path))
        except Gone as error:
            if kin and commit == kin[0].commit and is_gone(error):
                raise vanished(self._hubs.patient, kin[0], error) from error
            raise
        return LockedRepository(
            repo=wish.repo,
            revision=wish.revision,
            commit=commit,
            is_tag=wish.is_tag,
            include=wish.include,
            exclude=wish.exclude,
            directory=wish.directory,
            files=files,
        )

    def _check_tag(self, locked: LockedRepository) -> None:
        try:
            now = self._commit_of(locked.repo, locked.revision)
        except Gone as error:
            if not is_gone(error):
                raise
            raise moved_tag(locked, "no such tag") from error
        if now != locked.commit:
            raise moved_tag(locked, now)

    def _commit_of(self, repo: RepoId, revision: str) -> str:
        found = self._commits.get((repo, revision))
        if found is None:
            found = self._commits[repo, revision] = self._hubs.patient.commit_of(repo, revision)
        return found

    def _files(self, wish: Wish, commit: str, path: str) -> Iterator[LockedFile]:
        tree = self._tree(wish, commit)
        paths = [each.path for each in tree.files]
        wanted = set(Patterns(wish.include, wish.exclude).select(paths))
        if not wanted:
            globs = [each for each in wish.include or () if not any(sign in each for sign in "*?[")]
            hint = near_names(globs[0], paths) if globs else ""
            problem = f"include and exclude select none of the {len(paths)} files of the {wish} ({short(commit)})"
            raise ProjectError(f"{path}: {problem}{hint and f'; {hint}'}", path=path)
        for each in tree.files:
            if each.path in wanted:
                yield self._locked(wish, commit, each)

    def _tree(self, wish: Wish, commit: str) -> Tree:
        """Return all files of a commit, as they were listed once for the cache, or by the Hub."""
        options = self._means.options
        kept = None
        if options.cache.root is not None:
            kept = records_for(Order(repo=wish.repo, revision=commit), options).tree(commit)
        return kept or self._hubs.patient.tree_of(wish.repo, commit)

    def _locked(self, wish: Wish, commit: str, file: RepoFile) -> LockedFile:
        self._means.check_cancelled()
        if file.digest is None or file.size is None:  # the listing of a server that is no Hub
            told = self._hubs.patient.describe(wish.repo, commit, file.path).file(file.path)
            file = replace(told, size=file.size if told.size is None else told.size)
        if file.digest is None or file.size is None:
            raise LockFileError(
                f"the server of the {wish} does not tell the digest of {file.path}, so nothing could pin it; exclude "
                "it, take it from a Hub, or list it as a [[file]] with the digest that you know it to have",
                path=file.path,
            )
        return LockedFile(file.path, file.size, file.digest)


def note_unasked_tags(lock: LockFile, means: Means) -> None:
    """Tell that nobody could be asked whether tags have moved."""
    tags = [f"{wish_of(each)}" for each in lock.repositories if each.is_tag]
    if tags:
        means.tell(Notice(message=f"the network is switched off: nobody was asked whether a tag has moved: {tags[0]}"))


def _is_kin(locked: LockedRepository, wish: Wish) -> bool:
    return (locked.repo, locked.revision, locked.is_tag) == (wish.repo, wish.revision, wish.is_tag)
