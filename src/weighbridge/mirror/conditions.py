"""Range, If-Range, If-Match and If-None-Match: what a request for a file is answered with; decisions only, no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from weighbridge.core.ranges import ByteRange

_RANGE = re.compile(r"bytes=[ \t]*(\d{0,99})-(\d{0,99})[ \t]*", re.IGNORECASE | re.ASCII)
_TAGS = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


@dataclass(frozen=True, slots=True)
class Plan:
    """How a request for a file is answered.

    Attributes:
        status: 200, 206, 304, 412 or 416.
        span: The bytes to send; None sends none.
        size: Of the whole file, in bytes.
    """

    status: int
    span: ByteRange | None
    size: int

    @property
    def headers(self) -> dict[str, str]:
        """What tells of the bytes that come."""
        if self.status == 304:  # noqa: PLR2004
            return {}
        headers = {"Content-Length": str(0 if self.span is None else len(self.span))}
        if self.status == 206 and self.span is not None:  # noqa: PLR2004
            headers["Content-Range"] = f"bytes {self.span.start}-{self.span.stop - 1}/{self.size}"
        elif self.status == 416:  # noqa: PLR2004
            headers["Content-Range"] = f"bytes */{self.size}"
        return headers


def plan_answer(method: str, headers: Mapping[str, str], etag: str, size: int) -> Plan:
    """Return how to answer, by RFC 9110, sections 13.2.2 and 14.2.

    Args:
        method: ``GET`` or ``HEAD``, for which a range means nothing.
        headers: Of the request, by lower-case name.
        etag: The file's strong validator, in quotes.
        size: Its length in bytes.
    """
    if not _holds(headers.get("if-match"), etag, is_weak=False, absent=True):
        return Plan(412, None, size)
    if _holds(headers.get("if-none-match"), etag, is_weak=True, absent=False):
        return Plan(304, None, size)
    whole = Plan(200, ByteRange(0, size) if size else None, size)
    asked = headers.get("range")
    if method != "GET" or asked is None or headers.get("if-range", etag).strip() != etag:
        return whole
    match = _RANGE.fullmatch(asked.strip())
    if match is None or match[1] == match[2] == "" or (match[1] and match[2] and int(match[2]) < int(match[1])):
        return whole  # several ranges, other units, nonsense: a server may ignore them, and does
    start = int(match[1]) if match[1] else max(0, size - int(match[2]))
    stop = min(size, int(match[2]) + 1) if match[1] and match[2] else size
    part = Plan(206, ByteRange(start, stop), size) if start < stop else Plan(416, None, size)
    is_end_of_nothing = not size and not match[1] and int(match[2]) > 0  # which is there, unlike its first byte
    return whole if is_end_of_nothing else part


def _holds(given: str | None, etag: str, *, is_weak: bool, absent: bool) -> bool:
    """Tell whether a list of validators names the file; ``absent`` is the answer if there is none."""
    if given is None:
        return absent
    if given.strip() == "*":
        return True
    tags = _TAGS.findall(given)
    return etag in ([each.removeprefix("W/") for each in tags] if is_weak else tags)
