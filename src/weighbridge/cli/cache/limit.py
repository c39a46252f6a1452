"""The verb ``cache limit``: how large the cache may be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli.cache.place import care_options, going_options

_LEAST = 100_000  # bytes; who wants less has forgotten the unit

if TYPE_CHECKING:
    from weighbridge.client.room import Limit

_EPILOG = """
Examples:

\b
  weighbridge cache limit
  weighbridge cache limit 500G
  weighbridge cache limit none

The limit is kept with the cache, and holds for all who download into it with weighbridge.  $WEIGHBRIDGE_CACHE_LIMIT
wins over it.

With --json: limit (null: none), size, removed (name, path, size) and dry_run; sizes are bytes.
"""


@click.command(epilog=_EPILOG)
@click.argument("size", metavar="[SIZE|none]", required=False)
@going_options
@care_options
def limit(
    *,
    size: str | None,
    dry_run: bool,
    yes: bool,
    cache_dir: Path | None,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Show or set how large the cache may be.

    When it is set, and before every download that needs the room, those revisions leave that nobody has used for
    longest; never one that is pinned, or that a live process uses.  SIZE is like 500G, 20M or 1.5Gi.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli.cache.place import agree, opened
    from weighbridge.cli.output import say
    from weighbridge.config import parse_size
    from weighbridge.core.errors import InvalidParameterError
    from weighbridge.progress.wording import count, format_bytes

    with opened(cache_dir) as client:
        if size is None:
            _tell(client.cache.limit(), is_dry=dry_run, as_json=as_json, is_quiet=quiet)
            return 0
        wanted = None if size.strip().lower() in {"none", "off"} else parse_size(size)
        if wanted is not None and wanted < _LEAST:
            raise InvalidParameterError(
                f"{size} means {format_bytes(wanted)}, too little for a cache; write it like 500G"
            )
        plan = client.cache.set_limit(wanted, dry_run=True)
        leavers = plan.room.leavers.revisions if plan.room is not None else ()
        if dry_run:
            _tell(plan, is_dry=True, as_json=as_json, is_quiet=quiet)
            return 0
        if leavers and not (yes or as_json or quiet):
            say(*(f"{format_bytes(each.size):>8}  {each.name}" for each in leavers))
        if leavers and not agree(f"let {count(len(leavers), 'revision')} leave?", is_agreed=yes):
            return 1
        done = client.cache.set_limit(wanted)
        own = client.options.cache.limit
        if own is not None:
            say(f"warning: WEIGHBRIDGE_CACHE_LIMIT is set here, and wins: {format_bytes(own)}")
    _tell(done, is_dry=False, as_json=as_json, is_quiet=quiet)
    return 0


def _tell(found: Limit, *, is_dry: bool, as_json: bool, is_quiet: bool) -> None:
    import json

    from weighbridge.cli.output import put, say
    from weighbridge.progress.wording import format_bytes, printable

    room = found.room
    gone = () if room is None else room.leavers.revisions if is_dry else room.removed
    if as_json:
        removed = [{"name": each.name, "path": str(each.path), "size": each.size} for each in gone]
        rest = {"limit": found.limit, "size": found.size, "dry_run": is_dry}
        put(json.dumps({**rest, "removed": removed}, ensure_ascii=False))
        return
    if is_quiet:
        put("none" if found.limit is None else str(found.limit))
        return
    for each in gone:
        say(f"{printable(each.name)} ({format_bytes(each.size)}) {'would leave' if is_dry else 'has left'}")
    most = "no limit" if found.limit is None else f"a limit of {format_bytes(found.limit)}"
    put(f"{format_bytes(found.size)} in the cache, {most}")
