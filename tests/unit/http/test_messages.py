"""HTTP's words as values: round trips, and lies that are taken for nothing rather than for something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.ranges import ByteRange
from weighbridge.core.recovery import Validator
from weighbridge.http.messages import (
    ContentRange,
    format_range,
    parse_content_range,
    parse_length,
    parse_rate_limit,
    parse_retry_after,
    parse_validator,
)

NOW = datetime(2026, 9, 1, 12, 0, 0, tzinfo=UTC)
LARGEST = 10**18 - 1

spans = st.builds(
    lambda start, length: ByteRange(start, start + length), st.integers(0, LARGEST // 2), st.integers(1, LARGEST // 4)
)
junk = st.text(max_size=40)


@given(span=spans)
def test_range_is_written_with_its_last_byte_included(span: ByteRange) -> None:
    """HTTP counts the last byte in; a byte too many or too few would be asked for."""
    first, _, last = format_range(span).removeprefix("bytes=").partition("-")

    assert (int(first), int(last)) == (span.start, span.stop - 1)


@given(span=spans, beyond=st.integers(0, 1000))
def test_content_range_of_a_range_is_that_range(span: ByteRange, beyond: int) -> None:
    """What an honest server sends back is what was asked for."""
    size = span.stop + beyond

    came = parse_content_range(f"bytes {span.start}-{span.stop - 1}/{size}")

    assert came == ContentRange(span, size)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 0-0/1", ContentRange(ByteRange(0, 1), 1)),
        ("bytes 5-9/*", ContentRange(ByteRange(5, 10), None)),
        ("bytes */10", ContentRange(None, 10)),
        ("bytes */0", ContentRange(None, 0)),
        ("bytes */*", ContentRange(None, None)),
        ("BYTES 0-1/2", ContentRange(ByteRange(0, 2), 2)),
        ("  bytes 0-1/2  ", ContentRange(ByteRange(0, 2), 2)),
        ("bytes=0-1/2", ContentRange(ByteRange(0, 2), 2)),  # seen from old servers; it can mean nothing else
    ],
)
def test_content_range_is_read(value: str, expected: ContentRange) -> None:
    """All forms of RFC 9110, section 14.4."""
    assert parse_content_range(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "bytes",
        "bytes 0-1",
        "bytes 5-4/10",  # ends before it starts
        "bytes 0-10/10",  # goes past the end
        "bytes 10-19/10",
        "bytes -5/10",
        "bytes 0-/10",
        "bytes 0x0-0x1/2",
        "bytes 0-1/2, bytes 4-5/6",
        "bytes 0-1/-2",
        "bytes +0-+1/2",
        "items 0-1/2",
        "bytes 1.0-2.0/3",
        "bytes 0-1/2 and more",
        "bytes 0-" + "9" * 19 + "/*",  # beyond what a file can be
        "bytes \u0660-\u0661/\u0662",
    ],
)
def test_content_range_that_contradicts_itself_is_none(value: str | None) -> None:
    """A header that can't be believed is not used to decide where bytes go."""
    assert parse_content_range(value) is None


@given(value=st.one_of(junk, st.from_regex(r"bytes [0-9*-]{0,6}/[0-9*]{0,4}", fullmatch=True)))
def test_content_range_makes_sense_or_is_none(value: str) -> None:
    """Whatever is read has its start before its end and its end within the size."""
    came = parse_content_range(value) or ContentRange(None, None)

    spans_ok = came.span is None or came.size is None or came.span.stop <= came.size

    assert spans_ok
    assert came.size is None or came.size >= 0


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ({"Content-Length": "0"}, 0),
        ({"Content-Length": " 42 "}, 42),
        ({"Content-Length": "42", "Transfer-Encoding": "chunked"}, None),
        ({"Content-Length": "42", "Transfer-Encoding": "gzip, Chunked"}, None),
        ({"Content-Length": "-1"}, None),
        ({"Content-Length": "+1"}, None),
        ({"Content-Length": "42, 42"}, None),
        ({"Content-Length": "4 2"}, None),
        ({"Content-Length": "0x10"}, None),
        ({"Content-Length": "1e3"}, None),
        ({"Content-Length": "\u0664"}, None),
        ({"Content-Length": "9" * 19}, None),
        ({}, None),
    ],
)
def test_length_is_a_plain_number_or_unknown(headers: dict[str, str], length: int | None) -> None:
    """A length that isn't one must not decide that a body is whole (RFC 9112, section 6.3)."""
    assert parse_length(headers) == length


@pytest.mark.parametrize(
    ("etag", "read"),
    [
        ('"abc"', '"abc"'),
        ('W/"abc"', 'W/"abc"'),
        ('""', '""'),
        ('"a!#~\x80\xff"', '"a!#~\x80\xff"'),
        ("abc", None),
        ("w/abc", None),
        ('w/"abc"', None),  # the mark is case-sensitive (RFC 9110, section 8.8.3)
        ('"abc', None),
        ('abc"', None),
        ('"a"b"', None),
        ('"a b"', None),
        ('"a\x7f"', None),
        ('"a", "b"', None),
        ("W/", None),
        ("", None),
    ],
)
def test_etag_is_read_as_sent_or_not_at_all(etag: str, read: str | None) -> None:
    """A malformed ETag never goes back into ``If-Range``."""
    assert parse_validator({"ETag": etag}) == Validator(read, None)


