"""All repositories that are served, whatever they come from."""

from __future__ import annotations

from collections.abc import Sequence

from weighbridge.core.repos import RepoId
from weighbridge.mirror.cache import Cache
from weighbridge.mirror.folder import FolderRepository
from weighbridge.mirror.refusals import no_repository
from weighbridge.mirror.repository import Repository


class Catalog:
    """Finds repositories; a folder comes before a cache, and an earlier cache before a later one.

    Args:
        caches: Cache directories.
        folders: Folders, each with a name of its own.
    """

    def __init__(self, caches: Sequence[Cache], folders: Sequence[FolderRepository]) -> None:
        self._caches = tuple(caches)
        self._folders = {each.repo: each for each in folders}

    def get(self, repo: RepoId) -> Repository:
        """Return a repository.

        Raises:
            Refusal: It is not held here.
        """
        folder = self._folders.get(repo)
        if folder is not None:
            return folder
        found = next((held for each in self._caches if (held := each.get(repo)) is not None), None)
        if found is None:
            raise no_repository(str(repo))
        return found

    def repositories(self) -> list[Repository]:
        """Return all repositories, by kind and name."""
        found: dict[RepoId, Repository] = dict(self._folders)
        for cache in self._caches:
            for each in cache.repositories():
                found.setdefault(each.repo, each)
        return [found[repo] for repo in sorted(found, key=lambda each: (each.kind.value, each.name.lower()))]
