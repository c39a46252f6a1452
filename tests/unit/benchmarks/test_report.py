"""Runs in words."""

from __future__ import annotations

import re
from dataclasses import replace

from benchmarks.contenders import CURL, CURL_OPENSSL, CURL_SYNC, OPENSSL
from benchmarks.hub_rows import HUB
from benchmarks.report import Report
from benchmarks.rows import LOOSE, WEIGHBRIDGE
from benchmarks.tables import brief_table
from tests.support.measured import row, run, section

SECONDS = {WEIGHBRIDGE: (2.0,), LOOSE: (3.0,), CURL.name: (1.0,), CURL_SYNC.name: (2.0,), OPENSSL.name: (1.5,)}


def first_cells(text: str, heading: str) -> list[str]:
    part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [each.strip() for each in re.findall(r"^\| ([^|]*) \|", part, re.MULTILINE)][2:]


def test_targets_of_the_design_come_first() -> None:
    """What is promised would be looked for among what is only shown."""
    found = run(results=[row("sha256", SECONDS), row("md5", SECONDS)], sections=[section("starts")])

    text = Report([found]).as_text()

    assert first_cells(text, "Targets") == ["md5", "md5", "starts", "every row", "sha256", "sha256"]
    assert text.index("## Targets") < text.index("## Figures") < text.index("## Machine and limits")


def test_figures_are_those_of_the_samples() -> None:
    """The table would show another ratio than the one judged."""
    text = Report([run(results=[row("md5", SECONDS)])]).as_text()

    (line,) = re.findall(rf"^\| +\| {LOOSE} +\|(.*)$", text, re.MULTILINE)
    cells = [each.strip() for each in line.split("|")]
    assert cells[:4] == ["3.000 (3.000-3.000)", "0", "2.00", "1.00"]
    assert cells[4:9] == ["40 (+32)", "3.00", "1.000", "4 / 2", "right"]


def test_tables_are_markdown() -> None:
    """A bar in a problem would break its line into more cells than the head has."""
    result = row("md5", SECONDS)
    cells = {**result.cells, LOOSE: replace(result.cells[LOOSE], samples=[], problem="exit 1: a | b")}

    text = Report([run(results=[replace(result, cells=cells)])]).as_text()

    lines = [line for line in text.partition("## Figures")[2].splitlines() if line.startswith("|")]
    assert "exit 1: a / b" in text
    assert {line.count("|") for line in lines[: len(SECONDS) + 2]} == {12}


def test_quick_run_judges_no_ratio() -> None:
    """A small file measures how fast a process starts."""
    quick = replace(run(results=[row("md5", SECONDS)], sections=[section("starts")]), quick=True)

    verdicts = {each.row: each.verdict for each in Report([quick]).verdicts}

    assert (verdicts["md5"], verdicts["starts"]) == ("not judged: quick", "met")


def test_report_of_several_runs_says_which_row_is_of_which() -> None:
    """Figures of a busy day would pass for those of a quiet one."""
    old, new = run("2026-01-01T00:00:00+00:00", [row("md5", SECONDS)]), run(sections=[section("starts")])

    text = Report([old, new]).as_text()

    assert first_cells(text, "Runs") == ["2026-01-01 00:00:00 UTC", "2026-01-02 03:04:05 UTC"]
    assert "from 2 runs on one machine" in text


def test_brief_table_names_everyone_and_the_slowest_limit() -> None:
    """The page that shows it would leave out who was faster."""
    peers = {HUB: (4.0,), "aria2c -x8 -s8": (5.0,), "requests, one stream": (6.0,), CURL_OPENSSL.name: (2.5,)}

    line = brief_table([row("md5", {**SECONDS, **peers})]).splitlines()[-1]

    assert [each.strip() for each in line.split("|")[1:-1]] == [
        "md5 in words",
        *("2.00 s", "3.00 s", "4.00 s", "5.00 s", "6.00 s", "2.50 s"),
        "openssl dgst alone 1.50 s",
    ]


def test_brief_table_has_a_dash_for_who_was_not_there() -> None:
    """Another contender's seconds would stand in the column."""
    line = brief_table([row("md5", {LOOSE: (3.0,), f"{LOOSE}, one file": (9.0,)}, limits=())]).splitlines()[-1]

    assert [each.strip() for each in line.split("|")[2:-1]] == ["-", "3.00 s", *"-----"]
