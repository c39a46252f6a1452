"""Progress as bars that move, for terminals; imported only when one is there."""

from __future__ import annotations

import time
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from weighbridge.core.events import Event, Notice, Planned
from weighbridge.progress.board import Board, Clock, Picture, Row, Stage
from weighbridge.progress.wording import count, describe_planned, format_bytes, format_rate, format_seconds, printable

_REFRESHES_PER_S = 5
_ROWS = 8
_WAITING = 3
_LABEL = 36
_BAR_MIN, _BAR_MAX = 8, 40
_OTHER_COLUMNS = 54  # what the numbers take


class BarDisplay:
    """Draws the files in transfer, and all of them together, on a terminal; a context manager.

    Args:
        console: The terminal.
        clock: Monotonic seconds.
    """

    def __init__(self, console: Console, clock: Clock = time.monotonic) -> None:
        self._console = console
        self._board = Board(clock)
        self._live = Live(
            console=console,
            get_renderable=self._draw,
            refresh_per_second=_REFRESHES_PER_S,
            redirect_stdout=False,  # what is printed there is the caller's, and may be on its way into a file
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        """Take one event; it is drawn a moment later."""
        match event:
            case Planned(size=int()):
                self._print(describe_planned(event))
            case Notice(message=message):
                self._print(f"note: {printable(message)}")
            case _:
                pass
        self._board.take(event)

    def _print(self, line: str) -> None:
        """Write a line that stays, above the bars."""
        self._console.print(Text(line), soft_wrap=True)

    def _draw(self) -> RenderableType:
        return draw(self._board.picture(), self._console.width)


def draw(picture: Picture, width: int) -> RenderableType:
    """Return a picture as lines that fit a terminal of ``width`` columns."""
    label = max([len("waiting"), *(min(_LABEL, len(each)) for each in _labels(picture))])
    bar = min(_BAR_MAX, width - label - _OTHER_COLUMNS)
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    if bar >= _BAR_MIN:
        table.add_column(no_wrap=True)
    for _ in range(4):
        table.add_column(no_wrap=True, justify="right")
    for row in picture.rows[:_ROWS]:
        fraction = None if row.size is None else _share(row.verified, row.size)
        table.add_row(*_cells(row, fraction, bar))
    if picture.files > 1:
        total = f"{picture.done} of {count(picture.files, 'file')}"
        table.add_row(*_cells(picture.total, picture.fraction, bar, label=total))
    lines: list[RenderableType] = [table] if table.row_count else []
    lines += [Text(f"{_shorten(each)} is waiting for another process", "dim") for each in picture.waiting[:_WAITING]]
    if len(picture.waiting) > _WAITING:
        lines.append(Text(f"and {len(picture.waiting) - _WAITING} more", "dim"))
    if picture.note is not None:
        lines.append(Text(f"trying again: {picture.note}", "dim", no_wrap=True, overflow="ellipsis"))
    return Group(*lines)


def _labels(picture: Picture) -> list[str]:
    return [row.label for row in picture.rows[:_ROWS]] + [f"{picture.done} of {count(picture.files, 'file')}"]


def _cells(row: Row, fraction: float | None, bar: int, label: str | None = None) -> list[RenderableType]:
    cells: list[RenderableType] = [Text(_shorten(label or row.label))]
    if bar >= _BAR_MIN:
        is_unknown = fraction is None
        cells.append(ProgressBar(total=1.0, completed=fraction or 0.0, width=bar, pulse=is_unknown))
    cells.append(Text("" if fraction is None else f"{int(100 * fraction)} %"))
    cells.append(Text(_amount(row)))
    cells.append(Text("" if row.bps is None or row.stage is Stage.DONE else format_rate(row.bps)))
    cells.append(Text(_remark(row)))
    return cells


def _amount(row: Row) -> str:
    if row.size is None or row.verified == row.size:
        return format_bytes(row.verified)
    return f"{format_bytes(row.verified)} of {format_bytes(row.size)}"


def _remark(row: Row) -> str:
    if row.stage is Stage.DONE:
        return "done"
    if row.size is not None and row.verified < row.size <= row.received:
        return "verifying"
    return "" if row.left_s is None else f"{format_seconds(row.left_s)} left"


def _share(part: int, whole: int) -> float:
    return min(1.0, part / whole) if whole else 1.0


def _shorten(name: str) -> str:
    """Cut the front of a long name: what tells files apart is mostly at the end."""
    return name if len(name) <= _LABEL else f"…{name[1 - _LABEL :]}"
