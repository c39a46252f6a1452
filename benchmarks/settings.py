"""What one benchmark run is asked to do, parsed once from the command line."""

from __future__ import annotations

import argparse
import os
import shlex
from dataclasses import dataclass
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
    """

    one: int
    four: int
    many: int
    small: int
    capped: int
    served: int
    held: int
    verified: int


FULL = Sizes(
    one=2 * GIB, four=512 * MIB, many=400, small=64 * KIB, capped=GIB, served=GIB, held=1000, verified=512 * MIB
)
QUICK = Sizes(
    one=64 * MIB,
    four=16 * MIB,
    many=100,
    small=64 * KIB,
    capped=128 * MIB,
    served=128 * MIB,
    held=200,
    verified=16 * MIB,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The choices of one benchmark run.

    Attributes:
        quick: Whether the small sizes are used and the rows made for the full run are left out.
        rounds: Measured rounds of each row; one more is run first and discarded.
        only: Names of the rows to run, in any order; empty means all.
        workdir: Where the files, the origin and the virtual environment of ``requests`` live.
        keep: Whether the files made are left there for the next run.
        timeout_s: Seconds after which one process of a contender is killed.
        weighbridge: Command to measure, as arguments; empty means the one of this environment.
        json_path: Where every sample is written as JSON, if anywhere.
        markdown_path: Where the report is written too, if anywhere.
    """

    quick: bool
    rounds: int
    only: frozenset[str]
    workdir: Path
    keep: bool
    timeout_s: float
    weighbridge: tuple[str, ...]
    json_path: Path | None
    markdown_path: Path | None

    @property
    def sizes(self) -> Sizes:
        """Return how much data this run moves."""
        return QUICK if self.quick else FULL


def parse_settings(arguments: Sequence[str], row_names: Sequence[str]) -> Settings:
    """Turn command-line ``arguments`` into settings, or leave with a usage message.

    ``QUICK`` in the environment (anything but empty or ``0``) means the same as ``--quick``.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, two rounds, under two minutes")
    parser.add_argument("--runs", type=int, metavar="N", help="measured rounds a row (default 5; quick: 2)")
    parser.add_argument("--only", action="append", choices=row_names, metavar="NAME", help=", ".join(row_names))
    parser.add_argument("--workdir", type=Path, default=Path(".bench"), help="default: %(default)s")
    parser.add_argument("--keep", action="store_true", help="leave the files made for the next run")
    parser.add_argument("--timeout", type=float, default=600.0, metavar="S", help="seconds a process may take")
    parser.add_argument("--weighbridge", default="", metavar="COMMAND", help="measure this command instead")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the report there too")
    chosen = parser.parse_args(arguments)
    quick = chosen.quick or os.environ.get("QUICK", "0") not in {"", "0"}
    rounds = (2 if quick else 5) if chosen.runs is None else chosen.runs
    if rounds < 1:
        parser.error("--runs: at least one round is needed")
    return Settings(
        quick=quick,
        rounds=rounds,
        only=frozenset(chosen.only or ()),
        workdir=chosen.workdir.resolve(),
        keep=chosen.keep,
        timeout_s=chosen.timeout,
        weighbridge=tuple(shlex.split(chosen.weighbridge)),
        json_path=chosen.json,
        markdown_path=chosen.markdown,
    )
