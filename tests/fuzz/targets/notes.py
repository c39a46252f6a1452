"""Small files of a cache and of a directory: receipts, refs, piece manifests, metadata, pins, limits, flat notes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.places import lasting
from tests.fuzz.shapes import bytes_like, json_like, lines_like
from tests.fuzz.target import Check, Target
from tests.fuzz.verdicts import is_inside
from weighbridge.core.digests import Digest
from weighbridge.core.etags import is_blob_name
from weighbridge.core.pieces import PIECE, PieceManifest
from weighbridge.core.repos import Kind, RepoId, is_commit
from weighbridge.store.cache.flat import read_note
from weighbridge.store.cache.folders import LocalFolder
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.pins import pins_of, stale_pins
from weighbridge.store.cache.refs import read_ref
from weighbridge.store.cache.room.limits import read_limit
from weighbridge.store.receipts import CacheBook, Receipts
from weighbridge.store.sight import Sight

REPO = RepoId(Kind.MODEL, "org/name")
COMMIT = "c" * 40
DIGEST = Digest("sha256", "5" * 64)
SIZE = 3 * PIECE
PIN = {"format": 1, "holder": "/project/weighbridge.lock", "commits": [[REPO.folder, COMMIT], [REPO.folder, "*"]]}
LIMIT = {"format": 1, "limit": 1000}
PIECES = {
    "format": 1,
    "digest": str(DIGEST),
    "size": SIZE,
    "piece_size": PIECE,
    "prefixes": ["a" * 64, "b" * 64],
}
METADATA = b"\n".join([COMMIT.encode(), b"5" * 64, b"4102444800.5", b""])
FLAT = {"url": "https://hub.example/x", "etag": '"tag"'}
REVISIONS = {"main": COMMIT, "v1": "d" * 40}

_root = lasting()
_file = _root / REPO.folder / "blobs" / "x"
_file.parent.mkdir(parents=True)
_file.write_bytes(b"content")
_seen = Sight.of(_file.stat())
RECEIPT = {
    "name": "blobs/x",
    "file": {"size": _seen.size, "mtime_ns": _seen.mtime_ns, "ctime_ns": _seen.ctime_ns, "inode": _seen.inode},
    "digests": {"sha256": "5" * 64},
    "boot": None,
}


def _write(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)


def check_receipts(data: bytes) -> None:
    """A receipt is a digest or nothing; noting one more beside whatever is there works."""
    page = _root / REPO.folder / ".weighbridge" / "receipts.jsonl"
    _write(page, data)
    receipts = Receipts(CacheBook(_root))
    found = receipts.recall(_file, "sha256")
    assert found is None or (found.algorithm, len(found.value)) == ("sha256", 64)
    receipts.note(_file, DIGEST, _seen, is_flushed=True)
    receipts.save()
    assert receipts.recall(_file, "sha256") == DIGEST


def check_pieces(data: bytes) -> None:
    """A manifest covers all of its content, in pieces that follow each other; else it is none."""
    found = PieceManifest.decode(data, DIGEST)
    if found is not None:
        assert list(found.prefixes) == list(range(PIECE, found.size, PIECE))
        assert found.piece_at(found.size - 1).stop == found.size
        assert PieceManifest.decode(found.encode(), DIGEST) == found


def check_ref(data: bytes) -> None:
    """A ref is a commit or nothing."""
    folder = CacheFolder(_root, REPO)
    _write(folder.ref("main"), data)
    commit = read_ref(folder, "main")
    assert commit is None or is_commit(commit)


def check_metadata(data: bytes) -> None:
    """A note of a file in a directory names a commit and an etag that may be names of files."""
    local = LocalFolder(_root / "local")
    _write(local.place("a.bin"), b"content")
    _write(local.kept / "download" / "a.bin.metadata", data)
    note = local.note_of("a.bin")
    if note is not None:
        assert is_commit(note.commit)
        assert is_blob_name(note.etag)
        assert is_inside(note.etag)
        assert math.isfinite(note.at)


def check_revisions(data: bytes) -> None:
    """What a branch meant is a commit or nothing, and can be noted anew."""
    local = LocalFolder(_root / "local")
    _write(local.kept / ".weighbridge" / "revisions" / f"{REPO.folder}.json", data)
    known = local.revision(REPO, "main")
    assert known is None or is_commit(known)
    local.note_revision(REPO, "v2", COMMIT)
    assert local.revision(REPO, "v2") == COMMIT


def check_pin(data: bytes) -> None:
    """A pin names commits of repositories, or is none; whoever asks for all of them is told."""
    _write(_root / ".locks" / ".weighbridge" / "pins" / "x.json", data)
    for folder, commit in pins_of(_root):
        assert RepoId.of_folder(folder) is not None
        assert commit == "*" or is_commit(commit)
    stale_pins(_root)


def check_limit(data: bytes) -> None:
    """A limit is a number of bytes above 0, or none."""
    _write(_root / ".locks" / ".weighbridge" / "limit.json", data)
    limit = read_limit(_root)
    assert limit is None or (type(limit) is int and limit > 0)


def check_flat(data: bytes) -> None:
    """A note beside a file of the oldest layout is two texts or nothing."""
    _write(_root / "flat" / "x.json", data)
    note = read_note(_root / "flat" / "x")
    assert note is None or [type(each) for each in note] in ([str, str], [str, type(None)])


def _json(name: str, check: Callable[[bytes], None], document: object, examples: int = 60) -> Target:
    seeds = (json.dumps(document).encode(),)
    return Target(name=name, check=check, seeds=seeds, inputs=json_like(document), examples=examples)


def _bytes(name: str, check: Check, *seeds: bytes) -> Target:
    return Target(name=name, check=check, seeds=seeds, inputs=bytes_like(*seeds), examples=50)


TARGETS = (
    _json("receipts", check_receipts, RECEIPT, 80),
    _json("piece-manifests", check_pieces, PIECES, 80),
    _bytes("refs", check_ref, COMMIT.encode(), b" " + COMMIT.encode() + b"\n"),
    Target(
        name="metadata-of-directories",
        check=check_metadata,
        seeds=(METADATA,),
        inputs=lines_like((METADATA,), (b"nan", b"inf", b"1e400", b"-1", b"..", b"x.lock", b"9" * 400)),
    ),
    _json("revisions-of-directories", check_revisions, REVISIONS),
    _json("pins", check_pin, PIN),
    _json("limits", check_limit, LIMIT),
    _json("flat-notes", check_flat, FLAT),
)
