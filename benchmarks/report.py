"""Puts a finished run into words: tables that read as plain text and as markdown."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks.contenders import CURL, CURL_DISCARD, CURL_SYNC, OPENSSL
from benchmarks.rows import CAPPED_RATE, LOOSE, ROUND_TRIP_MS, WEIGHBRIDGE, Way
from benchmarks.serving_rows import HEAD as SERVING_HEAD
from benchmarks.serving_rows import NOTES as SERVING_NOTES
from benchmarks.serving_rows import serving_lines, serving_memory
from benchmarks.settings import GIB, MIB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.figures import Cell, RowResult
    from benchmarks.machine import Machine
    from benchmarks.roundtrip import Measured
    from benchmarks.serving_rows import Serving
    from benchmarks.targets import Verdict

_HEAD = ("row", "contender", "seconds: median (min-max)", "MB/s", "x limit", "x weighbridge")
_HEAD_COST = ("peak MiB", "CPU s", "fetched", "requests / connections", "result")
_NOTES = """\
- One run of a contender is one or more whole processes, timed from outside. Contenders take turns (A B C A B C);
  a first round is discarded. Ratios are taken within a round; their median is shown.
- `x limit`: seconds over those of the slower of the row's limits in the same round: curl to disk and `openssl dgst`
  alone (in the capped rows, curl with 8 ranges). Who flushes is held against curl to disk and sync.
- `x weighbridge`: seconds over those of weighbridge in the same round, flushed against flushed and not against not;
  above 1.00 means slower than weighbridge.
- With several files curl runs with `--parallel`, and `openssl dgst` digests large ones one a core.
- `peak MiB`: highest resident memory of any run; for weighbridge, in brackets, over the bare interpreter.
- `fetched`: bytes of bodies that nginx wrote over the bytes wanted. It counts what was left unread in a socket, too.
- `result`: every file was compared byte for byte with the origin's, and every digest printed with the one promised,
  after the clock was stopped.
