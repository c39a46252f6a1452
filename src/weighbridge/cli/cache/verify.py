"""The verb ``cache verify``: finds everything in the cache that is otherwise than it should be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli.options import cache_option, debug_option, objects_option, quiet_option

if TYPE_CHECKING:
    import threading

    from weighbridge.cli.cache.findings import Care
    from weighbridge.client import Client
    from weighbridge.core.events import Observer

_EPILOG = """
Examples:

\b
  weighbridge cache verify
  weighbridge cache verify org/name datasets/org/data
  weighbridge cache verify --full --json

Exit codes: 0 if all is right, 4 if anything is damaged; others as weighbridge get --help tells.
With --json: lines with "event": "checking" (done, size in bytes), "finding" (trouble, thing, is_fault, path, detail,
repo_id, repo_type, commit, files, size, piece) and, as the last one, "summary".
"""


@click.command(epilog=_EPILOG)
@click.argument("repos", metavar="[REPO]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="The whole cache, as if no REPO is named.")
@click.option("--repo-type", "--type", metavar="TYPE", help="model, dataset, space or kernel, of every REPO.")
@click.option("--full", is_flag=True, help="Read everything, also what is noted to be right.")
@click.option("--complete", is_flag=True, help="Call it a fault if a snapshot lacks files of its commit.")
@cache_option
@objects_option
@quiet_option("the paths of what is wrong")
@debug_option
def verify(
    *,
    repos: tuple[str, ...],
    every: bool,
    repo_type: str | None,
    full: bool,
    complete: bool,
    cache_dir: Path | None,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Find what is damaged, missing, extra or half done in the cache.

    Every file is read, on all cores, and compared with the digest that its own name in the cache is; what was found
    right before and was not touched since is only looked at.  REPO is org/name, datasets/org/name or hf://...; without
    any, the whole cache is verified.  The network is never used, and nothing is changed but notes of what was found
    right.  Files that were downloaded into a directory of their own (--local-dir) are not in the cache.

    Findings go to standard output, everything else to standard error.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli.cache.findings import CareJson, CareQuiet, CareText, refuse_faults
    from weighbridge.cli.knobs import HubKnobs, hub_options_for
    from weighbridge.cli.runs import Outcome, Run, Task
    from weighbridge.config import options_from_environment
    from weighbridge.core.errors import InvalidParameterError

    report: Care = CareJson() if as_json else CareQuiet() if quiet else CareText()

    def prepare() -> Task:
        if repos and every:
            raise InvalidParameterError("--all is every repository; name some, or say --all")
        options = hub_options_for(HubKnobs(endpoint=None, token=None, cache_root=cache_dir), options_from_environment())

        def work(client: Client, tell: Observer, cancel: threading.Event) -> Outcome:
            found = client.cache.verify(
                *repos, repo_type=repo_type, full=full, complete=complete, observer=tell, cancel=cancel
            )
            report.found(found)
            refuse_faults(found)
            return Outcome([], [])

        return Task(options, work)

    Run(report).carry_out(prepare)
    return 0
