"""Puts the files of finished runs together, and writes report and chart of them again, without measuring."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.outputs import write
from benchmarks.report import Report
from benchmarks.runs import DifferentRunsError, Run, put_together, run_of
from benchmarks.settings import Outputs, add_outputs, outputs_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Read runs, print their report and write what was asked for; 1 when they can't stand in one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.merge", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN.json", help="what --json of a run has written")
    add_outputs(parser)
    chosen = parser.parse_args(arguments)
    outputs: Outputs = outputs_of(chosen)
    try:
        runs = put_together([run for path in chosen.runs for run in read_runs(path)])
    except (DifferentRunsError, OSError, ValueError, KeyError, TypeError) as error:
        print(f"these can't be put together: {error}", file=sys.stderr)
        return 1
    print(Report(runs).as_text())
    write(outputs, runs)
    return 0


def read_runs(path: Path) -> list[Run]:
    """Return the runs in a file that ``outputs.write`` has written."""
    return [run_of(each) for each in json.loads(path.read_text())["runs"]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
