"""One process beside others at one cache: does the same again and again, and tells at the end what went wrong.

The arguments are a role, the address of a Hub, the cache, ids of models and commits of each, both with a comma between
them, and for how many seconds.  At the end it writes a line of JSON: ``rounds``, ``done`` and ``errors``.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.support.calls import quick
from weighbridge.client import Client
from weighbridge.core.errors import CacheLimitError, CacheNotFound, EntryNotFoundError
from weighbridge.core.options import CacheOptions, HubOptions, Options
from weighbridge.store.cache.room.budget import make_room, size_of_cache

_READINGS = 5
_MOST_ERRORS = 3
_FEWEST_ROUNDS = 3
_REMOVING = frozenset({"prune", "rm"})
_LONGEST_S = 20.0  # beyond the time that was asked for
_TOO_MUCH = 10_000  # bytes, of which every revision has more
_SHA256_DIGITS = 64


@dataclass(slots=True)
class Loop:
    """What one process does.

    Attributes:
        client: Of the cache.
        cache: The cache.
        repo_ids: Of models.
        commits: Of each of them.
        random: Which comes next.
        done: How often there was something to do.
    """

    client: Client
    cache: Path
    repo_ids: list[str]
    commits: list[str]
    random: Random = field(default_factory=Random)
    done: int = 0

    def download(self) -> None:
        """Have a commit, read it once, and let go of it."""
        self._read(times=1)

    def read(self) -> None:
        """Have a commit, and read all of it again and again while it is held."""
        self._read(times=_READINGS)

    def prune(self) -> None:
        """Remove what nobody will miss, however young it is."""
        with suppress(CacheNotFound):
            self.done += bool(self.client.cache.prune(older_than_s=0.0).removed)

    def rm(self) -> None:
        """Remove a commit."""
        with suppress(EntryNotFoundError, CacheNotFound):
            found = self.client.cache.remove(f"{self._repo()}@{self.random.choice(self.commits)}")
            self.done += bool(found.choices)

    def limit(self) -> None:
        """Let the cache be smaller than it is."""
        with suppress(CacheLimitError):
            most = max(1, size_of_cache(self.cache) - _TOO_MUCH)
            self.done += bool(make_room(self.cache, limit=most).removed)

    def _repo(self) -> str:
        return self.random.choice(self.repo_ids)

    def _read(self, times: int) -> None:
        revision = self.random.choice([*self.commits, "main"])
        found = self.client.snapshot(self._repo(), revision=revision)
        for _ in range(times):
            for file in found.files:
                content = (found.path / file.name).read_bytes()
                assert file.digest is not None
                assert _digest(content, file.digest.value) == file.digest.value, file
        self.done += bool(found.changed)
        self.client.cache.release()


def _digest(content: bytes, like: str) -> str:
    if len(like) == _SHA256_DIGITS:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest()


def _has_more(loop: Loop, role: str, rounds: int, until: float) -> bool:
    """Tell whether a process that had little of the machine goes on when the time is over, but not for ever."""
    has_enough = rounds >= _FEWEST_ROUNDS and (role not in _REMOVING or loop.done > 0)
    return not has_enough and time.monotonic() < until + _LONGEST_S


def main(arguments: list[str]) -> None:
    """Play the role."""
    role, endpoint, cache, repo_ids, commits, seconds = arguments
    options: Options = quick()
    hub = HubOptions(endpoint=endpoint, call_timeout_s=30.0, etag_timeout_s=20.0)
    options = Options(
        http=options.http,
        transfer=options.transfer,
        store=options.store,
        cache=CacheOptions(root=Path(cache)),
        hub=hub,
    )
    errors: list[str] = []
    rounds, until = 0, time.monotonic() + float(seconds)
    with Client(options) as client:
        loop = Loop(client, Path(cache), repo_ids.split(","), commits.split(","))
        work: Callable[[], None] = getattr(loop, role)
        while len(errors) < _MOST_ERRORS and (time.monotonic() < until or _has_more(loop, role, rounds, until)):
            try:
                work()
            except Exception:  # noqa: BLE001 - whatever it is, it is a failure to be told
                errors.append(traceback.format_exc())
            rounds += 1
    told: dict[str, Any] = {"role": role, "rounds": rounds, "done": loop.done, "errors": errors}
    sys.stdout.write(f"{json.dumps(told)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
