"""What an answer to a ranged GET means, checked before the first byte of it is written; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from weighbridge.core.errors import ArtifactChangedError, BadAnswerError, BadStatusError
from weighbridge.core.ranges import ByteRange
from weighbridge.core.recovery import Validator
from weighbridge.core.urls import redact
from weighbridge.http.messages import (
    parse_content_range,
    parse_length,
    parse_retry_after,
    parse_validator,
)

_NO_CODINGS = frozenset({"", "identity", "none", "binary", "utf-8", "aws-chunked"})  # what stores let their users write
_OK, _PARTIAL, _UNSATISFIABLE = 200, 206, 416
_GZIPPED_FILES = (".gz", ".tgz")
_DECODABLE = frozenset({"gzip", "x-gzip", "deflate"})  # on every installation of the HTTP library
_PAGE = "text/html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked: ``span`` is None for the whole file; ``size`` is what is known of the whole, in bytes."""

    span: ByteRange | None
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A body that may be believed as far as its header goes.

    Attributes:
        start: Offset of its first byte.
        stop: Offset after its last byte; None if only the end of the body tells.
        size: Whole size in bytes; None if the answer doesn't tell.
        validator: Of the whole file.
        is_whole: The body is the whole file rather than the range.
        is_encoded: The body must be decoded, though identity was asked for.
        is_page: It is said to be a web page.
    """

    start: int
    stop: int | None
    size: int | None
    validator: Validator
    is_whole: bool
    is_encoded: bool = False
    is_page: bool = False


def read_answer(question: Question, status: int, headers: Mapping[str, str], url: str) -> Answer:
    """Check an answer's header against the question.

    A 206 may hold less than was asked for (RFC 9110, section 15.3.7) but must start where it was asked to,
    must not go further, and its range, total and length must agree with each other and with what is known.

    Args:
        question: What was asked.
        status: Of the answer.
        headers: Of the answer, case-insensitive.
        url: Where it came from.

    Raises:
        BadStatusError: A status that brings no bytes.
        BadAnswerError: The header contradicts the question or itself.
        ArtifactChangedError: The total is not what it was.
    """
    if status == _PARTIAL:
        return _read_partial(question, headers, url)
    if status == _OK:
        return _read_whole(headers, url)
    if status == _UNSATISFIABLE and question.span is not None:
        return _read_unsatisfiable(question, headers, url)
    wait = parse_retry_after(headers)
    hint = f" (asks to wait {wait:.0f} s)" if wait is not None else ""
    raise BadStatusError(f"{redact(url)} answered {status}{hint}", url=redact(url), status=status, retry_after_s=wait)


def _read_whole(headers: Mapping[str, str], url: str) -> Answer:
    encoding = _encoding(headers)
    is_encoded = bool(encoding) and not (encoding.endswith("gzip") and urlsplit(url).path.endswith(_GZIPPED_FILES))
    if is_encoded and not _DECODABLE.issuperset(each.strip() for each in encoding.split(",")):
        raise BadAnswerError(f"{redact(url)} sent the file in an encoding that was not asked for", url=redact(url))
    length = None if is_encoded else parse_length(headers)
    return Answer(
        start=0,
        stop=length,
        size=length,
        validator=parse_validator(headers),
        is_whole=True,
        is_encoded=is_encoded,
        is_page=headers.get("Content-Type", "").strip().lower().startswith(_PAGE),
    )


def _read_partial(question: Question, headers: Mapping[str, str], url: str) -> Answer:
    asked, came, length = question.span, parse_content_range(headers.get("Content-Range")), parse_length(headers)
    shown = redact(url)
    if asked is None:
        raise BadAnswerError(f"{shown} answered with a part (206) though the whole was asked for", url=shown)
    if _encoding(headers):
        raise BadAnswerError(f"{shown} sent an encoded part, whose offsets mean nothing", url=shown)
    if came is None or came.span is None:
        raise BadAnswerError(f"{shown} sent a part (206) and did not say which", url=shown)
    if came.span.start != asked.start or came.span.stop > asked.stop:
        raise BadAnswerError(
            f"{shown} sent bytes {came.span.start}-{came.span.stop} when {asked.start}-{asked.stop} were asked for",
            url=shown,
            offset=asked.start,
        )
    if length is not None and length != len(came.span):
        raise BadAnswerError(f"{shown} announced {length} bytes for a part of {len(came.span)}", url=shown)
    if came.size is None and question.size is None:
        raise BadAnswerError(f"{shown} does not say how large the file is", url=shown)
    size = question.size if came.size is None else came.size
    return Answer(
        start=came.span.start, stop=came.span.stop, size=size, validator=parse_validator(headers), is_whole=False
    )


def _read_unsatisfiable(question: Question, headers: Mapping[str, str], url: str) -> Answer:
    came, shown = parse_content_range(headers.get("Content-Range")), redact(url)
    size = came.size if came is not None else None
    start = question.span.start if question.span is not None else 0
    if size == 0 and start == 0 and question.size in (None, 0):
        return Answer(start=0, stop=0, size=0, validator=parse_validator(headers), is_whole=True)
    if size is not None and question.size is not None and size != question.size:
        raise ArtifactChangedError(f"{shown} now has {size} bytes instead of {question.size}", url=shown, offset=start)
    raise BadAnswerError(f"{shown} refuses the range from {start} (416)", url=shown, offset=start)


def _encoding(headers: Mapping[str, str]) -> str:
    """Return the codings that change the bytes, joined by a comma; names that are no codings are left out."""
    named = [each.strip() for each in headers.get("Content-Encoding", "").lower().split(",")]
    return ", ".join(each for each in named if each not in _NO_CODINGS)
