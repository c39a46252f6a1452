"""Heads of answers: status, Content-Range, ETag, Link, Location, Retry-After, RateLimit, Content-Encoding."""

from __future__ import annotations

import math

from urllib3 import HTTPHeaderDict

from tests.fuzz.shapes import lines_like
from tests.fuzz.target import Target
from tests.fuzz.verdicts import is_inside, refusing
from weighbridge.core.errors import BadStatusError, WeighbridgeError
from weighbridge.core.etags import is_blob_name
from weighbridge.core.ranges import ByteRange
from weighbridge.core.repos import is_commit
from weighbridge.core.urls import origin_of
from weighbridge.http.messages import parse_rate_limit
from weighbridge.http.redirects import Trail
from weighbridge.hub.answers import Hop, read_metadata
from weighbridge.hub.listings import next_page
from weighbridge.hub.refusals import Asked, refusal_of
from weighbridge.transfer.answers import Question, read_answer

URL = "https://hub.example/org/name/resolve/main/model.bin"
CDN = "https://cdn.example/blob?X-Sig=s1gned"
TAG = b'"' + b"5" * 64 + b'"'
QUESTIONS = (
    Question(span=None, size=None),
    Question(span=ByteRange(0, 100), size=None),
    Question(span=ByteRange(0, 100), size=1000),
    Question(span=ByteRange(900, 1000), size=1000),
)

HEADS = (
    b"206\nContent-Range: bytes 0-99/1000\nContent-Length: 100\nETag: " + TAG + b"\nAccept-Ranges: bytes",
    b"206\nContent-Range: bytes 900-999/1000\nContent-Length: 100\nETag: W/" + TAG,
    b"200\nContent-Length: 1000\nLast-Modified: Tue, 03 Mar 2026 10:00:00 GMT\nContent-Type: text/html",
    b"200\nTransfer-Encoding: chunked\nContent-Encoding: gzip\nVary: Accept-Encoding",
    b"416\nContent-Range: bytes */0",
    b"429\nRetry-After: 5\nDate: Tue, 03 Mar 2026 10:00:00 GMT",
    b'503\nRetry-After: Tue, 03 Mar 2026 10:00:05 GMT\nRateLimit: "api";r=0;t=55, "pages";r=5;t=1',
    b"429\nRateLimit-Remaining: 0\nRateLimit-Reset: 55\nRateLimit: limit=100, remaining=0, reset=5",
    b'200\nLink: <https://hub.example/api/models/a/b/tree/main?cursor=x>; rel="next"\nContent-Type: application/json',
    b'200\nLink: </a?c=1>; title="a, b"; rel="prev next", <b>; rel=last',
    b"302\nLocation: https://cdn.example/blob?X-Sig=s1gned\nX-Repo-Commit: " + b"c" * 40 + b"\nX-Linked-Size: 1000"
    b"\nX-Linked-Etag: " + TAG + b"\nX-Xet-Hash: " + b"7" * 64,
    b"307\nLocation: /api/resolve-cache/models/org/name/x\nX-Repo-Commit: " + b"c" * 40 + b"\nETag: " + TAG,
    b"401\nX-Error-Code: GatedRepo\nX-Error-Message: Access to model a/b is restricted.\nX-Request-Id: Root=1-2",
    b"404\nX-Error-Code: EntryNotFound\nX-Error-Message: Entry not found",
)
WORDS = (
    *(b"bytes 0-99/1000", b"bytes 0-99/*", b"bytes */1000", b"bytes 99-0/100", b"bytes 0-0/1", b"bytes=0-99/1000"),
    *(b"bytes 0-99999999999999999999/9", b"items 0-9/10", b"bytes 0-99/10", b"0", b"-1", b"100, 100", b"1e3"),
    *(b"999999999999", b"9999999999999", b"Thu, 01 Jan 1970 00:00:00 GMT", b"Fri, 31 Dec 9999 23:59:60 -9999"),
    *(b"Mon, 30 Feb 0000 25:61:61 GMT", b"1 Jan 99999999999 0:0:0", b"gzip", b"br", b"identity", b"gzip, gzip, gzip"),
    *(b'W/""', b'"../../x"', b'"a.incomplete"', b"*", b"..", b"main", b"//other.example/x", b"file:///etc/passwd"),
    *(b"http://hub.example/x", b"https://user:pass@h/x", b"https://[::1", b"https://h:99999/", b"\\\\h\\x", b"?", b"#"),
    *(b'<x>; rel="next', b'<>; rel=next; rel="next"', b"<javascript:x>; rel=next", b"a;r=0;t=1" * 50, b"\xe9\xff"),
)


def read_head(data: bytes) -> tuple[int, HTTPHeaderDict]:
    """Return a status and headers, as the client's library gives them, from their lines."""
    first, *lines = data.decode("latin-1").split("\n")
    headers = HTTPHeaderDict()
    for line in lines:
        name, _, value = line.partition(":")
        headers.add(name, value.strip())
    return int(first) if first.isascii() and first.isdigit() and len(first) == 3 else 200, headers


def check_answer(data: bytes) -> None:
    """Whatever is believed lies where it was asked for, and no wait is negative or has no end."""
    status, headers = read_head(data)
    for question in QUESTIONS:
        with refusing():
            try:
                answer = read_answer(question, status, headers, CDN)
            except BadStatusError as error:
                wait = error.retry_after_s
                assert wait is None or (wait >= 0 and math.isfinite(wait))
                raise
            first = 0 if answer.is_whole or question.span is None else question.span.start
            assert answer.start == first
            assert answer.stop is None or answer.start <= answer.stop
            assert answer.is_whole or question.span is None or (answer.stop or 0) <= question.span.stop
            assert answer.size is None or answer.stop is None or answer.stop <= answer.size
    limit = parse_rate_limit(headers)
    assert limit is None or (limit[0] >= 0 and 0 <= limit[1] < math.inf)


def check_way(data: bytes) -> None:
    """A listing goes on, and a redirect leads, to an http(s) address without credentials, or nowhere."""
    status, headers = read_head(data)
    with refusing():
        onward = next_page(headers, URL)
        assert onward is None or ("@" not in onward.split("/")[2] and origin_of(onward).host)
    with refusing():
        target = Trail(URL, 20).follow(URL, headers.get("Location", ""))
        assert origin_of(target).scheme == "https"
        assert "@" not in target.split("/")[2]
    with refusing():
        raise refusal_of(max(status, 300), headers, data, Asked(url=URL))


def check_file(data: bytes) -> None:
    """What a head tells of a file makes safe names, or is refused."""
    status, headers = read_head(data)
    for hops in ((Hop(URL, status, headers),), (Hop(URL, 302, headers), Hop(CDN, status, headers))):
        with refusing():
            told = read_metadata(hops)
            assert is_commit(told.commit)
            assert is_blob_name(told.etag)
            assert is_inside(told.etag)
            assert told.size is None or told.size >= 0
            assert told.file("a/b").etag == told.etag


def is_read(data: bytes) -> bool:
    """Tell whether some question is answered by a head: seeds must not all be refused."""
    status, headers = read_head(data)
    for question in QUESTIONS:
        try:
            read_answer(question, status, headers, URL)
        except WeighbridgeError:
            continue
        return True
    return False


TARGETS = tuple(
    Target(name=name, check=check, seeds=HEADS, inputs=lines_like(HEADS, WORDS), examples=120)
    for name, check in (("heads-of-answers", check_answer), ("heads-onward", check_way), ("heads-of-files", check_file))
)
