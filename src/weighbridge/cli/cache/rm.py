"""The verb ``cache rm``: lets repositories, revisions and files leave the cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighbridge.cli.cache.place import care_options, going_options

if TYPE_CHECKING:
    from weighbridge.client.room import Removed

_EPILOG = """
Examples:

\b
  weighbridge cache rm org/name
  weighbridge cache rm org/name@v1.0 datasets/org/data
  weighbridge cache rm org/name@main/model.onnx --dry-run
  weighbridge cache ls --revisions --filter 'used>90d' -q | xargs -r weighbridge cache rm --yes

With --json: removed (name, path, size, refs), refused (path, reason), freed and dry_run; sizes are bytes.
Exit code 5: something is in use or pinned, and stays; the rest is gone.
"""


@click.command(epilog=_EPILOG)
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.option("--revision", metavar="NAME", help="The same as @NAME behind the only TARGET.")
@click.option("--force", is_flag=True, help="Remove what is pinned, too.  What is in use stays.")
@going_options
@care_options
def rm(
    *,
    targets: tuple[str, ...],
    revision: str | None,
    force: bool,
    dry_run: bool,
    yes: bool,
    cache_dir: Path | None,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Remove repositories, revisions or files from the cache.

    TARGET is org/name, datasets/org/name, org/name@REVISION (a branch, a tag, a commit, or its first 7 or more digits)
    or org/name@REVISION/path/of/file, each perhaps after hf://.  A revision goes with all branches and tags that mean
    it.  What a live process uses stays.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli.cache.place import agree, opened
    from weighbridge.client.room import refuse
    from weighbridge.core.errors import InvalidParameterError
    from weighbridge.progress.wording import format_bytes

    if revision is not None:
        if len(targets) != 1 or "@" in targets[0]:
            raise InvalidParameterError("--revision is of one TARGET, which names none itself")
        targets = (f"{targets[0]}@{revision}",)
    with opened(cache_dir) as client:
        plan = client.cache.remove(*targets, dry_run=True, force=force)
        if dry_run or not plan.choices:
            _tell(plan, is_dry=dry_run, as_json=as_json, is_quiet=quiet)
            refuse(plan.refused)
            return 0
        if not (yes or as_json or quiet):
            _show(plan)
        if not agree(
            f"remove {'it' if len(plan.choices) == 1 else 'them'}, {format_bytes(plan.freed)}?", is_agreed=yes
        ):
            return 1
        done = client.cache.remove(*targets, force=force)
    _tell(done, is_dry=False, as_json=as_json, is_quiet=quiet)
    refuse(done.refused)
    return 0


def _show(plan: Removed) -> None:
    from weighbridge.cli.output import say
    from weighbridge.progress.wording import format_bytes

    for each in plan.choices:
        also = f" ({', '.join(each.refs)})" if each.refs else ""
        say(f"{format_bytes(each.size):>8}  {each.name}{also}")


def _tell(done: Removed, *, is_dry: bool, as_json: bool, is_quiet: bool) -> None:
    import json

    from weighbridge.cli.output import put, say
    from weighbridge.progress.wording import format_bytes, printable

    if as_json:
        removed = [
            {"name": each.name, "path": str(each.path), "size": each.size, "refs": list(each.refs)}
            for each in done.choices
        ]
        refused = [{"path": str(each.path), "reason": each.reason} for each in done.refused]
        rest = {"freed": done.freed, "dry_run": is_dry}
        put(json.dumps({"removed": removed, "refused": refused, **rest}, ensure_ascii=False))
        return
    for each in done.choices:
        put(printable(each.name))
    if done.choices and not is_quiet:
        say(f"{format_bytes(done.freed)} {'would come' if is_dry else 'came'} free")
