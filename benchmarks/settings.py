"""What one benchmark run is asked to do, parsed once from the command line."""

from __future__ import annotations

import argparse
import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much data each set of files holds.

    Attributes:
        one: Bytes of the single large file.
        four: Bytes of each of the four files.
        many: How many small files.
        small: Bytes of each small file.
        capped: Bytes of the file fetched over slow connections.
        served: Bytes of the file that is fetched from our mirror.
        held: How many files a snapshot has that is in the cache already.
        verified: Bytes of each file of a cache that is verified.
        growing: Bytes of each of the files that memory is measured with, from the smallest.
    """

    one: int
    four: int
    many: int
    small: int
    capped: int
    served: int
    held: int
    verified: int
    growing: tuple[int, ...]


FULL = Sizes(
    one=2 * GIB,
    four=512 * MIB,
    many=400,
    small=64 * KIB,
    capped=GIB,
    served=GIB,
    held=1000,
    verified=512 * MIB,
    growing=(16 * MIB, 256 * MIB, 4 * GIB),
)
QUICK = Sizes(
    one=64 * MIB,
    four=16 * MIB,
    many=50,
    small=64 * KIB,
    capped=64 * MIB,
    served=64 * MIB,
    held=100,
    verified=8 * MIB,
    growing=(MIB, 64 * MIB),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Where what was found is written, besides being printed.

    Attributes:
        json: Every sample, to be read again by ``benchmarks.merge``.
        markdown: The report.
        chart: The chart, as SVG.
    """

    json: Path | None = None
    markdown: Path | None = None
    chart: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The choices of one benchmark run.

    Attributes:
        quick: Whether the small sizes are used.
        rounds: Measured rounds of each row.
        only: Names of the rows to run, in any order; empty means all.
        workdir: Where the files, the origin and the virtual environment of ``requests`` live.
        keep: Whether the files made are left there for the next run.
        timeout_s: Seconds after which one process of a contender is killed.
        weighbridge: Command to measure, as arguments; empty means the one of this environment.
        outputs: What is written.
    """

    quick: bool
    rounds: int
    only: frozenset[str]
    workdir: Path
    keep: bool
    timeout_s: float
    weighbridge: tuple[str, ...]
    outputs: Outputs

    @property
    def sizes(self) -> Sizes:
        """Return how much data this run moves."""
        return QUICK if self.quick else FULL

    @property
    def warm_ups(self) -> int:
        """Return how many rounds are run before those that count; a quick run has no time for one."""
        return 0 if self.quick else 1


def parse_settings(arguments: Sequence[str], row_names: Sequence[str]) -> Settings:
    """Turn command-line ``arguments`` into settings, or leave with a usage message.

    ``QUICK`` in the environment (anything but empty or ``0``) means the same as ``--quick``.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round, under two minutes")
    parser.add_argument("--runs", type=int, metavar="N", help="measured rounds a row (default 5; quick: 1)")
    parser.add_argument("--only", action="append", choices=row_names, metavar="NAME", help=", ".join(row_names))
    parser.add_argument("--workdir", type=Path, default=Path(".bench"), help="default: %(default)s")
    parser.add_argument("--keep", action="store_true", help="leave the files made for the next run")
    parser.add_argument("--timeout", type=float, default=600.0, metavar="S", help="seconds a process may take")
    parser.add_argument("--weighbridge", default="", metavar="COMMAND", help="measure this command instead")
    parser.add_argument("--docs", type=Path, metavar="DIR", help="a run of everything writes benchmarks.{md,svg} there")
    add_outputs(parser)
    chosen = parser.parse_args(arguments)
    quick = chosen.quick or os.environ.get("QUICK", "0") not in {"", "0"}
    rounds = (1 if quick else 5) if chosen.runs is None else chosen.runs
    if rounds < 1:
        parser.error("--runs: at least one round is needed")
    outputs = outputs_of(chosen)
    if chosen.docs and not (quick or chosen.only):
        outputs = _filled(outputs, chosen.docs)
    return Settings(
        quick=quick,
        rounds=rounds,
        only=frozenset(chosen.only or ()),
        workdir=chosen.workdir.resolve(),
        keep=chosen.keep,
        timeout_s=chosen.timeout,
        weighbridge=tuple(shlex.split(chosen.weighbridge)),
        outputs=outputs,
    )


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``outputs_of`` reads."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the report there too")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the chart there, as SVG")


def outputs_of(chosen: argparse.Namespace) -> Outputs:
    """Return what is to be written."""
    return Outputs(json=chosen.json, markdown=chosen.markdown, chart=chosen.chart)


def _filled(outputs: Outputs, docs: Path) -> Outputs:
    return replace(
        outputs, markdown=outputs.markdown or docs / "benchmarks.md", chart=outputs.chart or docs / "benchmarks.svg"
    )
