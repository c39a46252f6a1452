"""What one run of the suite is asked to do, parsed once from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

_JOBS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The choices of one run.

    Attributes:
        tools: Names of those to run, in the order in which they are shown.
        scenarios: Likewise.
        jobs: How many at once.
        workdir: Has the environments of the tools, which stay, and scratch directories.
        wheel: What is run as Weighbridge; None is what this interpreter has.
        json_path: Where everything is written as JSON, if anywhere.
        markdown_path: Where the page is written, if anywhere.
        svg_path: Where the picture is written, if anywhere.
    """

    tools: tuple[str, ...]
    scenarios: tuple[str, ...]
    jobs: int
    workdir: Path
    wheel: Path | None
    json_path: Path | None
    markdown_path: Path | None
    svg_path: Path | None


def parse_settings(arguments: Sequence[str], tools: Sequence[str], scenarios: Mapping[str, str]) -> Settings:
    """Turn command-line ``arguments`` into settings, or leave with a usage message and 2.

    Args:
        arguments: Without the program.
        tools: Names of all.
        scenarios: Names of all, each with a line about it.
    """
    parser = argparse.ArgumentParser(
        prog="python -m proof",
        description="Run the promises as scenarios against Weighbridge and other tools, and tell what was seen.",
        epilog="Exit codes: 0 Weighbridge keeps every promise; 1 it does not; 2 wrong arguments; "
        "3 a tool can't be had, or the suite itself failed.",
    )
    parser.add_argument("--tool", action="append", type=_one_of(tools), metavar="NAME", help=", ".join(tools))
    parser.add_argument(
        "--scenario", action="append", type=_one_of(scenarios), metavar="NAME", help="--list shows them"
    )
    parser.add_argument("--list", action="store_true", help="show all scenarios, and leave")
    parser.add_argument("--jobs", type=int, default=_JOBS, metavar="N", help="how many at once; default: %(default)s")
    parser.add_argument("--workdir", type=Path, default=Path(".proof"), help="default: %(default)s")
    parser.add_argument(
        "--wheel", type=Path, metavar="FILE", help="run this as Weighbridge, in an environment of its own"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the page there")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the picture there")
    chosen = parser.parse_args(arguments)
    if chosen.list:
        width = max(map(len, scenarios))
        print("\n".join(f"{name:{width}}  {about}" for name, about in scenarios.items()))
        parser.exit()
    if chosen.jobs < 1:
        parser.error("--jobs: one at a time is the least")
    if chosen.wheel is not None and not chosen.wheel.is_file():
        parser.error(f"--wheel: there is no file {chosen.wheel}")
    return Settings(
        tools=tuple(each for each in tools if each in (chosen.tool or tools)),
        scenarios=tuple(each for each in scenarios if each in (chosen.scenario or scenarios)),
        jobs=chosen.jobs,
        workdir=chosen.workdir.resolve(),
        wheel=chosen.wheel,
        json_path=chosen.json,
        markdown_path=chosen.markdown,
        svg_path=chosen.svg,
    )


def _one_of(names: Iterable[str]) -> Callable[[str], str]:
    """Return what takes one of ``names``, and for another tells those that are like it."""
    known = list(names)

    def read(given: str) -> str:
        if given in known:
            return given
        near = get_close_matches(given, known)
        raise argparse.ArgumentTypeError(f"there is no {given!r}" + (f"; there is {', '.join(near)}" if near else ""))

    return read
