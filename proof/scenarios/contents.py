"""Bytes that are wrong: on the way, at their source, or on the disk before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from proof.lies import has_byte
from proof.outcomes import Finding, Outcome
from proof.scenario import Scenario
from proof.scenarios.scenery import HALF, SIZE, Lie, Shelf
from proof.stage import Stage
from tests.support.fault_server import SparseFile
from tests.support.faults import EmptyBody, FlipByte, FlipElsewhere

_SHELF = Shelf("P1")
_TRIES = 5


def _other_content(stage: Stage) -> Finding:
    """Have the CDN hold the file of another revision, of the same size, where this one should be."""
    stage.hub.cdn.put(stage.data_path, SparseFile(SIZE, seed=5))
    finding = stage.judge(stage.fetch())
    if finding.outcome is not Outcome.ERROR or finding.bytes_fetched <= _TRIES * SIZE:
        return finding
    return replace(finding, outcome=Outcome.AGAIN, note=f"tried {finding.bytes_fetched / SIZE:.0f} times")


def _was_there(stage: Stage) -> Finding:
    """Have another file of the same size lie under the final name before anything is asked for."""
    commit = stage.repo.refs["main"]
    place = stage.tool.where(stage.job(revision=commit))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(SparseFile(SIZE, seed=5).read())
    return stage.judge(stage.fetch())


@dataclass(frozen=True, slots=True)
class _Rot:
    """The file is damaged on the disk after a success, and asked for again."""

    damage: Callable[[Path], None]

    def __call__(self, stage: Stage) -> Finding:
        """Play it."""
        first = stage.fetch()
        place = stage.tool.where(stage.job())
        if not first.is_success or not place.is_file():
            return stage.judge(first)
        self.damage(place.resolve())
        return stage.judge(stage.fetch())


def _flip(place: Path) -> None:
    with place.open("r+b") as file:
        file.seek(HALF)
        byte = file.read(1)
        file.seek(HALF)
        file.write(bytes([byte[0] ^ 1]))


def _truncate(place: Path) -> None:
    with place.open("r+b") as file:
        file.truncate(HALF)


def _blank(place: Path) -> None:
    """Replace all of it by zeros that take no room, as a file system may after a power loss."""
    with place.open("r+b") as file:
        file.truncate(0)
        file.truncate(SIZE)


SCENARIOS: tuple[Scenario, ...] = (
    _SHELF.scenario(
        "flip-once", "One bit of the first answer is wrong.", Lie(fault=FlipByte(1000), nth=1, when=has_byte(1000))
    ),
    _SHELF.scenario(
        "flip-elsewhere", "One bit of each answer is wrong, each time another.", Lie(fault=FlipElsewhere())
    ),
    _SHELF.playing("other-revision", "The file of another revision comes, of the same size.", _other_content),
    _SHELF.scenario("empty", "The body is empty, and its length says so.", Lie(fault=EmptyBody())),
    _SHELF.playing("was-there", "Another file of that size lies there already.", _was_there),
    _SHELF.playing("rot-flip", "One bit of the file changes on the disk; then the same call.", _Rot(_flip)),
    _SHELF.playing("rot-truncate", "The file on the disk loses its second half; then the same call.", _Rot(_truncate)),
    _SHELF.playing("rot-zeros", "The file on the disk turns to zeros; then the same call.", _Rot(_blank)),
)
