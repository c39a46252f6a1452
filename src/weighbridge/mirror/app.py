"""Answers requests: from a route to a repository to a response."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from mimetypes import guess_type
from typing import TypeAlias
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from weighbridge.core.repos import is_commit
from weighbridge.mirror import pages
from weighbridge.mirror.access import Gate, is_loopback, shown_token
from weighbridge.mirror.catalog import Catalog
from weighbridge.mirror.conditions import plan_answer
from weighbridge.mirror.listing import Listing
from weighbridge.mirror.observing import ROUTE, Metrics, Observed
from weighbridge.mirror.payloads import refs_info, repo_info, tree_entry
from weighbridge.mirror.refusals import Refusal, bad_request, no_entry, try_later
from weighbridge.mirror.routes import (
    FileRoute,
    InfoRoute,
    PathsRoute,
    PlainRoute,
    RefsRoute,
    RepoPage,
    Route,
    TreeRoute,
    methods_of,
    own_path,
    parse_route,
)
from weighbridge.mirror.sending import FileAnswer, SourceChangedError

_Readable: TypeAlias = FileRoute | InfoRoute | TreeRoute | RefsRoute | RepoPage | PlainRoute

_log = logging.getLogger("weighbridge.mirror")
_INDEX_S = 2.0  # how long the index page is as good as new
_LARGEST_FORM = 1024 * 1024
_LARGEST_COUNT = 10_000
_FORM_S = 30.0  # for a form to come in
_LONGEST_MESSAGE = 500  # in a header; proxies take 4 KiB of them all
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NO_CACHE, _FOR_EVER = "no-cache", "max-age=31536000, immutable"
_SAFE_HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
_FOR_US = frozenset({"if-match", "if-unmodified-since"})  # nginx would weigh them by validators of its own making
_PLAIN_TEXT = frozenset({"application/json", "application/javascript", "application/xml", "application/yaml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorOptions:
    """How a mirror answers.

    Attributes:
        gate: Who may read.
        public_url: What it is called from outside, without a trailing slash; None believes the request.
        is_local: Answer only who calls it by a name of this machine: its loopback is no protection from web pages.
        accel: Prefix of the addresses at which nginx sends files itself (``X-Accel-Redirect``); None sends them here.
        is_json_log: The access log is JSON lines.
    """

    gate: Gate = field(default_factory=Gate)
    public_url: str | None = None
    accel: str | None = None
    is_local: bool = False
    is_json_log: bool = False


def build_app(catalog: Catalog, options: MirrorOptions, write_log: Callable[[str], None] | None = None) -> ASGIApp:
    """Return the application.

    Args:
        catalog: What is served.
        options: How.
        write_log: Takes each line of the access log; None writes none.
    """

    def count() -> dict[str, int]:
        return Counter(each.repo.kind.value for each in catalog.repositories())

    metrics = Metrics(count)
    handler = Handler(catalog, options, metrics)
    # no routing before our own: Starlette's does not know paths with a line end in them, or with a host before them
    app = ServerErrorMiddleware(handler, handler=_fail)
    return Observed(app, metrics, write_log, is_json=options.is_json_log)


class Handler:
    """Answers every request; an ASGI application.

    Args:
        catalog: What is served.
        options: How.
        metrics: Shown at ``/metrics``.
    """

    def __init__(self, catalog: Catalog, options: MirrorOptions, metrics: Metrics) -> None:
        self._catalog = catalog
        self._options = options
        self._metrics = metrics
        self._index_lock = threading.Lock()  # guards _index_page
        self._index_page = (float("-inf"), "", "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        is_page = "text/html" in request.headers.get("accept", "")  # browsers ask for it, clients of the Hub never
        try:
            route = parse_route(scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1"))
            is_page = is_page or isinstance(route, RepoPage)
            scope[ROUTE] = _label(route)
            if route != PlainRoute("health"):
                self._options.gate.check(request.headers.get("authorization"))
            if request.method not in methods_of(route):
                allowed = ", ".join(methods_of(route))
                raise Refusal(405, f"this address understands {allowed} only", None, {"Allow": allowed})
            self._check_host(request)
            response = await self._respond(route, request)
            await response(scope, receive, send)
        except Refusal as refusal:
            await _refuse(refusal, is_page=is_page)(scope, receive, send)
        except ClientDisconnect:
            return
        except SourceChangedError as error:
            _log.warning("%s; the connection is cut", error)  # which is what follows from an answer without an end

    def _check_host(self, request: Request) -> None:
        """Refuse a request that a page of another site has made a browser send, by a name of its own for us."""
        host = request.headers.get("host")
        if self._options.is_local and host is not None and not is_loopback(_name_in(host)):
            raise Refusal(421, f"this mirror is for this machine alone and not known as {host}; see --public-url")

    async def _respond(self, route: Route, request: Request) -> Response | FileAnswer:
        if route == PlainRoute("health"):
            return JSONResponse({"status": "ok"})  # even if all threads wait for a disk
        try:
            if isinstance(route, PathsRoute):
                form = await _read_form(request)
                return await run_in_threadpool(self._paths, route, form)
            return await run_in_threadpool(self._look_up, route, request)
        except OSError as error:
            _log.warning("can't look up %s: %s", request.url.path, error)
            raise try_later(f"that can't be looked up now: {error.strerror}") from error

    def _look_up(self, route: _Readable, request: Request) -> Response | FileAnswer:
        match route:
            case FileRoute():
                return self._file(route, request)
            case RepoPage():
                return self._page(route, request)
            case PlainRoute():
                return self._plain(route, request)
            case _:
                return self._api(route, request)

    def _api(self, route: InfoRoute | TreeRoute | RefsRoute, request: Request) -> Response:
        match route:
            case TreeRoute():
                return self._tree(route, request)
            case RefsRoute():
                refs = self._catalog.get(route.repo).refs()
                return JSONResponse(refs_info(refs, has_pull_requests=route.has_pull_requests))
            case _:
                listing = self._listing(route)
                info = repo_info(route.repo, listing, is_detailed=route.is_detailed)
                return JSONResponse(info, headers=_listing_headers(listing))

    def _page(self, route: RepoPage, request: Request) -> Response:
        repository = self._catalog.get(route.repo)
        first = pages.first_revision(repository)
        if route.revision == "main" and first not in {"main", None}:  # it was fetched by commit alone, say
            return RedirectResponse(pages.page_of(route.repo, str(first)), 302)
        listing = repository.listing(repository.resolve(route.revision))
        page = pages.repo_page(repository, route.revision, listing, self._base(request))
        return HTMLResponse(page, headers=pages.HEADERS)

    def _plain(self, route: PlainRoute, request: Request) -> Response:
        match route.name:
            case "index":
                return HTMLResponse(self._index(self._base(request)), headers=pages.HEADERS)
            case "style" | "icon":
                content, media_type = pages.ASSETS[route.name]
                return Response(content, media_type=media_type, headers=pages.ASSET_HEADERS)
            case "metrics":
                return Response(self._metrics.page(), headers={"Content-Type": _METRICS_TYPE})
            case _:
                return self._whoami(request)

    def _index(self, base: str) -> str:
        """Return the page that lists all repositories; it takes a walk through each, so many may share one."""
        with self._index_lock:
            made_at, made_for, page = self._index_page
            if made_for != base or time.monotonic() - made_at > _INDEX_S:
                page = pages.index_page(self._catalog.repositories(), base)
                self._index_page = (time.monotonic(), base, page)
            return page

    def _file(self, route: FileRoute, request: Request) -> Response | FileAnswer:
        repository = self._catalog.get(route.repo)
        commit = repository.resolve(route.revision)
        held = repository.find(commit, route.path)
        plan = plan_answer(request.method, _joined(request.headers), held.etag, held.size)
        is_private = self._options.gate.token is not None
        lasting = _FOR_EVER if is_commit(route.revision) else _NO_CACHE
        headers = {
            "ETag": held.etag,
            "X-Repo-Commit": commit,
            "Accept-Ranges": "bytes",
            "Cache-Control": f"{'private' if is_private else 'public'}, {lasting}",
            "Content-Type": _media_type(route.path),
            "Content-Disposition": _disposition(route.path),
            **_SAFE_HEADERS,
        }
        if self._options.accel is not None and plan.span is not None and not _FOR_US & set(request.headers):
            # under other names, so that a client which comes here past nginx does not take the empty body for the file
            hidden = {"X-Weighbridge-ETag": headers.pop("ETag"), "X-Weighbridge-Commit": headers.pop("X-Repo-Commit")}
            hidden["X-Accel-Redirect"] = self._options.accel + quote(os.fsencode(held.place))
            return Response(status_code=200, headers=headers | hidden)
        return FileAnswer(held, plan.status, headers | plan.headers, plan.span)

    def _tree(self, route: TreeRoute, request: Request) -> Response:
        listing = self._listing(route)
        if route.path and route.path not in listing.folders:
            raise no_entry(str(route.repo), route.path, listing.commit, is_known=not listing.missing)
        paths = [each for each in listing.below(route.path, is_deep=route.is_deep) if each > route.after]
        shown = paths[: route.limit]
        headers = _listing_headers(listing)
        if len(paths) > len(shown):
            query = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
            following = urlencode([*query, ("cursor", shown[-1])])
            headers["Link"] = f'<{self._base(request)}{_raw_path(request)}?{following}>; rel="next"'
        entries = [tree_entry(each, listing, is_expanded=route.is_expanded) for each in shown]
        return JSONResponse(entries, headers=headers)

    def _paths(self, route: PathsRoute, form: Mapping[str, list[str]]) -> Response:
        listing = self._listing(route)
        is_expanded = form.get("expand", [""])[-1].lower() == "true"
        wanted = list(dict.fromkeys(each.strip("/") for each in form.get("paths", [])))
        found = [each for each in wanted if each and (each in listing.files or each in listing.folders)]
        entries = [tree_entry(each, listing, is_expanded=is_expanded) for each in found]
        return JSONResponse(entries, headers=_listing_headers(listing))

    def _whoami(self, request: Request) -> Response:
        if shown_token(request.headers.get("authorization")) is None:
            raise Refusal(401, "nobody is logged in: no token was sent")
        access = {"accessToken": {"displayName": "weighbridge", "role": "read"}, "type": "access_token"}
        return JSONResponse(
            {
                "type": "user",
                "id": "0" * 24,
                "name": "weighbridge",
                "fullname": "A reader of this mirror",
                "auth": access,
            }
            | {"email": None, "emailVerified": False, "isPro": False, "canPay": False, "orgs": []}
        )

    def _listing(self, route: InfoRoute | TreeRoute | PathsRoute) -> Listing:
        repository = self._catalog.get(route.repo)
        return repository.listing(repository.resolve(route.revision))

    def _base(self, request: Request) -> str:
        """Return the address of this mirror as the client knows it, without a trailing slash."""
        host = request.headers.get("host") or request.url.netloc  # HTTP/1.0 need not tell it
        return self._options.public_url or f"{request.scope['scheme']}://{host}"


async def _read_form(request: Request) -> dict[str, list[str]]:
    """Read the paths that are asked for: a form, as clients send it."""
    content = bytearray()
    try:
        async with asyncio.timeout(_FORM_S):
            async for block in request.stream():
                content += block
                if len(content) > _LARGEST_FORM:
                    raise Refusal(413, "too many paths; ask in several requests")
    except TimeoutError:
        raise Refusal(408, "the form did not come in time", None, {"Connection": "close"}) from None
    found: dict[str, list[str]] = {}
    try:
        fields = parse_qsl(
            content.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_LARGEST_COUNT
        )
    except ValueError:
        raise bad_request(
            f"the body is no form in UTF-8 (paths=…&paths=…) of at most {_LARGEST_COUNT} fields"
        ) from None
    for name, value in fields:
        found.setdefault(name, []).append(value)
    return found


def _name_in(host: str) -> str:
    """Return the name or address in a ``Host`` header; "" if it holds none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _joined(headers: Headers) -> dict[str, str]:
    """Return headers with several of one name joined (RFC 9110, section 5.3)."""
    return {name: ", ".join(headers.getlist(name)) for name in headers.keys()}  # noqa: SIM118 - no dictionary


