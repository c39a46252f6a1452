"""A repository made ready to be served: what each commit's files are sent as, and how they are listed."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from tests.support.hub.payloads import Entry, tree_of
from tests.support.hub_repos import Repo, blob_name
from tests.support.origin.honest import Resource, make_resource

_SHORTEST_COMMIT = 7
_SHA256_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Stored:
    """One file of a commit.

    Attributes:
        resource: As the Hub sends it.
        at_cdn: As the CDN does, whose ETag has nothing to do with the Hub's.
        name: What the Hub calls its content.
    """

    resource: Resource
    at_cdn: Resource
    name: str

    @classmethod
    def of(cls, path: str, content: bytes, commit: str) -> Self:
        """Make a file ready."""
        name, unrelated = _names_of(path, content)
        plain = make_resource(content, f'"{name}"')
        named = replace(plain, headers=(*plain.headers, ("X-Repo-Commit", commit)))
        return cls(named, replace(plain, etag=f'"{unrelated}"'), name)

    @property
    def is_large(self) -> bool:
        """Whether it is kept outside git."""
        return len(self.name) == _SHA256_DIGITS

    @property
    def cdn_path(self) -> str:
        """Where the CDN has it."""
        return f"/repos/{self.name[:2]}/{self.name}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A repository and what its commits hold.

    Attributes:
        repo: As it is now.
        files: By commit and path.
        trees: By commit.
    """

    repo: Repo
    files: Mapping[str, Mapping[str, Stored]]
    trees: Mapping[str, list[Entry]]

    @classmethod
    def of(cls, repo: Repo) -> Self:
        """Make a repository ready."""
        files = {
            commit: {path: Stored.of(path, content, commit) for path, content in held.items()}
            for commit, held in repo.commits.items()
        }
        return cls(repo, files, {commit: tree_of(repo, commit) for commit in repo.commits})

    def moved(self, ref: str, commit: str) -> Self:
        """Return it with a branch at another of its commits."""
        return replace(self, repo=replace(self.repo, refs={**self.repo.refs, ref: commit}))

    def commit(self, revision: str) -> str | None:
        """Return the commit that a ref or a commit, maybe shortened, stands for; None if it stands for none."""
        if revision in self.repo.refs:
            return self.repo.refs[revision]
        is_told = len(revision) >= _SHORTEST_COMMIT
        return next((each for each in self.repo.commits if is_told and each.startswith(revision)), None)

    def file(self, revision: str, path: str) -> Stored | None:
        """Return a file of a revision; None if there is none."""
        return self.files.get(self.commit(revision) or "", {}).get(path)


@functools.lru_cache(maxsize=256)
def _names_of(path: str, content: bytes) -> tuple[str, str]:
    """Return what the Hub and what the CDN call a file."""
    return blob_name(path, content), hashlib.md5(content, usedforsecurity=False).hexdigest()
