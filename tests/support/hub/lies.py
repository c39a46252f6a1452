"""What a Hub can do wrong beyond what any origin can, as values for ``FaultHub.on``; ``a & b`` is both, ``a`` first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.support.hub.payloads import Entry, file_entry
from tests.support.origin.contents import ENDLESS, Held, read_all
from tests.support.origin.faultbase import BlindFault, Exchange, Fault
from tests.support.origin.replies import Framing, Reply
from tests.support.origin.reply_faults import Status

JSON = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Refused(Fault):
    """No, as the Hub says it: a status, a code for programs if it has one, and words for people."""

    status: int
    code: str | None = None
    message: str | None = None

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Refuse."""
        told = {"X-Error-Code": self.code, "X-Error-Message": self.message}
        headers = JSON | {name: value for name, value in told.items() if value is not None}
        headers["X-Request-Id"] = f"request-{exchange.ordinal}"
        return Status(self.status, headers, json.dumps({"error": self.message}).encode()).alter(reply)


REPO_NOT_FOUND = Refused(404, "RepoNotFound", "Repository not found")
REPO_HIDDEN = Refused(401, "RepoNotFound", "Repository not found")
"""What someone without a token is told of a repository that isn't there, or is private."""
REVISION_NOT_FOUND = Refused(404, "RevisionNotFound", "Invalid rev id")
ENTRY_NOT_FOUND = Refused(404, "EntryNotFound", "Entry not found")
GATED = Refused(403, "GatedRepo", "Access to this repository is restricted and you are not in the authorized list.")
DISABLED = Refused(403, None, "Access to this resource is disabled.")
BAD_TOKEN = Refused(401, None, "Invalid credentials in Authorization header")


@dataclass(frozen=True, slots=True)
class Then(BlindFault):
    """The truth; and just before it is sent, ``action`` is done: the next request finds another Hub."""

    action: Callable[[], object]

    def alter(self, reply: Reply) -> Reply:
        """Act."""
        self.action()
        return reply


@dataclass(frozen=True, slots=True)
class Edited(BlindFault):
    """The JSON of a 2xx, as ``edit`` returns it."""

    edit: Callable[[Any], Any]

    def alter(self, reply: Reply) -> Reply:
        """Tell something else."""
        if not reply.is_success:
            return reply
        told = self.edit(json.loads(read_all(reply.body)))
        return replace(reply, body=Held(json.dumps(told).encode()), span=None)


def says(**fields: Any) -> Fault:
    """Lie about a revision: such as ``sha``."""
    return Edited(lambda info: info | fields)


def lists(path: str, /, **fields: Any) -> Fault:
    """Lie in a listing about one file: ``size``, ``oid``, ``path``, ``type``, or ``lfs`` with all that is in it."""

    def edit(entries: list[Entry]) -> list[Entry]:
        return [entry | fields if entry["path"] == path else entry for entry in entries]

    return Edited(edit)


def also_lists(*entries: Entry | str) -> Fault:
    """Add entries to a listing; a path alone is a small file."""
    added = [file_entry(each, b"never asked for\n") if isinstance(each, str) else each for each in entries]
    return Edited(lambda given: [*given, *added])


def leaves_out(path: str, /) -> Fault:
    """Keep quiet about a file in a listing."""
    return Edited(lambda entries: [entry for entry in entries if entry["path"] != path])


@dataclass(frozen=True, slots=True)
class Foreign(BlindFault):
    """A server that is no Hub: no name it gives to a content is the digest of it, in listings and in headers.

    Put it on top of everything with ``always``; on the server that large files are sent from, too.
    """

    def alter(self, reply: Reply) -> Reply:
        """Replace digests by what other servers make up."""
        if reply.header("X-Linked-Etag") is not None or (reply.is_success and reply.span and reply.header("ETag")):
            named = {"ETag": f'"{_made_up(reply.header("X-Linked-Etag") or reply.header("ETag") or "")}"'}
            return reply.without_headers("X-Linked-Etag").with_headers(named)
        if reply.is_success and read_all(reply.body)[:1] == b"[":
            return Edited(lambda entries: [_without_digests(entry) for entry in entries]).alter(reply)
        return reply


def _without_digests(entry: Entry) -> Entry:
    kept = {key: value for key, value in entry.items() if key != "lfs"}
    return kept | {"oid": _made_up(entry["lfs"]["oid"] if "lfs" in entry else entry["oid"])}


def _made_up(name: str) -> str:
    return f"5f3-{hashlib.md5(name.strip(chr(34)).encode(), usedforsecurity=False).hexdigest()[:13]}"


@dataclass(frozen=True, slots=True)
class NextPage(Fault):
    """More of the listing is said to be at ``url``; None is the address that was just asked."""

    url: str | None = None

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Add the link."""
        return _linked(reply, _asked(exchange, exchange.request.target) if self.url is None else self.url)


@dataclass(frozen=True, slots=True)
class EndlessPages(Fault):
    """A page after every page, each with an address of its own, and with files if ``files`` of them are wanted."""

    files: int = 0

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Make up a page and the link to the next."""
        at = exchange.ordinal
        entries = [file_entry(f"page {at}/{index}.txt", b"more\n") for index in range(self.files)]
        page = Status(200, JSON, json.dumps(entries).encode()).alter(reply)
        path = exchange.request.target.partition("?")[0]
        return _linked(page, _asked(exchange, f"{path}?recursive=true&expand=false&cursor={at * 1_000_000}"))


@dataclass(frozen=True, slots=True)
class EndlessListing(BlindFault):
    """A listing that is JSON as far as anyone has read it, and never ends."""

    def alter(self, reply: Reply) -> Reply:
        """Begin it."""
        page = Status(200, JSON).alter(reply)
        return replace(page, body=_Endless(), framing=Framing.CHUNKED)


@dataclass(frozen=True, slots=True)
class DeepJson(BlindFault):
    """Lists within lists, ``depth`` of them."""

    depth: int = 200_000

    def alter(self, reply: Reply) -> Reply:
        """Send them."""
        return Status(200, JSON, b"[" * self.depth + b"]" * self.depth).alter(reply)


class _Endless:
    """One entry after the other, all of the same length, no two of the same path."""

    size = ENDLESS
    _AT_ONCE = 500

    def chunks(self, start: int, stop: int) -> Iterator[memoryview]:
        """Yield the bytes from ``start`` on."""
        length = len(self._entry(0))
        index, into = divmod(start, length)
        while start < stop:
            block = b"".join(self._entry(each) for each in range(index, index + self._AT_ONCE))
            part = block[into : into + stop - start]
            yield memoryview(part)
            start, index, into = start + len(part), index + self._AT_ONCE, 0

    def _entry(self, index: int) -> bytes:
        entry = {"type": "file", "oid": f"{index:040x}", "size": 1, "path": f"endless/{index:012}.txt"}
        return (b"," if index else b"[") + json.dumps(entry).encode()


def _linked(reply: Reply, url: str) -> Reply:
    return reply.with_headers({"Link": f'<{url}>; rel="next"'}) if reply.is_success else reply


def _asked(exchange: Exchange, target: str) -> str:
    """Return ``target`` on the server that was asked, which these lies take to speak plain http."""
    return f"http://{exchange.request.headers['host']}{target}"
