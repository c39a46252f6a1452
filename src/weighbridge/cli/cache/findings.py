"""How the verbs that verify and repair tell what was found and done: to people, to scripts, to programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from weighbridge.cli.failures import exit_code_of, facts_of
from weighbridge.cli.output import put, say
from weighbridge.cli.reports import JsonReport, QuietReport, TextReport, result_as_json
from weighbridge.cli.signals import Stopped
from weighbridge.core.artifacts import FileResult
from weighbridge.core.errors import DamagedCacheError
from weighbridge.core.events import Observer
from weighbridge.core.findings import Finding, Left, Mended, Repair, Verification
from weighbridge.core.snapshots import Plan
from weighbridge.mending.cures import cure_of, reason_to_leave
from weighbridge.progress.wording import count, format_bytes, format_rate, format_seconds, printable

_SHOWN = 3  # paths of one finding


class CareText(TextReport):
    """For people: findings and deeds on standard output by repository, progress and sums on standard error."""

    def found(self, verification: Verification) -> None:
        """Tell all findings, then the sum."""
        _put_grouped((each, describe(each)) for each in verification.findings)
        say(summarize_verification(verification))

    def planned(self, verification: Verification) -> None:
        """Tell what would be done about each finding."""
        _put_grouped((each, f"{describe(each)}: {_intent(each)}") for each in verification.findings)
        say(summarize_verification(verification))

    def done(self, repair: Repair) -> None:
        """Tell what was done, and what was not."""
        _put_grouped((each.finding, f"{describe(each.finding)}: {_deed(each)}") for each in repair.mended)
        faults = [each for each in repair.left if each.finding.is_fault]
        _put_grouped((each.finding, f"{describe(each.finding)}: left: {printable(each.why)}") for each in faults)
        say(summarize_repair(repair))

    def succeed(self, results: Sequence[FileResult], paths: Sequence[Path], seconds: float) -> None:
        """Say nothing more: all has been told."""


class CareQuiet(QuietReport):
    """For scripts: the path of each fault, or of what was mended, and nothing else."""

    def found(self, verification: Verification) -> None:
        """Write the paths of all faults."""
        for each in verification.faults:
            put(str(each.path))

    def planned(self, verification: Verification) -> None:
        """Write the paths of what would be mended."""
        for each in verification.findings:
            if cure_of(each) is not None:
                put(str(each.path))

    def done(self, repair: Repair) -> None:
        """Write the paths of what was mended."""
        for each in repair.mended:
            put(str(each.finding.path))


class CareJson:
    """For programs: a line of JSON for each event, each finding and each deed, and a summary as the last one."""

    def __init__(self) -> None:
        self._events = JsonReport()
        self._sums: dict[str, object] = {}

    def warn(self, text: str) -> None:
        """Write an event."""
        self._events.warn(text)

    @contextmanager
    def watch(self) -> Iterator[Observer]:
        """Yield an observer that writes."""
        with self._events.watch() as show:
            yield show

    def plan(self, plan: Plan) -> None:
        """Write a plan."""
        self._events.plan(plan)

    def found(self, verification: Verification) -> None:
        """Write all findings."""
        self._sums = sums_of(verification)
        for each in verification.findings:
            _write({"event": "finding", **finding_as_json(each)})

    def planned(self, verification: Verification) -> None:
        """Write all findings, each with what would be done."""
        self._sums = sums_of(verification)
        for each in verification.findings:
            cure = cure_of(each)
            _write({"event": "finding", **finding_as_json(each), "cure": None if cure is None else cure.name.lower()})

    def done(self, repair: Repair) -> None:
        """Write what was done, and what was not."""
        for mended in repair.mended:
            result = None if mended.result is None else result_as_json(mended.result)
            _write({"event": "mended", **finding_as_json(mended.finding), "how": mended.how, "result": result})
        for left in repair.left:
            kind = None if left.error is None else type(left.error).__name__
            _write({"event": "left", **finding_as_json(left.finding), "why": left.why, "error": kind})
        fetched = sum(each.bytes_fetched for each in _results(repair.mended))
        deeds = {"mended": len(repair.mended), "left": len(repair.left), "bytes_fetched": fetched}
        self._sums = {**sums_of(repair.verification), **deeds}

    def succeed(self, results: Sequence[FileResult], paths: Sequence[Path], seconds: float) -> None:
        """Write the summary."""
        del results, paths
        _write({"event": "summary", **self._sums, "exit_code": 0, "seconds": seconds})

    def fail(self, error: BaseException, kept: int, seconds: float) -> None:
        """Write the error and the summary of what was found and done before it."""
        code = exit_code_of(error)
        facts = {"signal": error.number.name} if isinstance(error, Stopped) else facts_of(error)
        told = {"type": type(error).__name__, "message": str(error), "facts": facts, "exit_code": code}
        _write({"event": "error", **told})
        _write({"event": "summary", **self._sums, "bytes_kept": kept, "exit_code": code, "seconds": seconds})


Care = CareText | CareQuiet | CareJson


def describe(finding: Finding) -> str:
    """Return a finding in one line."""
    mark = "" if finding.is_fault else "note: "
    shown = ", ".join(printable(path) for path in finding.files[:_SHOWN])
    more = f" and {len(finding.files) - _SHOWN} more" if len(finding.files) > _SHOWN else ""
    files = f" ({shown}{more})" if finding.files and finding.files != (finding.path.name,) else ""
    size = f", {format_bytes(finding.size)}" if finding.size else ""
    what = f"{finding.trouble.value} {finding.thing.value}"
    return f"{mark}{what} {printable(_shown_path(finding))}{files}{size}: {printable(finding.detail)}"


def finding_as_json(finding: Finding) -> dict[str, object]:
    """Return a finding as JSON can hold it."""
    return {
        "trouble": finding.trouble.value,
        "thing": finding.thing.value,
        "is_fault": finding.is_fault,
        "path": str(finding.path),
        "detail": finding.detail,
        "repo_id": None if finding.repo is None else finding.repo.name,
        "repo_type": None if finding.repo is None else finding.repo.kind.word,
        "commit": finding.commit,
        "files": list(finding.files),
        "size": finding.size,
        "piece": None if finding.piece is None else [finding.piece.start, finding.piece.stop],
    }


def sums_of(verification: Verification) -> dict[str, object]:
    """Return the figures of a verification as JSON can hold them."""
    return {
        "repos": verification.repos,
        "contents": verification.contents,
        "size": verification.size,
        "bytes_read": verification.bytes_read,
        "bytes_known": verification.bytes_known,
        "findings": len(verification.findings),
        "faults": len(verification.faults),
        "verify_seconds": verification.seconds,
    }


def summarize_verification(verification: Verification) -> str:
    """Return how much was looked at and read, in one line."""
    read, seconds = verification.bytes_read, verification.seconds
    facts = [count(verification.contents, "content"), format_bytes(verification.size)]
    facts += [f"{format_bytes(read)} read in {format_seconds(seconds)}"] if read else []
    facts += [format_rate(read / seconds)] if read and seconds > 0 else []
    if read and verification.bytes_known:
        facts.append(f"{format_bytes(verification.bytes_known)} known to be right")
    elif verification.bytes_known:
        facts.append("known to be right without reading (--full reads all)")
    notes = len(verification.findings) - len(verification.faults)
    facts.append(count(len(verification.faults), "fault") if verification.faults else "all is right")
    facts += [count(notes, "note")] if notes else []
    return ", ".join(facts)


def summarize_repair(repair: Repair) -> str:
    """Return what was done, in one line."""
    fetched = sum(each.bytes_fetched for each in _results(repair.mended))
    faults = sum(each.finding.is_fault for each in repair.left)
    facts = [f"{len(repair.mended)} mended", f"{format_bytes(fetched)} fetched"]
    facts.append(f"{count(faults, 'fault')} left" if faults else "all is right")
    notes = len(repair.left) - faults
    facts += [f"{count(notes, 'note')} (weighbridge cache verify shows them)"] if notes else []
    return ", ".join(facts)


def raise_for(left: Sequence[Left]) -> None:
    """Raise what the command ends with if faults are left.

    If one thing stood in the way of all of them, such as the network, that is it.

    Raises:
        DamagedCacheError: Some are.
    """
    faults = [each for each in left if each.finding.is_fault]
    errors = [each.error for each in faults if each.error is not None]
    if not faults:
        return
    if len(errors) == len(faults) and len({exit_code_of(each) for each in errors}) == 1:
        raise errors[0]
    some = count(len(faults), "fault")
    raise DamagedCacheError(f"{some} of the cache could not be mended; what is told of each says what to do")


def refuse_faults(verification: Verification) -> None:
    """Raise what the command ends with if there are faults.

    Raises:
        DamagedCacheError: There are.
    """
    if verification.faults:
        some = count(len(verification.faults), "fault")
        raise DamagedCacheError(f"the cache has {some}; weighbridge cache repair mends what can be mended")


def _write(value: dict[str, object]) -> None:
    put(json.dumps(value))


def _put_grouped(lines: Iterable[tuple[Finding, str]]) -> None:
    """Write a line for each finding, those of each repository under its name."""
    owner: str | None = None
    for finding, line in sorted(lines, key=lambda each: "" if each[0].repo is None else each[0].repo.folder):
        name = "the cache" if finding.repo is None else f"{finding.repo.kind.value}/{finding.repo.name}"
        if name != owner:
            put(name)
            owner = name
        put(f"  {line}")


def _shown_path(finding: Finding) -> str:
    """Return where a finding is, below its repository's folder."""
    if finding.repo is None:
        return finding.path.name
    _, separator, rest = str(finding.path).partition(f"{finding.repo.folder}/")
    return rest if separator else str(finding.path)


def _intent(finding: Finding) -> str:
    cure = cure_of(finding)
    return f"left: {reason_to_leave(finding)}" if cure is None else f"to do: {cure.value}"


def _deed(mended: Mended) -> str:
    result = mended.result
    if result is None or not result.bytes_fetched:
        return mended.how
    return f"{mended.how}, {format_bytes(result.bytes_fetched)}"


def _results(mended: Sequence[Mended]) -> list[FileResult]:
    """Return what became of contents, each once."""
    return list({each.result.path: each.result for each in mended if each.result is not None}.values())
