"""Each numbered step of each walk, hit by a kill or by a refusal: nothing wrong then, and the next call ends well.

The steps are not listed anywhere: a run that nothing disturbs tells them.  A few of each walk are hit here; with
``WEIGHBRIDGE_STEPS=all`` every one of each, which takes half an hour.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.lab.bench import Bench, bench_at
from tests.support.lab.blows import Blow, Kind, count_for
from tests.support.lab.rounds import Round, play
from tests.support.lab.walks import WALKS

IS_ALL = os.environ.get("WEIGHBRIDGE_STEPS") == "all"
SPREAD = {"snapshot": 12}
"""At how many steps each walk is hit; others at three."""

LONGEST_S = 3600 if IS_ALL else 120


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_at(tmp_path_factory.mktemp("bench")) as made:
        yield made


def spread(bench: Bench, walk: str, kind: Kind, count: int) -> list[Blow]:
    """Return blows at so many steps of a walk, as far apart as can be, or at all."""
    last = count_for(kind, bench.course(walk).steps)
    numbers = range(1, last + 1) if IS_ALL else {1 + (last - 1) * each // max(1, count - 1) for each in range(count)}
    return [Blow(kind, number, ("before", "after")[number % 2], amount=9) for number in sorted(numbers)]


def complaints_of(bench: Bench, walk: str, blows: list[Blow]) -> dict[Blow, tuple[str, ...]]:
    reports = {blow: play(bench, Round(walk=walk, blows=(blow,))) for blow in blows}
    return {blow: report.complaints for blow, report in reports.items() if report.complaints}


@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize("walk", WALKS)
def test_kill_at_any_step_leaves_nothing_wrong(bench: Bench, walk: str) -> None:
    """P2 for every walk: right bytes or none, no orphan, and little is fetched again."""
    assert complaints_of(bench, walk, spread(bench, walk, Kind.KILL, SPREAD.get(walk, 3))) == {}


@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize("kind", [Kind.TORN, Kind.FULL, Kind.BROKEN, Kind.READ_ONLY, Kind.DESCRIPTORS])
def test_refusal_at_any_step_of_a_snapshot_is_a_typed_error(bench: Bench, kind: Kind) -> None:
    """Whatever the disk says no to, and whenever: the call ends with an error of ours, or well, and can be repeated."""
    assert complaints_of(bench, "snapshot", spread(bench, "snapshot", kind, 4)) == {}


@pytest.mark.timeout(LONGEST_S)
@pytest.mark.parametrize("walk", ["snapshot", "update", "rm"])
def test_power_loss_at_any_step_leaves_no_wrong_bytes(bench: Bench, walk: str) -> None:
    """Refs, links, contents, receipts: whatever of them survives, none speaks of bytes that did not."""
    assert complaints_of(bench, walk, spread(bench, walk, Kind.POWER, 3)) == {}


def test_walk_beside_one_that_stands_still_ends(bench: Bench) -> None:
    """The holder of a snapshot's contents was stopped: it is replaced, and does no harm when it goes on."""
    steps = [each for each in bench.course("snapshot").steps if each.call != "read"]
    inside = next(at for at, each in enumerate(steps, 1) if each.path.endswith("/journal"))

    assert complaints_of(bench, "snapshot", [Blow(Kind.STOP, inside + 3)]) == {}
