"""The verb ``cache prune``: clears what nobody will miss."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli.cache.place import care_options, going_options

if TYPE_CHECKING:
    from weighbridge.store.cache.room.pruning import Item, Pruned

_EPILOG = """
Examples:

\b
  weighbridge cache prune --dry-run
  weighbridge cache prune --yes --older-than 7d

A snapshot that was only ever asked for by its commit has no branch or tag: pin it (weighbridge cache pin) to keep it
for longer than --older-than without use.

With --json: removed (kind, path, size), refused (path, reason), freed and dry_run; sizes are bytes.
"""


@click.command(epilog=_EPILOG)
@click.option(
    "--older-than",
    metavar="TIME",
    default="1d",
    show_default=True,
    help="Only what nobody has used or changed for so long: 12h, 7d, 2w, 0s.",
)
@going_options
@care_options
def prune(
    *,
    older_than: str,
    dry_run: bool,
    yes: bool,
    cache_dir: Path | None,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Remove what nobody will miss.

    Revisions that no branch or tag means, contents that no revision has, what interrupted downloads of any client have
    left, notes about what is gone, empty folders.  Never what is pinned, or what a live process uses.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli.cache.place import agree, opened, read_age
    from weighbridge.cli.output import say
    from weighbridge.progress.wording import format_bytes

    age_s = read_age(older_than)
    with opened(cache_dir) as client:
        plan = client.cache.prune(older_than_s=age_s, dry_run=True)
        if dry_run or not plan.removed:
            _tell(plan, is_dry=dry_run, as_json=as_json, is_quiet=quiet)
            return 0
        if not (yes or as_json or quiet):
            say(*_lines(plan.removed))
        if not agree(f"remove this, {format_bytes(plan.freed)}?", is_agreed=yes):
            return 1
        done = client.cache.remove_waste(plan.removed, older_than_s=age_s)
    _tell(done, is_dry=False, as_json=as_json, is_quiet=quiet)
    say(*(f"kept {each.path}: {each.reason}" for each in done.refused))
    return 0


def _lines(items: Sequence[Item]) -> list[str]:
    from weighbridge.progress.wording import format_bytes

    return [f"{format_bytes(each.size):>8}  {each.waste.value}  {each.path}" for each in items]


def _tell(done: Pruned, *, is_dry: bool, as_json: bool, is_quiet: bool) -> None:
    import json

    from weighbridge.cli.output import put, say
    from weighbridge.progress.wording import count, format_bytes, printable

    if as_json:
        removed = [{"kind": each.waste.value, "path": str(each.path), "size": each.size} for each in done.removed]
        refused = [{"path": str(each.path), "reason": each.reason} for each in done.refused]
        rest = {"freed": done.freed, "dry_run": is_dry}
        put(json.dumps({"removed": removed, "refused": refused, **rest}, ensure_ascii=False))
        return
    for each in done.removed if is_dry or is_quiet else ():
        put(printable(str(each.path) if is_quiet else _lines([each])[0]))
    if not is_quiet:
        word = "would come" if is_dry else "came"
        things = count(len(done.removed), "thing")
        say(f"{things}, {format_bytes(done.freed)} {word} free" if done.removed else "there is nothing to remove")
