"""Calls on the native interface to a Hub, with limits short enough for tests, and what is wrong with what they left."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from tests.support.calls import quick
from tests.support.fault_hub import FaultHub
from tests.support.hub_repos import Repo
from weighbridge.client import Client
from weighbridge.core.options import MIB, CacheOptions, HubOptions, Options
from weighbridge.core.snapshots import SnapshotResult

KIB = 1 << 10

WEIGHTS = "model.safetensors"
GRAPH = "onnx/model.onnx"
NOTES = "notes/README.md"
COMMIT = "c0ffee00" * 5
EARLIER = "decade00" * 5

_SHA1_DIGITS, _SHA256_DIGITS = 40, 64
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@functools.cache
def victim(weights_size: int = 160 * KIB) -> Repo:
    """Return a model with two commits: large files, of which one has several pieces, small ones, and an empty one."""
    files = {
        NOTES: b"# What this is\n",
        "config.json": b'{"model_type": "demo"}\n',
        "empty.txt": b"",
        GRAPH: Random(5).randbytes(20 * KIB),
        "vocab.txt": Random(6).randbytes(3 * KIB),
        WEIGHTS: Random(7).randbytes(weights_size),
    }
    earlier = {**files, "config.json": b"{}\n", WEIGHTS: Random(8).randbytes(weights_size)}
    return Repo(
        kind="model",
        name="acme/victim",
        commits={EARLIER: earlier, COMMIT: files},
        refs={"main": COMMIT, "v1.0": EARLIER},
    )


def hub_options(hub: FaultHub, cache: Path, *, hub_changes: Any = None, **changes: Any) -> Options:
    """Return quick options for ``hub`` and ``cache``, some of them changed: see ``tests.support.calls.quick``."""
    asked = HubOptions(**{"endpoint": hub.origin, "call_timeout_s": 10.0, "etag_timeout_s": 5.0} | (hub_changes or {}))
    pieces = {"first_piece": 128 * KIB, "piece_min": 64 * KIB}
    return replace(quick(**pieces | changes), hub=asked, cache=CacheOptions(root=cache))


def one_by_one(hub: FaultHub, cache: Path, **hub_changes: Any) -> Options:
    """Return options with one connection, whose pieces nobody takes over, so that every byte is sent once."""
    waits = {"stall_window_s": 20.0, "straggler_s": 20.0, "http": {"read_timeout_s": 20.0}}
    pieces = {"first_piece": 8 * MIB, "piece_min": 4 * MIB, "piece_max": 8 * MIB, "connections": 1}
    return hub_options(hub, cache, hub_changes=hub_changes, **waits, **pieces)


def snapshot(options: Options, repo: Repo, **more: Any) -> SnapshotResult:
    """Have a snapshot with a client of its own."""
    with Client(options) as client:
        return client.snapshot(repo.name, repo_type=repo.kind, **more)


def download(options: Options, repo: Repo, path: str, **more: Any) -> Path:
    """Have one file with a client of its own; return where it is."""
    with Client(options) as client:
        return client.download(repo.name, path, repo_type=repo.kind, **more).path


def wrongs(root: Path, cache: Path) -> list[str]:
    """Return what should not be below ``root``, where ``cache`` is.

    That is: whatever lies outside of the cache; a blob that is not what its name says; a pointer that leads to no blob
    of its own repository; anything in ``refs`` that is no commit.
    """
    strays = [f"outside: {each.relative_to(root)}" for each in root.rglob("*") if not _is_in(each, cache)]
    blobs = [f"wrong bytes: {each.name}" for each in cache.glob("*--*/blobs/*") if not _is_true(each)]
    pointers = [each for each in cache.glob("*--*/snapshots/*/**/*") if each.is_symlink() or not each.is_dir()]
    astray = [f"leads astray: {each}" for each in pointers if each.resolve().parent != _repo_of(each, cache) / "blobs"]
    refs = [each for each in cache.glob("*--*/refs/**/*") if each.is_file()]
    odd = [f"no commit: {each}" for each in refs if len(each.read_text()) != _SHA1_DIGITS]
    return strays + blobs + astray + odd


def unfinished(cache: Path) -> list[str]:
    """Return the names of all that a call keeps only while it runs."""
    marks = ("wb-partial", "wb-claim", ".incomplete", ".tmp")
    return sorted(str(each.relative_to(cache)) for each in cache.rglob("*") if any(mark in each.name for mark in marks))


def on_disk(root: Path) -> Iterator[bytes]:
    """Yield the names and contents of everything below a directory."""
    for path in root.rglob("*"):
        yield path.as_posix().encode()
        yield path.read_bytes() if path.is_file() else b""


def _is_in(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder) or folder.is_relative_to(path)


def _repo_of(path: Path, cache: Path) -> Path:
    return cache.resolve() / path.relative_to(cache).parts[0]


def _is_true(blob: Path) -> bool:
    if not _DIGEST.fullmatch(blob.name):
        return True
    content = blob.read_bytes()
    if len(blob.name) == _SHA256_DIGITS:
        return hashlib.sha256(content).hexdigest() == blob.name
    return hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest() == blob.name
