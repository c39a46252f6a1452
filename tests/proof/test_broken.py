"""The suite must be able to fail: a tool with one vice is found out by the scenarios that everybody goes through."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from proof.adapters import Weighbridge
from proof.outcomes import Finding, Outcome
from proof.running import run_one
from proof.scenario import Scenario
from proof.scenarios import SCENARIOS
from proof.stage import Stage
from tests.proof.broken import Broken

LONGEST_S = 50.0
NAMED = {each.name: each for each in SCENARIOS}
OURS = Weighbridge((sys.executable, "-m", "weighbridge"))

VICES = [
    ("wrong", "honest", Outcome.WRONG),
    ("outside", "honest", Outcome.OUTSIDE),
    ("crash", "honest", Outcome.CRASH),
    ("leak", "token-at-cdn", Outcome.LEAK),
    ("half", "flip-elsewhere", Outcome.HALF),
    ("afresh", "killed", Outcome.AGAIN),
    ("litter", "killed", Outcome.MESS),
]


def scenario(name: str) -> Scenario:
    """Return a scenario that has as long as a test may take."""
    return replace(NAMED[name], deadline_s=LONGEST_S)


@pytest.mark.parametrize(("vice", "name", "outcome"), VICES)
def test_a_tool_with_a_vice_is_found_out(vice: str, name: str, outcome: Outcome, tmp_path: Path) -> None:
    """A suite that takes everything for kept proves nothing."""
    cell = run_one(scenario(name), Broken(vice), tmp_path)

    assert (cell.finding.outcome, cell.is_kept) == (outcome, False), cell.finding


@pytest.mark.parametrize("name", sorted({name for _, name, _ in VICES}))
def test_the_same_tool_without_a_vice_keeps_the_promise(name: str, tmp_path: Path) -> None:
    """What a scenario finds is the vice, and not the stand-in."""
    cell = run_one(scenario(name), Broken(""), tmp_path)

    assert cell.is_kept, cell.finding


def test_a_tool_that_does_not_end_hangs(tmp_path: Path) -> None:
    """Every wait has a bound, the suite's own as well."""
    brief = replace(NAMED["honest"], deadline_s=3.0)

    cell = run_one(brief, Broken("hang"), tmp_path)

    assert (cell.finding.outcome, cell.is_kept) == (Outcome.HANG, False), cell.finding


@pytest.mark.parametrize("name", sorted({name for _, name, _ in VICES}))
def test_weighbridge_keeps_the_promise(name: str, tmp_path: Path) -> None:
    """The full run takes minutes; a change that breaks a promise must not wait for it."""
    cell = run_one(scenario(name), OURS, tmp_path)

    assert cell.is_kept, cell.finding


def test_a_fault_of_the_suite_is_told_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What can't be judged must not count as kept."""

    def fail(_: Stage) -> Finding:
        raise ZeroDivisionError("in the scenario")

    broken = replace(NAMED["honest"], run=fail)

    cell = run_one(broken, Broken(""), tmp_path)

    assert (cell.finding.outcome, cell.is_kept) == (Outcome.UNKNOWN, False)
    assert "in the scenario" in cell.finding.note
    assert "ZeroDivisionError" in capsys.readouterr().err
