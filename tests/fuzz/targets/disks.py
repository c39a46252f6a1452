"""Whole calls over files that are nearly what an earlier call has left: journals, claims, receipts, refs, listings."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.fuzz.calls import ending, options_for, scratch
from tests.fuzz.places import lasting
from tests.fuzz.shapes import bytes_like, json_like
from tests.fuzz.target import Target
from tests.fuzz.targets.journals import CLAIM, journals
from tests.fuzz.targets.servers import COMMIT, CONTENT, SHA256, SMALL, honest
from tests.fuzz.wire import WireServer
from tests.support.hub.calls import wrongs
from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest
from weighbridge.core.errors import TransferError
from weighbridge.core.repos import RepoId

_UNREAD = {".lock", "uses", "CACHEDIR.TAG", ".gitignore"}  # nobody looks into these
_CONTENTS = (SMALL, CONTENT)


@dataclass(frozen=True, slots=True)
class Leavings:
    """What earlier calls have left.

    Attributes:
        server: Honest.
        place: A directory with a file half-done, a cache that is whole, and a directory of a repository.
        notes: All small files in there that are no contents.
    """

    server: WireServer
    place: Path
    notes: tuple[Path, ...]


@functools.cache
def leavings() -> Leavings:
    """Make them, once for the process."""
    place = lasting()
    server = WireServer(lambda head: b"" if b"bytes=16384" in head else honest(head))
    with Client(options_for(server.origin, place / "cache", call_s=30.0)) as client:
        with suppress(TransferError):
            client.fetch([_request(server)], place / "out")
        client.snapshot("org/name", revision="v1")
        client.download("org/name", "model.bin", local_dir=place / "local")
        client.cache.pin(RepoId.parse("org/name").name)
        client.cache.set_limit(1 << 40)
    (claim,) = (each.with_suffix(".wb-claim") for each in (place / "out").glob(".*.wb-partial"))
    claim.write_text(json.dumps(CLAIM))
    server.answer = honest
    files = [each for each in sorted(place.rglob("*")) if each.is_file() and not each.is_symlink()]
    notes = [each for each in files if each.read_bytes() not in _CONTENTS and not _UNREAD & {each.suffix, *each.parts}]
    return Leavings(server, place, tuple(each.relative_to(place) for each in notes))


def _request(server: WireServer) -> FileRequest:
    return FileRequest.parse("model.bin", f"{server.origin}/model.bin", f"sha256:{SHA256}")


def check_leavings(data: bytes) -> None:
    """Whatever was left, the same calls end right, or in our own words, and nothing wrong gets a name."""
    left = leavings()
    note = left.notes[(data[0] if data else 0) % len(left.notes)]
    with scratch() as place:
        shutil.copytree(left.place, place, symlinks=True, dirs_exist_ok=True)
        (place / note).write_bytes(data[1:])
        with Client(options_for(left.server.origin, place / "cache")) as client:
            with ending() as cancel:
                client.fetch([_request(left.server)], place / "out", cancel=cancel)
            with ending() as cancel:
                got = client.snapshot("org/name", cancel=cancel)
                assert {each.name for each in got.path.iterdir()} == {"config.json", "model.bin"}
            with ending() as cancel:
                client.download("org/name", "model.bin", local_dir=place / "local", cancel=cancel)
            with ending():
                client.cache.verify()
            with ending():
                client.cache.scan()
        if "refs" in note.parts:  # nobody has asked for it, so nobody has set it right
            (place / note).unlink()
        inside = ("outside: out", "outside: local")
        assert [each for each in wrongs(place, place / "cache") if not each.startswith(inside)] == []
        for each in place.rglob("model.bin"):
            assert hashlib.sha256(each.read_bytes()).hexdigest() == SHA256, f"wrong bytes at {each}"


def _inputs() -> SearchStrategy[bytes]:
    left = leavings()
    return st.integers(0, len(left.notes) - 1).flatmap(
        lambda number: _like(left.place / left.notes[number]).map(lambda content: bytes((number,)) + content)
    )


def _like(note: Path) -> SearchStrategy[bytes]:
    content = note.read_bytes()
    ways = [bytes_like(content)]
    with suppress(ValueError):
        ways.append(json_like(json.loads(content)))
    if note.name == "journal":
        ways.append(journals())
    return st.one_of(ways)


TARGETS = (
    Target(
        name="files-that-were-left",
        check=check_leavings,
        seeds=(b"\0", COMMIT.encode()),
        inputs=st.deferred(_inputs),
        examples=20,
        is_pure=False,
    ),
)
