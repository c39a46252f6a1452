"""Fuzz for long: ``python -m tests.fuzz [--seconds N] [TARGET …]``, or ``--repeat FILE`` for what broke one."""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.fuzz.hunting import Broken, try_for
from tests.fuzz.registry import ALL

PLACE = Path(".fuzz")
SECONDS = 10.0
_SLACK_S = 600.0  # for the start on a busy machine, and for making what was found small


@dataclass(frozen=True, slots=True)
class Search:
    """One way to search one target.

    Attributes:
        name: Of the target.
        way: ``hypothesis`` or ``coverage``.
        seconds: For how long.
    """

    name: str
    way: str
    seconds: float

    def command(self) -> list[str]:
        """Return what runs it."""
        if self.way == "hypothesis":
            return [sys.executable, "-m", "tests.fuzz", "--here", "--seconds", str(self.seconds), self.name]
        corpus, seconds = str(PLACE / "corpus" / self.name), str(max(1, round(self.seconds)))
        return [sys.executable, "-m", "tests.fuzz.covered", self.name, seconds, corpus, str(PLACE / "crashes")]

    def run(self) -> tuple[bool, str]:
        """Run it in a process of its own; return whether all was well, and what it said."""
        try:
            done = subprocess.run(
                self.command(), capture_output=True, text=True, timeout=self.seconds + _SLACK_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            return False, f"did not end: {error.stdout!r}"
        return done.returncode == 0, f"{done.stdout}{done.stderr}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Search all targets, or some; return 1 if one was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"for each target and way [{SECONDS:g}]")
    parser.add_argument("--repeat", type=Path, metavar="FILE", help="run a target on what broke it")
    parser.add_argument("--here", action="store_true", help="in this process, by hypothesis alone")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(ALL)} [all]")
    chosen = parser.parse_args(arguments)
    strange = [each for each in chosen.targets if each not in ALL]
    if strange:
        parser.error(f"there is no target {', '.join(strange)}")
    if chosen.repeat is not None:
        return repeat(chosen.repeat)
    (PLACE / "crashes").mkdir(parents=True, exist_ok=True)
    names = chosen.targets or list(ALL)
    if chosen.here:
        return max(hunt(each, chosen.seconds) for each in names)
    return search(names, chosen.seconds)


def search(names: Sequence[str], seconds: float) -> int:
    """Search in as many processes at a time as there are cores; return 1 if anything was found."""
    searches = [Search(each, "hypothesis", seconds) for each in names]
    if importlib.util.find_spec("atheris") is not None:
        searches += [Search(each, "coverage", seconds) for each in names if ALL[each].is_pure]
    broken = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for each, (is_well, said) in zip(searches, pool.map(Search.run, searches), strict=True):
            print(f"{each.name:28} {each.way:11} {_count(said) if is_well else 'BROKEN'}", flush=True)  # noqa: T201
            if not is_well:
                broken += 1
                print(said[-4000:], flush=True)  # noqa: T201
    print(f"{len(searches)} searches of {seconds:g} s, {broken} found something", flush=True)  # noqa: T201
    if broken:
        print(f"repeat one with: python -m tests.fuzz --repeat {PLACE / 'crashes'}/FILE", flush=True)  # noqa: T201
    return int(bool(broken))


def hunt(name: str, seconds: float) -> int:
    """Search one target by hypothesis; what breaks it is kept in a file."""
    try:
        print(f"inputs: {try_for(ALL[name], seconds, time.time_ns() % (1 << 32))}")  # noqa: T201
    except Broken as broken:
        place = PLACE / "crashes" / f"{name}-crash-{sha256(broken.data).hexdigest()[:16]}"
        place.write_bytes(broken.data)
        print(f"{broken}\npython -m tests.fuzz --repeat {place}")  # noqa: T201
        return 1
    return 0


def repeat(file: Path) -> int:
    """Run the target that a file is called after on what is in it; ends in the error that it leads to, if any."""
    name = max((each for each in ALL if file.name.startswith(f"{each}-")), key=len)
    ALL[name].check(file.read_bytes())
    print(f"{name} takes {file}")  # noqa: T201
    return 0


def _count(said: str) -> str:
    lines = [each for each in said.splitlines() if each.startswith(("inputs: ", "stat::number_of_executed_units"))]
    return f"{lines[-1].split()[-1]} inputs" if lines else "ended"


if __name__ == "__main__":
    sys.exit(main())
