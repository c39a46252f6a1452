"""A scriptable Hub on real loopback sockets, and the CDN its large files come from; honest until told otherwise."""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import dataclass
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from tests.support.fault_server import FaultServer
from tests.support.hub.addresses import Target, cached_path, read_target
from tests.support.hub.lies import (
    BAD_TOKEN,
    ENTRY_NOT_FOUND,
    JSON,
    REPO_HIDDEN,
    REPO_NOT_FOUND,
    REVISION_NOT_FOUND,
)
from tests.support.hub.payloads import Entry, in_folder, info_of
from tests.support.hub.shelf import Shelf, Stored
from tests.support.hub_repos import Repo
from tests.support.origin.faultbase import Exchange
from tests.support.origin.honest import Resource, answer
from tests.support.origin.replies import Reply, text_reply
from tests.support.origin.reply_faults import Redirect, Status
from tests.support.origin.requests import Request

__all__ = ["FaultHub", "Manner", "Tally", "Way"]


class Way(Enum):
    """How a file is sent."""

    DIRECT = auto()
    """From the address that was asked."""
    CACHED = auto()
    """From ``/api/resolve-cache/``, where a relative 307 leads; the 307 itself tells nothing else."""
    CDN = auto()
    """From the CDN, where a 302 with a signed address leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What an honest Hub may do in several ways.

    Attributes:
        small: How files are sent that git holds.
        large: How those are sent that are kept outside git.
        page_size: Entries of a page of a listing; None is all on one.
        link_ttl_s: How long a signed address is good.
    """

    small: Way = Way.DIRECT
    large: Way = Way.CDN
    page_size: int | None = None
    link_ttl_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many requests there were, of each sort.

    Attributes:
        info: For the commit of a revision.
        tree: For listings, a page each.
        head: HEAD of a file, anywhere.
        get: GET of a file at its own address.
        cached: GET of a file under ``/api/resolve-cache/``.
        cdn: GET of a file at the CDN.
        other: For anything else.
    """

    info: int = 0
    tree: int = 0
    head: int = 0
    get: int = 0
    cached: int = 0
    cdn: int = 0
    other: int = 0


class FaultHub(FaultServer):
    """Serves repositories while it is entered, as the Hub does; whatever a ``FaultServer`` can, it can.

    Rules and gates go by path: ``tests.support.hub.addresses`` knows the paths, and ``tests.support.hub.lies`` what can
    be wrong with a Hub alone.  The bytes of a small file are lied about here, those of a large one at the ``cdn``.

    Attributes:
        cdn: The second origin.
        manner: How it is honest.
    """

    def __init__(
        self,
        *repos: Repo,
        manner: Manner | None = None,
        tls: ssl.SSLContext | None = None,
        cdn_tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls=tls)
        self.cdn = FaultServer(tls=cdn_tls)
        self.manner = manner or Manner()
        self._state = threading.Lock()  # guards everything below
        self._shelves: dict[tuple[str, str], Shelf] = {}
        self._renamed: dict[tuple[str, str], str] = {}
        self._tokens: frozenset[str] | None = None
        for repo in repos:
            self.serve(repo)

    def __enter__(self) -> Self:
        self.cdn.__enter__()
        return super().__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            super().__exit__(kind, error, at)
        finally:
            self.cdn.__exit__(kind, error, at)

    # What is served

    def serve(self, repo: Repo) -> None:
        """Have ``repo`` from the next request on, in place of what had its name."""
        shelf = Shelf.of(repo)
        for each in {stored.name: stored for files in shelf.files.values() for stored in files.values()}.values():
            self.cdn.put(each.cdn_path, each.at_cdn)
        with self._state:
            self._shelves[repo.kind, repo.name] = shelf

    def move(self, repo: Repo, ref: str, commit: str) -> None:
        """Let a branch be at another commit of its repository, from the next request on."""
        with self._state:
            self._shelves[repo.kind, repo.name] = self._shelves[repo.kind, repo.name].moved(ref, commit)

    def rename(self, old: str, repo: Repo) -> None:
        """Send those who ask for ``old`` on to ``repo``, by a relative 307 that keeps the rest of the address."""
        with self._state:
            self._renamed[repo.kind, old] = repo.name

    def admit_only(self, *tokens: str) -> None:
        """Answer nobody from the next request on who does not bring one of these tokens; the CDN wants none."""
        with self._state:
            self._tokens = frozenset(tokens)

    def cdn_path(self, repo: Repo, path: str, revision: str = "main") -> str:
        """Return where the CDN has a file."""
        with self._state:
            return self._shelves[repo.kind, repo.name].files[repo.refs.get(revision, revision)][path].cdn_path

    # What happened

    @property
    def tally(self) -> Tally:
        """All requests so far, here and at the CDN, by what they were for."""
        counts = dict.fromkeys(Tally.__dataclass_fields__, 0)
        for record in self.requests:
            counts[self._sort(record.method, record.target)] += 1
        for record in self.cdn.requests:
            counts["head" if record.method == "HEAD" else "cdn"] += 1
        return Tally(**counts)

    @property
    def file_bytes(self) -> int:
        """Body bytes of files sent so far, here and from the CDN; those of JSON are not counted."""
        here = [each for each in self.requests if each.is_success and self._sort("", each.target) in ("get", "cached")]
        return sum(each.body_bytes for each in here) + self.cdn.bytes_sent()

    def _sort(self, method: str, target: str) -> str:
        found = self._read(target)
        if found is None:
            return "other"
        if found.subject in ("info", "tree"):
            return found.subject
        if method == "HEAD":
            return "head"
        return "get" if found.subject == "file" else "cached"

    # How a request is answered

    def _find(self, request: Request) -> Resource | None:
        """Return what is sent from the very address that is asked: what was put there, or a file."""
        held = super()._find(request)
        target = self._read(request.target)
        shelf = self._shelf(target)
        if held is not None or target is None or shelf is None or target.subject not in ("file", "cached file"):
            return held
        stored = shelf.file(target.revision, target.path)
        is_here = stored is not None and (target.subject == "cached file" or self._way(stored) is Way.DIRECT)
        return stored.resource if stored is not None and is_here else None

    def _tell(self, exchange: Exchange) -> Reply:
        request = exchange.request
        refusal = self._refuse(exchange)
        if refusal is not None:
            return refusal
        target = self._read(request.target)
        if exchange.resource is not None or target is None or request.method not in ("GET", "HEAD"):
            return answer(request, exchange.resource)
        shelf = self._shelf(target)
        if shelf is None:
            return self._tell_of_no_repo(target, exchange)
        commit = shelf.commit(target.revision)
        if commit is None:
            return REVISION_NOT_FOUND.shape(text_reply(404), exchange)
        return self._tell_of_commit(shelf, commit, target, exchange)

    def _refuse(self, exchange: Exchange) -> Reply | None:
        with self._state:
            tokens = self._tokens
        given = exchange.request.headers.get("authorization")
        if tokens is None or given in {f"Bearer {each}" for each in tokens}:
            return None
        refusal = REPO_HIDDEN if given is None else BAD_TOKEN
        return refusal.shape(text_reply(401), exchange)

    def _tell_of_no_repo(self, target: Target, exchange: Exchange) -> Reply:
        with self._state:
            renamed = self._renamed.get((target.kind, target.name))
        if renamed is not None:
            return _moved(exchange.request.target.replace(f"/{target.name}", f"/{renamed}", 1))
        refusal = REPO_NOT_FOUND if "authorization" in exchange.request.headers else REPO_HIDDEN
        return refusal.shape(text_reply(404), exchange)

    def _tell_of_commit(self, shelf: Shelf, commit: str, target: Target, exchange: Exchange) -> Reply:
        if target.subject == "info":
            return _json_reply(info_of(shelf.repo, commit))
        if target.subject == "tree":
            is_recursive = exchange.request.query.get("recursive", "").lower() == "true"
            entries = in_folder(shelf.trees[commit], target.path, recursive=is_recursive)
            if entries or not target.path:
                return self._page(entries, exchange.request)
        elif target.path in shelf.files[commit]:
            return self._send_on(shelf, commit, target.path, exchange.request)
        return ENTRY_NOT_FOUND.shape(text_reply(404), exchange).with_headers({"X-Repo-Commit": commit})

    def _page(self, entries: list[Entry], request: Request) -> Reply:
        """Return one page of a listing, and where the next is."""
        start = int(request.query.get("cursor", "0"))
        stop = len(entries) if self.manner.page_size is None else start + self.manner.page_size
        page = _json_reply(entries[start:stop])
        if stop >= len(entries):
            return page
        following = f"{self.origin}{request.target.partition('?')[0]}?recursive=true&expand=false&cursor={stop}"
        return page.with_headers({"Link": f'<{following}>; rel="next"'})

    def _send_on(self, shelf: Shelf, commit: str, path: str, request: Request) -> Reply:
        """Return where a file is that is not sent from its own address."""
        stored = shelf.files[commit][path]
        etag = f'"{stored.name}"'
        if self._way(stored) is Way.CACHED:
            query = f"{quote(request.target, safe='')}=&etag={quote(etag, safe='')}"
            return _moved(f"{quote(cached_path(shelf.repo, path, commit))}?{query}")
        location = self.cdn.signed(stored.cdn_path, self.manner.link_ttl_s)
        told = {"X-Repo-Commit": commit, "X-Linked-Size": str(stored.resource.content.size), "X-Linked-Etag": etag}
        return Redirect(location).alter(text_reply(302)).with_headers(told | {"Accept-Ranges": "bytes"})

    def _way(self, stored: Stored) -> Way:
        return self.manner.large if stored.is_large else self.manner.small

    def _read(self, target: str) -> Target | None:
        with self._state:
            names = [*self._shelves, *self._renamed]
        return read_target(target, names)

    def _shelf(self, target: Target | None) -> Shelf | None:
        with self._state:
            return None if target is None else self._shelves.get((target.kind, target.name))


def _json_reply(value: Any) -> Reply:
    return Status(200, JSON, json.dumps(value).encode()).alter(text_reply(200))


def _moved(location: str) -> Reply:
    return Redirect(location, 307).alter(text_reply(307))
