"""Writes what was found where it was asked for: every sample, the report and the chart, all of the same runs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from benchmarks.chart import draw
from benchmarks.report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.runs import Run
    from benchmarks.settings import Outputs


def write(outputs: Outputs, runs: Sequence[Run]) -> None:
    """Write the files that ``outputs`` names; the report shows the chart when both are written."""
    if outputs.json:
        outputs.json.parent.mkdir(parents=True, exist_ok=True)
        outputs.json.write_text(json.dumps({"runs": [run.as_json() for run in runs]}, indent=1) + "\n")
    if outputs.chart:
        outputs.chart.write_text(draw(runs))
    if outputs.markdown:
        picture = os.path.relpath(outputs.chart, outputs.markdown.parent) if outputs.chart else ""
        outputs.markdown.write_text(Report(runs).as_text(picture) + "\n")