- nginx's `limit_rate 20m` means MiB, and starts anew with every request, whose first 2 MiB it does not hold back; the
  relay caps the connection, whatever number of requests it carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What was found by other means than rows.

    Attributes:
        title: Its heading.
        about: What was done, and how to read it.
        head: Of its table.
        lines: Of its table.
        data: Every figure, ready for ``json.dumps``.
        is_right: Nothing failed, and all files were right.
    """

    title: str
    about: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    data: object
    is_right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything one run of the benchmarks found.

    Attributes:
        machine: Where it ran.
        versions: What ran, by name.
        rounds: Measured rounds a row.
        quick: Whether the sizes were the small ones.
        bare_bytes: Peak memory of an interpreter that does nothing.
        checks: What the ways to the origin were measured to be.
        results: The rows run, by name, in order.
        serving: How fast our mirror sends files, if that was measured.
        sections: What else was measured.
        verdicts: The targets.
    """

    machine: Machine
    versions: Mapping[str, str]
    rounds: int
    quick: bool
    bare_bytes: int
    checks: Mapping[Way, Measured]
    results: Mapping[str, RowResult]
    serving: Serving | None
    sections: Sequence[Section]
    verdicts: Sequence[Verdict]

    def as_json(self) -> dict[str, object]:
        """Return every sample and verdict, ready for ``json.dumps``."""
        return {
            "machine": asdict(self.machine),
            "versions": dict(self.versions),
            "rounds": self.rounds,
            "quick": self.quick,
            "bare_bytes": self.bare_bytes,
            "checks": {way.name: asdict(found) for way, found in self.checks.items()},
            "rows": [asdict(result) for result in self.results.values()],
            "serving": asdict(self.serving) if self.serving else None,
            "sections": {section.title: section.data for section in self.sections},
            "targets": [asdict(verdict) for verdict in self.verdicts],
        }

    def as_text(self) -> str:
        """Return the whole report."""
        size = "quick run, small sizes: read no target from it" if self.quick else "full run"
        titles = "\n".join(f"- `{result.name}`: {result.title}" for result in self.results.values())
        verdicts = [(verdict.target, verdict.measured, verdict.verdict) for verdict in self.verdicts]
        return "\n\n".join(
            (
                "# Benchmarks",
                f"Written by `python -m benchmarks`; {size}, {self.rounds} rounds.",
                "## Machine and limits",
                self._setting(),
                "## Figures",
                titles,
                _table((*_HEAD, *_HEAD_COST), self._lines()),
                *self._serving(),
                *(
                    part
                    for each in self.sections
                    for part in (f"## {each.title}", each.about, _table(each.head, each.lines))
                ),
                "## Targets",
                _table(("target", "measured", "verdict"), verdicts),
                "## How to read it",
                _NOTES,
            )
        )

    def _serving(self) -> tuple[str, ...]:
        """Return the section on our mirror, if it was measured."""
        if self.serving is None:
            return ()
        titles = "\n".join(f"- `{result.name}`: {result.title}" for result in self.serving.results.values())
        table = _table(SERVING_HEAD, serving_lines(self.serving))
        return "## Serving", titles, table, serving_memory(self.serving), SERVING_NOTES

    def _setting(self) -> str:
        machine = self.machine
        facts = [
            ("CPU", f"{machine.cpu}, {machine.cores} cores, SHA extensions: {machine.sha_extensions}"),
            ("memory", f"{machine.memory_bytes / GIB:.1f} GiB"),
            ("kernel", machine.kernel),
            ("filesystem", machine.filesystem),
            ("load before", f"{machine.load:.2f}"),
            *self.versions.items(),
            ("bare interpreter", f"{self.bare_bytes / MIB:.1f} MiB peak"),
            *((f"way: {way.value}", _check_text(way, found)) for way, found in self.checks.items()),
            *self._limits(),
        ]
        return _table(("what", "here"), facts)

    def _limits(self) -> list[tuple[str, str]]:
        """Return the speed of the machine's own parts, read from the rows that measured them."""
        wanted = (
            ("sha256", CURL_DISCARD.name, "curl to /dev/null"),
            ("sha256", CURL.name, "curl to disk"),
            ("sha256", CURL_SYNC.name, "curl to disk, sync"),
            ("tls", CURL.name, "curl to disk over TLS"),
            ("md5", OPENSSL.name, "openssl dgst -md5"),
            ("sha256", OPENSSL.name, "openssl dgst -sha256"),
        )
        rates = ((text, self.results[row].rate(name)) for row, name, text in wanted if row in self.results)
        return [(f"limit: {text}", f"{rate / 1e6:.0f} MB/s") for text, rate in rates if rate]

    def _lines(self) -> list[tuple[str, ...]]:
        lines: list[tuple[str, ...]] = []
        for result in self.results.values():
            for number, cell in enumerate(result.cells.values()):
                name = result.name if number == 0 else ""
                lines.append((name, cell.name, *_speed(result, cell), *self._cost(result, cell)))
        return lines

    def _cost(self, result: RowResult, cell: Cell) -> tuple[str, ...]:
        good = cell.good
        if not good:
            return ("-",) * 4 + (cell.remark,)
        peak = max(sample.peak_bytes for sample in good)
        over = f" (+{(peak - self.bare_bytes) / MIB:.0f})" if cell.name.startswith(WEIGHBRIDGE) else ""
        requests = statistics.median_low([sample.requests for sample in good])
        connections = statistics.median_low([sample.connections for sample in good])
        fetched = statistics.median(sample.body_bytes for sample in good) / result.size
        return (
            f"{peak / MIB:.0f}{over}",
            f"{statistics.median(sample.cpu_s for sample in good):.2f}",
            f"{fetched:.3f}" if requests else "-",
            f"{requests} / {connections}" if requests else "-",
            cell.remark,
        )


def _speed(result: RowResult, cell: Cell) -> tuple[str, ...]:
    seconds = [sample.seconds for sample in cell.good]
    median, rate = result.median_s(cell.name), result.rate(cell.name)
    if median is None or rate is None:
        return ("-",) * 4
    limits = result.flushed_limits if cell.flushed else result.limits
    ours = WEIGHBRIDGE if cell.flushed else LOOSE
    ratios = (result.ratio(cell.name, limits), result.ratio(cell.name, (ours,)))
    return (
        f"{median:.3f} ({min(seconds):.3f}-{max(seconds):.3f})",
        f"{rate / 1e6:.0f}",
        *("-" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
    )


def _check_text(way: Way, found: Measured) -> str:
    far, capped = f"; asked for: {ROUND_TRIP_MS} ms", f"; asked for: {CAPPED_RATE / 1e6:.0f} MB/s"
    asked = {Way.FAR: far, Way.HUB_FAR: far, Way.CAPPED: capped}
    trip_ms, first_ms = found.round_trip_s * 1000, found.first_s * 1000
    rate = f"{found.rate / 1e6:.0f} MB/s on one connection"
    return f"measured: round trip {trip_ms:.1f} ms, {first_ms:.1f} ms with connecting, {rate}{asked.get(way, '')}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a markdown table whose columns line up as plain text."""
    cells = [[text.replace("|", "/") for text in line] for line in (head, *lines)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    cells.insert(1, ["-" * width for width in widths])
    padded = ((text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in cells)
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)
