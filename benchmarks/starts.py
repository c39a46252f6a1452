"""How long it takes to import Weighbridge and to start its command, beside huggingface_hub."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.processes import Step
from benchmarks.sections import Bar, Panel, Section
from benchmarks.targets import Verdict, met

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
_IMPORTS = (
    _IMPORT,
    "from weighbridge import snapshot_download",
    "import huggingface_hub",
    "from huggingface_hub import snapshot_download",
)
_PANELS: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    (
        f"{NAME}: import LIBRARY; from LIBRARY import snapshot_download",
        _IMPORT,
        {
            _IMPORTS[0]: "weighbridge",
            _IMPORTS[1]: "weighbridge, function",
            _IMPORTS[2]: "huggingface_hub",
            _IMPORTS[3]: "huggingface_hub, function",
        },
    ),
    (f"{NAME}: the whole process of a command", _HELP, {_HELP: _HELP, "hf --help": "hf --help"}),
)


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
        return Section(
            name=NAME,
            title="Starts",
            about=_ABOUT,
            head=_HEAD,
            lines=lines,
            verdicts=self._verdicts(),
            panels=[self._panel(*each) for each in _PANELS],
            data=data,
            is_right=is_right,
        )

    def _verdicts(self) -> list[Verdict]:
        verdicts = []
        for name, bound in _BOUNDS_MS.items():
            target, seconds = f"<= {bound:.0f} ms", self.seconds[name]
            if not seconds:
                verdicts.append(Verdict(NAME, name, "-", target, "not judged: it failed"))
                continue
            median = statistics.median(seconds) * 1000
            verdicts.append(Verdict(NAME, name, f"{median:.0f} ms", target, met(median <= bound)))
        return verdicts

    def _panel(self, title: str, bound: str, names: Mapping[str, str]) -> Panel:
        bound_ms = _BOUNDS_MS[bound]
        medians = {name: statistics.median(self.seconds[name]) * 1000 for name in names if self.seconds.get(name)}
        bars = [Bar(names[name], median / bound_ms, f"{median:.0f} ms") for name, median in medians.items()]
        return Panel(title, f"target: {bound_ms:g} ms", bars)


def measure_starts(bench: Bench, tools: Tools, rounds: int) -> Starts:
    """Start everything in turn; the first time does not count."""
    pythons = {each: "huggingface_hub" if "huggingface_hub" in each else "python" for each in _IMPORTS}
    steps = {each: _timed(tools, python, each) for each, python in pythons.items() if python in tools.commands}
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
