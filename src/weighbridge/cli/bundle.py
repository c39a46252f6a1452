"""The group ``weighbridge bundle``: files for machines without a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli.options import cache_option, debug_option, events_option, quiet_option
from weighbridge.cli.verbs import Verbs

if TYPE_CHECKING:
    import threading

    from weighbridge.cli.reports import Report
    from weighbridge.client import Client
    from weighbridge.core.events import Observer
    from weighbridge.core.options import Options

_LOCK = "weighbridge.lock"

_CREATE_EPILOG = """
Examples:

\b
  weighbridge bundle create models.tar --tar --split 4G --project .
  weighbridge bundle create /mnt/stick/llama org/llama@v1.0
  weighbridge bundle create data datasets/org/data org/name@main

Nothing is asked of any server.  Every byte is checked while it is packed.
Exit codes: see weighbridge get --help.
"""
_IMPORT_EPILOG = """
Examples:

\b
  weighbridge bundle import /mnt/stick/llama
  weighbridge bundle import models.tar.001 --project .

Run the same command again to go on after it was interrupted.
Exit codes: see weighbridge get --help.
"""
_CHECK_EPILOG = """
It is what python3 check.py does, which lies in every bundle and needs nothing but Python.
Exit codes: 0 all is right, 1 something is not and is named, 2 there is no bundle that could be checked.
"""


@click.group(cls=Verbs)
def bundle() -> None:
    """Carry files to machines without a network: pack them here, check them and take them in there."""


@bundle.command(epilog=_CREATE_EPILOG)
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.argument("repositories", metavar="[REPO[@REVISION]]...", nargs=-1)
@click.option(
    "--lock", metavar="FILE", type=click.Path(path_type=Path), help="Pack all that this weighbridge.lock has pinned."
)
@click.option(
    "--project",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Pack all that the weighbridge.lock of this project has pinned: its directory, or its weighbridge.toml.",
)
@click.option("--tar", is_flag=True, help="Make a tar file instead of a directory.")
@click.option("--split", metavar="SIZE", help="Make a tar file in parts of at most this size, such as 4G.")
@click.option("--force", is_flag=True, help="Replace a bundle that is there.")
@cache_option
@events_option
@quiet_option("the paths")
@debug_option
def create(
    *,
    out: Path,
    repositories: tuple[str, ...],
    lock: Path | None,
    project: Path | None,
    tar: bool,
    split: str | None,
    force: bool,
    cache_dir: Path | None,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Pack what a project has pinned, or revisions of repositories that are in the cache.

    OUT is the directory to be made, or with --tar the file, or with --split what the names of its parts begin with.
    REPO is [TYPES/]org/name; without any, what the weighbridge.lock here has pinned is packed.

    The paths of what was made go to standard output, everything else to standard error.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli.runs import Outcome, Run, Task
    from weighbridge.config import parse_size
    from weighbridge.core.errors import InvalidParameterError

    def prepare() -> Task:
        if lock is not None and project is not None:
            raise InvalidParameterError("--lock and --project are two lock files; choose one")
        pinned = project or lock
        if pinned is None and not repositories and Path(_LOCK).exists():
            pinned = Path(_LOCK)
        size = None if split is None else parse_size(split)

        def work(client: Client, tell: Observer, cancel: threading.Event) -> Outcome:
            made = client.bundles.create(
                out,
                *repositories,
                lock=pinned,
                tar=tar or size is not None,
                split=size,
                force=force,
                observer=tell,
                cancel=cancel,
            )
            return Outcome(made.files, made.paths)

        return Task(_options_for(cache_dir), work)

    Run(_report(as_json=as_json, quiet=quiet)).carry_out(prepare)
    return 0


@bundle.command("import", epilog=_IMPORT_EPILOG)
@click.argument("source", metavar="SOURCE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--project",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Have the [[file]]s of the project in its directory; what its weighbridge.lock lists stays in the cache.",
)
@cache_option
@click.option("--dry-run", is_flag=True, help="Tell what would be taken in, and do nothing.")
@events_option
@quiet_option("the paths")
@debug_option
def take_in(
    *,
    source: tuple[Path, ...],
    project: Path | None,
    cache_dir: Path | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Have all that is in a bundle in the cache, each file verified before it gets its name.

    SOURCE is the directory, the tar file, the first of its parts, or all of them in any order.

    The paths of the snapshots, and of files outside of the cache, go to standard output, everything else to standard
    error.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli.runs import Outcome, Run, Task

    report = _report(as_json=as_json, quiet=quiet)

    def prepare() -> Task:
        def work(client: Client, tell: Observer, cancel: threading.Event) -> Outcome | None:
            if dry_run:
                for plan in client.bundles.plan_load(*source, cancel=cancel):
                    report.plan(plan)
                return None
            taken = client.bundles.load(*source, project=project, observer=tell, cancel=cancel)
            paths = [*(each.path for each in taken.snapshots), *(each.path for each in taken.downloads)]
            return Outcome(taken.files, paths)

        return Task(_options_for(cache_dir), work)

    Run(report).carry_out(prepare)
    return 0


@bundle.command(epilog=_CHECK_EPILOG)
@click.argument("source", metavar="SOURCE...", nargs=-1, required=True)
@debug_option
def check(*, source: tuple[str, ...], debug: bool) -> int:
    """Read all of a bundle, and name what is missing, damaged or too much.

    SOURCE is the directory, the tar file, the first of its parts, or all of them in any order.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.bundling.check import main

    return main(list(source))


def _options_for(cache_dir: Path | None) -> Options:
    from weighbridge.cli.knobs import HubKnobs, hub_options_for
    from weighbridge.config import options_from_environment

    return hub_options_for(HubKnobs(endpoint=None, token=None, cache_root=cache_dir), options_from_environment())


def _report(*, as_json: bool, quiet: bool) -> Report:
    from weighbridge.cli.reports import JsonReport, PathReport, TextReport

    return JsonReport() if as_json else PathReport() if quiet else TextReport()
