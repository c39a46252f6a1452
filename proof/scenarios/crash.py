"""A tool that is killed, or that the machine lets down; then the same call again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from proof.outcomes import Finding, Outcome
from proof.scenario import Scenario
from proof.scenarios.scenery import (
    ALLOWANCE,
    LARGE_SIZE,
    LATER,
    MOST,
    SAFE,
    TOLD,
    Shelf,
    at_most,
    kill_settled,
    large,
    tidy,
)
from proof.stage import Stage, model

_SHELF = Shelf("P2", keeps=SAFE)
_CAREFUL = Shelf("P2", keeps=SAFE | {Outcome.AGAIN})
_THIRD = LARGE_SIZE // 4
_DESCRIPTORS = 16
_TOLD_NO = TOLD - {Outcome.RIGHT}
_UNPRIVILEGED = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
)


def _killed_once(stage: Stage) -> Finding:
    return _killed(stage, (MOST,))


def _killed_often(stage: Stage) -> Finding:
    return _killed(stage, (_THIRD, _THIRD, _THIRD))


def _killed(stage: Stage, amounts: Sequence[int]) -> Finding:
    """Kill the tool each time that so many more bytes were sent, then let it end."""
    stage.serve(large())
    for amount in amounts:
        kill_settled(stage, amount)
    finding = stage.judge(stage.fetch())
    return tidy(at_most(finding, LARGE_SIZE + ALLOWANCE), stage)


def _killed_and_changed(stage: Stage) -> Finding:
    """Kill the tool, and let the branch move on before the same call is made again."""
    stage.serve(large())
    kill_settled(stage, MOST)
    stage.serve(model(LARGE_SIZE, seed=8, commit=LATER))
    return stage.judge(stage.fetch())


def _quota(stage: Stage) -> Finding:
    """Let no file grow beyond three quarters of this one, then any."""
    stage.serve(large())
    limited = ("sh", "-c", 'trap "" XFSZ; exec prlimit --fsize="$0" "$@"', str(MOST))
    return at_most(_let_down(stage, limited), LARGE_SIZE + ALLOWANCE)


def _few_descriptors(stage: Stage) -> Finding:
    return _let_down(stage, ("prlimit", f"--nofile={_DESCRIPTORS}"))


def _read_only(stage: Stage) -> Finding:
    """Have the tool's folders be read-only, for root as well, then writable."""
    root = _UNPRIVILEGED if os.geteuid() == 0 else ()
    with _not_writable(stage):
        _require(root, '! touch "$0"', str(stage.home / "written"))
        first = stage.judge(stage.fetch(prefix=root))
    return stage.judge(stage.fetch()) if first.outcome in _TOLD_NO else first


def _let_down(stage: Stage, prefix: Sequence[str]) -> Finding:
    """Make the call under a limit, and if that ends it in an error, once more without."""
    _require(prefix, "exit 0")
    first = stage.judge(stage.fetch(prefix=prefix))
    return stage.judge(stage.fetch()) if first.outcome in _TOLD_NO else first


def _require(prefix: Sequence[str], script: str, *arguments: str) -> None:
    """See to it that a limit is what it should be here, or fail: an error of ``prefix`` is none of the tool."""
    subprocess.run((*prefix, "sh", "-c", script, *arguments), check=True, capture_output=True, timeout=30)


@contextmanager
def _not_writable(stage: Stage) -> Iterator[None]:
    folders = (stage.home, stage.target)
    for each in folders:
        each.chmod(0o555)
    try:
        yield
    finally:
        for each in folders:
            each.chmod(0o755)


SCENARIOS: tuple[Scenario, ...] = (
    _SHELF.playing("killed", "kill -9 at three quarters, then the same call.", _killed_once),
    _SHELF.playing("killed-often", "kill -9 three times on the way, then the same call.", _killed_often),
    _CAREFUL.playing(
        "killed-and-changed", "kill -9, and the branch moves on before the same call.", _killed_and_changed
    ),
    _SHELF.playing("quota", "No file may grow beyond three quarters; then the call without limit.", _quota),
    _CAREFUL.playing("read-only", "The folders are read-only; then the same call, when they are not.", _read_only),
    _CAREFUL.playing(
        "few-descriptors",
        "Sixteen open files are allowed; if too few, the call with more.",
        _few_descriptors,
    ),
)
