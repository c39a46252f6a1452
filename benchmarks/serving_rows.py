"""How fast our mirror sends files, beside nginx: rows, targets and their table."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks.contenders import Contender, Leaves
from benchmarks.panels import panel_of
from benchmarks.processes import Step
from benchmarks.rows import FileSet, Row, size_text
from benchmarks.sections import Section
from benchmarks.serving import REPOSITORY
from benchmarks.settings import MIB
from benchmarks.targets import Verdict, met

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.contenders import Job
    from benchmarks.figures import Cell, RowResult
    from benchmarks.settings import Sizes

NAME = "serving"
_HEAD = ("row", "contender", "seconds: median (min-max)", "MB/s", "rate / nginx", "CPU s", "server CPU s", "result")
_NOTES = """\
- The mirror is `weighbridge serve --repo`; nginx is the one of the other tables, with `sendfile`. Both serve the same
  file from the page cache. `rate / nginx` is taken within a round; its median is shown.
- Eight downloads are eight processes of curl, which share the cores with the server.
- `huggingface_hub` is `hf_hub_download` in a process of its own, its start included, with `HF_HUB_DISABLE_XET=1`; its
  file was compared byte for byte. curl to disk shows what the disk takes of that."""
_ONE, _EIGHT, _HUB = "serve-one", "serve-eight", "serve-hub"
_MIRROR, _NGINX = "curl from weighbridge serve", "curl from nginx"
_MIRROR_TO_DISK = "curl to disk from weighbridge serve"
_CONNECTIONS = 8
_RATE_SHARE = 0.6
_EIGHT_SHARE = 0.8
_GROWTH_MIB = 80
_QUIET = ("-q", "--silent", "--show-error", "--fail")
_HUB_CALL = "import sys, huggingface_hub as hub; hub.hf_hub_download(sys.argv[1], sys.argv[2], local_dir=sys.argv[3])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What was found.

    Attributes:
        results: By name of the row, in order.
        ready_bytes: Memory of the mirror before its first request.
        peak_bytes: The most that it held in any run.
        end_bytes: What it held after the last one.
    """

    results: Mapping[str, RowResult]
    ready_bytes: int
    peak_bytes: int
    end_bytes: int

    def section(self) -> Section:
        """Return it as a part of the report."""
        cells = [cell for result in self.results.values() for cell in result.cells.values()]
        titles = "\n".join(f"- `{result.name}`: {result.title}" for result in self.results.values())
        return Section(
            name=NAME,
            title="Serving",
            about=f"{titles}\n{_NOTES}\n- {_memory_text(self)}",
            head=_HEAD,
            lines=_lines(self),
            verdicts=_verdicts(self),
            panels=[panel_of(self.results[name]) for name in (_ONE, _EIGHT)],
            data=asdict(self),
            is_right=not any(cell.problem for cell in cells if not cell.absent),
        )


def serving_rows(sizes: Sizes, mirror: str) -> tuple[Row, ...]:
    """Return the rows.

    Args:
        sizes: How large the file is.
        mirror: The address of the mirror.
    """
    files, size = FileSet("served", 1, sizes.served), size_text(sizes.served)
    ours, theirs = _discarding(_MIRROR, mirror), _discarding(_NGINX, None)
    hub = Contender(name="huggingface_hub", needs=("huggingface_hub",), steps=lambda job: [_hub(job, mirror)])
    to_disk = Contender(name=_MIRROR_TO_DISK, needs=("curl",), steps=lambda job: [_curl_to_disk(job, mirror)])
    one = Row(
        name=_ONE,
        title=f"{size}, one download",
        files=files,
        contenders=(ours, theirs),
        limits=(_NGINX,),
        flushed_limits=(),
    )
    eight = Row(
        name=_EIGHT,
        title=f"{size}, {_CONNECTIONS} downloads at once",
        files=files,
        contenders=(ours, theirs),
        limits=(_NGINX,),
        flushed_limits=(),
    )
    clients = Row(
        name=_HUB,
        title=f"{size}, to disk",
        files=files,
        contenders=(hub, to_disk),
        limits=(),
        flushed_limits=(),
    )
    return one, eight, clients


