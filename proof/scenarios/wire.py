"""Connections that break, bodies in other wrappings, and lengths that are not true."""

from __future__ import annotations

import functools
import gzip

from proof.lies import CutShare, OnceAt
from proof.outcomes import Finding, Outcome
from proof.scenario import Scenario
from proof.scenarios.scenery import ALLOWANCE, LARGE_SIZE, LATE, SIZE, TOLD, Lie, Lying, Shelf, at_most, large
from proof.stage import MIB, Stage
from tests.support.faults import (
    Chunked,
    CloseDelimited,
    CutAfter,
    EndlessBody,
    ExtraHeaders,
    Gzip,
    Html200,
    LengthLie,
)

_BOMB = 256 * MIB
_ENOUGH = 20 * SIZE  # what is on its way when a tool closes all its connections counts as sent, too

_CUTS = Shelf("P2", keeps=TOLD | {Outcome.AGAIN})
_CUTS_ONCE = Shelf("P2", keeps=TOLD)
_LIES = Shelf("P1")


def _cut(name: str, title: str, *lies: Lie) -> Scenario:
    return _CUTS.playing(f"cut-{name}", title, Lying(lies, calls=3))


def _cut_late(stage: Stage) -> Finding:
    """Cut a larger file at three quarters, so that it shows who begins anew."""
    stage.serve(large())
    cut = OnceAt(LATE, lambda at: CutAfter(at, rst=False))
    return at_most(Lying((Lie(fault=cut),), calls=3)(stage), LARGE_SIZE + ALLOWANCE)


def _bomb(stage: Stage) -> Finding:
    packed = Html200(_packed_zeros()) & ExtraHeaders({"Content-Encoding": "gzip"})
    return Lying((Lie(fault=packed),))(stage)


@functools.cache
def _packed_zeros() -> bytes:
    return gzip.compress(bytes(_BOMB), mtime=0)


def _endless(stage: Stage) -> Finding:
    """Send the file and then zeros without end; whoever takes twenty times the file is stopped."""
    Lie(fault=EndlessBody() & Chunked()).tell(stage)
    run = stage.killed_after(_ENOUGH)
    if run.code is None:
        return stage.finding(Outcome.HANG, f"took {_ENOUGH // MIB} MiB of a file of {SIZE // MIB}, and would go on")
    return stage.judge(run)


SCENARIOS: tuple[Scenario, ...] = (
    Shelf("P1", keeps=frozenset({Outcome.RIGHT})).scenario("honest", "The servers are honest."),
    _cut("at-first-byte", "The connection is reset before the first byte.", Lie(fault=CutAfter(0), nth=1)),
    _cut("at-last-byte", "The connection ends one byte before the end.", Lie(fault=CutAfter(-1, rst=False), nth=1)),
    _cut(
        "often",
        "Every third answer, the first too, is reset after a quarter of it.",
        Lie(fault=CutShare(25), nth=range(1, 99, 3)),
    ),
    _CUTS_ONCE.playing("cut-late", "The connection ends at three quarters.", _cut_late),
    _LIES.scenario("chunked", "The file comes in chunks, without a length.", Lie(fault=Chunked())),
    _LIES.scenario(
        "close-delimited", "HTTP/1.0: the end of the connection ends the file.", Lie(fault=CloseDelimited())
    ),
    _LIES.scenario(
        "silently-short",
        "HTTP/1.0 without a length, and each connection ends half-way.",
        Lie(fault=CloseDelimited() & CutShare(50, rst=False)),
    ),
    _LIES.scenario("length-too-long", "Content-Length is a mebibyte more than is sent.", Lie(fault=LengthLie(MIB))),
    _LIES.scenario("length-too-short", "Content-Length is a mebibyte less than the file.", Lie(fault=LengthLie(-MIB))),
    _LIES.scenario("gzip", "The body is compressed, though nobody asked for that.", Lie(fault=Gzip())),
    _LIES.playing("gzip-bomb", "A small compressed body unpacks to 256 MiB.", _bomb),
    _LIES.scenario("portal-page", "A sign-in page with status 200 comes in place of the file.", Lie(fault=Html200())),
    _LIES.scenario(
        "portal-page-once", "A sign-in page with status 200 comes first, later the file.", Lie(fault=Html200(), nth=1)
    ),
    Shelf("P3").playing("endless", "The body goes on for ever behind the end of the file.", _endless),
)
