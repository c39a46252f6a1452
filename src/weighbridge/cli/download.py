"""The verb ``download``: files of a repository into the cache or into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli.knobbed import fetching_options
from weighbridge.cli.options import cache_option, debug_option, events_option, hub_options, quiet_option

if TYPE_CHECKING:
    import threading

    from weighbridge.cli.reports import Report
    from weighbridge.cli.targets import Target
    from weighbridge.client import Client
    from weighbridge.core.artifacts import FileResult
    from weighbridge.core.events import Observer
    from weighbridge.core.snapshots import Plan

_MANY = 16  # files that a snapshot may well have
_AT_ONCE = "--max-workers"  # so called by the other command

_EPILOG = """
Examples:

\b
  weighbridge download org/name
  weighbridge download org/name config.json tokenizer.json
  weighbridge download org/name --include '*.safetensors' --revision v1.0
  weighbridge download org/data --repo-type dataset --local-dir data

What arrives is kept whatever happens: run the same command again to go on.
Exit codes: see weighbridge get --help.
"""


@click.command(epilog=_EPILOG)
@click.argument("repo_id", metavar="REPO_ID")
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--revision", metavar="NAME", help="Branch, tag or commit.  [default: main]")
@click.option(
    "--repo-type",
    "--type",
    metavar="TYPE",
    help="model, dataset, space or kernel.  [default: model]",
)
@click.option("--include", metavar="GLOB", multiple=True, help="Only files that match; '*' crosses '/'.  Repeatable.")
@click.option("--exclude", metavar="GLOB", multiple=True, help="No files that match.  Repeatable.")
@click.option(
    "--local-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Have plain files below this directory, instead of the cache.",
)
@cache_option
@click.option("--force-download", is_flag=True, help="Fetch everything, whatever is here already.")
@hub_options
@fetching_options(_AT_ONCE)
@click.option("--dry-run", is_flag=True, help="Tell what would be fetched, and do nothing.")
@click.option("--offline", is_flag=True, help="Never use the network; tell whether all is here and right.")
@events_option
@quiet_option("the path")
@debug_option
def download(
    *,
    repo_id: str,
    files: tuple[str, ...],
    revision: str | None,
    repo_type: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    local_dir: Path | None,
    cache_dir: Path | None,
    force_download: bool,
    token: str | None,
    endpoint: str | None,
    dry_run: bool,
    offline: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
    **how: Any,
) -> int:
    """Have files of a repository, each verified before it gets its name.

    Without FILE all of them, in the Hugging Face cache, where every other client finds them.  REPO_ID may be
    hf://[TYPES/]org/name[@REVISION][/PATH]; a FILE that ends in '/' is a folder.

    The path of the snapshot, of the file if one was named, or of the folder goes to standard output, everything else to
    standard error.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli.knobs import HubKnobs, Knobs, hub_options_for, options_for
    from weighbridge.cli.reports import JsonReport, PathReport, TextReport
    from weighbridge.cli.runs import Outcome, Run, Task
    from weighbridge.cli.targets import Typed, read_target

    typed = Typed(
        address=repo_id, names=files, include=include, exclude=exclude, revision=revision, repo_type=repo_type
    )
    knobs = Knobs.read(how, is_offline=offline, files_option=_AT_ONCE)
    place = Place(cache_dir=cache_dir, local_dir=local_dir, force=force_download)
    report: Report = JsonReport() if as_json else PathReport() if quiet else TextReport()

    def prepare() -> Task:
        place.check()
        target = read_target(typed)
        hub = HubKnobs(endpoint=endpoint, token=token, cache_root=cache_dir)
        options = hub_options_for(hub, options_for(knobs, knobs.files or _MANY))

        def work(client: Client, tell: Observer, cancel: threading.Event) -> Outcome | None:
            if dry_run:
                report.plan(_plan(client, target, place, cancel))
                return None
            results, path = _have(client, target, place, tell, cancel)
            return Outcome(results, [path])

        return Task(options, work)

    Run(report).carry_out(prepare)
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where files are to be had, and whether they are to be fetched whatever is there."""

    cache_dir: Path | None
    local_dir: Path | None
    force: bool

    def check(self) -> None:
        """Refuse two places."""
        from weighbridge.core.errors import InvalidParameterError

        if self.local_dir is not None and self.cache_dir is not None:
            raise InvalidParameterError("--local-dir and --cache-dir are two places; choose one")


def _have(
    client: Client, target: Target, place: Place, tell: Observer, cancel: threading.Event
) -> tuple[Sequence[FileResult], Path]:
    if target.file is not None:
        result = client.download(
            target.repo_id,
            target.file,
            revision=target.revision,
            repo_type=target.repo_type,
            local_dir=place.local_dir,
            force=place.force,
            observer=tell,
            cancel=cancel,
        )
        return [result], result.path
    results: dict[str, FileResult] = {}
    path, revision = Path(), target.revision
    for each in target.selections:
        snapshot = client.snapshot(
            target.repo_id,
            filenames=each.names,
            revision=revision,
            repo_type=target.repo_type,
            allow_patterns=each.include,
            ignore_patterns=each.exclude,
            local_dir=place.local_dir,
            force=place.force,
            observer=tell,
            cancel=cancel,
        )
        results = {file.name: file for file in snapshot.files} | results  # a file of both was fetched by the first
        path, revision = snapshot.path, snapshot.commit
    target.check(results)
    return list(results.values()), path


def _plan(client: Client, target: Target, place: Place, cancel: threading.Event) -> Plan:
    plans: list[Plan] = []
    for each in target.selections:
        plan = client.plan(
            target.repo_id,
            target.file,
            filenames=each.names,
            revision=plans[-1].commit if plans else target.revision,
            repo_type=target.repo_type,
            allow_patterns=each.include,
            ignore_patterns=each.exclude,
            local_dir=place.local_dir,
            force=place.force,
            cancel=cancel,
        )
        plans.append(plan)
    files = {file.name: file for plan in plans for file in plan.files}
    target.check(files)
    return replace(plans[-1], files=tuple(files[name] for name in sorted(files)))