def times_of(row: Row) -> int:
    """Return how often the file of a row is fetched at a time."""
    return _CONNECTIONS if row.name == _EIGHT else 1


def _verdicts(serving: Serving) -> list[Verdict]:
    one, eight = serving.results[_ONE], serving.results[_EIGHT]
    share = one.ratio(_NGINX, (_MIRROR,))
    rates = (one.rate(_MIRROR), eight.rate(_MIRROR))
    kept = None if rates[0] is None or rates[1] is None else rates[1] / rates[0]
    growth = (serving.peak_bytes - serving.ready_bytes) / MIB
    return [
        _at_least("rate of weighbridge serve over that of nginx", share, _RATE_SHARE),
        _at_least(f"rate of {_CONNECTIONS} downloads together over that of one", kept, _EIGHT_SHARE),
        Verdict(
            NAME,
            "memory that the mirror grows by",
            f"{growth:.0f} MiB",
            f"<= {_GROWTH_MIB} MiB",
            met(growth <= _GROWTH_MIB),
        ),
    ]


def _lines(serving: Serving) -> list[tuple[str, ...]]:
    return [
        (result.name if number == 0 else "", cell.name, *_figures(result, cell), cell.remark)
        for result in serving.results.values()
        for number, cell in enumerate(result.cells.values())
    ]


def _memory_text(serving: Serving) -> str:
    ready, peak, end = (each / MIB for each in (serving.ready_bytes, serving.peak_bytes, serving.end_bytes))
    return f"Resident memory of the mirror: {ready:.0f} MiB when ready, {peak:.0f} at its peak, {end:.0f} at the end."


def _figures(result: RowResult, cell: Cell) -> tuple[str, ...]:
    seconds, rate = [sample.seconds for sample in cell.good], result.rate(cell.name)
    if rate is None:
        return ("-",) * 5
    share = result.ratio(result.limits[0], (cell.name,)) if result.limits else None
    return (
        f"{statistics.median(seconds):.3f} ({min(seconds):.3f}-{max(seconds):.3f})",
        f"{rate / 1e6:.0f}",
        "-" if share is None else f"{share:.2f}",
        f"{statistics.median(sample.cpu_s for sample in cell.good):.2f}",
        f"{statistics.median(sample.origin_cpu_s for sample in cell.good):.2f}",
    )


def _at_least(figure: str, measured: float | None, bound: float) -> Verdict:
    target = f">= {bound} x"
    if measured is None:
        return Verdict(NAME, figure, "-", target, "not judged: no right run")
    return Verdict(NAME, figure, f"{measured:.2f} x", target, met(measured >= bound))


def _discarding(name: str, mirror: str | None) -> Contender:
    """Return curl to /dev/null, a process for each of the job's files, all at once; without a mirror from nginx."""

    def steps(job: Job) -> list[Step]:
        addresses = [job.address(file) if mirror is None else _address(mirror, file.name) for file in job.files]
        argv = job.tools.argv("curl", *_QUIET, "--output", "/dev/null")
        if len(addresses) == 1:
            return [Step((*argv, *addresses))]
        listed = job.note("addresses", "\n".join(addresses))
        at_once = (f"--arg-file={listed}", f"--max-procs={len(addresses)}", "--max-args=1")
        return [Step(job.tools.argv("xargs", *at_once, *argv))]

    return Contender(name=name, needs=("curl", "xargs"), steps=steps, leaves=Leaves.NOTHING)


def _curl_to_disk(job: Job, mirror: str) -> Step:
    (file,) = job.files
    return Step(job.tools.argv("curl", *_QUIET, "--output", str(job.out / file.name), _address(mirror, file.name)))


def _hub(job: Job, mirror: str) -> Step:
    (file,) = job.files
    settings = {
        "HF_ENDPOINT": mirror,
        "HF_HOME": str(job.folder / "hub"),
        **dict.fromkeys(("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"), "1"),
    }
    return Step(job.tools.argv("huggingface_hub", "-c", _HUB_CALL, REPOSITORY, file.name, str(job.out)), settings)


def _address(mirror: str, name: str) -> str:
    return f"{mirror}/{REPOSITORY}/resolve/main/{name}"
