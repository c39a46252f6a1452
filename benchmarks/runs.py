"""What one run found, as values that go into a file and come back, and several such runs put together."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Cell, RowResult, Sample
from benchmarks.machine import Machine
from benchmarks.roundtrip import Measured
from benchmarks.sections import Bar, Panel, Section
from benchmarks.targets import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FORMAT = 1


class DifferentRunsError(Exception):
    """Runs can't be put together: the message says what differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Everything that one run of the benchmarks found.

    Attributes:
        began: When it began: date and time in UTC, as ISO 8601 has it, to the second.
        source: The commit that was measured, with ``-dirty`` when files differed from it; else why it is not known.
        machine: Where it ran.
        versions: What ran, by name.
        rounds: Measured rounds a row.
        quick: Whether the sizes were the small ones.
        bare_bytes: Peak memory of an interpreter that does nothing.
        checks: What the ways to the origin were measured to be, by what they are.
        results: The rows run, in order.
        sections: What else was measured.
    """

    began: str
    source: str
    machine: Machine
    versions: Mapping[str, str]
    rounds: int
    quick: bool
    bare_bytes: int
    checks: Mapping[str, Measured]
    results: Sequence[RowResult]
    sections: Sequence[Section]

    @property
    def names(self) -> list[str]:
        """Return what was measured, by the names of ``--only``."""
        return [result.name for result in self.results] + [section.name for section in self.sections]

    @property
    def is_right(self) -> bool:
        """Tell whether nobody who was there failed or brought wrong bytes."""
        cells = (cell for result in self.results for cell in result.cells.values())
        return not any(cell.problem for cell in cells if not cell.absent) and all(
            section.is_right for section in self.sections
        )

    def only(self, names: frozenset[str]) -> Run:
        """Return the part of the run that has these names."""
        return replace(
            self,
            results=[result for result in self.results if result.name in names],
            sections=[section for section in self.sections if section.name in names],
        )

    def as_json(self) -> dict[str, object]:
        """Return every sample, ready for ``json.dumps``."""
        return {"format": _FORMAT, **asdict(self)}


def run_of(data: Mapping[str, Any]) -> Run:
    """Return the run that ``as_json`` was made of.

    Raises:
        DifferentRunsError: It was written by another version of the benchmarks.
    """
    if data.get("format") != _FORMAT:
        message = f"a file of format {data.get('format')}, where {_FORMAT} is wanted: measure again"
        raise DifferentRunsError(message)
    fields = {name: value for name, value in data.items() if name != "format"}
    return Run(
        **fields
        | {
            "machine": Machine(**data["machine"]),
            "checks": {name: Measured(**found) for name, found in data["checks"].items()},
            "results": [_result_of(each) for each in data["results"]],
            "sections": [_section_of(each) for each in data["sections"]],
        }
    )


def put_together(runs: Sequence[Run]) -> list[Run]:
    """Return the runs from the oldest to the newest, each row only in the newest that has it.

    The newest run of a row counts, never the best one.

    Raises:
        DifferentRunsError: They are of different machines or sizes, so their figures can't stand in one table.
    """
    ordered = sorted(runs, key=lambda run: run.began)
    if len({(replace(run.machine, load=0.0), run.quick) for run in ordered}) > 1:
        told = "; ".join(f"{run.began}: {run.machine}, {'quick' if run.quick else 'full'}" for run in ordered)
        message = f"the runs are of different machines or sizes: {told}"
        raise DifferentRunsError(message)
    kept: list[Run] = []
    seen: set[str] = set()
    for run in reversed(ordered):
        if left := frozenset(run.names) - seen:
            kept.append(run.only(left))
        seen |= set(run.names)
    return kept[::-1]


def _result_of(data: Mapping[str, Any]) -> RowResult:
    cells = {
        name: Cell(**each | {"samples": [Sample(**sample) for sample in each["samples"]]})
        for name, each in data["cells"].items()
    }
    return RowResult(**{**data, "cells": cells})


def _section_of(data: Mapping[str, Any]) -> Section:
    panels = [Panel(each["title"], each["line"], [Bar(**bar) for bar in each["bars"]]) for each in data["panels"]]
    return Section(**{**data, "panels": panels, "verdicts": [Verdict(**each) for each in data["verdicts"]]})
