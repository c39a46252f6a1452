"""The addresses of a Hub, quoted so that every name means itself; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, urlsplit

from weighbridge.core.errors import InvalidURLError, UnsafePathError
from weighbridge.core.repos import RepoId, check_revision, repo_path
from weighbridge.core.urls import Origin, parse_url, redact


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A Hub, or a mirror of one.  Make one with :meth:`parse`.

    Attributes:
        url: Where its addresses begin; without credentials and without a slash at the end.
        origin: Of ``url``.
        userinfo: ``user:password`` that its address held, or None.  It is no part of any address made here: whoever
            asks sends it as Basic ``Authorization``, to this origin only.
    """

    url: str
    origin: Origin
    userinfo: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return redact(self.url)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read the address of a Hub, which may have a path of its own (``https://host/hub``).

        Raises:
            InvalidURLError: Not an absolute http(s) URL, or one with a query.
        """
        bare, origin, userinfo = parse_url(url)
        if urlsplit(bare).query:
            raise InvalidURLError(f"the address of a Hub has no query: {redact(url)}", url=redact(url))
        return cls(bare.rstrip("/?"), origin, userinfo)

    def page_url(self, repo: RepoId) -> str:
        """Return the page where people look at ``repo``."""
        return f"{self.url}/{repo.address}"

    def file_url(self, repo: RepoId, revision: str | None, path: str) -> str:
        """Return the address of a file.

        Args:
            repo: Whose.
            revision: Branch, tag or commit; None means ``main``.
            path: In the repository, with ``/``.

        Raises:
            RequestError: The path could lead elsewhere, or one of both can't be put into an address.
        """
        return f"{self.page_url(repo)}/resolve/{_whole(check_revision(revision))}/{_quoted(path)}"

    def revision_url(self, repo: RepoId, revision: str | None) -> str:
        """Return the address that tells which commit ``revision`` means; raises as :meth:`file_url`."""
        return f"{self._api(repo)}/revision/{_whole(check_revision(revision))}"

    def tree_url(self, repo: RepoId, commit: str, path: str | None = None) -> str:
        """Return the address of the first page of all files of a commit, or of a folder of it.

        Raises as :meth:`file_url`.
        """
        folder = "" if path is None else f"/{quote(_quotable(path), safe='')}"
        return f"{self._api(repo)}/tree/{_whole(check_revision(commit))}{folder}?recursive=true&expand=false"

    def _api(self, repo: RepoId) -> str:
        return f"{self.url}/api/{repo.kind.value}/{repo.name}"


def _whole(revision: str) -> str:
    """Return a revision as one part of a path, its slashes quoted."""
    return quote(revision, safe="")


def _quoted(path: str) -> str:
    return quote(_quotable(path))


def _quotable(path: str) -> str:
    text = repo_path(path).text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UnsafePathError(f"the file {path!r} has no address: it is not valid Unicode", name=path) from None
    return text
