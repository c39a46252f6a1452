"""What an honest origin answers to a request (RFC 9110 sections 13 and 14); pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from tests.support.origin.contents import Content, Held, OnDisk, Slice, SparseFile, digest_of
from tests.support.origin.replies import Headers, Reply, Span, text_reply
from tests.support.origin.requests import Request

DERIVED = "derived from the content"
_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")
_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


class UnsatisfiableError(Exception):
    """The range asked for lies outside the resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What one path holds.

    Attributes:
        content: Its bytes.
        etag: As sent, quotes and ``W/`` included; None is no such header.
        modified_at: Sent in whole seconds; None is no such header.
        headers: More headers, sent with every 200 and 206.
    """

    content: Content
    etag: str | None
    modified_at: datetime | None
    headers: Headers = (("Content-Type", "application/octet-stream"),)

    @property
    def last_modified(self) -> str | None:
        """The date as it is sent."""
        return None if self.modified_at is None else format_datetime(self.modified_at, usegmt=True)


Servable = bytes | Path | SparseFile | Resource


def make_resource(source: Servable, etag: str | None = DERIVED, serial: int = 0) -> Resource:
    """Return what is to be served for ``source``, with a strong ETag of its content unless told otherwise.

    Args:
        source: A resource is taken as it is, but for an explicit ``etag``.
        etag: As sent, quotes included; None is no ETag.
        serial: Seconds that its modification lies after the first of 2024, so that later content is newer.
    """
    if isinstance(source, Resource):
        kept = source.etag if etag == DERIVED else etag
        return Resource(content=source.content, etag=kept, modified_at=source.modified_at, headers=source.headers)
    content = _make_content(source)
    modified_at = _EPOCH + timedelta(seconds=serial)
    return Resource(content=content, etag=_derive_etag(content) if etag == DERIVED else etag, modified_at=modified_at)


def _make_content(source: bytes | Path | SparseFile) -> Content:
    if isinstance(source, Path):
        return OnDisk.at(source)
    return Held(source) if isinstance(source, bytes) else source


def _derive_etag(content: Content) -> str:
    """Return a strong ETag without reading what is large."""
    if isinstance(content, OnDisk):
        return f'"{content.size:x}-{content.path.stat().st_mtime_ns:x}"'
    if isinstance(content, SparseFile):
        return f'"{content.size:x}-{content.seed:x}"'
    return f'"{digest_of(content)[:32]}"'


def answer(request: Request, resource: Resource | None) -> Reply:
    """Return the truth: 200, 206, 404, 405 or 416."""
    if request.method not in ("GET", "HEAD"):
        return text_reply(405).with_headers({"Allow": "GET, HEAD"})
    if resource is None:
        return text_reply(404)
    try:
        span = asked_span(request, resource)
    except UnsatisfiableError:
        return text_reply(416).with_headers({"Content-Range": f"bytes */{resource.content.size}"})
    return whole_reply(resource) if span is None else part_reply(resource, span)


def whole_reply(resource: Resource) -> Reply:
    """Return all of the resource as a 200."""
    size = resource.content.size
    return Reply(status=200, headers=_describe(resource), body=resource.content, span=Span(0, size))


def part_reply(resource: Resource, span: Span) -> Reply:
    """Return ``span`` of the resource as a 206."""
    body = Slice(resource.content, *span)
    reply = Reply(status=206, headers=_describe(resource), body=body, span=span)
    return reply.with_headers({"Content-Range": content_range(span, resource.content.size)})


def content_range(span: Span, total: int | str) -> str:
    """Return the header's value for ``span``, whose bounds are inclusive on the wire."""
    return f"bytes {span.start}-{span.stop - 1}/{total}"


def asked_span(request: Request, resource: Resource) -> Span | None:
    """Return the one range asked for, cut at the end of the resource; None when all is to be sent.

    Several ranges, units other than bytes, methods other than GET and a failed ``If-Range`` all mean all.

    Raises:
        UnsatisfiableError: The range asked for lies outside.
    """
    field = request.headers.get("range")
    if field is None or request.method != "GET" or not _is_same(request.headers.get("if-range"), resource):
        return None
    return _parse_range(field, resource.content.size)


def _parse_range(field: str, size: int) -> Span | None:
    match = _RANGE.fullmatch(field)
    first, last = match.groups() if match else ("", "")
    if not (first or last) or (first and last and int(last) < int(first)):
        return None
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if start >= stop:
        raise UnsatisfiableError
    return Span(start, stop)


def _is_same(validator: str | None, resource: Resource) -> bool:
    """Compare strongly, as section 13.1.5 asks: a weak ETag is never the same."""
    if validator is None:
        return True
    if validator.startswith('"'):
        return validator == resource.etag
    return resource.last_modified is not None and validator == resource.last_modified


def _describe(resource: Resource) -> Headers:
    validators = (("ETag", resource.etag), ("Last-Modified", resource.last_modified))
    known = tuple((name, value) for name, value in validators if value is not None)
    return (("Accept-Ranges", "bytes"), *known, *resource.headers)
