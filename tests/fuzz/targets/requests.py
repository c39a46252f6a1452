"""Requests to our server, as far as they are read without a socket."""

from __future__ import annotations

import base64

from tests.fuzz.shapes import bytes_like, lines_like
from tests.fuzz.target import Target
from tests.fuzz.verdicts import SECRET, is_inside, refusing
from weighbridge.mirror.access import Gate
from weighbridge.mirror.conditions import plan_answer
from weighbridge.mirror.refusals import Refusal
from weighbridge.mirror.routes import FileRoute, TreeRoute, methods_of, parse_route

COMMIT = b"c" * 40
TARGETS_ASKED = (
    b"/org/name/resolve/main/a/b.bin",
    b"/datasets/org/name/resolve/refs%2Fpr%2F1/a%20b.bin?download=true",
    b"/api/models/org/name/tree/main/onnx?recursive=true&expand=1&limit=5&cursor=a%2Fb",
    b"/api/models/name/revision/" + COMMIT + b"?blobs=true",
    b"/api/spaces/org/name/refs?include_prs=1",
    b"/api/models/org/name/paths-info/main",
    b"http://localhost/healthz",
)
HEADERS = (
    b'Range: bytes=0-99\nIf-Range: "tag"',
    b"Range: bytes=-5\nIf-Match: *",
    b'Range: bytes=900-\nIf-None-Match: W/"tag", "x"',
    b"Authorization: Bearer token",
    b"Authorization: Basic " + base64.b64encode(b"user:token"),
)
WORDS = (
    *(b"bytes=0-0", b"bytes=99-0", b"bytes=-0", b"bytes=0-9,20-29", b"bytes=" + b"9" * 98 + b"-", b"items=0-1"),
    *(b'"tag"', b'W/"tag"', b"*", b'""', b'"' * 99, b"Basic " + b"A" * 99, b"Basic !", b"Bearer", b"Bearer \xff"),
)


def check_route(data: bytes) -> None:
    """An address means something inside of a repository, or is refused."""
    raw_path, _, query = data.decode("latin-1").partition("?")
    with refusing(Refusal):
        route = parse_route(raw_path, query)
        assert methods_of(route)
        if isinstance(route, FileRoute):
            assert is_inside(route.path)
            assert is_inside(route.revision)
        if isinstance(route, TreeRoute):
            assert route.path == "" or is_inside(route.path)
            assert 1 <= route.limit <= 1000


def check_conditions(data: bytes) -> None:
    """What is sent lies in the file; who does not know the token is not let in."""
    lines = (line.partition(":") for line in data.decode("latin-1").split("\n"))
    headers = {name.lower(): value.strip() for name, _, value in lines}
    for size in (0, 1, 1000):
        plan = plan_answer("GET", headers, '"tag"', size)
        assert plan.span is None or 0 <= plan.span.start < plan.span.stop <= size
        assert plan.status in {200, 206, 304, 412, 416}
        assert all(value.isascii() for value in plan.headers.values())
    with refusing(Refusal):
        Gate(SECRET).check(headers.get("authorization"))
        raise AssertionError("let in without the token")


TARGETS = (
    Target(
        name="addresses-at-the-mirror",
        check=check_route,
        seeds=TARGETS_ASKED,
        inputs=bytes_like(*TARGETS_ASKED),
        examples=150,
    ),
    Target(
        name="conditions-at-the-mirror",
        check=check_conditions,
        seeds=HEADERS,
        inputs=lines_like(HEADERS, WORDS),
        examples=100,
    ),
)
