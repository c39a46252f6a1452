"""The newest huggingface_hub, which looks at a place between two calls and works in a copy of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.hub_clients import HubProcess, make_clients
from tests.support.hub_repos import contents
from tests.support.invariants import is_begun
from tests.support.lab.bench import Bench
from tests.support.lab.walks import Place, model


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another client of the same Hub.

    Attributes:
        process: It.
        directory: For copies.
    """

    process: HubProcess
    directory: Path

    def look(self, place: Place) -> list[str]:
        """Return what it warns of in a cache, and what is wrong with what it makes of a copy."""
        if not place.cache.is_dir():
            return []
        told = [] if is_begun(place.cache) else self.process.call("scan_cache_dir", cache_dir=place.cache)["warnings"]
        copy = self.directory / "copy"
        shutil.copytree(place.cache, copy, symlinks=True)
        try:
            had = contents(self.process.call("snapshot_download", repo_id=model().name, cache_dir=copy))
        finally:
            shutil.rmtree(copy)
        wrong = [] if had == model().main else ["another client has wrong bytes"]
        return wrong + [f"scan of another client: {each}" for each in told]


@contextmanager
def neighbour_of(bench: Bench) -> Iterator[Neighbour]:
    """Give one that asks the Hub of a bench."""
    newest = make_clients(["2.x"])["2.x"]
    with newest.start(bench.hub.origin, bench.directory / "neighbour") as process:
        yield Neighbour(process, bench.directory)
