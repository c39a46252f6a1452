"""The command of the suite: what it runs, what it writes, and what it ends with."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from proof.__main__ import exit_code, main
from proof.outcomes import Finding, Outcome, not_applicable
from proof.processes import Crew, OverError
from tests.proof.test_report import RIGHT, WRONG, report

UNKNOWN = Finding(outcome=Outcome.UNKNOWN)
SLEEPS = (sys.executable, "-I", "-c", "import threading; threading.Event().wait()")


def test_a_run_writes_the_table_the_page_the_picture_and_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stranger's one command shows what ours showed."""
    page, picture, figures = tmp_path / "docs" / "proof.md", tmp_path / "docs" / "proof.svg", tmp_path / "proof.json"
    written = ["--markdown", str(page), "--svg", str(picture), "--json", str(figures)]

    code = main(["--tool", "weighbridge", "--scenario", "honest", "--workdir", str(tmp_path / "work"), *written])

    assert (code, capsys.readouterr().out.splitlines()[-1]) == (0, "Weighbridge keeps every promise.")
    assert "| **all** | **1 of 1** |" in page.read_text()
    assert "honest, weighbridge: right" in picture.read_text()
    (found,) = json.loads(figures.read_text())["scenarios"]
    assert found["findings"]["weighbridge"]["outcome"] == "right"


@pytest.mark.parametrize(
    ("ours", "code"),
    [
        (RIGHT, 1),
        (WRONG, 1),
        (Finding(outcome=Outcome.ERROR), 0),
        (Finding(outcome=Outcome.UNKNOWN), 3),
        (not_applicable(""), 3),
    ],
)
def test_the_exit_code_tells_whether_weighbridge_keeps_every_promise(ours: Finding, code: int) -> None:
    """A script that runs the suite must not have to read a table."""
    assert exit_code(report(ours=ours)) == code


@pytest.mark.parametrize(
    "arguments", [["--tool", "wget"], ["--scenario", "none"], ["--jobs", "0"], ["--wheel", "none"]]
)
def test_what_makes_no_sense_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt scenario that runs nothing would look like success."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert arguments[1] in capsys.readouterr().err or arguments[0] == "--jobs"


def test_a_misspelt_name_is_told_its_neighbours(capsys: pytest.CaptureFixture[str]) -> None:
    """Eighty names after a typo help nobody."""
    with pytest.raises(SystemExit):
        main(["--scenario", "flip-onec"])

    assert "there is flip-once" in capsys.readouterr().err


def test_a_broken_promise_comes_before_what_could_not_be_judged() -> None:
    """A fault of the suite in one place must not hide ours in another."""
    both = replace(report(ours=WRONG), cells=[*report(ours=WRONG).cells, *report(ours=UNKNOWN).cells])

    assert exit_code(both) == 1


def test_a_tool_that_cannot_be_had_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table from which a peer is silently absent compares nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))

    code = main(["--tool", "curl", "--tool", "aria2c", "--workdir", str(tmp_path)])

    assert code == 3
    assert "aria2c, curl" in capsys.readouterr().err


def test_whoever_ends_the_suite_ends_all_its_tools(tmp_path: Path) -> None:
    """Ctrl-C must not leave downloads at work behind it."""
    crew = Crew()
    tools = [crew.start(SLEEPS, {}, tmp_path / str(each)) for each in range(3)]

    crew.end()

    assert all(each.is_over for each in tools)
    with pytest.raises(OverError):
        crew.start(SLEEPS, {}, tmp_path / "late")
