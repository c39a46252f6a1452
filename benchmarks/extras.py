"""What is measured of the Hub's client by other means than rows: chosen, run and put together."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from benchmarks import counting, memory, starts, warm
from benchmarks.asking import Hub
from benchmarks.rows import FileSet
from benchmarks.settings import KIB

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from benchmarks.processes import Bench
    from benchmarks.sections import Section
    from benchmarks.settings import Settings, Sizes
    from benchmarks.world import World

EXTRAS = (warm.NAME, counting.NAME, starts.NAME, memory.NAME)
_COUNTED = 100


class _Found(Protocol):
    def section(self) -> Section: ...


def held_sets(names: Collection[str], sizes: Sizes) -> set[FileSet]:
    """Return the files of which those called ``names`` need repositories."""
    return {files for name, files in _sets(sizes).items() if name in names}


def measure_extras(names: Collection[str], world: World, bench: Bench, settings: Settings) -> Sequence[Section]:
    """Measure those called ``names``."""
    hub = Hub(
        origin=world.origin,
        url=f"http://127.0.0.1:{world.origin.ports.hub}",
        root=world.root,
        caches=settings.workdir / "caches",
        bench=bench,
        tools=world.tools,
    )
    sets = _sets(settings.sizes)
    found: list[_Found] = []
    for name in EXTRAS:
        if name not in names:
            continue
        print(name, file=sys.stderr)
        own = replace(hub, caches=hub.caches / name)
        if name == warm.NAME:
            found.append(warm.measure_warm(own, world.repositories[sets[name].label], settings.rounds))
        elif name == counting.NAME:
            found.append(counting.measure_counts(own, world.repositories[sets[name].label]))
        elif name == starts.NAME:
            found.append(starts.measure_starts(bench, world.tools, settings.rounds))
        else:
            found.append(memory.measure_memory(bench, world, settings.sizes))
    return [each.section() for each in found]


def _sets(sizes: Sizes) -> dict[str, FileSet]:
    return {
        warm.NAME: FileSet("held", sizes.held, 4 * KIB),
        counting.NAME: FileSet("counted", _COUNTED, 4 * KIB, changes=True),
    }
