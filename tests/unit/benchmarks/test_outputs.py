"""What is written, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.merge import main, read_runs
from benchmarks.outputs import write
from benchmarks.settings import Outputs, parse_settings
from tests.support.measured import run, section


def test_whole_run_writes_report_and_chart_into_the_docs() -> None:
    """What `make bench` found would have to be copied by hand."""
    outputs = parse_settings(["--docs", "docs"], ["md5"]).outputs

    assert (outputs.markdown, outputs.chart) == (Path("docs/benchmarks.md"), Path("docs/benchmarks.svg"))


@pytest.mark.parametrize("part", [["--quick"], ["--only", "md5"]])
def test_part_of_a_run_leaves_the_docs_alone(part: list[str]) -> None:
    """A quick look would replace the figures of a long run."""
    assert parse_settings(["--docs", "docs", *part], ["md5"]).outputs == Outputs()


def test_quick_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make bench QUICK=1` would take an hour, and write."""
    monkeypatch.setenv("QUICK", "1")

    settings = parse_settings(["--docs", "docs"], [])

    assert (settings.quick, settings.rounds, settings.outputs) == (True, 1, Outputs())


def test_report_shows_the_chart_that_is_written_beside_it(tmp_path: Path) -> None:
    """The picture would be missing from its page."""
    write(Outputs(markdown=tmp_path / "a.md", chart=tmp_path / "pictures.svg"), [run(sections=[section("starts")])])

    assert "](pictures.svg)" in (tmp_path / "a.md").read_text()


def test_files_of_runs_are_put_together_and_written_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row that was measured anew would cost an hour for all others."""
    parts = [tmp_path / "1.json", tmp_path / "2.json"]
    write(Outputs(json=parts[0]), [run(sections=[section("starts", "1 ms")])])
    write(Outputs(json=parts[1]), [run("2026-02-01T00:00:00+00:00", sections=[section("memory", "9 MiB")])])

    code = main([*map(str, parts), "--json", str(tmp_path / "all.json"), "--chart", str(tmp_path / "all.svg")])

    assert code == 0
    assert [each.names for each in read_runs(tmp_path / "all.json")] == [["starts"], ["memory"]]
    assert "9 MiB" in capsys.readouterr().out
    assert (tmp_path / "all.svg").read_text().startswith("<svg")


def test_file_that_is_no_run_ends_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A user would be shown our lines instead of what is wrong with the file."""
    (tmp_path / "1.json").write_text("[]")

    assert main([str(tmp_path / "1.json")]) == 1
    assert "can't be put together" in capsys.readouterr().err
