"""How many requests the same calls cost with Weighbridge and with huggingface_hub."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks.asking import HUGGINGFACE_HUB, WEIGHBRIDGE, Asked, Question, ask
from benchmarks.repositories import MAIN, NEXT
from benchmarks.sections import Section
from benchmarks.settings import MIB
from benchmarks.targets import Verdict, met

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.asking import Hub
    from benchmarks.repositories import Repository

NAME = "hub-requests"
_HEAD = ("call", "weighbridge", "huggingface_hub")
_ABOUT = """\
- Requests that nginx logged, in brackets how many of them were a HEAD, and bytes of bodies; each call in a new process,
  telemetry off. A cold snapshot has {count} files; each line finds the cache as the line before has left it."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was found.

    Attributes:
        count: Files in the snapshot.
        asked: By the name of the call, then by who made it.
    """

    count: int
    asked: Mapping[str, Mapping[str, Asked]]

    def section(self) -> Section:
        """Return it as a part of the report."""
        lines = [
            (name, *(_text(found.get(library)) for library in (WEIGHBRIDGE, HUGGINGFACE_HUB)))
            for name, found in self.asked.items()
        ]
        data = {name: {who: asdict(each) for who, each in found.items()} for name, found in self.asked.items()}
        is_right = not any(each.problem for found in self.asked.values() for each in found.values())
        about = _ABOUT.format(count=self.count)
        return Section(
            name=NAME,
            title="Requests",
            about=about,
            head=_HEAD,
            lines=lines,
            verdicts=[self._verdict()],
            panels=[],
            data=data,
            is_right=is_right,
        )

    def _verdict(self) -> Verdict:
        """Judge whether a cold snapshot costs a request a file, one for the commit and one for the listing."""
        found, allowed = self.asked[_COLD][WEIGHBRIDGE], self.count + 2
        figure = f"requests of a cold snapshot of {self.count} files"
        if found.problem:
            return Verdict(NAME, figure, "-", f"{allowed}", f"not judged: {found.problem}")
        return Verdict(NAME, figure, f"{found.requests}", f"{allowed}", met(found.requests == allowed))


_COLD = "snapshot by branch, cold"


def measure_counts(hub: Hub, repository: Repository) -> Counts:
    """Make each call once with each client."""
    first = next(iter(repository.branches[MAIN]))
    questions = {
        "one file by branch, cold": Question(repository, MAIN, first),
        "one file by branch, warm": Question(repository, MAIN, first),
        "one file by commit, warm": Question(repository, MAIN, first, by_commit=True),
        "snapshot by branch, the other files missing": Question(repository, MAIN),
        "snapshot by branch, warm": Question(repository, MAIN),
        "snapshot by commit, warm": Question(repository, MAIN, by_commit=True),
        "snapshot of a branch that differs in one file": Question(repository, NEXT),
    }
    cold = {_COLD: Question(repository, MAIN)}
    asked: dict[str, dict[str, Asked]] = {}
    for number, series in enumerate((cold, questions)):
        for name, question in series.items():
            asked[name] = {each: ask(hub, each, question, hub.cache(f"{each}-{number}")) for each in _present(hub)}
    return Counts(len(repository.branches[MAIN]), asked)


def _present(hub: Hub) -> Sequence[str]:
    return (WEIGHBRIDGE, HUGGINGFACE_HUB) if hub.has_theirs else (WEIGHBRIDGE,)


def _text(asked: Asked | None) -> str:
    if asked is None:
        return "absent"
    return asked.problem or f"{asked.requests} ({asked.heads}), {asked.body_bytes / MIB:.2f} MiB"
