"""Runs the chosen scenarios with the chosen tools, and tells what was seen."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import read_machine
from proof.environments import NAMES, AbsentError, find_tools
from proof.matrix import draw
from proof.pages import as_markdown, as_text
from proof.report import Report, command_shown
from proof.running import Cell, Plan, run_all
from proof.scenarios import SCENARIOS
from proof.settings import Settings, parse_settings
from proof.tools import Tool

_KEPT, _BROKEN, _UNABLE = 0, 1, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite; 0 if Weighbridge keeps every promise, 1 if not, 3 if the suite could not do its work."""
    about = {each.name: f"{each.promise} {each.title}" for each in SCENARIOS}
    settings = parse_settings(sys.argv[1:] if arguments is None else arguments, NAMES, about)
    try:
        tools = find_tools(settings.tools, settings.workdir, settings.wheel)
    except AbsentError as error:
        print(error, file=sys.stderr)
        return _UNABLE
    report = prove(settings, tools)
    print(f"\n{as_text(report)}")
    _write(settings, report)
    return exit_code(report)


def exit_code(report: Report) -> int:
    """Return what the command ends with."""
    if report.broken_by_us:
        return _BROKEN
    return _UNABLE if report.unknown else _KEPT


def prove(settings: Settings, tools: Sequence[Tool]) -> Report:
    """Run what was chosen, and return what was found."""
    chosen = [each for each in SCENARIOS if each.name in settings.scenarios]
    started_s = time.monotonic()
    with TemporaryDirectory(prefix="run-", dir=settings.workdir, ignore_cleanup_errors=True) as scratch:
        cells = run_all(Plan(chosen, tools, settings.jobs, Path(scratch)), _tell)
    return Report(
        cells=cells,
        versions={each.name: each.version() for each in tools},
        commands={each.name: command_shown(each) for each in tools},
        machine=read_machine(settings.workdir),
        date=datetime.now(UTC).date().isoformat(),
        seconds=time.monotonic() - started_s,
    )


def _tell(cell: Cell, done: int, total: int) -> None:
    found = cell.finding
    times = f"{found.bytes_fetched / found.size:.2f}×" if found.size else ""
    print(
        f"[{done}/{total}] {cell.scenario.name} {cell.tool}: {found.outcome.value}{'' if cell.is_kept else ' ✗'}, "
        f"{found.seconds:.1f} s, {times} {found.requests} requests; {found.note}",
        flush=True,
    )


def _write(settings: Settings, report: Report) -> None:
    written: dict[Path | None, Callable[[], str]] = {
        settings.json_path: lambda: json.dumps(report.as_json(), indent=1, ensure_ascii=False) + "\n",
        settings.markdown_path: lambda: as_markdown(report),
        settings.svg_path: lambda: draw(report),
    }
    for path, text in written.items():
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted: all tools were ended, nothing was written", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
