"""Puts a finished run into words: a table for the terminal, and a page."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from proof.outcomes import Finding, Outcome
from proof.report import WEIGHBRIDGE, Report
from proof.running import Cell
from proof.scenario import PROMISES, Scenario

_BROKEN = "✗"
_MEANING = {
    Outcome.RIGHT: "success was told, and the bytes are right",
    Outcome.ERROR: "an error was told, and nothing wrong lies under the file's name",
    Outcome.HALF: "an error was told, and what lies under the file's name has wrong bytes",
    Outcome.WRONG: "success was told, and the bytes are wrong or absent",
    Outcome.HANG: "no end by the deadline of the scenario, three minutes at most; who gives up later is counted here",
    Outcome.AGAIN: "right, but bytes that had arrived were fetched again",
    Outcome.LEAK: "a secret went where it must not",
    Outcome.OUTSIDE: "something was written where nothing may be",
    Outcome.COSTLY: "right, but with more requests than the work needs",
    Outcome.MESS: "right, but what earlier tries left stays for ever",
    Outcome.CRASH: "ended by a signal, or by an internal error that nobody meant to tell",
    Outcome.NOT_APPLICABLE: "the tool has no such thing, or what the scenario is about can't happen to it; "
    "counts as kept for nobody",
    Outcome.UNKNOWN: "the suite itself failed",
}
_INTRO = """\
Each promise of Weighbridge is made to fail here, by a server that lies, by `kill -9`, by other processes, and each tool
has the same chance: a real process of it, in an environment of its own, against the same Hub and CDN on loopback. What
is judged is what can be seen from outside: the exit code, the files, what the servers were asked for and sent.

`make proof` runs all of it and writes this page, the picture and `.proof/proof.json`, which has everything;
[proof/README.md](../proof/README.md) says how to run a part, and how to add a tool or a scenario."""
_READING = f"""\
Figures after the word: seconds of all runs of the tool in the scenario, and bytes that the servers sent over the size
of what was wanted. What was left unread in the sockets of a process that ended or was killed is counted as sent.
Seconds are those of a busy machine: they tell a wait from none, and no more. {_BROKEN} marks what breaks the promise;
where an error is something that a careful user can live with, the scenario takes it for kept. Of a tool with many
connections it may be chance which of them meets the lie: then its word is not the same in each run.

