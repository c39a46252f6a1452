"""Whole calls to servers that send nearly anything: a file, a snapshot, a file of a repository."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from random import Random

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.fuzz.calls import assert_no_secret, ending, options_for, scratch
from tests.fuzz.shapes import bytes_like, json_like, lines_like
from tests.fuzz.target import Target
from tests.fuzz.targets.heads import WORDS
from tests.fuzz.verdicts import SECRET
from tests.fuzz.wire import WireServer, reply
from tests.support.hub.calls import wrongs
from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import WeighbridgeError

CONTENT = Random(1).randbytes(40_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SMALL = b'{"model_type": "demo"}\n'
BLOB = hashlib.sha1(b"blob %d\0%s" % (len(SMALL), SMALL)).hexdigest()
COMMIT = "c0ffee00" * 5
INFO = {"id": "org/name", "sha": COMMIT, "siblings": [{"rfilename": "config.json"}, {"rfilename": "model.bin"}]}
TREE = [
    {"type": "file", "oid": BLOB, "size": len(SMALL), "path": "config.json"},
    {
        "type": "file",
        "oid": "b" * 40,
        "size": len(CONTENT),
        "path": "model.bin",
        "lfs": {"oid": SHA256, "size": len(CONTENT), "pointerSize": 132},
    },
]
_FILES = {"config.json": (SMALL, BLOB), "model.bin": (CONTENT, SHA256)}
_OK, _PART, _JSON = b"HTTP/1.1 200 OK", b"HTTP/1.1 206 Partial Content", b"Content-Type: application/json"
_SUBJECTS = (b"/revision/", b"/tree/", b"config.json", b"model.bin")


def honest(head: bytes) -> bytes:
    """Answer as the Hub does, from one origin."""
    target = head.split(b" ", 2)[1] if head.count(b" ") > 1 else b""
    for subject, document in ((_SUBJECTS[0], INFO), (_SUBJECTS[1], TREE)):
        if subject in target:
            body = json.dumps(document).encode()
            return reply(_OK, _JSON, b"Content-Length: %d" % len(body), body=body)
    content, etag = _FILES["config.json" if b"config.json" in target else "model.bin"]
    facts = (b'ETag: "%s"' % etag.encode(), b"X-Repo-Commit: " + COMMIT.encode(), b"Accept-Ranges: bytes")
    if head.startswith(b"HEAD"):
        return reply(_OK, *facts, b"Content-Length: %d" % len(content))
    _, _, span = head.lower().partition(b"range: bytes=")
    first, _, last = span.split(b"\r\n")[0].partition(b"-")
    if not first.isdigit() or not last.isdigit():
        return reply(_OK, *facts, b"Content-Length: %d" % len(content), body=content)
    start, stop = int(first), min(int(last) + 1, len(content))
    length = (
        b"Content-Range: bytes %d-%d/%d" % (start, stop - 1, len(content)),
        b"Content-Length: %d" % (stop - start),
    )
    return reply(_PART, *facts, *length, body=content[start:stop])


def _asking(subject: bytes, method: bytes = b"GET", span: bytes = b"") -> bytes:
    return honest(reply(method + b" /x" + subject + b" HTTP/1.1", *([b"Range: bytes=" + span] if span else [])))


SEEDS = (
    _asking(b"model.bin", span=b"0-16383"),
    _asking(b"model.bin"),
    _asking(b"model.bin", b"HEAD"),
    _asking(b"config.json"),
    _asking(b"/revision/"),
    _asking(b"/tree/"),
    reply(b"HTTP/1.1 302 Found", b"Location: /moved", b"X-Repo-Commit: " + COMMIT.encode(), b"Content-Length: 0"),
    reply(b"HTTP/1.1 429 Too Many Requests", b"Retry-After: 1", b'RateLimit: "api";r=0;t=1', b"Content-Length: 0"),
    reply(b"HTTP/1.1 404 Not Found", b"X-Error-Code: EntryNotFound", b"Content-Length: 0"),
    reply(_OK, b"Transfer-Encoding: chunked", body=b"5\r\nabcde\r\n0\r\n\r\n"),
)


class Trickster:
    """Answers some of the questions as it is told to, all others honestly."""

    def __init__(self) -> None:
        self.server = WireServer(self.answer)
        self._subject, self._rest, self._lie = b"", 0, b""

    def arm(self, data: bytes) -> None:
        """Read what to do: about what to lie, how often, and how; nothing is the truth."""
        about, often = (*data[:2], 0, 0)[:2]
        self._subject, self._lie = _SUBJECTS[about % len(_SUBJECTS)], data[2:]
        self._rest = (1 + often % 2 * 9) if data else 0

    def answer(self, head: bytes) -> bytes:
        """Answer one request."""
        first = head.split(b"\r\n", 1)[0]
        if self._rest and (self._subject in first or b"/moved" in first):
            self._rest -= 1
            return self._lie
        return honest(head)


@functools.cache
def trickster() -> Trickster:
    """Return the one of this process."""
    return Trickster()


def check_fetch(data: bytes) -> None:
    """A file has its name only if it is right, whatever was sent instead of it."""
    there = trickster()
    there.arm(b"\3" + data[1:] if data else data)
    url = f"{there.server.origin}/model.bin?X-Sig={SECRET}"
    request = FileRequest.parse("model.bin", url, f"sha256:{SHA256}", headers={"Authorization": f"Bearer {SECRET}"})
    with scratch() as place:
        target = place / "out"
        with ending() as cancel, Client(options_for(there.server.origin, place / "cache")) as client:
            client.fetch([request], target, cancel=cancel)
            assert (target / "model.bin").exists()
        assert not (target / "model.bin").exists() or (target / "model.bin").read_bytes() == CONTENT
        _assert_tidy(place, target)


def check_snapshot(data: bytes) -> None:
    """Blobs are what their names say, pointers and refs stay in the cache, whatever a Hub says."""
    there = trickster()
    there.arm(data)
    with scratch() as place:
        cache = place / "cache"
        with ending() as cancel, Client(options_for(there.server.origin, cache)) as client:
            client.snapshot("org/name", cancel=cancel)
        assert wrongs(place, cache) == []
        assert_no_secret(place)


def check_download(data: bytes) -> None:
    """One file, in the cache and in a directory: where it is told to be, and what it was said to be."""
    there = trickster()
    there.arm(data)
    with scratch() as place:
        cache, target = place / "cache", place / "out"
        with ending() as cancel, Client(options_for(there.server.origin, cache)) as client:
            found = client.download("org/name", "model.bin", cancel=cancel).path
            assert found.is_relative_to(cache)
        with ending() as cancel, Client(options_for(there.server.origin, cache)) as client:
            client.download("org/name", "config.json", local_dir=target, cancel=cancel)
        assert [each for each in wrongs(place, cache) if "outside: out" not in each] == []
        _assert_tidy(place, target)


def _assert_tidy(place: Path, target: Path) -> None:
    assert {each.name for each in place.iterdir()} <= {"cache", target.name}
    known = {"model.bin", "config.json", ".cache"}
    strays = [each.name for each in target.iterdir()] if target.exists() else []
    assert [each for each in strays if each not in known and not each.endswith(".wb-partial")] == []
    assert_no_secret(place)


def is_refused(data: bytes) -> bool:
    """Tell whether a call fails if it is answered like that: a target whose answers nobody reads proves nothing."""
    there = trickster()
    there.arm(data)
    with scratch() as place, Client(options_for(there.server.origin, place / "cache", call_s=30.0)) as client:
        try:
            client.snapshot("org/name")
        except WeighbridgeError:
            return True
    return False


def _lies() -> SearchStrategy[bytes]:
    bodies = st.one_of(
        json_like(INFO, TREE), st.sampled_from((b"", CONTENT, CONTENT[:16384], SMALL)), bytes_like(SMALL)
    )
    heads = lines_like([each.partition(b"\r\n\r\n")[0] for each in SEEDS], WORDS, b"\r\n")
    return st.one_of(
        st.builds(_with_length, heads, bodies, st.booleans()),
        bytes_like(*SEEDS),
    )


def _with_length(head: bytes, body: bytes, is_right: bool) -> bytes:
    lines = head.split(b"\r\n")
    if is_right:
        lines = [each for each in lines if not each.startswith(b"Content-Length")] + [b"Content-Length: %d" % len(body)]
    return reply(*lines, body=body)


INPUTS = st.builds(lambda about, often, lie: bytes((about, often)) + lie, st.integers(0, 3), st.integers(0, 1), _lies())
TARGETS = tuple(
    Target(
        name=name,
        check=check,
        seeds=tuple(bytes((number % 4, number % 2)) + each for number, each in enumerate(SEEDS)),
        inputs=INPUTS,
        examples=25,
        is_pure=False,
    )
    for name, check in (
        ("servers-of-a-file", check_fetch),
        ("servers-of-a-snapshot", check_snapshot),
        ("servers-of-a-repository", check_download),
    )
)
