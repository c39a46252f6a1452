"""Servers that go slow or silent, for once or for ever, with the connection open."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from proof.lies import OnceAt
from proof.outcomes import Finding
from proof.scenario import Scenario
from proof.scenarios.scenery import MIDDLE, TOLD, Lie, Lying, Shelf
from proof.stage import Stage
from tests.support.faults import Fault, StallAfter, StallBeforeHeaders, Trickle

_ONCE = Shelf("P3", keeps=TOLD, deadline_s=120.0)
_FOR_EVER = Shelf("P3", keeps=TOLD, deadline_s=180.0)


def _half_way(begin: Callable[[int], Fault], stage: Stage) -> Finding:
    """Have one answer go wrong half-way through the file."""
    return Lying((Lie(fault=OnceAt(MIDDLE, begin)),))(stage)


def _hub_is_silent(stage: Stage) -> Finding:
    """Have the Hub take every question and answer none."""
    stage.lie(stage.hub, StallBeforeHeaders())
    return stage.judge(stage.fetch())


SCENARIOS: tuple[Scenario, ...] = (
    _ONCE.playing("stop-once", "Half-way an answer stops, its connection stays open.", partial(_half_way, StallAfter)),
    _ONCE.playing(
        "trickle-once",
        "Half-way an answer drops to one byte a second.",
        partial(_half_way, lambda at: Trickle(1.0, after=at)),
    ),
    _ONCE.scenario(
        "no-answer-once", "The first request for the bytes gets no answer.", Lie(fault=StallBeforeHeaders(), nth=1)
    ),
    _FOR_EVER.scenario("stop-always", "Every answer stops after 1,000 bytes.", Lie(fault=StallAfter(1000))),
    _FOR_EVER.scenario("trickle-always", "Every answer is one byte a second.", Lie(fault=Trickle(1.0))),
    _FOR_EVER.scenario(
        "no-answer-always", "No request for the bytes is ever answered.", Lie(fault=StallBeforeHeaders())
    ),
    _FOR_EVER.playing("hub-silent", "The Hub itself answers nothing.", _hub_is_silent),
)
