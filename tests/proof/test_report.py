"""What is told of a run: the table, the page, the picture and the figures for programs."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

from benchmarks.machine import Machine
from proof.matrix import draw
from proof.outcomes import Finding, Outcome, not_applicable
from proof.pages import as_markdown, as_text
from proof.report import Report
from proof.running import Cell
from proof.scenario import PROMISES, Scenario
from proof.scenarios import SCENARIOS
from proof.stage import Stage

LONGEST_TITLE = 68
MACHINE = Machine("a CPU", 2, "none", 1 << 30, "Linux 6", "ext4 on disk", 0.5)


def never(stage: Stage) -> Finding:
    raise NotImplementedError


FLIP = Scenario(name="flip", promise="P1", title="One bit is wrong.", run=never, keeps=frozenset({Outcome.ERROR}))
MANY = Scenario(name="many", promise="P8", title="All files are asked for.", run=never)
RIGHT = Finding(outcome=Outcome.RIGHT, seconds=1.25, bytes_fetched=300, requests=4, size=200)
ERROR = Finding(outcome=Outcome.ERROR, seconds=2.0, bytes_fetched=200, requests=2, size=200, note="the digest is wrong")
WRONG = Finding(outcome=Outcome.WRONG, seconds=0.5, bytes_fetched=200, requests=1, size=200, note="a | b <c> & `d`")


def report(*, ours: Finding = ERROR) -> Report:
    return Report(
        cells=[
            Cell(FLIP, "weighbridge", ours),
            Cell(FLIP, "curl", WRONG),
            Cell(MANY, "weighbridge", RIGHT),
            Cell(MANY, "curl", not_applicable("it takes addresses")),
        ],
        versions={"weighbridge": "1.2", "curl": "7.88.1"},
        commands={"weighbridge": "weighbridge download org/name", "curl": "curl -fL address"},
        machine=MACHINE,
        date="2026-01-31",
        seconds=90.0,
    )


def test_the_table_has_a_word_and_figures_for_each_cell() -> None:
    """Whoever ran it sees at once what each tool did, and what it cost."""
    lines = as_text(report()).splitlines()

    assert lines[1].split("  ")[0] == "P1 flip"
    assert "error 2.0 s 1.0×" in lines[1]
    assert "✗ WRONG 0.5 s 1.0×" in lines[1]
    assert "right 1.2 s 1.5×" in lines[2]
    assert lines[2].endswith("-")
    assert lines[3].split() == ["kept", "2", "of", "2", "0", "of", "1"]


def test_the_verdict_names_each_promise_that_weighbridge_breaks() -> None:
    """A table of forty lines hides one word."""
    kept, broken = as_text(report()), as_text(report(ours=WRONG))

    assert kept.endswith("Weighbridge keeps every promise.")
    assert broken.endswith("Weighbridge BREAKS its promise in 1:\n  P1 flip, weighbridge: WRONG: a | b <c> & `d`")


def test_the_verdict_names_what_was_not_shown() -> None:
    """What did not happen to Weighbridge must not pass for a promise kept."""
    untried = as_text(report(ours=not_applicable("it asked for no part")))

    assert untried.endswith("Nothing was shown in 1:\n  P1 flip, weighbridge: -: it asked for no part")


def test_the_page_tells_where_others_were_right_and_weighbridge_was_not() -> None:
    """A page that shows the faults of others alone is an advertisement."""
    surpassed = replace(report(), cells=[Cell(FLIP, "weighbridge", ERROR), Cell(FLIP, "curl", RIGHT)])

    assert "- `flip`: curl" in as_markdown(surpassed)
    assert "Where others were right" not in as_markdown(report())


def test_the_page_tells_what_was_seen_and_how_each_tool_was_called() -> None:
    """Nobody can check a claim that hides its flags."""
    page = as_markdown(report())

    assert "| `flip`: One bit is wrong. | error 2.0 s 1.0× | ✗ **WRONG** 0.5 s 1.0× |" in page
    assert "- `flip`, curl: WRONG: `a / b <c> & 'd'`" in page
    assert "| P1: never wrong bytes | 1 of 1 | 0 of 1 |" in page
    assert "| P8: one call, one bill | 1 of 1 | - |" in page
    assert "- `many`, curl: it takes addresses" in page
    assert "$ curl -fL address" in page
    assert "curl 7.88.1" in page
    assert "2026-01-31" in page


def test_the_picture_is_well_formed_and_has_its_words_as_text() -> None:
    """Colours alone are not for everybody, and words that are lines can't be searched."""
    drawn = draw(report())

    words = ["".join(each.itertext()) for each in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert {"right", "error", "WRONG", "-", "weighbridge", "curl", "1.2", "2 of 2", "0 of 1"} <= set(words)
    assert "One bit is wrong" in words
    assert "P8: One call, one bill" in words


def test_the_same_run_is_drawn_in_the_same_bytes() -> None:
    """A picture that changes by itself fills the history of the project."""
    assert draw(report()) == draw(report())


def test_programs_get_everything() -> None:
    """Figures that are rounded in a table can be had whole."""
    data = json.loads(json.dumps(report().as_json()))

    assert data["tools"]["curl"] == {"version": "7.88.1", "command": "curl -fL address", "kept": 0, "of": 1}
    assert data["machine"]["cores"] == 2
    flip = data["scenarios"][0]
    assert (flip["name"], flip["promise"], flip["keeps"]) == ("flip", "P1", ["error"])
    assert flip["findings"]["curl"] == {
        "outcome": "WRONG",
        "seconds": 0.5,
        "bytes_fetched": 200,
        "requests": 1,
        "size": 200,
        "note": "a | b <c> & `d`",
        "kept": False,
    }


def test_every_scenario_has_a_name_of_its_own_and_a_title_that_fits_the_picture() -> None:
    """A cell that can't be told from another, or a title under a colour, proves nothing to a reader."""
    names = [each.name for each in SCENARIOS]

    assert len(set(names)) == len(names)
    assert {each.promise for each in SCENARIOS} == set(PROMISES)
    assert [each.name for each in SCENARIOS if len(each.title) > LONGEST_TITLE] == []
