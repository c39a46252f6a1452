"""Servers that go slow or silent, for once or for ever, with the connection open."""

from __future__ import annotations

from proof.outcomes import Finding
from proof.scenario import Scenario
from proof.scenarios.scenery import HALF, TOLD, Lie, Shelf
from proof.stage import Stage
from tests.support.faults import StallAfter, StallBeforeHeaders, Trickle

_ONCE = Shelf("P3", keeps=TOLD, deadline_s=120.0)
_FOR_EVER = Shelf("P3", keeps=TOLD, deadline_s=180.0)


def _hub_is_silent(stage: Stage) -> Finding:
    """Have the Hub take every question and answer none."""
    stage.hub.on(fault=StallBeforeHeaders())
    return stage.judge(stage.fetch())


SCENARIOS: tuple[Scenario, ...] = (
    _ONCE.scenario(
        "stop-once", "The first answer stops half-way, its connection stays open.", Lie(fault=StallAfter(HALF), nth=1)
    ),
    _ONCE.scenario(
        "trickle-once", "The first answer drops to one byte a second.", Lie(fault=Trickle(1.0, after=HALF), nth=1)
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
