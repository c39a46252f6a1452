"""Several processes that want the same file at the same time, and a reader who looks under its name meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress

from proof.outcomes import Finding, Outcome, not_applicable
from proof.processes import Run, Running
from proof.scenario import Scenario
from proof.scenarios.scenery import ALLOWANCE, HALF, LARGE_SIZE, MOST, SAFE, Shelf, at_most, large, wait_settled
from proof.stage import WEIGHTS, Stage
from proof.tools import Kind
from tests.support.shims import Shims

_MANY = 8
_SOME = 4
_POLL_S = 0.5
_LOCKS = Shelf("P7", keeps=SAFE)
_NO_LOCKS = Shelf("P7", keeps=SAFE | {Outcome.AGAIN})


def _crowd(stage: Stage) -> Finding:
    return at_most(_all_at_once(stage, _MANY), LARGE_SIZE + ALLOWANCE)


def _crowd_without_locks(stage: Stage) -> Finding:
    if not stage.tool.can(Kind.CACHE):
        return not_applicable("takes no locks")
    shims = stage.root / "tmp" / "shims"
    shims.mkdir()
    return _all_at_once(stage, _SOME, Shims.build(shims).without_locks())


def _all_at_once(stage: Stage, count: int, env: Mapping[str, str] | None = None) -> Finding:
    """Have processes want the large file, none of which gets the end of it before all have asked for it."""
    stage.serve(large())
    with stage.hub.cdn.gate(stage.data_path, after=HALF) as gate:
        members = [stage.start(env=env) for _ in range(count)]
        _wait_asked(stage, members)
        gate.release()
        runs = [stage.wait(each) for each in members]
    return _worst(stage, runs)


def _holder_killed(stage: Stage) -> Finding:
    """Kill the process that fetches, while others wait for it or fetch as well."""
    stage.serve(large())
    with ExitStack() as stack, stage.hub.cdn.gate(stage.data_path, after=MOST) as gate:
        first = stack.enter_context(stage.start())
        stage.must_reach(gate, first)
        others = [stage.start() for _ in range(_SOME - 1)]
        _wait_asked(stage, [first, *others])
        stage.kill(first)
        gate.release()
        runs = [stage.wait(each) for each in others]
    return _worst(stage, runs)


def _reader(stage: Stage) -> Finding:
    """Look under the final name while half of the file has arrived."""
    with stage.hub.cdn.gate(stage.data_path, after=HALF) as gate, stage.start() as running:
        if stage.must_reach(gate, running):
            wait_settled(stage)
        place = stage.tool.where(stage.job())
        seen = place.stat().st_size if place.is_file() else None
        gate.release()
        run = stage.wait(running)
    if seen is None:
        return stage.judge(run)
    return stage.finding(Outcome.HALF, f"a reader finds {seen:,} bytes under the final name while half is missing")


def _wait_asked(stage: Stage, members: list[Running]) -> None:
    """Wait until as many processes have asked the Hub for the file, one has ended, or the time is over."""

    def is_so() -> bool:
        asked = sum(each.path.endswith(f"/resolve/main/{WEIGHTS}") for each in stage.hub.requests)
        return asked >= len(members) or any(each.is_over for each in members)

    while not is_so() and stage.left_s > 0:
        with suppress(TimeoutError):
            stage.hub.wait_for(is_so, _POLL_S)


def _worst(stage: Stage, runs: list[Run]) -> Finding:
    """Judge all runs; the first that is not right speaks for all."""
    findings = [stage.judge(each) for each in runs]
    return next((each for each in findings if each.outcome is not Outcome.RIGHT), findings[0])


SCENARIOS: tuple[Scenario, ...] = (
    Shelf("P6").playing("half-visible", "A reader opens the file's name while half has arrived.", _reader),
    _LOCKS.playing("crowd", "Eight processes want the file at the same time.", _crowd),
    _NO_LOCKS.playing("crowd-without-locks", "Four processes; flock succeeds and locks nothing.", _crowd_without_locks),
    _NO_LOCKS.playing("holder-killed", "kill -9 of one process while three others want the file, too.", _holder_killed),
)
