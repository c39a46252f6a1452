"""How much memory a download takes, from a small file to the largest one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks import contenders as who
from benchmarks.processes import Step
from benchmarks.rounds import Runner
from benchmarks.rows import LOOSE, WEIGHBRIDGE, FileSet, Row, size_text
from benchmarks.sections import Section
from benchmarks.settings import MIB
from benchmarks.targets import judge_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.figures import RowResult
    from benchmarks.processes import Bench
    from benchmarks.settings import Sizes
    from benchmarks.world import World

NAME = "memory"
_HEAD = ("size of the file", "contender", "peak MiB", "over the bare interpreter, MiB", "result")
_ABOUT = """\
- The highest resident memory of a whole process that fetches one file with SHA-256, once for each size. The bare
  interpreter, which does nothing, takes {bare:.1f} MiB."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What was found.

    Attributes:
        results: One row for each size, from the smallest.
        bare_bytes: Peak memory of an interpreter that does nothing.
    """

    results: Sequence[RowResult]
    bare_bytes: int

    def section(self) -> Section:
        """Return it as a part of the report."""
        cells = [(size_text(result.size), cell) for result in self.results for cell in result.cells.values()]
        peaks = [(max(each.peak_bytes for each in cell.good), size, cell) for size, cell in cells if cell.good]
        ours = [(peak - self.bare_bytes, size) for peak, size, cell in peaks if cell.name in {WEIGHBRIDGE, LOOSE}]
        lines = [
            (size, cell.name, f"{peak / MIB:.0f}", f"{(peak - self.bare_bytes) / MIB:.0f}", cell.remark)
            for peak, size, cell in peaks
        ]
        lines += [(size, cell.name, "-", "-", cell.remark) for size, cell in cells if not cell.good]
        return Section(
            name=NAME,
            title="Memory",
            about=_ABOUT.format(bare=self.bare_bytes / MIB),
            head=_HEAD,
            lines=lines,
            verdicts=[judge_memory(ours, NAME)],
            panels=[],
            data={"bare_bytes": self.bare_bytes, "rows": [asdict(result) for result in self.results]},
            is_right=not any(cell.problem for _, cell in cells if not cell.absent),
        )


def measure_memory(bench: Bench, world: World, sizes: Sizes) -> Memory:
    """Fetch one file of each size once with every contender."""
    bare = bench.run(Step(world.tools.argv("python", "-c", "pass"))).peak_bytes
    runner = Runner(bench, world.origin, rounds=1, warm_ups=0)
    rows = [_row(size) for size in sizes.growing]
    return Memory([runner.run_row(row, world.job(row, 1)) for row in rows], bare)


def _row(size: int) -> Row:
    return Row(
        name=f"{NAME}, {size_text(size)}",
        title="",
        files=FileSet("growing", 1, size),
        contenders=(
            who.weighbridge(WEIGHBRIDGE),
            who.weighbridge(LOOSE, "--no-durable"),
            who.plain_requests("requests, one stream", 1),
            who.CURL,
        ),
        limits=(),
        flushed_limits=(),
    )
