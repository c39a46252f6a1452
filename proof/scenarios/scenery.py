"""The shapes that many scenarios share: what is served, which lies are told of it, and what is looked at afterwards."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from proof.outcomes import Finding, Outcome
from proof.processes import Run
from proof.scenario import Scenario
from proof.stage import MIB, Stage, model
from proof.tools import Job
from tests.support.fault_server import Request
from tests.support.faults import Fault
from tests.support.hub_repos import Repo

SIZE = 12 * MIB
"""Bytes of the file that each stage serves from the start."""
HALF = SIZE // 2
MIDDLE = HALF + 12_345
"""Of that file, a byte at which nobody begins or ends a piece."""
LARGE_SIZE = 64 * MIB
"""Bytes of the file of which it is looked at how much is fetched again."""
MOST = LARGE_SIZE * 3 // 4
LATE = MOST + 12_345
"""Of that file, a byte at which nobody begins or ends a piece."""
ALLOWANCE = 40 * MIB
"""Bytes that may be sent twice: what was on its way, and one piece of each connection; ``MOST`` is more."""
LATER = "beefcafe" * 5
"""A commit that is newer than that of each stage."""

SAFE = frozenset({Outcome.RIGHT, Outcome.ERROR})
"""Where a clear error is something that a careful user can live with."""
TOLD = SAFE | {Outcome.HALF}
"""Where an error is as good as the file, whatever lies under its name meanwhile: another promise is about that."""

_BLOCK = 512
_QUIET_S = 2.0
_POLL_S = 0.05


@functools.cache
def large() -> Repo:
    """Return the model with the larger file."""
    return model(LARGE_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lie:
    """One thing that is wrong with answers to GET.

    Attributes:
        fault: What.
        nth: Which of those that fit, counted from 1; None is each.
        when: Which requests fit; None is all.
    """

    fault: Fault
    nth: int | Container[int] | None = None
    when: Callable[[Request], bool] | None = None

    def tell(self, stage: Stage) -> None:
        """Have the server of the bytes tell it from the next request on."""
        stage.lie(stage.hub.cdn, self.fault, nth=self.nth, when=self.when, method="GET")


def has_offset(request: Request) -> bool:
    """Say whether a request is for a range that does not begin with the file."""
    return not request.headers.get("range", "bytes=0-").startswith("bytes=0-")


@dataclass(frozen=True, slots=True)
class Lying:
    """The large file is asked for, and the server that sends its bytes lies.

    Attributes:
        lies: What it does wrong; of those that are due the first is told.
        calls: How often the call is made at most: once more each time that it ends in an error.
    """

    lies: tuple[Lie, ...]
    calls: int = 1

    def __call__(self, stage: Stage) -> Finding:
        """Play it."""
        for lie in self.lies:
            lie.tell(stage)
        return stage.judge(fetch_until_told_success(stage, self.calls))


def fetch_until_told_success(stage: Stage, calls: int, job: Job | None = None) -> Run:
    """Make a call, and once more as long as it ends in an error, ``calls`` times at most; return the last run."""
    run = stage.fetch(job)
    for _ in range(calls - 1):
        if run.is_success or run.hung:
            break
        run = stage.fetch(job)
    return run


@dataclass(frozen=True, slots=True)
class Shelf:
    """Makes the scenarios of one promise that differ in the lies alone.

    Attributes:
        promise: Which one.
        keeps: Outcomes that keep it.
        calls: As of :class:`Lying`.
        deadline_s: As of a scenario.
    """

    promise: str
    keeps: frozenset[Outcome] = field(default=SAFE)
    calls: int = 1
    deadline_s: float = 90.0

    def scenario(self, name: str, title: str, *lies: Lie) -> Scenario:
        """Return the scenario in which the server of the bytes tells ``lies``."""
        return self.playing(name, title, Lying(lies, self.calls))

    def playing(self, name: str, title: str, run: Callable[[Stage], Finding]) -> Scenario:
        """Return the scenario in which ``run`` happens."""
        return Scenario(
            name=name, promise=self.promise, title=title, run=run, keeps=self.keeps, deadline_s=self.deadline_s
        )


def at_most(finding: Finding, allowed: int) -> Finding:
    """Return a finding that says so where more than ``allowed`` bytes were fetched for what is right."""
    if finding.outcome is not Outcome.RIGHT or finding.bytes_fetched <= allowed:
        return finding
    note = f"{finding.bytes_fetched / MIB:.0f} MiB were sent for a file of {finding.size / MIB:.0f}"
    return replace(finding, outcome=Outcome.AGAIN, note=note)


def tidy(finding: Finding, stage: Stage) -> Finding:
    """Return a finding that says so where more than a mebibyte lies about beside the file that is right."""
    extra = _held_below(stage) - finding.size
    if finding.outcome is not Outcome.RIGHT or extra <= MIB:
        return finding
    return replace(finding, outcome=Outcome.MESS, note=f"{extra / MIB:.0f} MiB of unfinished files stay behind")


def _held_below(stage: Stage) -> int:
    """Return the bytes on the disk of all files that the tool keeps; one of several names counts once."""
    statuses = [each.lstat() for each in kept_files(stage)]
    return sum({(each.st_dev, each.st_ino): each.st_blocks * _BLOCK for each in statuses}.values())


def kill_settled(stage: Stage, amount: int) -> Run:
    """Start the tool and kill it when ``amount`` more bytes of the large file were sent and it has done with them."""
    with stage.hub.cdn.gate(stage.data_path, after=amount) as gate, stage.start() as running:
        if stage.must_reach(gate, running):
            wait_settled(stage)
        return stage.kill(running)


def wait_settled(stage: Stage) -> None:
    """Wait until no large file that the tool keeps has changed for a while; the deadline ends that as well."""
    before, since_s = _marks(stage), time.monotonic()
    while time.monotonic() < since_s + _QUIET_S and stage.left_s > 0:
        time.sleep(_POLL_S)
        now = _marks(stage)
        if now != before:
            before, since_s = now, time.monotonic()


def _marks(stage: Stage) -> list[tuple[Path, int, int]]:
    """Return what changes with each write of much; small files may be signs of life."""
    marks = []
    for each in kept_files(stage):
        with suppress(FileNotFoundError):  # the tool is at work
            status = each.stat()
            if status.st_size > MIB:
                marks.append((each, status.st_size, status.st_mtime_ns))
    return marks


def kept_files(stage: Stage) -> list[Path]:
    """Return all files that the tool keeps, finished or not; links are left out."""
    found = (each for top in (stage.home, stage.target) for each in sorted(top.rglob("*")))
    return [each for each in found if each.is_file() and not each.is_symlink()]
