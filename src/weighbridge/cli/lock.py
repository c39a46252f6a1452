"""The verb ``lock``: what a project needs, pinned in ``weighbridge.lock``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli.options import cache_option, debug_option, hub_options, object_option, quiet_option

if TYPE_CHECKING:
    import threading

    from weighbridge.cli.knobs import HubKnobs
    from weighbridge.cli.reports import Report
    from weighbridge.client import Client
    from weighbridge.core.events import Observer
    from weighbridge.core.locks import Locked
    from weighbridge.core.options import Options

_EPILOG = """
What a project needs is listed in weighbridge.toml:

\b
  [[repository]]
  id = "org/name"
  revision = "main"               # or tag = "v1.0", or commit = "40 hex digits"
  include = ["*.safetensors"]     # optional; exclude, type and directory, too
\b
  [[file]]
  path = "weights/extra.bin"
  url = "https://host/extra.bin"  # optional: mirrors = […], size
  digest = "sha256:…"

Examples:

\b
  weighbridge lock
  weighbridge lock --upgrade org/name
  weighbridge lock --check

With --json: one object with "event": "locked", "path", "written", "changes" (sentences), "repositories" (id, type,
revision, commit, directory, files, size) and "files" (path, digest, size).
Exit codes: see weighbridge get --help; 2 also if --check finds something, 4 if a tag has moved.
"""


@click.command(epilog=_EPILOG)
@click.argument("repositories", metavar="[REPO]...", nargs=-1)
@click.option(
    "--upgrade",
    is_flag=True,
    help="Ask again what branches mean, of REPO or of all.  Tags that have moved are accepted only of a REPO.",
)
@click.option("--check", is_flag=True, help="Only tell whether weighbridge.lock is up to date; no network.")
@click.option("--dry-run", is_flag=True, help="Tell what would change, and write nothing.")
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
@click.option("--offline", is_flag=True, help="Never use the network.")
@object_option
@quiet_option("")
@debug_option
def lock(
    *,
    repositories: tuple[str, ...],
    upgrade: bool,
    check: bool,
    dry_run: bool,
    project: Path,
    cache_dir: Path | None,
    token: str | None,
    endpoint: str | None,
    offline: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Pin what a project needs: commits and digests of all files, in weighbridge.lock.

    What is locked stays, until weighbridge.toml asks for something else or --upgrade for something newer.  What has
    changed goes to standard output, everything else to standard error.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli import knobs
    from weighbridge.cli.reports import JsonReport, QuietReport, TextReport
    from weighbridge.cli.runs import Run, Task

    report: Report = JsonReport() if as_json else QuietReport() if quiet else TextReport()

    found: list[Locked] = []

    def prepare() -> Task:
        _check_arguments(repositories, is_upgrade=upgrade, is_check=check)
        hub = knobs.HubKnobs(endpoint=endpoint, token=token, cache_root=cache_dir)

        def work(client: Client, tell: Observer, cancel: threading.Event) -> None:
            if check:
                locked = client.projects.check_lock(project)
            else:
                call = client.projects.plan_lock if dry_run else client.projects.lock
                locked = call(project, upgrade=repositories or upgrade, observer=tell, cancel=cancel)
            found.append(locked)

        return Task(_options(hub, is_offline=offline), work)

    Run(report).carry_out(prepare)
    (locked,) = found
    is_written = bool(locked.changes) and not (check or dry_run)
    if as_json:
        _put_json(locked, is_written=is_written)
    elif not quiet:
        _put_text(locked, is_written=is_written)
    return 0


def _check_arguments(repositories: tuple[str, ...], *, is_upgrade: bool, is_check: bool) -> None:
    from weighbridge.core.errors import InvalidParameterError

    if repositories and not is_upgrade:
        raise InvalidParameterError(f"{repositories[0]}: naming a repository goes with --upgrade")
    if is_check and is_upgrade:
        raise InvalidParameterError("--check changes nothing, and --upgrade does; choose one")


def _options(hub: HubKnobs, *, is_offline: bool) -> Options:
    from dataclasses import replace

    from weighbridge.cli.knobs import hub_options_for
    from weighbridge.config import options_from_environment

    options = options_from_environment()
    return hub_options_for(hub, replace(options, offline=options.offline or is_offline))


def _put_text(locked: Locked, *, is_written: bool) -> None:
    from weighbridge.cli.output import put, say
    from weighbridge.progress.wording import count, format_bytes, printable

    for each in locked.changes:
        put(printable(each))
    sizes = [file.size for each in locked.lock.repositories for file in each.files]
    told = [*sizes, *(each.size for each in locked.lock.downloads)]
    known = [each for each in told if each is not None]
    facts = [count(len(told), "file"), *([format_bytes(sum(known))] if known or not told else [])]
    facts += [f"{len(told) - len(known)} of unknown size"] if len(known) < len(told) else []
    state = "written" if is_written else "would change" if locked.changes else "up to date"
    say(f"{locked.path}: {state}; {', '.join(facts)}")


def _put_json(locked: Locked, *, is_written: bool) -> None:
    from weighbridge.cli.output import put

    repositories = [
        {
            "id": each.repo.name,
            "type": each.repo.kind.word,
            "revision": each.revision,
            "commit": each.commit,
            "directory": None if each.directory is None else each.directory.text,
            "files": len(each.files),
            "size": sum(file.size for file in each.files),
        }
        for each in locked.lock.repositories
    ]
    files = [{"path": each.path.text, "digest": str(each.digest), "size": each.size} for each in locked.lock.downloads]
    told = {"path": str(locked.path), "written": is_written, "changes": locked.changes}
    put(json.dumps({"event": "locked", **told, "repositories": repositories, "files": files}))
