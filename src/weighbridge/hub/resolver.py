"""What exists at a Hub: commits, listings, files; or nothing, where the network is switched off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

from weighbridge.core.artifacts import Source
from weighbridge.core.errors import BadAnswerError, FileMetadataError, OfflineModeIsEnabled, RedirectError
from weighbridge.core.options import HubOptions
from weighbridge.core.repos import RepoFile, RepoId, Tree, is_commit
from weighbridge.core.urls import origin_of, parse_url, redact
from weighbridge.hub.answers import Head, Metadata, read_head, read_metadata
from weighbridge.hub.asking import Caller
from weighbridge.hub.credentials import Identity
from weighbridge.hub.endpoints import Endpoint
from weighbridge.hub.exchanges import Page
from weighbridge.hub.listings import build_tree, parse_commit, parse_tree_page
from weighbridge.hub.refusals import Asked

_PAGES_MAX = 10_000
_THIN_PAGES = 100  # after so many, pages must hold some files: a Hub puts a thousand on each
_FILES_A_PAGE = 10
_FILES_MAX = 2_000_000


class Hub(Protocol):
    """Tells what exists.  Every question may raise what :meth:`weighbridge.hub.asking.Caller.get_json` raises."""

    def commit_of(self, repo: RepoId, revision: str) -> str:
        """Return the commit that a branch or tag means now; a commit is returned as it is, and nobody is asked."""

    def tree_of(self, repo: RepoId, commit: str) -> Tree:
        """Return all files of a commit."""

    def describe(self, repo: RepoId, revision: str, path: str) -> Metadata:
        """Return what is known of one file; raises :class:`FileMetadataError` if that is too little."""

    def head_of(self, url: str) -> Head:
        """Return what the server of any address tells about the file there."""

    def source_of(self, repo: RepoId, commit: str, path: str) -> Source:
        """Return where the content of a file is to be had; nobody is asked."""


class OnlineHub:
    """A Hub that can be asked; safe to use from many threads.

    Args:
        caller: Asks.
        options: Whom; the same that the caller has.

    Raises:
        InvalidURLError: The endpoint is no address.
    """

    def __init__(self, caller: Caller, options: HubOptions) -> None:
        self._caller = caller
        self._endpoint = Endpoint.parse(options.endpoint)
        self._pattern: Source | None = None  # of all sources, which differ in their addresses alone

    def commit_of(self, repo: RepoId, revision: str) -> str:
        """See :class:`Hub`."""
        if is_commit(revision):
            return revision
        url = self._endpoint.revision_url(repo, revision)
        page = self._caller.get_json(url, Asked(url=url, repo=repo, revision=revision))
        with _answered(url, self._caller.identity):
            return parse_commit(page.value)

    def tree_of(self, repo: RepoId, commit: str) -> Tree:
        """See :class:`Hub`; all pages are read.

        Raises:
            RedirectError: It goes on at another server.
            BadAnswerError: It can't be true, repeats itself, or has no end.
        """
        first = self._endpoint.tree_url(repo, commit)
        with _answered(first, self._caller.identity):
            return build_tree(commit, self._files(first, Asked(url=first, repo=repo, revision=commit)))

    def describe(self, repo: RepoId, revision: str, path: str) -> Metadata:
        """See :class:`Hub`."""
        url = self._endpoint.file_url(repo, revision, path)
        told = read_metadata(self._caller.head(url, Asked(url=url, repo=repo, revision=revision, path=path)))
        if is_commit(revision) and told.commit != revision:
            raise FileMetadataError(
                f"{redact(url)} was asked for at one commit and answers with another, {told.commit}; its server, or a "
                "proxy on the way, does not speak as a Hub does"
            )
        return told

    def head_of(self, url: str) -> Head:
        """See :class:`Hub`."""
        address, _, _ = parse_url(url)
        return read_head(self._caller.head(address, Asked(url=address)))

    def source_of(self, repo: RepoId, commit: str, path: str) -> Source:
        """See :class:`Hub`."""
        if self._pattern is None:  # not before: a token that must not be sent is no reason to refuse what is here
            self._pattern = self._caller.identity.source(self._endpoint.url)
        return replace(self._pattern, url=self._endpoint.file_url(repo, commit, path))

    def _files(self, first: str, asked: Asked) -> Iterator[RepoFile]:
        url, seen, count = first, {first}, 0
        earlier: object = None
        for number in range(_PAGES_MAX):
            page = self._caller.get_json(url, asked)
            files = parse_tree_page(page.value)
            following, count = _following(page), count + len(files)
            if following is None:
                yield from files
                return
            if following in seen or (files and page.value == earlier):
                raise BadAnswerError("the listing repeats itself")
            if count > _FILES_MAX or count < (number - _THIN_PAGES) * _FILES_A_PAGE:
                break
            yield from files
            seen.add(following)
            url, earlier = following, page.value
        raise BadAnswerError(f"the listing has no end: it goes on after {count} files")


class OfflineHub:
    """A Hub that can't be asked, since the network is switched off.

    Args:
        options: Whom it would be.
    """

    def __init__(self, options: HubOptions) -> None:
        self._endpoint = Endpoint.parse(options.endpoint)

    def commit_of(self, repo: RepoId, revision: str) -> str:
        """See :class:`Hub`."""
        if is_commit(revision):
            return revision
        raise _offline(self._endpoint.revision_url(repo, revision), f"which commit of the {repo} {revision!r} means")

    def tree_of(self, repo: RepoId, commit: str) -> Tree:
        """See :class:`Hub`."""
        raise _offline(self._endpoint.tree_url(repo, commit), f"which files the {repo} has at {commit}")

    def describe(self, repo: RepoId, revision: str, path: str) -> Metadata:
        """See :class:`Hub`."""
        raise _offline(self._endpoint.file_url(repo, revision, path), f"about {path!a} of the {repo} at {revision}")

    def head_of(self, url: str) -> Head:
        """See :class:`Hub`."""
        raise _offline(parse_url(url)[0], "about this file")

    def source_of(self, repo: RepoId, commit: str, path: str) -> Source:
        """See :class:`Hub`; nothing may be fetched either."""
        raise _offline(self._endpoint.file_url(repo, commit, path), f"for {path!a} of the {repo} at {commit}")


def _offline(url: str, what: str) -> OfflineModeIsEnabled:
    return OfflineModeIsEnabled(
        f"{redact(url)} would have to be asked {what}, and the network is switched off (offline mode); switch it on, "
        "or have it in the cache before"
    )


def _following(page: Page) -> str | None:
    """Return the next page, which nobody but the server of this one may serve.

    Raises:
        RedirectError: Somebody else would.
    """
    url = page.next_url
    if url is not None and origin_of(url) != origin_of(page.url):
        shown = redact(page.url)
        raise RedirectError(
            f"the listing {shown} goes on at another server, {origin_of(url)}; refused: a mirror has to name itself "
            "there",
            url=shown,
        )
    return url


@contextmanager
def _answered(url: str, identity: Identity) -> Iterator[None]:
    """Say whose answer it is that a block calls a bad one, and repeat no secret that is in it."""
    try:
        yield
    except BadAnswerError as error:
        if error.url is not None:
            raise
        shown = redact(url)
        raise BadAnswerError(f"{shown}: {identity.hide(str(error))}", url=shown) from None
