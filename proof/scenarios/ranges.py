"""A server that answers a request for a range with something else; the first answer of all ends at three quarters."""

from __future__ import annotations

from functools import partial

from proof.lies import OnceAt
from proof.outcomes import Finding
from proof.scenario import Scenario
from proof.scenarios.scenery import (
    HALF,
    LARGE_SIZE,
    LATE,
    MOST,
    SAFE,
    SIZE,
    Lie,
    Lying,
    Shelf,
    fetch_until_told_success,
    has_offset,
    kept_files,
    kill_settled,
    large,
)
from proof.stage import MIB, Stage
from tests.support.fault_server import SparseFile
from tests.support.faults import (
    CutAfter,
    Fault,
    IgnoreRange,
    Multipart,
    NoContentRange,
    OverLong,
    ShiftedBody,
    ShortRange,
    WrongOffset,
    WrongTotal,
)

_SHELF = Shelf("P1")
_CALLS = 2


def _answered(name: str, title: str, fault: Fault) -> Scenario:
    return _SHELF.playing(f"range-{name}", title, partial(_lied_to, fault))


def _lied_to(fault: Fault, stage: Stage) -> Finding:
    """Cut the first answer, so that whoever asks for all of the file at once asks for the rest, and lie about that."""
    stage.serve(large())
    stage.hub.cdn.on(fault=CutAfter(MOST, rst=False), nth=1, method="GET")
    return Lying((Lie(fault=fault, when=has_offset),), _CALLS)(stage)


def _changed(stage: Stage) -> Finding:
    """Replace the file by another of the same size when most of it was sent; either of the two is right, no mixture."""
    stage.serve(large())
    new = SparseFile(LARGE_SIZE, seed=99)
    cut = OnceAt(LATE, lambda at: CutAfter(at, rst=False), lambda: stage.hub.cdn.put(stage.data_path, new))
    Lie(fault=cut).tell(stage)
    run = fetch_until_told_success(stage, _CALLS)
    finding = stage.judge(run)
    return finding if finding.outcome in SAFE else stage.judge(run, content=new.read())


def _overlong_partial(stage: Stage) -> Finding:
    """Have what an earlier run left be longer than the file; the server says 416 to whoever goes on behind its end."""
    kill_settled(stage, HALF)
    for each in kept_files(stage):
        if each.stat().st_size > MIB:
            with each.open("ab") as file:
                file.write(bytes(SIZE))
    return stage.judge(fetch_until_told_success(stage, 3))


SCENARIOS: tuple[Scenario, ...] = (
    _answered("ignored", "Asked for the rest, the server sends all of the file with a 200.", IgnoreRange()),
    _answered("moved", "A 206 has another range than was asked for, and says so.", WrongOffset(-MIB)),
    _answered("shifted", "A 206 has the right label and bytes from elsewhere in the file.", ShiftedBody(MIB)),
    _answered("longer", "A 206 brings more bytes than were asked for.", OverLong(MIB)),
    _answered("shorter", "A 206 has only the beginning of the range, and says so.", ShortRange(MIB)),
    _answered("wrong-total", "A 206 gives the file another size.", WrongTotal(LARGE_SIZE + MIB)),
    _answered("unlabelled", "A 206 does not say which bytes it has.", NoContentRange()),
    _answered("multipart", "A 206 wraps the bytes as one part of several.", Multipart()),
    _SHELF.playing("range-changed", "The file changes when most of it was sent; its size stays.", _changed),
    _SHELF.playing("range-overlong", "What an earlier run left is longer than the file: 416.", _overlong_partial),
)
