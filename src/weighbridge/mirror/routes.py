"""From the raw path and query of a request to what is asked for; decisions only, no I/O.

Paths are split before they are decoded: an encoded slash is a character of a branch's name, never a way into another
folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote_to_bytes

from weighbridge.core.repos import Kind, RepoId
from weighbridge.mirror.refusals import Refusal, bad_request, no_repository, no_such_address

_KINDS = {each.value: each for each in Kind}
_PREFIXES = {each.value: each for each in Kind if each is not Kind.MODEL}
_NESTED_REFS = frozenset({"pr", "convert", "heads", "tags"})
_LONGEST_PATH = 4096
_PAGE, _EXPANDED_PAGE = 1000, 50
_LIMIT = re.compile(r"\d{1,9}", re.ASCII)
_TRUE = frozenset({"1", "true", "yes", "on"})
_ORIGIN = re.compile(r"https?://[^/?#]*", re.IGNORECASE)  # what precedes the path where a proxy is spoken to


@dataclass(frozen=True, slots=True)
class FileRoute:
    """A file's content."""

    repo: RepoId
    revision: str
    path: str


@dataclass(frozen=True, slots=True)
class InfoRoute:
    """A repository at a revision; ``is_detailed`` asks for sizes and digests of its files, too."""

    repo: RepoId
    revision: str
    is_detailed: bool


@dataclass(frozen=True, slots=True)
class TreeRoute:
    """A page of the listing of a folder.

    Attributes:
        path: The folder; ``""`` is the root.
        is_deep: Whether to go into folders.
        is_expanded: Whether to tell of the last commit of each entry.
        after: The last path of the page before; ``""`` for the first.
        limit: Entries on a page.
    """

    repo: RepoId
    revision: str
    path: str
    is_deep: bool
    is_expanded: bool
    after: str
    limit: int


@dataclass(frozen=True, slots=True)
class RefsRoute:
    """Branches, and pull requests if ``has_pull_requests``."""

    repo: RepoId
    has_pull_requests: bool


@dataclass(frozen=True, slots=True)
class PathsRoute:
    """Some entries of a revision; the paths are in the body of the request."""

    repo: RepoId
    revision: str


@dataclass(frozen=True, slots=True)
class RepoPage:
    """A repository, for people."""

    repo: RepoId
    revision: str


@dataclass(frozen=True, slots=True)
class PlainRoute:
    """What has an address of its own: ``index``, ``style``, ``icon``, ``health``, ``metrics`` or ``whoami``."""

    name: str


Route: TypeAlias = FileRoute | InfoRoute | TreeRoute | RefsRoute | PathsRoute | RepoPage | PlainRoute

ICON_ADDRESS = "/_weighbridge/icon.svg"
STYLE_ADDRESS = "/_weighbridge/style.css"
_PLAIN = {
    ("",): PlainRoute("index"),
    ("_weighbridge", "style.css"): PlainRoute("style"),
    ("_weighbridge", "icon.svg"): PlainRoute("icon"),
    ("healthz",): PlainRoute("health"),
    ("metrics",): PlainRoute("metrics"),
    ("api", "whoami-v2"): PlainRoute("whoami"),
}


def methods_of(route: Route) -> tuple[str, ...]:
    """Return the methods that a route understands."""
    return ("POST",) if isinstance(route, PathsRoute) else ("GET", "HEAD")


def own_path(raw_path: str) -> str:
    """Return the path of a request whose target may have our address before it (RFC 9112, section 3.2.2)."""
    match = _ORIGIN.match(raw_path)
    return raw_path if match is None else raw_path[match.end() :]


def parse_route(raw_path: str, query: str) -> Route:
    """Return what is asked for.

    Args:
        raw_path: As sent, still encoded, without the query.
        query: As sent, without the question mark.

    Raises:
        Refusal: Nothing is served there, or the address can't mean anything.
    """
    if len(raw_path) > 4 * _LONGEST_PATH:
        raise Refusal(414, "the address is too long")
    segments = tuple(_decode(each) for each in own_path(raw_path).lstrip("/").split("/"))
    options = {name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)}
    if segments in _PLAIN:
        return _PLAIN[segments]
    if segments[0] == "api":
        return _parse_api(segments[1:], options)
    return _parse_file_or_page(segments)


