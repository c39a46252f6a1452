"""Caches to pack, bundles to take in, and the stand-alone check of them in an interpreter that has nothing else."""

from __future__ import annotations

import functools
import io
import subprocess
import sys
import tarfile
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.support.calls import QUICK
from tests.support.hub.calls import COMMIT, NOTES, WEIGHTS
from tests.support.hub_repos import Repo, blob_name
from weighbridge.bundling.checker import checker
from weighbridge.client import Client
from weighbridge.core.digests import Digest
from weighbridge.core.lock_text import write_lock
from weighbridge.core.locks import LockedFile, LockedRepository, LockFile
from weighbridge.core.names import RelativeName
from weighbridge.core.options import CacheOptions, Options
from weighbridge.core.repos import RepoId

_TIMEOUT_S = 30.0


def options_of(cache: Path) -> Options:
    """Return quick options for a machine without a network."""
    return replace(QUICK, cache=CacheOptions(root=cache), offline=True)


def client_of(cache: Path) -> Client:
    """Return a client of a machine without a network."""
    return Client(options_of(cache))


def pack(repo: Repo, out: Path, *, tar: bool = False, split: int | None = None) -> Path:
    """Pack both revisions of a repository from a cache beside the bundle; return the bundle."""
    cache = out.parent / "packed"
    if not cache.exists():
        repo.write_cache(cache)
    with client_of(cache) as client:
        made = client.bundles.create(out, f"{repo.name}@main", f"{repo.name}@v1.0", tar=tar, split=split)
    return made.paths[0]


def locked(repo: Repo, place: Path, *, directory: RelativeName | None = None, more: LockFile | None = None) -> Path:
    """Write a lock file that has pinned the weights and the notes of the main branch, and the downloads of another."""
    files = [
        LockedFile(path, len(repo.main[path]), Digest(kind, blob_name(path, repo.main[path])))
        for path, kind in ((WEIGHTS, "sha256"), (NOTES, "git-sha1"))
    ]
    pinned = LockedRepository(
        repo=RepoId.parse(repo.name), revision="main", commit=COMMIT, directory=directory, files=tuple(files)
    )
    lock = LockFile(repositories=(pinned,), downloads=more.downloads if more else ())
    place.mkdir(parents=True, exist_ok=True)
    (place / "weighbridge.lock").write_text(write_lock(lock), encoding="utf-8")
    return place / "weighbridge.lock"


def check_alone(*arguments: object, cwd: Path | None = None) -> tuple[int, list[str]]:
    """Run the script of a bundle with the bare standard library; return its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def check(*arguments: object) -> tuple[int, list[str]]:
    """Run the same script in this process, which is quicker; return what :func:`check_alone` does."""
    out = io.StringIO()
    with redirect_stdout(out):
        code: int = _script()["main"]([str(each) for each in arguments])
    return code, out.getvalue().splitlines()


@functools.cache
def _script() -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "check"}
    exec(compile(checker(), "check.py", "exec"), names)
    return names


def archive_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """Return a tar file as anybody may make it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def member(name: str, content: bytes = b"", **facts: object) -> tuple[tarfile.TarInfo, bytes]:
    """Return a member of a tar file, and facts of its header that differ from a plain file's."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in facts.items():
        setattr(info, key, value)
    return info, content
