"""Made-up results of benchmarks: rows, runs and sections of given figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.contenders import CURL, CURL_SYNC, OPENSSL
from benchmarks.figures import Cell, RowResult, Sample
from benchmarks.machine import Machine
from benchmarks.roundtrip import Measured
from benchmarks.rows import Way
from benchmarks.runs import Run
from benchmarks.sections import Bar, Panel, Section
from benchmarks.targets import Verdict

MIB = 1024 * 1024
BARE_BYTES = 8 * MIB
LIMITS, FLUSHED_LIMITS = (CURL.name, OPENSSL.name), (CURL_SYNC.name, OPENSSL.name)
_MACHINE = Machine(
    cpu="A processor",
    cores=2,
    sha_extensions="none",
    memory_bytes=2**34,
    kernel="Linux 6",
    filesystem="ext4 on /dev/vda",
    load=0.1,
)


def sample(seconds: float, problem: str = "", peak_bytes: int = 40 * MIB) -> Sample:
    """Return a run of that many seconds, all of them processor time."""
    return Sample(
        seconds=seconds,
        peak_bytes=peak_bytes,
        cpu_s=seconds,
        requests=4,
        connections=2,
        body_bytes=1000,
        origin_cpu_s=0.0,
        problem=problem,
    )


def cell(name: str, samples: Sequence[Sample], flushed: bool = False) -> Cell:
    """Return the runs of one contender."""
    problem = next((each.problem for each in samples if each.problem), "")
    return Cell(name=name, flushed=flushed, samples=list(samples), problem=problem, absent=[])


def row(name: str, seconds: Mapping[str, Sequence[float]], limits: Sequence[str] = LIMITS) -> RowResult:
    """Return a row of contenders with the seconds of each round; ``weighbridge`` and curl with sync are flushed."""
    cells = {
        each: cell(each, [sample(took) for took in rounds], flushed=each in {"weighbridge", CURL_SYNC.name})
        for each, rounds in seconds.items()
    }
    return RowResult(
        name=name, title=f"{name} in words", size=1000, limits=limits, flushed_limits=FLUSHED_LIMITS, cells=cells
    )


def section(name: str, measured: str = "1 ms") -> Section:
    """Return a section with a verdict, a table and a panel that say ``measured``."""
    return Section(
        name=name,
        title=name.capitalize(),
        about="- How it was done.",
        head=("what", "figure"),
        lines=[("it", measured)],
        verdicts=[Verdict(name, "it", measured, "<= 50 ms", "met")],
        panels=[Panel(f"{name}: it", "target: 50 ms", [Bar("weighbridge", 0.02, measured)])],
        data={"it": [0.001]},
        is_right=True,
    )


def run(
    began: str = "2026-01-02T03:04:05+00:00",
    results: Sequence[RowResult] = (),
    sections: Sequence[Section] = (),
    machine: Machine = _MACHINE,
) -> Run:
    """Return a full run on a quiet machine."""
    return Run(
        began=began,
        source="0123456789",
        machine=machine,
        versions={"curl": "curl 8"},
        rounds=3,
        quick=False,
        bare_bytes=BARE_BYTES,
        checks={Way.PLAIN.value: Measured(0.001, 0.002, 1e9)},
        results=list(results),
        sections=list(sections),
    )
