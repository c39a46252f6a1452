"""Runs every scenario with every tool, many at a time, since most of it is waiting."""

from __future__ import annotations

import shutil
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from proof.outcomes import Finding, Outcome, not_applicable
from proof.processes import Crew, OverError
from proof.scenario import Scenario
from proof.stage import Stage
from proof.tools import Tool

_LATE_S = 100.0  # a deadline from which on a scenario is mostly waiting
_WAITING = 4  # times as many at once of those


@dataclass(frozen=True, slots=True)
class Cell:
    """One tool in one scenario."""

    scenario: Scenario
    tool: str
    finding: Finding

    @property
    def is_kept(self) -> bool:
        """Whether the promise was kept."""
        return self.scenario.is_kept(self.finding)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run.

    Attributes:
        scenarios: In the order in which they are shown.
        tools: Likewise.
        jobs: How many at once.
        scratch: Directory for what they leave, of this run alone.
    """

    scenarios: Sequence[Scenario]
    tools: Sequence[Tool]
    jobs: int
    scratch: Path


def run_all(plan: Plan, tell: Callable[[Cell, int, int], None]) -> list[Cell]:
    """Run each scenario with each tool.

    Where the deadline is late the tool waits for a server that is silent, which costs nothing: of those many more run
    at once, beside the others, so that they don't add up to hours.

    Args:
        plan: What is run.
        tell: Called after each, on the calling thread, with how many are done and how many there are.

    Returns:
        A cell for each scenario and tool, in the order of the plan.
    """
    pairs = [(scenario, tool) for scenario in plan.scenarios for tool in plan.tools]
    done: dict[tuple[str, str], Cell] = {}
    crew = Crew()

    def keep(cells: Iterable[Cell]) -> None:
        for cell in cells:
            done[cell.scenario.name, cell.tool] = cell
            tell(cell, len(done), len(pairs))

    with ThreadPoolExecutor(plan.jobs) as busy, ThreadPoolExecutor(plan.jobs * _WAITING) as waiting:
        futures = [
            (waiting if scenario.deadline_s >= _LATE_S else busy).submit(run_one, scenario, tool, plan.scratch, crew)
            for scenario, tool in pairs
        ]
        try:
            keep(each.result() for each in as_completed(futures))
        except BaseException:
            crew.end()
            for each in futures:
                each.cancel()
            raise
    return [done[scenario.name, tool.name] for scenario, tool in pairs]


def run_one(scenario: Scenario, tool: Tool, scratch: Path, crew: Crew | None = None) -> Cell:
    """Run one scenario with one tool; what goes wrong with the suite itself is told as ``UNKNOWN``."""
    root = scratch / scenario.name / tool.name
    try:
        with Stage(tool, root, scenario.deadline_s, crew) as stage:
            finding = _met(scenario, scenario.run(stage), stage.missed)
    except OverError:
        raise
    except Exception as error:  # noqa: BLE001 - a fault of the suite must not hide what the other cells show
        traceback.print_exc(file=sys.stderr)
        finding = Finding(outcome=Outcome.UNKNOWN, note=f"the suite failed: {type(error).__name__}: {error}")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return Cell(scenario, tool.name, finding)


def _met(scenario: Scenario, finding: Finding, missed: str) -> Finding:
    """Return a finding that keeps nothing where what the scenario is about never happened to the tool."""
    if not missed or not scenario.is_kept(finding) or finding.outcome is Outcome.NOT_APPLICABLE:
        return finding
    return not_applicable(missed)
