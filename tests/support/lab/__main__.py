"""Runs rounds of the laboratory on all cores and prints what came of them; each round can be repeated by its seed."""

from __future__ import annotations

import argparse
import logging
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.support.lab.bench import bench_at
from tests.support.lab.neighbour import neighbour_of
from tests.support.lab.rounds import Report, draw_round, play

_SPREAD = 1 << 30
_AT_A_TIME = 25  # rounds between two lines of figures


def play_all(seeds: Sequence[int]) -> Iterator[tuple[int, Report]]:
    """Run the rounds of some seeds on one bench; if something went wrong it stays on the disk, to be looked at."""
    directory, is_wrong = Path(tempfile.mkdtemp(prefix="weighbridge-lab-")), False
    with bench_at(directory) as bench, neighbour_of(bench) as neighbour:
        for seed in seeds:
            report = play(bench, draw_round(bench, seed), neighbour.look)
            is_wrong = is_wrong or bool(report.complaints)
            yield seed, report
    if not is_wrong:
        shutil.rmtree(directory)


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say; 0 if nothing was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.lab", description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=None, help="of the first round; the others follow")
    given = parser.parse_args(arguments)
    logging.disable(logging.WARNING)  # that something was interrupted is no news here
    first = random.SystemRandom().randrange(_SPREAD) if given.seed is None else given.seed
    _say(f"{given.rounds} rounds from seed {first}; one of them again: python -m tests.support.lab --rounds 1 --seed N")
    seeds, workers, began = range(first, first + given.rounds), os.cpu_count() or 1, time.monotonic()
    reports: list[Report] = []
    with ProcessPoolExecutor(workers) as pool:
        for some in pool.map(_play_some, [seeds[at : at + _AT_A_TIME] for at in range(0, len(seeds), _AT_A_TIME)]):
            for seed, report in some:
                reports.append(report)
                if report.complaints:
                    _say(f"seed {seed}: {report.round}\n  " + "\n  ".join(report.complaints))
            _say(f"{len(reports)} rounds in {time.monotonic() - began:.0f} s")
    _say(summary(reports))
    return 1 if any(each.complaints for each in reports) else 0


def summary(reports: Sequence[Report]) -> str:
    """Return the figures of many rounds, as lines."""
    walks = Counter(each.round.walk for each in reports)
    kinds = Counter(blow.kind.value for each in reports for blow in each.round.blows)
    wrong = sum(bool(each.complaints) for each in reports)
    lines = [
        f"rounds: {len(reports)}, with something wrong: {wrong}",
        "walks: " + ", ".join(f"{name} {count}" for name, count in walks.most_common()),
        "blows: " + ", ".join(f"{name} {count}" for name, count in kinds.most_common()),
    ]
    for kind in kinds:
        alone = [each for each in reports if {blow.kind.value for blow in each.round.blows} == {kind}]
        worst = max((each.extra / len(each.round.blows) for each in alone), default=0.0)
        lines.append(f"most bytes fetched again for one {kind}: {worst:.0f}")
    return "\n".join(lines)


def _play_some(seeds: Sequence[int]) -> list[tuple[int, Report]]:
    return list(play_all(seeds))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
