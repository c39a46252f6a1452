"""A project of a Hub's client: its two files, and calls for it with a client of its own each time."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from tests.support.fetching import build_options, describe_error, describe_result, say, tell
from tests.support.hub_repos import contents
from tests.support.processes import Work
from weighbridge.client import Client
from weighbridge.core.errors import WeighbridgeError
from weighbridge.core.locks import Locked, Synced
from weighbridge.core.options import CacheOptions, HubOptions, Options


@dataclass(frozen=True, slots=True)
class ProjectFolder:
    """A project in a directory.

    Attributes:
        path: The directory.
    """

    path: Path

    @property
    def lock_file(self) -> Path:
        """Its lock file."""
        return self.path / "weighbridge.lock"

    def write(self, *tables: str) -> None:
        """Say what it needs: whole tables, or ids of repositories."""
        self.path.mkdir(parents=True, exist_ok=True)
        texts = [each if each.startswith("[[") else f'[[repository]]\nid = "{each}"\n' for each in tables]
        (self.path / "weighbridge.toml").write_text("\n".join(texts), encoding="utf-8")

    def lock(self, options: Options, **more: Any) -> Locked:
        """Lock it."""
        with Client(options) as client:
            return client.projects.lock(self.path, **more)

    def sync(self, options: Options, **more: Any) -> Synced:
        """Sync it."""
        with Client(options) as client:
            return client.projects.sync(self.path, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncTask(Work):
    """Sync a project, or lock it.

    Attributes:
        endpoint: Whom to ask.
        cache: Where.
        project: Its directory.
        call: ``sync``, or ``lock``.
        arguments: Of the call.
        options: Group, field, value: what differs from the defaults.
    """

    module: ClassVar[str] = "tests.support.hub.projecting"

    endpoint: str
    cache: str
    project: str
    call: str = "sync"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def cache_facts(cache: Path) -> dict[str, bytes]:
    """Return what clients know a cache by: blobs, refs, and what snapshots show, by path."""
    parts = ("blobs", "refs", "snapshots")
    return {path: content for path, content in contents(cache).items() if set(path.split("/")).intersection(parts)}


def main(arguments: list[str]) -> int:
    """Do the task; 0 if it went well."""
    task = SyncTask(**json.loads(arguments[0]))
    hub, cache = HubOptions(endpoint=task.endpoint), CacheOptions(root=Path(task.cache))
    with Client(replace(build_options(task.options), hub=hub, cache=cache)) as client:
        try:
            if task.call == "lock":
                client.projects.lock(task.project, **task.arguments)
                return 0
            synced = client.projects.sync(task.project, observer=tell, **task.arguments)
        except WeighbridgeError as error:
            say(error=describe_error(error))
            return 1
    say(results=[describe_result(each) for each in synced.files])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
