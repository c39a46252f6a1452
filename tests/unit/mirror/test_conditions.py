"""What a request for a file is answered with, by RFC 9110: ranges, and conditions on what the client has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.ranges import ByteRange
from weighbridge.mirror.conditions import Plan, plan_answer

ETAG, OTHER = f'"{"a" * 40}"', f'"{"b" * 40}"'
SIZE = 1000


def plan(size: int = SIZE, method: str = "GET", **headers: str) -> Plan:
    return plan_answer(method, {name.replace("_", "-"): value for name, value in headers.items()}, ETAG, size)


def shown(found: Plan) -> tuple[int, tuple[int, int] | None]:
    return found.status, None if found.span is None else (found.span.start, found.span.stop)


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        ("bytes=0-0", 206, (0, 1)),
        ("bytes=0-9", 206, (0, 10)),
        ("bytes=500-599", 206, (500, 600)),
        ("bytes=990-999", 206, (990, 1000)),
        ("bytes=990-5000", 206, (990, 1000)),
        ("bytes=0-9223372036854775807", 206, (0, 1000)),
        (f"bytes=1-{'9' * 30}", 206, (1, 1000)),
        ("bytes=999-", 206, (999, 1000)),
        ("bytes=0-", 206, (0, 1000)),
        ("bytes=-1", 206, (999, 1000)),
        ("bytes=-1000", 206, (0, 1000)),
        ("bytes=-5000", 206, (0, 1000)),
        ("BYTES=1-2", 206, (1, 3)),
        ("bytes= 1-2 ", 206, (1, 3)),
        ("bytes=0001-0002", 206, (1, 3)),
        ("bytes=1000-", 416, None),
        ("bytes=1000-1000", 416, None),
        (f"bytes={'9' * 30}-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=-", 200, (0, 1000)),
        ("bytes=5-4", 200, (0, 1000)),
        ("bytes=0-1,5-6", 200, (0, 1000)),
        ("bytes=0-1,", 200, (0, 1000)),
        ("items=0-1", 200, (0, 1000)),
        ("bytes 0-1", 200, (0, 1000)),
        ("bytes=a-b", 200, (0, 1000)),
        ("bytes=0x1-2", 200, (0, 1000)),
        ("bytes=--1", 200, (0, 1000)),
        ("bytes=1-2-3", 200, (0, 1000)),
        ("bytes=+1-2", 200, (0, 1000)),
        ("bytes=\u0661-\u0662", 200, (0, 1000)),
        ("bytes=1_0-2_0", 200, (0, 1000)),
        (f"bytes=0-{'9' * 5000}", 200, (0, 1000)),
        ("", 200, (0, 1000)),
    ],
)
def test_range_is_read(asked: str, status: int, span: tuple[int, int] | None) -> None:
    """A client would get other bytes than it asked for, or none."""
    assert shown(plan(range=asked)) == (status, span)


@pytest.mark.parametrize(
    ("asked", "status"), [("bytes=0-", 416), ("bytes=0-0", 416), ("bytes=-0", 416), ("bytes=-5", 200), ("", 200)]
)
def test_empty_file_has_no_range(asked: str, status: int) -> None:
    """RFC 9110, 14.1.2: nothing can be its first byte; its last five are the whole of it."""
    assert shown(plan(0, range=asked)) == (status, None)


@pytest.mark.parametrize(
    ("asked", "headers"),
    [
        (None, {"Content-Length": "1000"}),
        ("bytes=10-19", {"Content-Length": "10", "Content-Range": "bytes 10-19/1000"}),
        ("bytes=2000-", {"Content-Length": "0", "Content-Range": "bytes */1000"}),
    ],
)
def test_headers_tell_which_bytes_come(asked: str | None, headers: dict[str, str]) -> None:
    """A client that resumes trusts them."""
    assert plan(**({} if asked is None else {"range": asked})).headers == headers


@pytest.mark.parametrize(
    ("validator", "status"),
    [
        (ETAG, 206),
        (f" {ETAG} ", 206),
        (OTHER, 200),
        (f"W/{ETAG}", 200),
        (ETAG.strip('"'), 200),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 200),
        (f"{ETAG}, {OTHER}", 200),
        ("*", 200),
        ("", 200),
    ],
)
def test_range_counts_only_for_the_very_same_file(validator: str, status: int) -> None:
    """RFC 9110, 13.1.5: the rest of another file would be put behind the first half of this one."""
    assert plan(range="bytes=1-2", if_range=validator).status == status


@pytest.mark.parametrize(
    ("validators", "status"),
    [
        (ETAG, 304),
        (f"W/{ETAG}", 304),
        (f"{OTHER}, {ETAG}", 304),
        (f'{OTHER},W/{ETAG} , "c"', 304),
        ("*", 304),
        (" * ", 304),
        (OTHER, 200),
        ('"*"', 200),
        ("", 200),
        (ETAG.strip('"'), 200),
    ],
)
def test_file_that_the_client_has_is_not_sent(validators: str, status: int) -> None:
    """A proxy would fetch everything again each time."""
    assert plan(if_none_match=validators).status == status


@pytest.mark.parametrize(
    ("validators", "status"),
    [(ETAG, 200), ("*", 200), (f"{OTHER}, {ETAG}", 200), (OTHER, 412), (f"W/{ETAG}", 412), ("", 412), ("a", 412)],
)
def test_file_that_is_not_the_wanted_one_is_not_sent(validators: str, status: int) -> None:
    """RFC 9110, 13.1.1: pieces of two files would be put together."""
    assert plan(if_match=validators).status == status


def test_conditions_come_in_their_order() -> None:
    """RFC 9110, 13.2.2: If-Match before If-None-Match before Range."""
    assert plan(if_match=OTHER, if_none_match=ETAG, range="bytes=0-1") == Plan(412, None, SIZE)
    assert plan(if_match=ETAG, if_none_match=ETAG, range="bytes=0-1") == Plan(304, None, SIZE)
    assert plan(if_match=ETAG, if_none_match=OTHER, range="bytes=0-1") == Plan(206, ByteRange(0, 2), SIZE)


def test_304_promises_no_bytes() -> None:
    """A Content-Length of 0 would say that the file is empty (RFC 9110, 15.4.5)."""
    assert plan(if_none_match=ETAG).headers == {}


@pytest.mark.parametrize("asked", ["bytes=0-1", "bytes=5000-"])
def test_head_ignores_ranges(asked: str) -> None:
    """RFC 9110, 14.2: clients learn the size of the whole file by it."""
    found = plan(method="HEAD", range=asked)

    assert (found.status, found.headers) == (200, {"Content-Length": "1000"})


@given(
    st.integers(0, 50),
    st.one_of(
        st.builds("bytes={}-{}".format, st.integers(0, 60), st.integers(0, 60)),
        st.builds("bytes={}-".format, st.integers(0, 60)),
        st.builds("bytes=-{}".format, st.integers(0, 60)),
        st.text(alphabet="bytes=-0123456789, ", max_size=20),
    ),
)
def test_headers_and_bytes_agree(size: int, asked: str) -> None:
    """A client that counts what it gets would give up, or keep less than there is."""
    content = bytes(range(size))

    found = plan(size, range=asked)

    sent = b"" if found.span is None else content[found.span.start : found.span.stop]
    told = {
        200: {"Content-Length": str(size)},
        206: {
            "Content-Length": str(len(sent)),
            "Content-Range": f"bytes {content.find(sent)}-{content.find(sent) + len(sent) - 1}/{size}",
        },
        416: {"Content-Length": "0", "Content-Range": f"bytes */{size}"},
    }
    assert found.headers == told[found.status]
    assert (found.status == 206) <= bool(sent)
    assert (found.status == 200) <= (sent == content)
