"""The verb ``sync``: exactly what a project has pinned, on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli.knobbed import fetching_options
from weighbridge.cli.options import cache_option, debug_option, events_option, hub_options, quiet_option

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from weighbridge.cli.reports import Report
    from weighbridge.client import Client
    from weighbridge.core.events import Observer
    from weighbridge.core.locks import Synced, SyncPlan
    from weighbridge.core.snapshots import PlannedFile

_MANY = 16  # files that a project may well have
_AT_ONCE = "--max-workers"

_EPILOG = """
Examples:

\b
  weighbridge sync
  weighbridge sync --locked           # in CI and images: as it was checked in, or an error
  weighbridge sync --locked --offline # is all here, and right?

With --json, before the summary: an object with "event": "synced", "lock", "changes" (sentences) and "repositories" (id,
type, revision, commit, path), and the events of weighbridge download.

What arrives is kept whatever happens: run the same command again to go on.
Exit codes: see weighbridge get --help; 4 also if a server now says something else than was locked.
"""


@click.command(epilog=_EPILOG)
@click.option("--locked", is_flag=True, help="Use weighbridge.lock as it is; an error if it is out of date.")
@click.option(
    "--project",
    metavar="PATH",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default=True,
    help="Directory of the project, or its weighbridge.toml.",
)
@cache_option
@hub_options
@fetching_options(_AT_ONCE)
@click.option("--dry-run", is_flag=True, help="Tell what would be fetched, and do nothing.")
@click.option("--offline", is_flag=True, help="Never use the network; tell whether all is here and right.")
@events_option
@quiet_option("the paths")
@debug_option
def sync(
    *,
    locked: bool,
    project: Path,
    cache_dir: Path | None,
    token: str | None,
    endpoint: str | None,
    dry_run: bool,
    offline: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
    **how: Any,
) -> int:
    """Have exactly what weighbridge.lock says, each file verified against it before it gets its name.

    What has changed in weighbridge.toml is locked first, but with --locked.  Whatever a server says now, only what was
    locked is accepted of it.

    The path of each repository's snapshot or directory, then of each file from anywhere, goes to standard output,
    everything else to standard error.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli.knobs import HubKnobs, Knobs, hub_options_for, options_for
    from weighbridge.cli.reports import JsonReport, PathReport, TextReport
    from weighbridge.cli.runs import Outcome, Run, Task
    from weighbridge.core.events import Notice

    knobs = Knobs.read(how, is_offline=offline, files_option=_AT_ONCE)
    report: Report = JsonReport() if as_json else PathReport() if quiet else TextReport()

    def prepare() -> Task:
        hub = HubKnobs(endpoint=endpoint, token=token, cache_root=cache_dir)
        options = hub_options_for(hub, options_for(knobs, knobs.files or _MANY))

        def work(client: Client, tell: Observer, cancel: threading.Event) -> Outcome | None:
            if dry_run:
                _show_plan(client.projects.plan_sync(project, locked=locked, cancel=cancel), report)
                return None
            synced = client.projects.sync(project, locked=locked, observer=tell, cancel=cancel)
            if as_json:
                _put_json(synced)
            else:
                for each in synced.locked.changes:
                    tell(Notice(message=f"locked {each}"))
            return Outcome(synced.files, synced.paths)

        return Task(options, work)

    Run(report).carry_out(prepare)
    return 0


def _show_plan(plan: SyncPlan, report: Report) -> None:
    from weighbridge.core.snapshots import Plan

    for each in plan.repositories:
        report.plan(each)
    for directory, files in _by_directory(plan.downloads).items():
        report.plan(Plan(path=directory, commit="weighbridge.lock", files=tuple(files)))


def _by_directory(files: Sequence[PlannedFile]) -> dict[Path, list[PlannedFile]]:
    found: dict[Path, list[PlannedFile]] = {}
    for each in files:
        directory = Path(str(each.path).removesuffix(f"/{each.name}"))
        found.setdefault(directory, []).append(each)
    return found


def _put_json(synced: Synced) -> None:
    from weighbridge.cli.output import put

    repositories = [
        {
            "id": locked.repo.name,
            "type": locked.repo.kind.word,
            "revision": locked.revision,
            "commit": locked.commit,
            "path": str(snapshot.path),
        }
        for locked, snapshot in zip(synced.locked.lock.repositories, synced.snapshots, strict=True)
    ]
    told = {"lock": str(synced.locked.path), "changes": synced.locked.changes, "repositories": repositories}
    put(json.dumps({"event": "synced", **told}))
