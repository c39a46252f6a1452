"""Runs one row's command under a sampling profiler, to see what its seconds are spent on."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import rows
from benchmarks.hub_rows import hub_rows
from benchmarks.install import python_with
from benchmarks.machine import read_machine, read_source
from benchmarks.processes import Bench, Step
from benchmarks.rows import LOOSE, WEIGHBRIDGE
from benchmarks.settings import FULL, QUICK, Outputs, Settings
from benchmarks.stacks import Stacks, read_stacks, spending_table
from benchmarks.tools import find_tools
from benchmarks.verify_rows import VERIFY, verify_rows
from benchmarks.world import HUBS, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.contenders import Contender, Job
    from benchmarks.rows import Row
    from benchmarks.settings import Sizes

_RATE = 200  # looks a second; more of them slow down what they look at


@dataclass(frozen=True, slots=True)
class _Profiler:
    """py-spy, where its files go, and what runs it."""

    command: Path
    folder: Path
    bench: Bench

    def stacks(self, contender: Contender, job: Job, options: Sequence[str]) -> Stacks:
        """Run the first command of ``contender`` under the profiler and return what it saw.

        Raises:
            RuntimeError: The profiler or the command failed.
        """
        raw = self.folder / f"{'-'.join(('stacks', *(each.strip('-') for each in options)))}.raw"
        record = ("record", *options, "--threads", "--rate", f"{_RATE}", "--format", "raw", "--output", str(raw), "--")
        step = _fresh(self.bench, contender, job)
        usage = self.bench.run(Step((str(self.command), *record, *step.argv), step.env))
        if usage.problem:
            raise RuntimeError(usage.problem)
        return read_stacks(raw.read_text(), _RATE)


def main(arguments: Sequence[str]) -> int:
    """Measure one row without the profiler, then with it; 1 when that can't be done here."""
    names = [row.name for row in _every_row(FULL)]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spending", description=__doc__)
    parser.add_argument("row", choices=names, metavar="ROW", help=", ".join(names))
    parser.add_argument("--durable", action="store_true", help=f"run `{WEIGHBRIDGE}`, not `{LOOSE}`")
    parser.add_argument("--quick", action="store_true", help="the small sizes")
    parser.add_argument("--workdir", type=Path, default=Path(".bench"), help="default: %(default)s")
    chosen = parser.parse_args(arguments)
    sizes = QUICK if chosen.quick else FULL
    row = next(row for row in _every_row(sizes) if row.name == chosen.row)
    wanted = (WEIGHBRIDGE, VERIFY) if chosen.durable else (LOOSE, VERIFY)
    contender = next(each for each in row.contenders if each.name in wanted)
    settings = Settings(
        quick=chosen.quick,
        rounds=1,
        only=frozenset({row.name}),
        workdir=chosen.workdir.resolve(),
        keep=True,
        timeout_s=600.0,
        weighbridge=(),
        outputs=Outputs(),
    )
    try:
        print(_spent(settings, row, contender))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _spent(settings: Settings, row: Row, contender: Contender) -> str:
    settings.workdir.mkdir(parents=True, exist_ok=True)
    (settings.workdir / ".gitignore").write_text("*\n")
    python = python_with("py-spy", settings.workdir / "py-spy-venv")
    if python is None:
        message = "py-spy could not be installed"
        raise RuntimeError(message)
    folder = settings.workdir / "spending" / row.name
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        bench, tools = Bench(settings.workdir / "run", settings.timeout_s), find_tools(settings)
        held = {row.files} if row.way in HUBS else set()
        job = World(settings, bench, tools, held, stack).job(row, os.cpu_count() or 1)
        profiler = _Profiler(python.with_name("py-spy"), folder, bench)
        bench.run(_fresh(bench, contender, job))  # for nothing, as in the benchmarks
        usage = bench.run(_fresh(bench, contender, job))
        if usage.problem:
            raise RuntimeError(usage.problem)
        busy = profiler.stacks(contender, job, ())
        locked = profiler.stacks(contender, job, ("--gil",))
        bench.clear()
    machine = read_machine(settings.workdir)
    told = (
        f"{row.name}: {row.title}; {contender.name}, of {read_source()}",
        f"{machine.cpu}, {machine.cores} cores, SHA extensions: {machine.sha_extensions}",
        f"without the profiler: {usage.seconds:.2f} s, {usage.cpu_s:.2f} s of processor time",
        f"with it, {_RATE} looks a second ({folder}: for speedscope or flamegraph.pl):",
    )
    return "\n".join(told) + "\n\n" + spending_table(busy, locked)


def _fresh(bench: Bench, contender: Contender, job: Job) -> Step:
    """Return the first command of ``contender``, with an empty folder to work in."""
    bench.clear()
    job.out.mkdir()
    return contender.steps(job)[0]


def _every_row(sizes: Sizes) -> tuple[Row, ...]:
    return (*rows.every_row(sizes), *hub_rows(sizes), *verify_rows(sizes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
