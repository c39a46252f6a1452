"""Prepares files, origin and relays, runs the chosen rows, and prints what was found."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks import rows
from benchmarks.extras import EXTRAS, held_sets, measure_extras
from benchmarks.hub_rows import hub_rows
from benchmarks.machine import read_machine, read_source
from benchmarks.outputs import write
from benchmarks.processes import Bench, Step
from benchmarks.report import Report
from benchmarks.rounds import Runner
from benchmarks.runs import Run
from benchmarks.serving import Watch, mirror_of
from benchmarks.serving_rows import NAME as SERVING
from benchmarks.serving_rows import Serving, serving_rows, times_of
from benchmarks.settings import FULL, Outputs, parse_settings
from benchmarks.tools import find_tools
from benchmarks.verify_rows import verify_rows
from benchmarks.world import HUBS, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.rows import Row
    from benchmarks.settings import Settings, Sizes
    from benchmarks.tools import Tools

_SETTLED_S = 3.0  # a mirror hashes a file that was touched later than that once more


def main() -> int:
    """Run the benchmarks; 1 when something needed is absent, 2 when a contender failed or brought wrong bytes."""
    names = [*(row.name for row in _every_row(FULL)), SERVING, *EXTRAS]
    settings = parse_settings(sys.argv[1:], names)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    began = datetime.now(UTC).isoformat(timespec="seconds")
    with _workdir(settings):
        tools = find_tools(settings)
        if absent := tools.absent(("nginx", "openssl")):
            print(f"nothing can be measured without {' and '.join(absent)}", file=sys.stderr)
            return 1
        run = _measure_all(settings, tools, began)
    print(Report([run]).as_text())
    write(settings.outputs, [run])
    if not settings.quick:  # so that runs of chosen rows can be put together, whoever thought of it too late
        write(Outputs(json=settings.workdir / "runs" / f"{began.replace(':', '')}.json"), [run])
    return 0 if run.is_right else 2


@contextmanager
def _workdir(settings: Settings) -> Iterator[None]:
    """Give a work directory that git does not see; afterwards delete what need not be kept."""
    settings.workdir.mkdir(parents=True, exist_ok=True)
    (settings.workdir / ".gitignore").write_text("*\n")
    try:
        yield
    finally:
        made = ("run", "run-aside", "origin", "mirror", "caches")
        for name in made if settings.keep else (*made, "files"):
            shutil.rmtree(settings.workdir / name, ignore_errors=True)


def _measure_all(settings: Settings, tools: Tools, began: str) -> Run:
    chosen = _chosen_rows(settings)
    machine = read_machine(settings.workdir)
    bench = Bench(settings.workdir / "run", settings.timeout_s)
    with ExitStack() as stack:
        asked = frozenset(EXTRAS) & (settings.only or frozenset(EXTRAS))
        held = {row.files for row in chosen if row.way in HUBS} | held_sets(asked, settings.sizes)
        world = World(settings, bench, tools, held, stack)
        runner = Runner(bench, world.origin, settings.rounds, settings.warm_ups)
        bare_bytes = bench.run(Step(tools.argv("python", "-c", "pass"))).peak_bytes
        results = [runner.run_row(row, world.job(row, machine.cores)) for row in chosen]
        checks = {way.value: found for way, found in world.checks.items()}
        sections = list(measure_extras(asked, world, bench, settings))
        if not settings.only or SERVING in settings.only:
            sections.append(_measure_serving(world, bench, settings).section())
    return Run(
        began=began,
        source=f"another command than this tree's: {' '.join(settings.weighbridge)}"
        if settings.weighbridge
        else read_source(),
        machine=machine,
        versions=tools.versions,
        rounds=settings.rounds,
        quick=settings.quick,
        bare_bytes=bare_bytes,
        checks=checks,
        results=results,
        sections=sections,
    )


def _every_row(sizes: Sizes) -> tuple[Row, ...]:
    return (*rows.every_row(sizes), *hub_rows(sizes), *verify_rows(sizes))


def _chosen_rows(settings: Settings) -> tuple[Row, ...]:
    """Return the rows that were asked for; without a word about that, all."""
    return tuple(row for row in _every_row(settings.sizes) if not settings.only or row.name in settings.only)


def _measure_serving(world: World, bench: Bench, settings: Settings) -> Serving:
    """Measure our mirror with a repository of one file, which is the very file that nginx serves."""
    home = settings.workdir / "mirror"
    (row, *_) = serving_rows(settings.sizes, "")
    (file,) = world.job(row, 1).files
    folder = home / "files"
    folder.mkdir(parents=True)
    (folder / file.name).hardlink_to(world.root / file.name)
    time.sleep(_SETTLED_S)
    with mirror_of(world.tools.commands["weighbridge"], folder, home, bench.environment()) as mirror:
        watch = Watch(world.origin, mirror)
        runner = Runner(bench, watch, settings.rounds, settings.warm_ups)
        results = {}
        for each in serving_rows(settings.sizes, mirror.url):
            job = world.job(each, 1)
            results[each.name] = runner.run_row(each, replace(job, files=job.files * times_of(each)))
        return Serving(
            results=results,
            ready_bytes=watch.ready_bytes,
            peak_bytes=max(watch.peaks),
            end_bytes=mirror.resident_bytes(),
        )


if __name__ == "__main__":
    sys.exit(main())
