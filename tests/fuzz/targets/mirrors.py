"""Raw bytes at the socket of our server."""

from __future__ import annotations

import atexit
import functools
import socket

from hypothesis import strategies as st

from tests.fuzz.places import lasting
from tests.fuzz.shapes import bytes_like, lines_like
from tests.fuzz.target import Target
from tests.fuzz.targets import requests
from tests.support.mirror import HubCache, Mirror, request_bytes

CANARY = b"canary-that-lies-outside-of-all-roots"
COMMIT = "c" * 40
LARGEST = 1 << 30
"""Bytes of memory that no request may make it take."""

_FILE = "/acme/demo/resolve/main/config.json"
_FORM = b"paths=config.json&expand=true"
SEEDS = (
    request_bytes(_FILE, {"Range": "bytes=0-3", "If-Range": '"x"', "Accept-Encoding": "gzip"}),
    request_bytes("/acme/demo/resolve/main/a/b.bin", method="HEAD"),
    request_bytes("/api/models/acme/demo/tree/main?recursive=true&limit=1&cursor=a"),
    request_bytes("/api/models/acme/demo/revision/main", {"Authorization": "Bearer x"}),
    request_bytes("/", {"Accept": "text/html"}),
    request_bytes("/api/models/acme/demo/paths-info/main", {"Content-Length": str(len(_FORM))}, method="POST") + _FORM,
    request_bytes("/api/models/acme/demo/paths-info/main", {"Transfer-Encoding": "chunked"}, method="POST")
    + b"6\r\npaths=\r\n1\r\na\r\n0\r\n\r\n",
    request_bytes(_FILE) + request_bytes("/healthz", {"Connection": "close"}),
)
WORDS = (
    *(b"chunked", b"gzip, chunked", b"0", b"-5", b"99999999999999999999", b"bytes=0-", b"100-continue", b"close"),
    *(b"websocket", b"localhost:1", b"[::1]", b"a, b", b"../canary", b"%2e%2e/canary", b"x" * 70_000),
    *requests.TARGETS_ASKED,
)


@functools.cache
def mirror() -> Mirror:
    """Start one for the process, over a cache beside which lies what must not be served."""
    place = lasting()
    (place / "canary").write_bytes(CANARY)
    cache = HubCache(place / "hub")
    snapshot = cache.put("models--acme--demo", COMMIT, {"config.json": b"{}\n", "a/b.bin": b"b" * 5000}, "main")
    (snapshot / "out").symlink_to(place / "canary")
    (snapshot / "up").symlink_to(place)
    running = Mirror(place / "home", "--cache-dir", place / "hub", patience_s=2.0)
    running.__enter__()
    atexit.register(running.kill)
    return running


def check_requests(data: bytes) -> None:
    """It answers or closes; nothing breaks it, and not a byte of what lies outside is sent."""
    there, said = mirror(), len(mirror().err)
    with there.connect() as sock:
        content = b""
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while block := sock.recv(1 << 16):
                content += block
        except TimeoutError:
            raise
        except OSError:  # it has refused what came first, and closed
            pass
    assert b"HTTP/1.1 5" not in content
    assert CANARY not in content
    assert there.peak_rss < LARGEST
    assert there.ask("/healthz").status == 200  # after which all is written that is written about it
    assert "Traceback" not in there.err[said:], there.err[said:][-3000:]


TARGETS = (
    Target(
        name="requests",
        check=check_requests,
        seeds=SEEDS,
        inputs=st.one_of(lines_like(SEEDS, WORDS, b"\r\n"), bytes_like(*SEEDS)),
        examples=60,
        is_pure=False,
    ),
)
