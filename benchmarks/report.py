"""Puts finished runs into words: tables that read as plain text and as markdown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.contenders import CURL, CURL_DISCARD, CURL_SYNC, OPENSSL
from benchmarks.rows import CAPPED_RATE, ROUND_TRIP_MS, WEIGHBRIDGE, Way
from benchmarks.settings import GIB, MIB
from benchmarks.tables import ROW_HEAD, brief_table, row_lines, table
from benchmarks.targets import Verdict, judge, judge_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.figures import RowResult
    from benchmarks.roundtrip import Measured
    from benchmarks.runs import Run
    from benchmarks.sections import Section

_ANY = "every row"
_FIRST = ("hub-2g", "hub-tls", "md5", "four-sha256", "hub-many-far", "capped", "hub-warm", "starts", "memory", _ANY)
"""The rows that the project's design sets targets for, in its order; after them come all others as they were run."""

_ANY_SIZE = frozenset({"starts", "memory", "hub-requests"})
"""What is judged in a quick run, too."""

_NOTES = """\
- One run of a contender is one or more whole processes, timed from outside. Contenders take turns (A B C A B C);
  a first round is discarded, but not in a quick run. Ratios are taken within a round; their median is shown.
- `x limit`: seconds over those of the slower of the row's limits in the same round: curl to disk and `openssl dgst`
  alone (in the capped rows, curl with 8 ranges). Who flushes is held against curl to disk and sync.
- `x weighbridge`: seconds over those of weighbridge in the same round, flushed against flushed and not against not;
  above 1.00 means slower than weighbridge.
- Nobody but weighbridge without `--no-durable`, and curl where `sync` follows, leaves its bytes on the disk; the others
  leave them in the page cache. `huggingface_hub` checks no digest.
- With several files curl runs with `--parallel`, and `openssl dgst` digests large ones one a core.
- `peak MiB`: highest resident memory of any run; for weighbridge, in brackets, over the bare interpreter.
- `fetched`: bytes of bodies that nginx wrote over the bytes wanted. It counts what was left unread in a socket, too.
- `result`: every file was compared byte for byte with the origin's, and every digest printed with the one promised,
  after the clock was stopped.
- nginx's `limit_rate 20m` means MiB, and starts anew with every request, whose first 2 MiB it does not hold back; the
  relay caps the connection, whatever number of requests it carries.
- What a figure is spent on: `python -m benchmarks.spending ROW` (see `benchmarks/README.md`)."""


@dataclass(frozen=True, slots=True)
class Report:
    """Runs in words.

    Attributes:
        runs: From the oldest, on one machine, at least one; no row is in two of them.
    """

    runs: Sequence[Run]

    @property
    def verdicts(self) -> list[Verdict]:
        """Return every target, those of the design first."""
        found = [verdict for run in self.runs for verdict in _verdicts(run)]
        memory = [peak for run in self.runs for peak in _peaks(run)]
        if memory:
            found.append(judge_memory(memory, _ANY))
        order = list(dict.fromkeys((*_FIRST, *(verdict.row for verdict in found))))
        return sorted(found, key=lambda verdict: order.index(verdict.row))

    def as_text(self, picture: str = "") -> str:
        """Return the whole report, with a link to the chart in the file ``picture``, if there is one."""
        shown = f"\n\n![Seconds over those of the limit, by row and contender]({picture})" if picture else ""
        verdicts = [(each.row, each.figure, each.measured, each.target, each.verdict) for each in self.verdicts]
        return "\n\n".join(
            (
                "# Benchmarks",
                f"{self._opening()}{shown}",
                "## Targets",
                table(("row", "figure", "measured", "target", "verdict"), verdicts),
                *self._brief(),
                *self._figures(),
                *(part for run in self.runs for each in run.sections for part in _section_text(each)),
                "## Machine and limits",
                self._setting(),
                *self._dates(),
                "## How to read it",
                _NOTES,
            )
        )

    def _opening(self) -> str:
        size = (
            "quick run, small sizes: its ratios are of starting, and are not judged" if _is_quick(self) else "full run"
        )
        if len(self.runs) > 1:
            return f"Written by `python -m benchmarks.merge` from {len(self.runs)} runs on one machine; {size}."
        (run,) = self.runs
        return f"Written by `python -m benchmarks`, {_when(run)}; {size}, {_rounds(run)}, of {run.source}."

    def _brief(self) -> tuple[str, ...]:
        results = [result for run in self.runs for result in run.results]
        return ("## In brief", "Median seconds.", brief_table(results)) if results else ()

    def _figures(self) -> tuple[str, ...]:
        pairs = [(run, result) for run in self.runs for result in run.results]
        if not pairs:
            return ()
        titles = "\n".join(f"- `{result.name}`: {result.title}" for _, result in pairs)
        lines = [line for run, result in pairs for line in row_lines(result, run.bare_bytes)]
        return "## Figures", titles, table(ROW_HEAD, lines)

    def _setting(self) -> str:
        run = self.runs[-1]
        machine = run.machine
        facts = [
            ("CPU", f"{machine.cpu}, {machine.cores} cores, SHA extensions: {machine.sha_extensions}"),
            ("memory", f"{machine.memory_bytes / GIB:.1f} GiB"),
            ("kernel", machine.kernel),
            ("filesystem", machine.filesystem),
            ("load before", _differing([f"{each.machine.load:.2f}" for each in self.runs])),
            *((name, _differing([each.versions[name] for each in self.runs])) for name in run.versions),
            ("bare interpreter", f"{run.bare_bytes / MIB:.1f} MiB peak"),
            *(
                (f"way: {way}", _check_text(way, found))
                for way, found in {way: found for each in self.runs for way, found in each.checks.items()}.items()
            ),
            *_limits([result for each in self.runs for result in each.results]),
        ]
        return table(("what", "here"), facts)

    def _dates(self) -> tuple[str, ...]:
        """Return which row is of which run, where there are several."""
        if len(self.runs) == 1:
            return ()
        lines = [
            (_when(run), run.source, _rounds(run), f"{run.machine.load:.2f}", ", ".join(run.names)) for run in self.runs
        ]
        return "## Runs", table(("began", "commit", "rounds", "load before", "rows"), lines)


