"""How long it takes to import Weighbridge and to start its command, beside huggingface_hub."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.processes import Step
from benchmarks.report import Section
from benchmarks.targets import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.processes import Bench
    from benchmarks.tools import Tools

NAME = "starts"
_HEAD = ("what", "ms: median (min-max)")
_ABOUT = """\
- An import is timed within a new process, a command as a whole process; what is read comes from the page cache."""
_TIMED = "import time; began = time.perf_counter(); {statement}; print(time.perf_counter() - began)"
_TIMES = 2  # as often as a round of the rows
_IMPORT, _HELP = "import weighbridge", "weighbridge --help"
_BOUNDS_MS = {_IMPORT: 50.0, _HELP: 200.0}


@dataclass(frozen=True, slots=True)
class Starts:
    """What was found.

    Attributes:
        seconds: By what was started; empty where it failed.
    """

    seconds: Mapping[str, Sequence[float]]

    def section(self) -> Section:
        """Return it as a part of the report."""
        lines = [(name, _text(seconds)) for name, seconds in self.seconds.items()]
        data, is_right = dict(self.seconds), all(self.seconds.values())
        return Section(title="Starts", about=_ABOUT, head=_HEAD, lines=lines, data=data, is_right=is_right)

    def verdicts(self) -> list[Verdict]:
        """Return what became of the targets."""
        verdicts = []
        for name, bound in _BOUNDS_MS.items():
            target, seconds = f"{NAME}: {name} <= {bound:.0f} ms", self.seconds[name]
            if not seconds:
                verdicts.append(Verdict(target, "-", "not judged: it failed"))
                continue
            median = statistics.median(seconds) * 1000
            verdicts.append(Verdict(target, f"{median:.0f} ms", "met" if median <= bound else "not met"))
        return verdicts


def measure_starts(bench: Bench, tools: Tools, rounds: int) -> Starts:
    """Start everything in turn; the first time does not count."""
    imports = {
        _IMPORT: ("python", _IMPORT),
        "from weighbridge import snapshot_download": ("python", "from weighbridge import snapshot_download"),
        "import huggingface_hub": ("huggingface_hub", "import huggingface_hub"),
        "from huggingface_hub import snapshot_download": (
            "huggingface_hub",
            "from huggingface_hub import snapshot_download",
        ),
    }
    steps = {name: _timed(tools, *each) for name, each in imports.items() if each[0] in tools.commands}
    commands = {_HELP: tools.argv("weighbridge", "--help"), "hf --help": _hf(tools), "python -c pass": _nothing(tools)}
    whole = {name: Step(argv) for name, argv in commands.items() if argv}
    seconds: dict[str, list[float]] = {name: [] for name in (*steps, *whole)}
    for number in range(_TIMES * rounds + 1):
        for name, step in {**steps, **whole}.items():
            usage = bench.run(step)
            if number and not usage.problem:
                seconds[name].append(usage.seconds if name in whole else float(usage.output))
    return Starts(seconds)


def _text(seconds: Sequence[float]) -> str:
    if not seconds:
        return "failed"
    low, median, high = (each * 1000 for each in (min(seconds), statistics.median(seconds), max(seconds)))
    return f"{median:.0f} ({low:.0f}-{high:.0f})"


def _timed(tools: Tools, python: str, statement: str) -> Step:
    return Step(tools.argv(python, "-c", _TIMED.format(statement=statement)))


def _nothing(tools: Tools) -> tuple[str, ...]:
    return tools.argv("python", "-c", "pass")


def _hf(tools: Tools) -> tuple[str, ...]:
    """Return the command that comes with huggingface_hub, beside the interpreter that has it."""
    if "huggingface_hub" not in tools.commands:
        return ()
    (python,) = tools.commands["huggingface_hub"]
    return (str(Path(python).with_name("hf")), "--help")
