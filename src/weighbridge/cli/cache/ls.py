"""The verb ``cache ls``: what is in the cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli.cache.place import care_options

if TYPE_CHECKING:
    from weighbridge.store.cache.room.inventory import Inventory

_EPILOG = """
Examples:

\b
  weighbridge cache ls
  weighbridge cache ls 'org/*' --revisions --sort size
  weighbridge cache ls --filter 'size>1G' --filter 'used>30d'
  weighbridge cache ls --revisions --filter refs=none -q

A filter is size, used or modified with >, <, >= or <=; or type=model, refs=none, refs=NAME, pinned, in-use, unfinished;
what begins with '!' must not be so.  All of them must hold.  'used>30d' is what nobody has used for 30 days.

With --json: cache, size, unfinished_size, problems, and repositories (or revisions): type, name, path, size, files,
refs, used_at, modified_at, pinned_by, in_use and, of a revision, commit; times are seconds since 1970, sizes are bytes.
"""


@click.command(epilog=_EPILOG)
@click.argument("globs", metavar="[GLOB]...", nargs=-1)
@click.option("--revisions", is_flag=True, help="A line for each revision instead of each repository.")
@click.option(
    "--sort",
    type=click.Choice(["name", "size", "used", "modified"]),
    default="name",
    show_default=True,
    help="The largest, or the most recent, comes first.",
)
@click.option("--reverse", is_flag=True, help="In the opposite order.")
@click.option("--filter", "filters", metavar="FILTER", multiple=True, help="Only what it holds for.  Repeatable.")
@care_options
def ls(
    *,
    globs: tuple[str, ...],
    revisions: bool,
    sort: str,
    reverse: bool,
    filters: tuple[str, ...],
    cache_dir: Path | None,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Show what is in the cache, how much room it takes, and when it was last used.

    GLOB is of names such as org/name or datasets/org/name; '*' crosses '/'.  Without any, all is shown.
    """
    del debug  # main reads it, to have it even where this is not reached
    import json

    from weighbridge.cli.cache.listing import as_json_of, lines_of, names_of, read_query
    from weighbridge.cli.cache.place import opened
    from weighbridge.cli.output import put, say

    query = read_query(globs, filters, sort=sort, is_reversed=reverse)
    with opened(cache_dir) as client:
        inventory = client.cache.scan()
    found = query.revisions(inventory) if revisions else query.repos(inventory)
    if as_json:
        put(json.dumps(as_json_of(inventory, found), ensure_ascii=False))
        return 0
    if quiet:
        for name in names_of(found):
            put(name)
        return 0
    for line in lines_of(found) if found else ():
        put(line)
    say(*_tell_rest(inventory, is_any=bool(found)))
    return 0


def _tell_rest(inventory: Inventory, *, is_any: bool) -> list[str]:
    from weighbridge.progress.wording import count, format_bytes

    if not inventory.repos and not inventory.problems:
        lines = [f"nothing is in the cache {inventory.root}"]
    else:
        repos = "1 repository" if len(inventory.repos) == 1 else f"{len(inventory.repos)} repositories"
        lines = [] if is_any else ["nothing in the cache is so"]
        whole = f"{repos}, {count(len(inventory.revisions), 'revision')}, {format_bytes(inventory.size)}"
        lines.append(f"{whole} in {inventory.root}")
    if inventory.unfinished:
        size = format_bytes(sum(each.size for each in inventory.unfinished))
        lines.append(f"{size} of unfinished downloads; they go on where they were, or go with weighbridge cache prune")
    lines += [f"warning: {each}" for each in inventory.problems]
    return lines
