"""Range, Content-Range, ETag, Retry-After and RateLimit as values; no sockets.

Inclusive ranges exist only here: HTTP counts the last byte in (RFC 9110, section 14), the rest of the
package counts it out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from weighbridge.core.ranges import ByteRange
from weighbridge.core.recovery import Validator

_CONTENT_RANGE = re.compile(r"bytes[ =]+(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.IGNORECASE | re.ASCII)
_ETAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"', re.ASCII)
_DIGITS = re.compile(r"\d{1,12}", re.ASCII)
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
_PARAMETER = re.compile(r"(?:^|[;,\s])(r|remaining|t|reset)=(\d{1,12})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class ContentRange:
    """``Content-Range`` (RFC 9110, section 14.4).

    Attributes:
        span: The bytes that came; None for ``*/size``, which says that none did.
        size: Whole length in bytes; None for ``*``.
    """

    span: ByteRange | None
    size: int | None


def format_range(span: ByteRange) -> str:
    """Return the ``Range`` header for ``span``."""
    return f"bytes={span.start}-{span.stop - 1}"


def parse_content_range(value: str | None) -> ContentRange | None:
    """Read a ``Content-Range``; None if absent, malformed, or contradicting itself."""
    match = _CONTENT_RANGE.fullmatch(value.strip()) if value is not None else None
    if match is None:
        return None
    first, last, total = match.groups()
    size = None if total == "*" else int(total)
    if first is None:
        return ContentRange(None, size)
    if int(last) < int(first) or (size is not None and int(last) >= size):
        return None
    return ContentRange(ByteRange(int(first), int(last) + 1), size)


def parse_length(headers: Mapping[str, str]) -> int | None:
    """Return the ``Content-Length`` in bytes; None if absent, malformed, or overruled by chunking."""
    value = headers.get("Content-Length", "").strip()
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        return None
    return int(value) if _LENGTH.fullmatch(value) else None


def parse_validator(headers: Mapping[str, str]) -> Validator:
    """Return the validators of an answer; a malformed ETag counts as none."""
    etag = headers.get("ETag", "").strip()
    modified = headers.get("Last-Modified", "").strip()
    return Validator(etag if _ETAG.fullmatch(etag) else None, modified or None)


def parse_retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the wait that ``Retry-After`` asks for, in seconds, in either of its forms (RFC 9110, 10.2.3).

    Args:
        headers: Of the answer; its own ``Date`` is the clock for the date form, if it has one.
        now: The clock otherwise; the system's if None.
    """
    value = headers.get("Retry-After", "").strip()
    if _DIGITS.fullmatch(value):
        return float(value)
    until = _parse_date(value)
    if until is None:
        return None
    clock = _parse_date(headers.get("Date", "")) or now or datetime.now(UTC)
    return max(0.0, (until - clock).total_seconds())


def parse_rate_limit(headers: Mapping[str, str]) -> tuple[int, float] | None:
    """Return (requests left, seconds until there are more) from ``RateLimit`` headers, or None.

    Reads the IETF draft's ``RateLimit: "name";r=0;t=55``, its older ``limit=…, remaining=…, reset=…`` and the
    separate ``RateLimit-Remaining`` and ``RateLimit-Reset``.  Of several limits the one with the least left counts.
    """
    value = headers.get("RateLimit", "")
    texts = [*value.split('"')[::2][1:], value]  # what stands behind each name; without names, all of it
    limits = [each for each in map(_read_limit, texts[:-1] or texts) if each is not None]
    separate = (_parse_count(headers, "RateLimit-Remaining"), _parse_count(headers, "RateLimit-Reset"))
    left, reset = min(limits) if limits else separate
    return None if left is None or reset is None else (left, float(reset))


def _read_limit(text: str) -> tuple[int, int] | None:
    """Return what is left of one limit and when there is more; None if it doesn't tell both."""
    found = {name.lower(): int(number) for name, number in _PARAMETER.findall(text)}
    left, reset = found.get("r", found.get("remaining")), found.get("t", found.get("reset"))
    return None if left is None or reset is None else (left, reset)


def _parse_count(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "").strip()
    return int(value) if _DIGITS.fullmatch(value) else None


def _parse_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
