"""Where rounds are run: a Hub, what is there before each walk, and the processes that are hit."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.fault_hub import FaultHub
from tests.support.lab.blows import LETHAL, REFUSING, Blow, Kind, Step, noting, read_notes
from tests.support.lab.nursery import Child, Nursery
from tests.support.lab.walking import WalkTask
from tests.support.lab.walks import WALKS, Place, model, plain_files, prepare, run
from tests.support.powerloss import Disk, as_safe, become_another_boot, boot_time, read_log
from tests.support.processes import Outcome
from tests.support.shims import Shims
from weighbridge.core.errors import WeighbridgeError

_LONG_AGO = boot_time() - 25 * 3600.0  # so that even where nobody can tell machines apart the owner is given up


@dataclass(frozen=True, slots=True)
class Course:
    """A walk that nothing has disturbed.

    Attributes:
        steps: What it did, in order.
        bytes: Body bytes of files that it fetched.
    """

    steps: Sequence[Step]
    bytes: int


@dataclass(slots=True, eq=False)
class Bench:
    """One Hub, and a directory for all places.

    Attributes:
        hub: It serves the model, and its CDN plain files.
        shims: What hits processes.
        nursery: Where they come from.
        directory: For places and logs.
    """

    hub: FaultHub
    shims: Shims
    nursery: Nursery
    directory: Path
    _courses: dict[str, Course] = field(default_factory=dict)
    _serial: int = 0

    @property
    def bytes_sent(self) -> int:
        """Body bytes of files sent so far."""
        return self.hub.file_bytes

    def place(self, walk: str) -> Place:
        """Return a new place with what is there before a walk."""
        origin = self._place(f"before-{walk}")
        if not origin.root.exists():
            prepare(walk, origin)
        self._serial += 1
        place = self._place(f"place-{self._serial}")
        shutil.copytree(origin.root, place.root, symlinks=True)
        return place

    def course(self, walk: str) -> Course:
        """Return what a walk does when nothing disturbs it."""
        if walk not in self._courses:
            place, before = self.place(walk), self.bytes_sent
            notes = self.directory / f"notes-{walk}"
            outcome = self.start(walk, place, noting(self.shims, place.root, notes)).wait()
            assert outcome.code == 0, outcome
            assert WALKS[walk].after(place) == []
            self._courses[walk] = Course(read_notes(notes, place.root), self.bytes_sent - before)
            shutil.rmtree(place.root)
        return self._courses[walk]

    def start(self, walk: str, place: Place, environment: dict[str, str]) -> Child:
        """Start a process that does a walk."""
        task = WalkTask(walk=walk, root=str(place.root), endpoint=place.endpoint, cdn=place.cdn)
        return self.nursery.start(task, self.directory / f"log-{self._serial}", environment)

    def deal(self, blow: Blow, walk: str, place: Place, conditions: dict[str, str]) -> list[str]:
        """Let a blow hit a walk; return what was wrong with how it was taken.

        Args:
            blow: What happens.
            walk: To which walk.
            place: Where.
            conditions: More of the environment.
        """
        if blow.kind is Kind.POWER:
            return self._fail_power(blow, walk, place)
        client = self.start(walk, place, self.shims.acting(blow.rule(place.root)) | conditions)
        complaints = []
        if blow.kind is Kind.STOP and client.wait_stopped_or_over():
            complaints = self._go_past(walk, place)
            client.resume()
        return complaints + _judge_end(blow.kind, client.wait())

    def _go_past(self, walk: str, place: Place) -> list[str]:
        """Do the walk beside one that stands still."""
        try:
            run(walk, place)
        except WeighbridgeError as error:  # what removes may be refused while somebody works there
            if walk in {"rm", "prune", "pack", "sync"}:
                return WALKS[walk].during(place)
            return [f"beside one that stands still: {error!r}"]
        return WALKS[walk].during(place)

    def _fail_power(self, blow: Blow, walk: str, place: Place) -> list[str]:
        """Let a walk go to its end, and the disk be what it may have been at a moment in between."""
        log = self.directory / f"disk-{self._serial}"
        before = as_safe(place.root)
        complaints = _judge_end(blow.kind, self.start(walk, place, self.shims.recording(log, place.root)).wait())
        dice, operations = random.Random(blow.amount), read_log(log)
        cut = len(before) + min(blow.number, len(operations))
        shutil.rmtree(place.root)
        place.root.mkdir()
        Disk([*before, *operations][:cut], place.root).restore(place.root, dice)
        become_another_boot(place.root, written_at=_LONG_AGO)
        log.unlink()
        return complaints

    def _place(self, name: str) -> Place:
        return Place((self.directory / name).resolve(), self.hub.origin, self.hub.cdn.origin)


@contextmanager
def bench_at(directory: Path) -> Iterator[Bench]:
    """Give a bench that has all it needs."""
    shims = directory / "shims"
    shims.mkdir()
    with FaultHub(model()) as hub:
        for name, content in plain_files().items():
            hub.cdn.put(f"/plain/{name}", content)
        built = Shims.build(shims)
        with Nursery(built) as nursery:
            yield Bench(hub, built, nursery, directory)


def _judge_end(kind: Kind, outcome: Outcome) -> list[str]:
    """Return what is wrong with how a process ended that was hit, or was not after all."""
    if kind in LETHAL and outcome.code < 0:
        return []
    is_typed = outcome.code == 1 and len(outcome.failures) == 1
    if outcome.code == 0 or (is_typed and kind in REFUSING | {Kind.STOP}):
        return [f"said: {outcome.errors}"] if "Traceback" in outcome.errors else []
    return [f"ended with {outcome.code}: {outcome.failures} {outcome.errors}"]
