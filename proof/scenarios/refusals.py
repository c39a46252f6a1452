"""Statuses that say no or not now, and redirects that lead around."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from proof.lies import OnceAt
from proof.outcomes import Finding, Outcome
from proof.scenario import Scenario
from proof.scenarios.scenery import MIDDLE, TOLD, Lie, Lying, Shelf
from proof.stage import Stage
from tests.support.fault_hub import Manner, Way
from tests.support.fault_server import RequestRecord
from tests.support.faults import (
    CutAfter,
    Fault,
    RateLimited,
    Redirect,
    RedirectLoop,
    RetryAfter,
    RetryAfterDate,
    Status,
)

_PAUSE_S: Final = 6
_UNDER_WAY_S: Final = 1
"""What comes so soon after a refusal, and is for other bytes, was asked for before it."""

_SHELF = Shelf("P3", keeps=TOLD)
_POLITE = Shelf("P8", keeps=TOLD)


def _paused(name: str, title: str, refusal: Fault) -> Scenario:
    """Return the scenario in which the first request for the bytes is told to wait."""

    def play(stage: Stage) -> Finding:
        finding = Lying((Lie(fault=refusal, nth=1),))(stage)
        first, *later = [each for each in stage.hub.cdn.requests if each.method == "GET"]
        waits = [(each.started_s - first.started_s, _is_again(each, first)) for each in later]
        early = [wait for wait, is_again in waits if (is_again or wait > _UNDER_WAY_S) and wait < _PAUSE_S - 1]
        if not early or finding.outcome not in TOLD:
            return finding
        note = f"asked again after {early[0]:.1f} s, told to wait {_PAUSE_S}"
        return replace(finding, outcome=Outcome.COSTLY, note=note)

    return _POLITE.playing(name, title, play)


def _is_again(later: RequestRecord, refused: RequestRecord) -> bool:
    """Say whether a request is for bytes that begin where those of the refused one did."""
    first, second = (each.headers.get("range", "bytes=0-").partition("-")[0] for each in (refused, later))
    return first == second


def _expiring(stage: Stage) -> Finding:
    """Let the signed address expire when half of the file was sent, and the connection end there."""
    expiring = OnceAt(MIDDLE, lambda at: CutAfter(at, rst=False), stage.hub.cdn.expire_signatures)
    return Lying((Lie(fault=expiring),), calls=2)(stage)


def _looping(stage: Stage) -> Finding:
    stage.lie(stage.hub, RedirectLoop(), path="*/resolve/*")
    return stage.judge(stage.fetch())


def _relative(stage: Stage) -> Finding:
    """Redirect to another path of the Hub itself, as it does for its small files."""
    stage.hub.manner = Manner(large=Way.CACHED)
    return stage.judge(stage.fetch())


def _elsewhere(stage: Stage) -> Finding:
    """Send those who come to the CDN on to a third server."""
    third = stage.other_server()
    third.put("/weights", stage.content)
    Lie(fault=Redirect(third.url("/weights"))).tell(stage)
    return stage.judge(stage.fetch())


def _no_head(stage: Stage) -> Finding:
    """Refuse a question that one may as well not ask."""
    stage.hub.on(fault=Status(405, {"Allow": "GET"}), method="HEAD")
    return stage.judge(stage.fetch())


def _data_host_is_gone(stage: Stage) -> Finding:
    with stage.hub.cdn.outage():
        return stage.judge(stage.fetch())


SCENARIOS: tuple[Scenario, ...] = (
    _SHELF.scenario("server-error-once", "The first answer is a 500.", Lie(fault=Status(500), nth=1)),
    _SHELF.scenario(
        "server-errors", "Three answers are a 503, then all is well.", Lie(fault=Status(503), nth=range(1, 4))
    ),
    _SHELF.scenario("server-error-always", "Every answer is a 500.", Lie(fault=Status(500))),
    _paused("told-to-wait", "429 with Retry-After in seconds.", RetryAfter(_PAUSE_S)),
    _paused("told-to-wait-date", "429 with Retry-After as a date.", RetryAfterDate(_PAUSE_S)),
    _paused("told-to-wait-limits", "429 with RateLimit headers, as the Hub sends it.", RateLimited(_PAUSE_S)),
    _SHELF.playing("signature-expires", "The signed address expires half-way, and the connection ends.", _expiring),
    _SHELF.playing("redirect-loop", "The Hub redirects to the address that was asked for.", _looping),
    _SHELF.playing("redirect-relative", "The Hub redirects to a relative address.", _relative),
    _SHELF.playing("redirect-third-host", "The CDN redirects to a third host.", _elsewhere),
    _SHELF.playing("no-head", "The Hub refuses HEAD with 405.", _no_head),
    _SHELF.playing("data-host-gone", "The host of the bytes refuses connections.", _data_host_is_gone),
)