A `half file` breaks the first promise, since whoever finds the file takes it for whole: `aria2c` marks one that is
unfinished by an `.aria2` file beside it, `curl` and `requests` by nothing but their exit code. Where another promise is
looked at, it counts as an error."""
_SURPASSED = """\
Here Weighbridge told an error, which keeps the promise, and these had the right file all the same: mostly because they
do not look at what was wrong, or begin anew, sometimes because they are more patient. It starts in about the time that
Python takes, too: for one small file, `curl` and `aria2c` are done before."""
_CALLS = """\
Every tool has its own defaults for timeouts, retries and connections, but for these flags: `curl` and `aria2c`, which
would wait for ever by themselves, or for minutes, are told to give up on what brings less than a kibibyte a second, and
to try again; `requests` has a timeout of a minute, which is for each read. A token is given to the Hub's clients in
`HF_TOKEN`, to `requests` in a variable of its script, to `aria2c` and `curl` as an `Authorization` header on standard
input (`-i -`, `-H @-`). Addresses are those that the Hub's clients ask for:
`$HF_ENDPOINT/org/name/resolve/main/model.safetensors`. `aria2c` is told the digest wherever the Hub's listing has it.
`curl` and `requests` have no notion of a digest, and `huggingface_hub` compares none when it fetches; who runs
`sha256sum -c` or `hf cache verify` afterwards learns of wrong bytes once they lie under the file's name. A script
around a tool that fetches under another name, compares the digest and renames would keep more promises than the tool
does here; such a script is what Weighbridge is. `curl --remove-on-error` would leave no `half file`, and nothing to go
on from. `huggingface_hub` runs without Xet, whose protocol only the real Hub speaks. Its functions and `requests` are
called by scripts of a few lines, which are in `proof/scripts`."""


def as_text(report: Report) -> str:
    """Return what a terminal is shown."""
    head = ["", *report.tools]
    lines = [
        [f"{scenario.promise} {scenario.name}", *(_short(cells.get(tool)) for tool in report.tools)]
        for scenario, cells in report.rows
    ]
    totals = ["kept", *(_total(report, tool) for tool in report.tools)]
    widths = [max(len(line[column]) for line in [head, *lines, totals]) for column in range(len(head))]
    table = [
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *lines, totals]
    ]
    legend = [f"  {each.value:10} {_MEANING[each]}" for each in _seen(report)]
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    verdict = [_verdict(report)] if WEIGHBRIDGE in report.tools or report.unknown else []
    return "\n".join(
        [*table, "", *legend, f"  {_BROKEN:10} the promise is broken", "", versions, _where(report), *verdict]
    )


def as_markdown(report: Report) -> str:
    """Return the page."""
    parts = ["# Proof", _INTRO, "![What each tool did in each scenario](proof.svg)", _summary(report)]
    for promise, rows in itertools.groupby(report.rows, lambda row: row[0].promise):
        held = list(rows)
        parts += [f"## {promise}: {PROMISES[promise].lower()}", _table(report, held)]
        notes = [line for scenario, cells in held for line in _notes(scenario, cells)]
        parts += ["What was seen where the promise was broken:\n\n" + "\n".join(notes)] if notes else []
        absent = [line for scenario, cells in held for line in _absences(scenario, cells)]
        parts += ["What does not apply:\n\n" + "\n".join(absent)] if absent else []
    if report.surpassed:
        shown = "\n".join(f"- `{name}`: {', '.join(tools)}" for name, tools in report.surpassed.items())
        parts += ["## Where others were right and Weighbridge was not", _SURPASSED, shown]
    parts += [
        "## The words",
        "\n".join(f"- `{each.value}`: {_MEANING[each]}" for each in Outcome if each in _seen(report)),
    ]
    parts += [_READING, "## How each tool was called", _CALLS, _calls(report)]
    return "\n\n".join(parts) + "\n"


def _summary(report: Report) -> str:
    head = f"| promise kept in | {' | '.join(f'{name} {version}' for name, version in report.versions.items())} |"
    rule = f"| --- |{' --- |' * len(report.tools)}"
    kept = [
        f"| {each}: {PROMISES[each].lower()} | {' | '.join(_total(report, tool, each) for tool in report.tools)} |"
        for each in report.promises
    ]
    total = f"| **all** | {' | '.join(f'**{_total(report, tool)}**' for tool in report.tools)} |"
    counts = [
        f"| `{each.value}` | {' | '.join(str(_count(report, tool, each)) for tool in report.tools)} |"
        for each in Outcome
        if each in _seen(report)
    ]
    return "\n".join([head, rule, *kept, total, *counts]) + f"\n\n{_where(report)}"


def _table(report: Report, rows: list[tuple[Scenario, Mapping[str, Cell]]]) -> str:
    lines = [f"| scenario | {' | '.join(report.tools)} |", f"| --- |{' --- |' * len(report.tools)}"]
    for scenario, cells in rows:
        shown = (_long(cells.get(tool)) for tool in report.tools)
        lines.append(f"| `{scenario.name}`: {scenario.title} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _notes(scenario: Scenario, cells: Mapping[str, Cell]) -> Iterator[str]:
    for cell in cells.values():
        if not cell.is_kept:
            note = cell.finding.note.replace("`", "'").replace("|", "/") or "it said nothing"
            yield f"- `{scenario.name}`, {cell.tool}: {cell.finding.outcome.value}: `{note}`"


def _absences(scenario: Scenario, cells: Mapping[str, Cell]) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for cell in cells.values():
        if cell.finding.outcome is Outcome.NOT_APPLICABLE:
            reasons.setdefault(cell.finding.note, []).append(cell.tool)
    for reason, tools in reasons.items():
        yield f"- `{scenario.name}`, {', '.join(tools)}: {reason}"


def _calls(report: Report) -> str:
    return "```console\n" + "\n".join(f"$ {each}" for each in report.commands.values()) + "\n```"


def _verdict(report: Report) -> str:
    broken, unknown = report.broken_by_us, report.unknown
    said = [f"Weighbridge BREAKS its promise in {len(broken)}:\n{_named(broken)}"] if broken else []
    said += [f"Nothing was shown in {len(unknown)}:\n{_named(unknown)}"] if unknown else []
    return "\n".join(said or ["Weighbridge keeps every promise."])


def _named(cells: Sequence[Cell]) -> str:
    named = ((cell.scenario, cell.tool, cell.finding) for cell in cells)
    return "\n".join(
        f"  {scenario.promise} {scenario.name}, {tool}: {found.outcome.value}: {found.note}"
        for scenario, tool, found in named
    )


def _where(report: Report) -> str:
    machine = report.machine
    return (
        f"{report.date}, {len({each.scenario.name for each in report.cells})} scenarios in {report.seconds / 60:.0f} "
        f"minutes, {machine.cores} cores ({machine.cpu}), {machine.kernel}"
    )


def _total(report: Report, tool: str, promise: str | None = None) -> str:
    kept, total = report.kept(tool, promise)
    return f"{kept} of {total}" if total else "-"


def _count(report: Report, tool: str, outcome: Outcome) -> int:
    return sum(each.tool == tool and each.finding.outcome is outcome for each in report.cells)


def _seen(report: Report) -> list[Outcome]:
    seen = {each.finding.outcome for each in report.cells}
    return [each for each in Outcome if each in seen]


def _short(cell: Cell | None) -> str:
    if cell is None:
        return ""
    mark = "" if cell.is_kept else f"{_BROKEN} "
    return f"{mark}{cell.finding.outcome.value}{_figures(cell.finding)}"


def _long(cell: Cell | None) -> str:
    if cell is None:
        return ""
    word = cell.finding.outcome.value
    return f"{word if cell.is_kept else f'{_BROKEN} **{word}**'}{_figures(cell.finding)}"


def _figures(finding: Finding) -> str:
    if finding.outcome is Outcome.NOT_APPLICABLE:
        return ""
    times = f" {finding.bytes_fetched / finding.size:.1f}×" if finding.size else ""
    return f" {finding.seconds:.1f} s{times}"