def _parse_file_or_page(segments: tuple[str, ...]) -> Route:
    kind = _PREFIXES.get(segments[0], Kind.MODEL)
    rest = segments[1:] if segments[0] in _PREFIXES else segments
    for count in (2, 1):
        if len(rest) > count and rest[count] in {"resolve", "tree"} and all(rest[:count]):
            repo, (revision, path) = _repo(kind, rest[:count]), _split_revision(rest[count + 1 :])
            if rest[count] == "tree":
                return RepoPage(repo, revision)
            return FileRoute(repo, revision, _check_path(path))
    name = rest[:-1] if rest[-1:] == ("",) else rest
    if not 1 <= len(name) <= 2:  # noqa: PLR2004
        raise no_such_address()
    return RepoPage(_repo(kind, name), "main")


def _parse_api(segments: tuple[str, ...], options: dict[str, str]) -> Route:
    kind = _KINDS.get(segments[0]) if segments else None
    rest = segments[1:]
    if kind is None or not any(rest):
        raise no_such_address()
    for count in (2, 1):
        verb, tail = rest[count : count + 1], rest[count + 1 :]
        if verb == ("refs",) and not tail:
            return RefsRoute(_repo(kind, rest[:count]), _is_true(options, "include_prs"))
        if tail and verb in {("revision",), ("tree",), ("paths-info",)}:
            return _parse_at_revision(verb[0], _repo(kind, rest[:count]), tail, options)
    if len(rest) > 2:  # noqa: PLR2004
        raise no_such_address()
    return InfoRoute(_repo(kind, rest), "main", _is_true(options, "blobs"))


def _parse_at_revision(verb: str, repo: RepoId, tail: tuple[str, ...], options: dict[str, str]) -> Route:
    revision, path = _split_revision(tail)
    if verb == "tree":
        is_expanded = _is_true(options, "expand")
        # clients quote the whole folder, so its slashes are encoded here
        folder = "/".join(path).strip("/")
        return TreeRoute(
            repo=repo,
            revision=revision,
            path=_check_path(tuple(folder.split("/"))) if folder else "",
            is_deep=_is_true(options, "recursive"),
            is_expanded=is_expanded,
            after=options.get("cursor", ""),
            limit=_read_limit(options.get("limit", ""), _EXPANDED_PAGE if is_expanded else _PAGE),
        )
    if any(path):
        raise no_such_address()
    return PathsRoute(repo, revision) if verb == "paths-info" else InfoRoute(repo, revision, _is_true(options, "blobs"))


def _split_revision(segments: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Take the revision off the front; ``refs/pr/1`` may come encoded as one segment or plain as three."""
    if not segments:
        raise no_such_address()
    count = 3 if segments[0] == "refs" and len(segments) > 2 and segments[1] in _NESTED_REFS else 1  # noqa: PLR2004
    revision = "/".join(segments[:count])
    if any(each in {"", ".", ".."} for each in revision.split("/")):
        raise bad_request("a revision is the name of a branch or tag, or a commit")
    return revision, segments[count:]


def _check_path(segments: tuple[str, ...]) -> str:
    """Return a path that stays where it begins."""
    if not segments or any(each in {"", ".", ".."} or "/" in each for each in segments):
        raise bad_request("a file's path has no empty parts, no '.', no '..' and no encoded slashes")
    path = "/".join(segments)
    if len(path.encode()) > _LONGEST_PATH:
        raise Refusal(414, "the path is too long")
    return path


def _repo(kind: Kind, segments: tuple[str, ...]) -> RepoId:
    try:
        return RepoId(kind, "/".join(segments))
    except ValueError:
        raise no_repository(f"{kind.word} of that name") from None


def _decode(segment: str) -> str:
    try:
        text = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise bad_request("the address is not UTF-8") from None
    if "\0" in text:
        raise bad_request("the address holds a NUL character")
    return text


def _is_true(options: dict[str, str], name: str) -> bool:
    return options.get(name, "").lower() in _TRUE


def _read_limit(text: str, longest: int) -> int:
    return min(int(text) or longest, longest) if _LIMIT.fullmatch(text) else longest
