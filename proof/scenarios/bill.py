"""How often the servers are asked, and who waits when one says that it is too much."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from proof.outcomes import Finding, Outcome, not_applicable
from proof.processes import Run
from proof.scenario import Scenario
from proof.scenarios.scenery import Shelf, at_most
from proof.stage import COMMIT, CONFIG, MIB, Stage
from proof.tools import Kind
from tests.support.faults import Delay, RetryAfter
from tests.support.hub.addresses import file_path
from tests.support.hub_repos import Repo

_SHELF = Shelf("P8")
_FILES = 30
_MANY = 100
_PAUSE_S = 6
_LATENCY_S = 1.0
_NO_SNAPSHOTS = not_applicable("has no snapshots: a list of addresses is made by its user")


def _folder(count: int) -> Repo:
    """Return a model of small files."""
    files = {f"part-{index:03}.json": Random(index).randbytes(2000) for index in range(count - 1)}
    files[CONFIG] = b'{"model_type": "demo"}\n'
    return Repo(kind="model", name="acme/model", commits={COMMIT: files}, refs={"main": COMMIT})


def _snapshot(stage: Stage) -> Finding:
    """Count what a snapshot costs: one question for the commit, one for the listing, and the files."""
    if not stage.tool.can(Kind.SNAPSHOT):
        return _NO_SNAPSHOTS
    stage.serve(_folder(_FILES))
    return _within(stage, stage.snapshot(), _FILES + 2)


def _warm(stage: Stage, revision: str, allowed: int) -> Finding:
    """Count what the same snapshot costs a second time."""
    if not stage.tool.can(Kind.SNAPSHOT):
        return _NO_SNAPSHOTS
    stage.serve(_folder(_FILES))
    stage.snapshot(revision=revision)
    cold = len(stage.hub.requests)
    return _within(stage, stage.snapshot(revision=revision), cold + allowed, revision)


def _warm_by_commit(stage: Stage) -> Finding:
    return _warm(stage, COMMIT, 0)


def _warm_by_branch(stage: Stage) -> Finding:
    return _warm(stage, "main", 1)


def _small_file(stage: Stage) -> Finding:
    """Count what one small file costs: a question and the file."""
    job = stage.job(path=CONFIG)
    run = stage.fetch(job)
    finding = stage.judge(run, stage.tool.where(job), stage.repo.main[CONFIG])
    return _costly(finding, len(stage.hub.requests), 2)


def _same_again(stage: Stage) -> Finding:
    """Ask for a file that is there and right."""
    first = stage.fetch()
    if not first.is_success:
        return stage.judge(first)
    sent = stage.finding(Outcome.RIGHT).bytes_fetched
    return at_most(stage.judge(stage.fetch()), sent + MIB)


def _all_wait(stage: Stage) -> Finding:
    """Tell one of many requests to wait, and see whether others go on meanwhile."""
    if not stage.tool.can(Kind.SNAPSHOT):
        return _NO_SNAPSHOTS
    stage.serve(_folder(_MANY))
    files = file_path(stage.repo, "*")
    stage.lie(stage.hub, RetryAfter(_PAUSE_S), path=files, method="GET", nth=1)
    stage.hub.on(fault=Delay(_LATENCY_S), path=files)
    finding = _judged(stage, stage.snapshot())
    asked = [each.started_s for each in stage.hub.requests if "/resolve/" in each.path]
    told = next((each.started_s for each in stage.hub.requests if each.status == 429), None)
    early = [] if told is None else [each for each in asked if told + 2 * _LATENCY_S < each < told + _PAUSE_S - 1]
    if finding.outcome is not Outcome.RIGHT or not early:
        return finding
    note = f"{len(early)} requests while the host had asked for a pause"
    return replace(finding, outcome=Outcome.COSTLY, note=note)


def _within(stage: Stage, run: Run, allowed: int, revision: str = "main") -> Finding:
    return _costly(_judged(stage, run, revision), len(stage.hub.requests), allowed)


def _costly(finding: Finding, asked: int, allowed: int) -> Finding:
    if finding.outcome is not Outcome.RIGHT or asked <= allowed:
        return finding
    return replace(finding, outcome=Outcome.COSTLY, note=f"{asked} requests, {allowed} would have done")


def _judged(stage: Stage, run: Run, revision: str = "main") -> Finding:
    """Judge a snapshot by one of its files."""
    place = stage.tool.where(stage.job(path=CONFIG, revision=revision))
    return stage.judge(run, place, stage.repo.main[CONFIG])


SCENARIOS: tuple[Scenario, ...] = (
    _SHELF.playing("bill-small-file", "One small file: at most two requests.", _small_file),
    _SHELF.playing("bill-same-again", "A file that is there and right is asked for again.", _same_again),
    _SHELF.playing("bill-snapshot", "A snapshot of 30 files: at most 32 requests.", _snapshot),
    _SHELF.playing("bill-warm-commit", "The same snapshot again, by its commit: no request.", _warm_by_commit),
    _SHELF.playing("bill-warm-branch", "The same snapshot again, by its branch: at most one request.", _warm_by_branch),
    _SHELF.playing("all-wait", "One of 100 files gets 429 with Retry-After, which is for all.", _all_wait),
)
