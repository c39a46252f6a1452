"""How long a snapshot takes that is in the cache already, within a process."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks.asking import CLIENT, HUGGINGFACE_HUB, WEIGHBRIDGE, Asked, Question, ask
from benchmarks.repositories import MAIN
from benchmarks.sections import Bar, Panel, Section
from benchmarks.targets import Verdict, met

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.asking import Hub
    from benchmarks.repositories import Repository

NAME = "hub-warm"
_CALLS = 8  # of which the first is told apart
_BOUND_MS = 10.0
_HEAD = (
    "revision",
    "call",
    "import, ms",
    "first call, ms",
    "later calls, ms: median (min-max)",
    "requests a call",
    "result",
)
_ABOUT = """\
- A snapshot of {count} files that are in the cache, each client in one that it has filled itself. Each round is a new
  process, which imports the function and calls it {calls} times; `requests a call` is taken from nginx's log.
- `import`: `from LIBRARY import snapshot_download`, of either library. The first call may import more."""

_Key = tuple[bool, str]  # by commit, library


@dataclass(frozen=True, slots=True)
class Warm:
    """What was found.

    Attributes:
        count: Files in the snapshot.
        asked: Every process, by what the call named and who made it.
    """

    count: int
    asked: Mapping[_Key, Sequence[Asked]]

    def section(self) -> Section:
        """Return it as a part of the report."""
        lines = []
        for (by_commit, library), asked in self.asked.items():
            lines.append(("commit" if by_commit else "branch", _call_name(library), *_figures(asked)))
        data = [
            {"by_commit": by_commit, "library": library, "processes": [asdict(each) for each in asked]}
            for (by_commit, library), asked in self.asked.items()
        ]
        about = _ABOUT.format(count=self.count, calls=_CALLS)
        is_right = not any(each.problem for asked in self.asked.values() for each in asked)
        return Section(
            name=NAME,
            title="Warm snapshots",
            about=about,
            head=_HEAD,
            lines=lines,
            verdicts=[verdict for key in self.asked if key[1] != HUGGINGFACE_HUB for verdict in self._judge(key)],
            panels=[self._panel()],
            data=data,
            is_right=is_right,
        )

    def _panel(self) -> Panel:
        bars = []
        for (by_commit, library), asked in self.asked.items():
            good = [each for each in asked if not each.problem]
            if good and library != CLIENT:
                name = f"{library}, by {'commit' if by_commit else 'branch'}"
                bars.append(Bar(name, _later_ms(good) / _BOUND_MS, f"{_later_ms(good):.1f} ms"))
        bars.sort(key=lambda bar: HUGGINGFACE_HUB in bar.name)
        return Panel(f"{NAME}: a warm snapshot of {self.count} files", f"target: {_BOUND_MS:g} ms", bars)

    def _judge(self, key: _Key) -> list[Verdict]:
        by_commit, library = key
        what = f"{_call_name(library)} of {self.count} files by {'commit' if by_commit else 'branch'}, in-process"
        asked, target, allowed = f"{what}: requests", f"<= {_BOUND_MS:.0f} ms", 0 if by_commit else 1
        good = [each for each in self.asked[key] if not each.problem]
        if not good:
            unjudged = "not judged: no right run"
            return [Verdict(NAME, what, "-", target, unjudged), Verdict(NAME, asked, "-", f"{allowed}", unjudged)]
        median_ms, requests = _later_ms(good), max(_per_call(each) for each in good)
        return [
            Verdict(NAME, what, f"{median_ms:.1f} ms", target, met(median_ms <= _BOUND_MS)),
            Verdict(NAME, asked, f"{requests:g}", f"{allowed}", met(requests == allowed)),
        ]


def measure_warm(hub: Hub, repository: Repository, rounds: int) -> Warm:
    """Fill a cache for each client, then let them take turns."""
    present = [each for each in (WEIGHBRIDGE, CLIENT, HUGGINGFACE_HUB) if each != HUGGINGFACE_HUB or hub.has_theirs]
    for library in present:
        ask(hub, library, Question(repository, MAIN), hub.cache(library))
    asked: dict[_Key, list[Asked]] = {(by_commit, each): [] for by_commit in (False, True) for each in present}
    for _ in range(rounds):
        for (by_commit, library), found in asked.items():
            question = Question(repository, MAIN, by_commit=by_commit)
            found.append(ask(hub, library, question, hub.cache(library), _CALLS))
    return Warm(len(repository.branches[MAIN]), asked)


def _figures(asked: Sequence[Asked]) -> tuple[str, ...]:
    good = [each for each in asked if not each.problem]
    if not good:
        return ("-",) * 4 + (asked[0].problem,)
    later = [seconds * 1000 for each in good for seconds in each.call_s[1:]]
    return (
        f"{statistics.median(each.import_s for each in good) * 1000:.0f}",
        f"{statistics.median(each.call_s[0] for each in good) * 1000:.1f}",
        f"{_later_ms(good):.1f} ({min(later):.1f}-{max(later):.1f})",
        f"{statistics.median(_per_call(each) for each in good):g}",
        "right" if len(good) == len(asked) else next(each.problem for each in asked if each.problem),
    )


def _later_ms(asked: Sequence[Asked]) -> float:
    return statistics.median(seconds * 1000 for each in asked for seconds in each.call_s[1:])


def _per_call(asked: Asked) -> float:
    return asked.requests / len(asked.call_s)


def _call_name(library: str) -> str:
    return "weighbridge.Client.snapshot" if library == CLIENT else f"{library}.snapshot_download"
