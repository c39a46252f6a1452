"""A lie that a tool never met must not count for it, and every tool must meet it, however it asks for the bytes."""

from __future__ import annotations

import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from proof.lies import CutShare, OnceAt, Watched, has_byte
from proof.outcomes import Finding, Outcome
from proof.running import run_one
from proof.scenarios.scenery import Lie, Lying, has_offset
from proof.stage import Stage
from tests.proof.broken import Broken
from tests.proof.test_broken import NAMED, OURS, scenario
from tests.support.fault_server import FaultServer
from tests.support.faults import CutAfter, Fault, IgnoreRange, Status

SIZE = 1000
MIDDLE = 500


def cut(at: int) -> Fault:
    return CutAfter(at, rst=False)


def ask(server: FaultServer, span: str | None = None) -> int:
    """Return how many bytes come for a range."""
    request = urllib.request.Request(server.url("/file"), headers={"Range": f"bytes={span}"} if span else {})
    with urllib.request.urlopen(request, timeout=30) as response:
        return len(response.fp.read())


@pytest.mark.parametrize("name", ["cut-late", "cut-often", "stop-once", "trickle-once", "signature-expires"])
def test_a_tool_that_asks_for_pieces_meets_what_goes_wrong_half_way(name: str, tmp_path: Path) -> None:
    """A break that no piece is long enough for would show nothing of Weighbridge."""
    cell = run_one(scenario(name), OURS, tmp_path)

    assert cell.finding.outcome is Outcome.RIGHT, cell.finding


def test_a_lie_that_was_never_told_keeps_nothing(tmp_path: Path) -> None:
    """A tool that was not lied to has not withstood it."""
    untold = replace(NAMED["honest"], run=Lying((Lie(fault=IgnoreRange(), when=has_offset),)))

    cell = run_one(untold, Broken(""), tmp_path)

    assert cell.finding.outcome is Outcome.NOT_APPLICABLE
    assert "no request" in cell.finding.note


def test_a_promise_that_is_broken_without_the_lie_is_broken(tmp_path: Path) -> None:
    """Nobody is excused by a fault that did not come."""
    untold = replace(NAMED["honest"], run=Lying((Lie(fault=Status(500), nth=99),)))

    cell = run_one(untold, Broken("wrong"), tmp_path)

    assert (cell.finding.outcome, cell.is_kept) == (Outcome.WRONG, False)


def test_a_tool_that_is_over_before_it_could_be_killed_keeps_nothing(tmp_path: Path) -> None:
    """A kill that came too late shows nothing."""

    def late(stage: Stage) -> Finding:
        with stage.hub.cdn.gate(stage.data_path, after=1 << 40) as gate, stage.start() as running:
            stage.must_reach(gate, running)
        return stage.judge(running.kill())

    cell = run_one(replace(NAMED["honest"], run=late), Broken(""), tmp_path)

    assert cell.finding.outcome is Outcome.NOT_APPLICABLE
    assert "over before" in cell.finding.note


@pytest.mark.parametrize("spans", [[None], ["0-399", "400-799"], ["400-799", "0-399"], ["499-500"]])
def test_the_byte_is_met_once_by_whoever_asks_for_it(spans: list[str | None]) -> None:
    """What happens at a byte of the file happens to every tool, and once."""
    met: list[None] = []
    lie = Watched(OnceAt(MIDDLE, cut, lambda: met.append(None)))
    with FaultServer({"/file": bytes(SIZE)}) as server:
        server.on(fault=lie)

        came = sum(ask(server, span) for span in spans)
        again = sum(ask(server, span) for span in spans)

    assert (lie.is_told, len(met)) == (True, 1)
    assert came < again


@pytest.mark.parametrize("spans", [[], ["0-399"], ["500-999"]])
def test_a_byte_that_nobody_asks_for_is_not_met(spans: list[str]) -> None:
    """A fault beyond the end of every answer never happened."""
    lie = Watched(OnceAt(MIDDLE, cut))
    with FaultServer({"/file": bytes(SIZE)}) as server:
        server.on(fault=lie)

        for each in spans:
            ask(server, each)

    assert not lie.is_told


def test_every_answer_can_be_cut_at_a_share_of_it() -> None:
    """Short answers break as well as long ones."""
    with FaultServer({"/file": bytes(SIZE)}) as server:
        server.on(fault=CutShare(25, rst=False))

        assert [ask(server), ask(server, "0-99")] == [250, 25]


@pytest.mark.parametrize(("span", "expected"), [("0-9", True), ("0-", True), ("9-20", True), ("10-20", False)])
def test_a_request_tells_which_bytes_it_is_for(span: str, expected: bool) -> None:
    """A flipped bit must lie in the answer that is to carry it."""
    seen: list[bool] = []
    with FaultServer({"/file": bytes(SIZE)}) as server:
        server.on(fault=Status(500), when=lambda request: bool(seen.append(has_byte(9)(request))))

        ask(server, span)

    assert seen == [expected]
