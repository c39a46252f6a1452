"""Options that several verbs have, each written once; all of them decorate the function of a verb."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])

cache_option = click.option(
    "--cache-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The cache.  [default: $HF_HUB_CACHE, or hub in $HF_HOME]",
)

debug_option = click.option("--debug", is_flag=True, help="Show where an error was raised.")
"""Main reads it, to have it even where the verb is not reached."""

events_option = click.option(
    "--json", "as_json", is_flag=True, help="Write events to standard output, one JSON object a line."
)

object_option = click.option("--json", "as_json", is_flag=True, help="Write one JSON object to standard output.")

objects_option = click.option(
    "--json", "as_json", is_flag=True, help="Write one JSON object a line to standard output."
)


def quiet_option(what: str) -> Callable[[_Function], _Function]:
    """Give a verb the option to write nothing but ``what`` and errors; "" if nothing else."""
    rest = f"{what}, and errors" if what else "errors"
    return click.option("--quiet", "-q", is_flag=True, help=f"Write nothing but {rest}.")


def hub_options(function: _Function) -> _Function:
    """Give a verb the options about whom to ask, and in whose name."""
    token = click.option(
        "--token",
        metavar="TOKEN",
        help="Token for the endpoint, which no other server sees; @FILE reads it from a file, so that it does not show "
        "in ps.  [default: $HF_TOKEN, or the one that a login has left]",
    )
    endpoint = click.option("--endpoint", metavar="URL", help="The Hub, or a mirror of it.  [default: $HF_ENDPOINT]")
    return token(endpoint(function))
