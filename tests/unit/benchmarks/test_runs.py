"""Runs in files, and several of them put together."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.runs import DifferentRunsError, put_together, run_of
from tests.support.measured import cell, row, run, sample, section

OLD, NEW = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"


def test_run_comes_back_from_its_file() -> None:
    """What is drawn again must be what was measured."""
    found = run(results=[row("md5", {"weighbridge": (1.0, 2.0)})], sections=[section("starts")])

    back = run_of(json.loads(json.dumps(found.as_json())))

    assert back.as_json() == json.loads(json.dumps(found.as_json()))
    assert back.results[0].median_s("weighbridge") == 1.5


def test_file_of_another_format_is_refused() -> None:
    """Its figures may mean something else."""
    with pytest.raises(DifferentRunsError, match="measure again"):
        run_of({**run().as_json(), "format": 0})


def test_newest_run_of_a_row_counts_in_whatever_order_they_come() -> None:
    """The best of many runs could be chosen."""
    old = run(OLD, [row("md5", {"weighbridge": (1.0,)}), row("tls", {"weighbridge": (1.0,)})])
    new = run(NEW, [row("md5", {"weighbridge": (9.0,)})])

    kept = put_together([new, old])

    assert [(each.began, each.names) for each in kept] == [(OLD, ["tls"]), (NEW, ["md5"])]


def test_run_of_which_every_row_is_newer_elsewhere_is_left_out() -> None:
    """The report would name a run that none of its figures is of."""
    kept = put_together([run(OLD, sections=[section("starts")]), run(NEW, sections=[section("starts", "2 ms")])])

    assert [each.began for each in kept] == [NEW]


@pytest.mark.parametrize("change", ["cores", "quick"])
def test_runs_that_can_not_be_compared_are_refused(change: str) -> None:
    """A row of a fast machine would stand beside one of a slow one."""
    mine, other = run(OLD), run(NEW)
    others = {
        "cores": replace(other, machine=replace(other.machine, cores=64)),
        "quick": replace(other, quick=True),
    }

    with pytest.raises(DifferentRunsError, match="different machines or sizes"):
        put_together([mine, others[change]])


def test_load_does_not_make_another_machine() -> None:
    """No two runs could ever be put together."""
    busy = replace(run(NEW, sections=[section("memory")]), machine=replace(run().machine, load=3.0))

    assert len(put_together([run(OLD, sections=[section("starts")]), busy])) == 2


def test_run_with_a_wrong_file_is_not_right() -> None:
    """The command would end as if all had gone well."""
    result = row("md5", {"weighbridge": (1.0,)})
    bad = cell("aria2c", [sample(1.0, "WRONG: a.bin")])

    assert not run(results=[replace(result, cells={**result.cells, "aria2c": bad})]).is_right


def test_tool_that_is_absent_does_no_harm() -> None:
    """Nobody without aria2c could run the benchmarks."""
    result = row("md5", {"weighbridge": (1.0,)})
    absent = replace(cell("aria2c", []), absent=["aria2c"])

    assert run(results=[replace(result, cells={**result.cells, "aria2c": absent})]).is_right