def _is_quick(report: Report) -> bool:
    return any(run.quick for run in report.runs)


def _when(run: Run) -> str:
    return run.began.replace("T", " ").replace("+00:00", " UTC")


def _rounds(run: Run) -> str:
    return f"{run.rounds} round{'s' if run.rounds > 1 else ''}"


def _verdicts(run: Run) -> list[Verdict]:
    """Return what became of the targets of one run; what small sizes say nothing of is shown, but not judged."""
    verdicts = [verdict for result in run.results for verdict in judge(result, run.machine.cores)]
    verdicts += [verdict for section in run.sections for verdict in section.verdicts]
    if not run.quick:
        return verdicts
    return [each if each.row in _ANY_SIZE else replace(each, verdict="not judged: quick") for each in verdicts]


def _peaks(run: Run) -> list[tuple[int, str]]:
    return [
        (sample.peak_bytes - run.bare_bytes, result.name)
        for result in run.results
        for name, cell in result.cells.items()
        if name.startswith(WEIGHBRIDGE)
        for sample in cell.good
    ]


def _section_text(section: Section) -> tuple[str, ...]:
    return f"## {section.title}", section.about, table(section.head, section.lines)


def _limits(results: Sequence[RowResult]) -> list[tuple[str, str]]:
    """Return the speed of the machine's own parts, read from the rows that measured them."""
    wanted = (
        ("sha256", CURL_DISCARD.name, "curl to /dev/null"),
        ("sha256", CURL.name, "curl to disk"),
        ("sha256", CURL_SYNC.name, "curl to disk, sync"),
        ("tls", CURL.name, "curl to disk over TLS"),
        ("md5", OPENSSL.name, "openssl dgst -md5"),
        ("sha256", OPENSSL.name, "openssl dgst -sha256"),
    )
    by_name = {result.name: result for result in results}
    rates = ((text, by_name[row].rate(name)) for row, name, text in wanted if row in by_name)
    return [(f"limit: {text}", f"{rate / 1e6:.0f} MB/s") for text, rate in rates if rate]


def _check_text(way: str, found: Measured) -> str:
    far, capped = f"; asked for: {ROUND_TRIP_MS} ms", f"; asked for: {CAPPED_RATE / 1e6:.0f} MB/s"
    asked = {Way.FAR.value: far, Way.HUB_FAR.value: far, Way.CAPPED.value: capped}
    trip_ms, first_ms = found.round_trip_s * 1000, found.first_s * 1000
    rate = f"{found.rate / 1e6:.0f} MB/s on one connection"
    return f"measured: round trip {trip_ms:.1f} ms, {first_ms:.1f} ms with connecting, {rate}{asked.get(way, '')}"


def _differing(texts: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(texts))
