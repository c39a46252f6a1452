"""Rounds of the laboratory: one walk each, what hits it, what is found at each moment, and what it has cost."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tests.support.invariants import is_warning
from tests.support.lab.bench import Bench
from tests.support.lab.blows import LETHAL, Blow, Kind, draw
from tests.support.lab.walks import WALKS, Place, model, run
from tests.support.scene import CONNECTIONS, PIECE
from weighbridge.store.small import SMALL

WEIGHTS: Mapping[Kind, int] = {
    Kind.KILL: 8,
    Kind.TORN: 3,
    Kind.POWER: 5,
    Kind.FULL: 3,
    Kind.BROKEN: 3,
    Kind.READ_ONLY: 1,
    Kind.DESCRIPTORS: 2,
    Kind.STOP: 2,
}
"""How often each kind happens, in proportion."""

_MINUTES_S = 600.0
_JUMPS = (-86_400, 86_400 * 365)
_SMALL_FILES = sum(len(each) for each in model().main.values() if len(each) <= SMALL)
COST = 2 * CONNECTIONS * PIECE + _SMALL_FILES
"""Bytes that a kill may cost: a piece of each connection, and the small files, of which no account is kept."""

Observe = Callable[[Place], list[str]]
"""Looks at a place between two calls, as another client would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What is done.

    Attributes:
        walk: Its name.
        blows: What hits it, one call after another; one more call is let alone.
        clock_jumps_s: By how many seconds the wall clock of those who are hit jumps, to and fro.
    """

    walk: str
    blows: tuple[Blow, ...]
    clock_jumps_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of it.

    Attributes:
        round: What was done.
        extra: Bytes fetched beyond those of a call that nothing disturbs.
        complaints: What was wrong.
    """

    round: Round
    extra: int = 0
    complaints: tuple[str, ...] = ()


def draw_round(bench: Bench, seed: int) -> Round:
    """Return the round of a seed."""
    dice = random.Random(seed)
    walk = dice.choice(list(WALKS))
    steps = bench.course(walk).steps
    blows = tuple(draw(dice, steps, WEIGHTS) for _ in range(dice.choice((1, 1, 1, 2, 3))))
    return Round(walk=walk, blows=blows, clock_jumps_s=dice.choice((0,) * 6 + _JUMPS))


def play(bench: Bench, planned: Round, observe: Observe | None = None) -> Report:
    """Run a round, and judge it."""
    walk, place, needed = WALKS[planned.walk], bench.place(planned.walk), bench.course(planned.walk).bytes
    before, complaints = bench.bytes_sent, list[str]()
    report, has_failed = Report(round=planned), False  # names that were not flushed may be there in any choice
    for blow in planned.blows:
        complaints += bench.deal(blow, planned.walk, place, bench.shims.with_jumping_clock(planned.clock_jumps_s))
        has_failed = has_failed or blow.kind is Kind.POWER
        complaints += [f"after {blow}: {each}" for each in walk.during(place) if not (has_failed and is_warning(each))]
        if blow.kind is Kind.POWER:
            before = bench.bytes_sent  # what the call has fetched that went on after the moment is not counted
    if observe is not None and walk.is_for_others and not complaints:
        counted = bench.bytes_sent
        complaints += [each for each in observe(place) if not (has_failed and is_warning(each))]
        before += bench.bytes_sent - counted
    _let_minutes_pass(place)
    try:
        run(planned.walk, place)
    except Exception as error:  # noqa: BLE001 - whatever it is, the round tells of it
        return replace(report, complaints=(*complaints, f"the next call: {error!r}"))
    extra = max(0, bench.bytes_sent - before - needed)
    complaints += [f"in the end: {each}" for each in (*walk.during(place), *walk.after(place))]
    if extra > (allowed := _allowed(planned, needed)):
        complaints.append(f"fetched {extra} bytes more than the {needed} it takes, and {allowed} would be allowed")
    if not complaints:
        shutil.rmtree(place.root)
    return replace(report, extra=extra, complaints=tuple(complaints))


def _let_minutes_pass(place: Place) -> None:
    """Let claims be older whose owners died before they had written who they were: they stay for five minutes."""
    for claim in place.root.rglob("*.wb-claim"):
        if claim.stat().st_size == 0:
            os.utime(claim, (0, time.time() - _MINUTES_S))


def _allowed(planned: Round, needed: int) -> int:
    """Return how many bytes more a round may cost; who stands still fetches for himself, and what a disk lies about is
    fetched again."""
    cheap = {Kind.FULL, Kind.READ_ONLY, Kind.DESCRIPTORS, *LETHAL}
    return sum(COST if each.kind in cheap else needed + COST for each in planned.blows)