def _listing_headers(listing: Listing) -> dict[str, str]:
    headers = {"X-Repo-Commit": listing.commit, "Cache-Control": _NO_CACHE}
    if listing.missing:
        held = len(listing.files)
        headers["X-HF-Warning"] = f"partial; this mirror holds {held} of {held + listing.missing} files of this commit"
    return headers


def _refuse(refusal: Refusal, *, is_page: bool) -> Response:
    message = refusal.message.encode("ascii", "backslashreplace").decode("ascii")[:_LONGEST_MESSAGE]
    headers = {"X-Error-Message": "".join(each if each.isprintable() else "?" for each in message), **refusal.headers}
    if refusal.code is not None:
        headers["X-Error-Code"] = refusal.code
    if is_page:
        return HTMLResponse(pages.error_page(refusal.status, refusal.message), refusal.status, headers | pages.HEADERS)
    return JSONResponse({"error": refusal.message}, refusal.status, headers)


async def _fail(request: Request, error: Exception) -> Response:
    """Answer what nobody foresaw; what it was is in the server's log, not in the answer."""
    del request, error
    return JSONResponse({"error": "internal error"}, 500, {"X-Error-Message": "internal error"})


def _label(route: Route) -> str:
    if isinstance(route, PlainRoute):
        return route.name
    return type(route).__name__.removesuffix("Route").lower()


def _raw_path(request: Request) -> str:
    path: bytes = request.scope["raw_path"]
    return own_path(path.decode("ascii", "backslashreplace"))


def _media_type(path: str) -> str:
    """Return a type with which a browser shows text and runs nothing."""
    found, encoding = guess_type(f"/{path}")  # without the slash a name that begins with "data:" tells its own type
    if encoding is None and found is not None and (found.startswith("text/") or found in _PLAIN_TEXT):
        return "text/plain; charset=utf-8"
    is_picture = encoding is None and found is not None and found.startswith("image/") and "svg" not in found
    return found if is_picture and found is not None else "application/octet-stream"


def _disposition(path: str) -> str:
    """Return what a browser is to call the file (RFC 6266)."""
    return f"inline; filename*=UTF-8''{quote(path.rpartition('/')[2], safe='')}"