def test_validators_are_read() -> None:
    """Both tell one state of a file from another."""
    headers = {"ETag": ' W/"1" ', "Last-Modified": " Tue, 01 Sep 2026 10:00:00 GMT "}

    assert parse_validator(headers) == Validator('W/"1"', "Tue, 01 Sep 2026 10:00:00 GMT")
    assert parse_validator({}) == Validator(None, None)
    assert parse_validator({"ETag": "", "Last-Modified": ""}) == Validator(None, None)


@pytest.mark.parametrize(
    ("value", "seconds"), [("0", 0.0), ("120", 120.0), (" 7 ", 7.0), ("999999999999", 999999999999.0)]
)
def test_retry_after_in_seconds_is_read(value: str, seconds: float) -> None:
    """A host that says when to come back is obeyed."""
    assert parse_retry_after({"Retry-After": value}) == seconds


@given(wait=st.integers(0, 10**8), skew=st.integers(-(10**8), 10**8))
def test_retry_after_as_a_date_is_measured_by_the_servers_own_clock(wait: int, skew: int) -> None:
    """A clock that is wrong here does not make the wait an hour longer, or nothing."""
    theirs = NOW + timedelta(seconds=skew)
    headers = {
        "Date": format_datetime(theirs, usegmt=True),
        "Retry-After": format_datetime(theirs + timedelta(seconds=wait), usegmt=True),
    }

    assert parse_retry_after(headers, NOW) == wait


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_retry_after_as_a_date_is_measured_by_our_clock_without_theirs(date: str | None) -> None:
    """A server without a usable ``Date`` is obeyed as well."""
    headers = {"Retry-After": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}
    headers |= {} if date is None else {"Date": date}

    assert parse_retry_after(headers, NOW) == 90.0


def test_retry_after_in_the_past_is_no_wait() -> None:
    """A negative wait is a busy loop or a crash."""
    headers = {"Retry-After": format_datetime(NOW - timedelta(days=1), usegmt=True)}

    assert parse_retry_after(headers, NOW) == 0.0


@pytest.mark.parametrize(
    "value",
    [
        "Tue, 01 Sep 2026 12:00:30 GMT",
        "Tuesday, 01-Sep-26 12:00:30 GMT",
        "Tue Sep  1 12:00:30 2026",
        "1 Sep 2026 14:00:30 +0200",
    ],
)
def test_every_form_of_date_is_read(value: str) -> None:
    """RFC 9110, section 5.6.7: a recipient reads all three, and mail dates do no harm."""
    assert parse_retry_after({"Retry-After": value}, NOW) == 30.0


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "+5", "Tue, 32 Sep 2026 12:00:00 GMT", "9" * 13, "\u0665"])
def test_retry_after_that_means_nothing_is_none(value: str) -> None:
    """The pacer then makes its own guess."""
    assert parse_retry_after({"Retry-After": value}, NOW) is None


@given(value=junk, date=junk)
def test_reading_retry_after_never_fails(value: str, date: str) -> None:
    """A server's nonsense is not our crash."""
    wait = parse_retry_after({"Retry-After": value, "Date": date}, NOW)

    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    ("headers", "limit"),
    [
        ({"RateLimit": '"api";r=0;t=55'}, (0, 55.0)),
        ({"RateLimit": '"api"; r=12; t=5'}, (12, 5.0)),
        ({"RateLimit": "limit=100, remaining=0, reset=30"}, (0, 30.0)),
        ({"RateLimit": "limit=100,remaining=7,reset=3"}, (7, 3.0)),
        ({"RateLimit-Limit": "500", "RateLimit-Remaining": "0", "RateLimit-Reset": "17"}, (0, 17.0)),
        ({"RateLimit-Remaining": " 3 ", "RateLimit-Reset": " 4 "}, (3, 4.0)),
    ],
)
def test_rate_limit_is_read_in_its_three_forms(headers: dict[str, str], limit: tuple[int, float]) -> None:
    """The Hub tells only there when there will be requests left again."""
    assert parse_rate_limit(headers) == limit


@pytest.mark.parametrize("value", ['"a";r=10;t=5, "b";r=0;t=60', '"b";r=0;t=60, "a";r=10;t=5'])
def test_of_several_rate_limits_the_one_used_up_counts(value: str) -> None:
    """A limit an hour and one a minute come in one header, in any order."""
    assert parse_rate_limit({"RateLimit": value}) == (0, 60.0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"RateLimit": ""},
        {"RateLimit": '"api";q=500;w=300'},
        {"RateLimit": '"api";r=0'},
        {"RateLimit": '"api";t=55'},
        {"RateLimit": '"api";r=-1;t=5'},
        {"RateLimit-Remaining": "0"},
        {"RateLimit-Reset": "5"},
        {"RateLimit-Remaining": "none", "RateLimit-Reset": "5"},
        {"RateLimit-Policy": '"fixed window";"api";q=500;w=300'},
    ],
)
def test_rate_limit_that_tells_half_is_none(headers: dict[str, str]) -> None:
    """Nobody waits for a limit that isn't there."""
    assert parse_rate_limit(headers) is None


@given(value=junk, left=junk, reset=junk)
def test_reading_a_rate_limit_never_fails(value: str, left: str, reset: str) -> None:
    """A server's nonsense is not our crash."""
    limit = parse_rate_limit({"RateLimit": value, "RateLimit-Remaining": left, "RateLimit-Reset": reset})

    assert limit is None or min(limit) >= 0
