"""Runs the contenders of one row in turn, round after round."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from benchmarks.contenders import Leaves
from benchmarks.corpus import is_same
from benchmarks.figures import Cell, RowResult, Sample

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.contenders import Contender, Job
    from benchmarks.origin import Served
    from benchmarks.processes import Bench, Usage
    from benchmarks.rows import Row


class Watched(Protocol):
    """Who can tell what was served during one run."""

    def mark(self) -> None:
        """Begin to count."""

    def served(self) -> Served:
        """Return what was served since ``mark``."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs contenders against one origin, and looks at what each of them left."""

    bench: Bench
    origin: Watched
    rounds: int
    warm_ups: int = 1

    def run_row(self, row: Row, job: Job) -> RowResult:
        """Run every contender of ``row`` ``warm_ups`` times for nothing, then ``rounds`` times in turn (A B C A B C).

        A contender that fails is left out from then on: a timeout each round would cost too much.
        """
        problems: dict[str, str] = {}
        samples: dict[str, list[Sample]] = {contender.name: [] for contender in row.contenders}
        present = [contender for contender in row.contenders if not job.tools.absent(contender.needs)]
        for number in range(1 - self.warm_ups, self.rounds + 1):
            print(f"{row.name}: {f'round {number} of {self.rounds}' if number > 0 else 'warm-up'}", file=sys.stderr)
            for contender in present:
                if problems.get(contender.name):
                    continue
                sample = self._run(contender, replace(job, files=job.whole) if contender.of_whole else job)
                problems[contender.name] = sample.problem
                if number > 0:
                    samples[contender.name].append(sample)
        cells = [
            Cell(
                name=one.name,
                flushed=one.flushed,
                samples=samples[one.name],
                problem=problems.get(one.name, ""),
                absent=job.tools.absent(one.needs),
            )
            for one in row.contenders
        ]
        return RowResult(
            name=row.name,
            title=row.title,
            size=job.size,
            limits=row.limits,
            flushed_limits=row.flushed_limits,
            cells={cell.name: cell for cell in cells},
        )

    def _run(self, contender: Contender, job: Job) -> Sample:
        """Run one contender in an empty folder beside a quiet disk; compare what it made and delete it."""
        self.bench.clear()
        job.out.mkdir()
        os.sync()  # what the run before left to be written is not this one's burden
        self.origin.mark()
        usages: list[Usage] = []
        for step in contender.steps(job):
            usages.append(self.bench.run(step))
            if usages[-1].problem:
                break
        served = self.origin.served()
        problem = usages[-1].problem or _find_wrong(contender, job, usages[-1].output)
        self.bench.clear()
        return Sample(
            seconds=sum(usage.seconds for usage in usages),
            peak_bytes=max(usage.peak_bytes for usage in usages),
            cpu_s=sum(usage.cpu_s for usage in usages),
            requests=served.requests,
            connections=served.connections,
            body_bytes=served.body_bytes,
            origin_cpu_s=served.cpu_s,
            problem=problem,
        )


def _find_wrong(contender: Contender, job: Job, output: str) -> str:
    """Return which result is wrong, or the empty string.

    Files are compared with the origin's byte for byte, which says more than a second digest and is faster.
    """
    if contender.digests:
        wrong = next((file for file in job.files if file.digest(job.algorithm) not in output), None)
        if wrong:
            return f"WRONG: digest of {wrong.name}"
    if contender.leaves is Leaves.NOTHING:
        return ""
    if contender.leaves is Leaves.PARTS:
        _join_parts(job)
    made = _snapshot(job) if contender.leaves is Leaves.SNAPSHOT else job.out
    different = next((file for file in job.files if not is_same(made / file.name, job.root / file.name)), None)
    return f"WRONG: {different.name}" if different else ""


def _snapshot(job: Job) -> Path:
    """Return the one snapshot in the cache that the contender has made, or where one would be."""
    return next(job.out.glob("models--*/snapshots/*"), job.out)


def _join_parts(job: Job) -> None:
    """Append the numbered parts of the one file in their order to make it whole."""
    (file,) = job.files
    parts = sorted(job.out.glob(f"{file.name}.*"), key=lambda part: int(part.suffix[1:]))
    with (job.out / file.name).open("wb") as whole:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, whole)
