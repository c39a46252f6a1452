"""Everything that one run of the suite found, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import Machine
from proof.outcomes import Outcome
from proof.running import Cell
from proof.scenario import Scenario
from proof.tools import Job, Tool

WEIGHBRIDGE = "weighbridge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one run found.

    Attributes:
        cells: One for each scenario and tool; all tools of a scenario one after the other.
        versions: What each tool says of itself, by its name, in the order in which they are shown.
        commands: How each was called, by its name.
        machine: Where it ran.
        date: When, as in ``2026-01-31``.
        seconds: How long all of it took.
    """

    cells: Sequence[Cell]
    versions: Mapping[str, str]
    commands: Mapping[str, str]
    machine: Machine
    date: str
    seconds: float

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools."""
        return tuple(self.versions)

    @property
    def rows(self) -> Iterator[tuple[Scenario, Mapping[str, Cell]]]:
        """Each scenario with the cells of all tools."""
        scenarios = {each.scenario.name: each.scenario for each in self.cells}
        for name, scenario in scenarios.items():
            yield scenario, {each.tool: each for each in self.cells if each.scenario.name == name}

    @property
    def broken_by_us(self) -> list[Cell]:
        """Where Weighbridge does not keep its promise."""
        mine = (each for each in self.cells if each.tool == WEIGHBRIDGE and not each.is_kept)
        return [each for each in mine if each.finding.outcome is not Outcome.UNKNOWN]

    @property
    def unknown(self) -> list[Cell]:
        """Where the suite failed, or what a scenario is about did not happen to Weighbridge, which can do all of it."""
        return [
            each
            for each in self.cells
            if each.finding.outcome is Outcome.UNKNOWN
            or (each.tool == WEIGHBRIDGE and each.finding.outcome is Outcome.NOT_APPLICABLE)
        ]

    @property
    def surpassed(self) -> dict[str, list[str]]:
        """The scenarios in which Weighbridge told an error and others were right, with their names."""
        found: dict[str, list[str]] = {}
        for scenario, cells in self.rows:
            ours = cells.get(WEIGHBRIDGE)
            right = [each.tool for each in cells.values() if each.finding.outcome is Outcome.RIGHT]
            if ours is not None and ours.finding.outcome is not Outcome.RIGHT and right:
                found[scenario.name] = right
        return found

    @property
    def promises(self) -> tuple[str, ...]:
        """The promises that the scenarios are about, in their order."""
        return tuple(dict.fromkeys(each.scenario.promise for each in self.cells))

    def kept(self, tool: str, promise: str | None = None) -> tuple[int, int]:
        """Return in how many scenarios a tool keeps the promise, and how many there are that apply to it.

        Args:
            tool: Its name.
            promise: Which one is counted; None is all.
        """
        mine = [
            each
            for each in self.cells
            if each.tool == tool
            and promise in (None, each.scenario.promise)
            and each.finding.outcome is not Outcome.NOT_APPLICABLE
        ]
        return sum(each.is_kept for each in mine), len(mine)

    def as_json(self) -> dict[str, Any]:
        """Return everything, ready for ``json.dumps``."""
        return {
            "date": self.date,
            "seconds": round(self.seconds, 1),
            "machine": asdict(self.machine),
            "tools": {
                name: {
                    "version": self.versions[name],
                    "command": self.commands[name],
                    "kept": self.kept(name)[0],
                    "of": self.kept(name)[1],
                }
                for name in self.tools
            },
            "scenarios": [_row_as_json(scenario, cells) for scenario, cells in self.rows],
        }


def command_shown(tool: Tool) -> str:
    """Return how a tool is called, without what differs from run to run."""
    job = Job(
        endpoint="$HF_ENDPOINT",
        repo="org/name",
        path="model.safetensors",
        digest="$SHA256",
        home=Path("$HF_HOME"),
        target=Path("target"),
    )
    program, *arguments = tool.command(job).argv
    root = f"{Path(__file__).resolve().parents[1]}/"
    return " ".join([Path(program).name, *(each.removeprefix(root) for each in arguments)])


def _row_as_json(scenario: Scenario, cells: Mapping[str, Cell]) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "promise": scenario.promise,
        "title": scenario.title,
        "keeps": sorted(each.value for each in scenario.keeps),
        "deadline_s": scenario.deadline_s,
        "findings": {
            name: {**asdict(cell.finding), "outcome": cell.finding.outcome.value, "kept": cell.is_kept}
            for name, cell in cells.items()
        },
    }
