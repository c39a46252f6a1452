"""The verb ``cache repair``: mends what ``cache verify`` finds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weighbridge.cli.knobbed import fetching_options
from weighbridge.cli.options import cache_option, debug_option, hub_options, objects_option, quiet_option

if TYPE_CHECKING:
    import threading

    from weighbridge.cli.cache.findings import Care
    from weighbridge.client import Client
    from weighbridge.core.events import Observer

_MANY = 16  # contents that may be damaged
_AT_ONCE = "--max-workers"

_EPILOG = """
Examples:

\b
  weighbridge cache repair --dry-run
  weighbridge cache repair org/name
  weighbridge cache repair --offline

What arrives is kept whatever happens: run the same command again to go on.
Exit codes: 0 if all is right now, 4 if faults are left, or the code of what stood in the way of all of them.
With --json: lines with "event": "finding", "mended" (how, result), "left" (why, error), those that a download has, and,
as the last one, "summary".
"""


@click.command(epilog=_EPILOG)
@click.argument("repos", metavar="[REPO]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="The whole cache, as if no REPO is named.")
@click.option("--repo-type", "--type", metavar="TYPE", help="model, dataset, space or kernel, of every REPO.")
@click.option("--full", is_flag=True, help="Read everything, also what is noted to be right.")
@click.option("--complete", is_flag=True, help="Fetch files, too, that snapshots lack of their commits.")
@cache_option
@hub_options
@fetching_options(_AT_ONCE)
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and change nothing.")
@click.option("--offline", is_flag=True, help="Never use the network; mend what this machine can mend by itself.")
@objects_option
@quiet_option("the paths of what was mended")
@debug_option
def repair(
    *,
    repos: tuple[str, ...],
    every: bool,
    repo_type: str | None,
    full: bool,
    complete: bool,
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
    """Verify the cache, and mend what is wrong in it.

    Damaged content is taken from another repository of the cache that has it whole, else only its damaged pieces are
    fetched, if it is known what they must be, else the file.  Links, refs, listings and markers are set right; what
    nobody can tell the use of is left.  REPO is as for weighbridge cache verify.

    What was done goes to standard output, everything else to standard error.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli.cache.findings import CareJson, CareQuiet, CareText, raise_for
    from weighbridge.cli.knobs import HubKnobs, Knobs, hub_options_for, options_for
    from weighbridge.cli.runs import Outcome, Run, Task
    from weighbridge.core.errors import InvalidParameterError

    knobs = Knobs.read(how, is_offline=offline, files_option=_AT_ONCE)
    report: Care = CareJson() if as_json else CareQuiet() if quiet else CareText()

    def prepare() -> Task:
        if repos and every:
            raise InvalidParameterError("--all is every repository; name some, or say --all")
        hub = HubKnobs(endpoint=endpoint, token=token, cache_root=cache_dir)
        options = hub_options_for(hub, options_for(knobs, knobs.files or _MANY))

        def work(client: Client, tell: Observer, cancel: threading.Event) -> Outcome:
            found = client.cache.verify(
                *repos, repo_type=repo_type, full=full, complete=complete, observer=tell, cancel=cancel
            )
            if dry_run:
                report.planned(found)
                return Outcome([], [])
            done = client.cache.repair(verification=found, observer=tell, cancel=cancel)
            report.done(done)
            raise_for(done.left)
            return Outcome([], [])

        return Task(options, work)

    Run(report).carry_out(prepare)
    return 0
