"""The verbs ``cache pin`` and ``cache unpin``: what must stay in the cache."""

from __future__ import annotations

from pathlib import Path

import click

from weighbridge.cli.cache.place import care_options

_EPILOG = """
Examples:

\b
  weighbridge cache pin
  weighbridge cache pin org/name@v1.0
  weighbridge cache unpin org/name@v1.0

What a weighbridge.lock lists is pinned as long as that file is there (weighbridge sync does that).

With --json: pins, each with name and holders; of pin and unpin those that were made or taken back.
"""


@click.command(epilog=_EPILOG)
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
@care_options
def pin(*, targets: tuple[str, ...], cache_dir: Path | None, as_json: bool, quiet: bool, debug: bool) -> int:
    """Pin what must stay in the cache, or, without TARGET, show what is pinned.

    TARGET is org/name, for all of a repository, or org/name@REVISION: the commit that this means here now.  Nothing of
    it is removed by rm, prune or a limit until it is unpinned.
    """
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli.cache.place import opened

    with opened(cache_dir) as client:
        made: dict[str, tuple[str, ...]] = {client.cache.pin(each): ("by hand",) for each in targets}
        _tell(made if targets else client.cache.pins(), as_json=as_json, is_quiet=quiet)
    return 0


@click.command(epilog=_EPILOG)
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@care_options
def unpin(*, targets: tuple[str, ...], cache_dir: Path | None, as_json: bool, quiet: bool, debug: bool) -> int:
    """Take back pins that were made by hand; TARGET is what was pinned."""
    del debug  # main reads it, to have it even where this is not reached
    from weighbridge.cli.cache.place import opened
    from weighbridge.core.errors import EntryNotFoundError

    with opened(cache_dir) as client:
        for each in targets:
            if not client.cache.unpin(each):
                raise EntryNotFoundError(f"{each} is not pinned by hand; weighbridge cache pin shows what is")
    _tell(dict.fromkeys(targets, ()), as_json=as_json, is_quiet=quiet)
    return 0


def _tell(found: dict[str, tuple[str, ...]], *, as_json: bool, is_quiet: bool) -> None:
    import json

    from weighbridge.cli.output import put
    from weighbridge.progress.wording import printable

    if as_json:
        pins = [{"name": name, "holders": list(holders)} for name, holders in found.items()]
        put(json.dumps({"pins": pins}, ensure_ascii=False))
        return
    for name, holders in found.items():
        put(printable(name if is_quiet or not holders else f"{name}  {', '.join(holders)}"))
