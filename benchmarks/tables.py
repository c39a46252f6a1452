"""Tables that read as plain text and as markdown."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.contenders import CURL_OPENSSL
from benchmarks.hub_rows import HUB
from benchmarks.rows import LOOSE, WEIGHBRIDGE
from benchmarks.settings import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.figures import Cell, RowResult

_BRIEF = {
    "weighbridge": WEIGHBRIDGE,
    "not flushed": LOOSE,
    "huggingface_hub": HUB,
    "aria2c": "aria2c",
    "requests": "requests",
    "curl, then openssl dgst": CURL_OPENSSL.name,
}
"""What the columns of a brief table are called, and how the names of their contenders begin."""

ROW_HEAD = (
    "row",
    "contender",
    "seconds: median (min-max)",
    "MB/s",
    "x limit",
    "x weighbridge",
    "peak MiB",
    "CPU s",
    "fetched",
    "requests / connections",
    "result",
)


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a markdown table whose columns line up as plain text."""
    cells = [[text.replace("|", "/") for text in line] for line in (head, *lines)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    cells.insert(1, ["-" * width for width in widths])
    padded = ((text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in cells)
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def brief_table(results: Sequence[RowResult]) -> str:
    """Return the median seconds of those who do the whole work, and of the limit, a line for each row that has any."""
    lines = [(each.title, *(_brief(each, start) for start in _BRIEF.values()), _limit(each)) for each in results]
    return table(("work", *_BRIEF, "the limit, not flushed"), [line for line in lines if set(line[1:-1]) != {"-"}])


def row_lines(result: RowResult, bare_bytes: int) -> list[tuple[str, ...]]:
    """Return one row as lines below ``ROW_HEAD``: a line for each contender."""
    return [
        (result.name if number == 0 else "", cell.name, *_speed(result, cell), *_cost(result, cell, bare_bytes))
        for number, cell in enumerate(result.cells.values())
    ]


def _brief(result: RowResult, start: str) -> str:
    """Return the seconds of the contender called ``start``; unless that is us, options may follow the name."""
    others = () if start.startswith(WEIGHBRIDGE) else (f"{start} ", f"{start},")
    name = next((name for name in result.cells if name == start or name.startswith(others)), "")
    seconds = result.median_s(name)
    return "-" if seconds is None else f"{seconds:.2f} s"


def _limit(result: RowResult) -> str:
    medians = {name: result.median_s(name) or 0.0 for name in result.limits}
    slowest = max(medians, key=lambda name: medians[name], default="")
    return f"{slowest} {medians[slowest]:.2f} s" if slowest else "-"


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


def _cost(result: RowResult, cell: Cell, bare_bytes: int) -> tuple[str, ...]:
    good = cell.good
    if not good:
        return ("-",) * 4 + (cell.remark,)
    peak = max(sample.peak_bytes for sample in good)
    over = f" (+{(peak - bare_bytes) / MIB:.0f})" if cell.name.startswith(WEIGHBRIDGE) else ""
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
