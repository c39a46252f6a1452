"""The options about how to fetch, which all verbs that fetch have; the help tells the default of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from weighbridge.core.options import Options


class Knob(click.Option):
    """An option that is None unless given, and whose help tells the default that then holds.

    Args:
        declarations: As of any option.
        default_in: Finds the default; asked only by the help, since options take a while to import.
        rest: As of any option.
    """

    def __init__(self, declarations: Sequence[str], *, default_in: Callable[[Options], str], **rest: Any) -> None:
        super().__init__(declarations, **rest)
        self._default_in = default_in

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option's line of the help: its names, and what it does."""
        from weighbridge.core.options import Options

        record = super().get_help_record(ctx)
        return record and (record[0], f"{record[1]}  [default: {self._default_in(Options())}]")


_Function = TypeVar("_Function", bound=Callable[..., Any])


def fetching_options(files: str) -> Callable[[_Function], _Function]:
    """Give a verb the options that :meth:`weighbridge.cli.knobs.Knobs.read` reads.

    Args:
        files: What the option is called that says how many files are in transfer at once.
    """
    options = [
        click.option(
            "--connections",
            metavar="N",
            type=int,
            cls=Knob,
            default_in=lambda options: f"{options.transfer.connections}",
            help="Connections, all files together.",
        ),
        click.option(
            files,
            "at_once",
            metavar="N",
            type=int,
            cls=Knob,
            default_in=lambda options: f"{options.transfer.files}",
            help="Files in transfer at once.",
        ),
        click.option("--limit-rate", metavar="RATE", help="Most bytes a second, such as 20M or 500K."),
        click.option(
            "--timeout",
            metavar="S",
            type=float,
            cls=Knob,
            default_in=lambda options: f"{options.http.connect_timeout_s:g} and {options.http.read_timeout_s:g}",
            help="Longest wait in seconds for a connection, and for the next byte.",
        ),
        click.option(
            "--retries",
            metavar="N",
            type=int,
            cls=Knob,
            default_in=lambda options: f"{options.transfer.retry.attempts - 1}",  # the first attempt is no retry
            help="How often to try again without progress in between.",
        ),
        click.option(
            "--wait",
            metavar="S",
            type=float,
            cls=Knob,
            default_in=lambda options: f"{options.store.wait_timeout_s:g}",
            help="Longest wait in seconds for another process that fetches the same file and makes no progress.",
        ),
        click.option("--no-page-cache", is_flag=True, help="Don't leave what was fetched in the page cache."),
        click.option(
            "--no-durable", is_flag=True, help="Don't wait until files are on the disk; faster, lost with the power."
        ),
    ]

    def give(function: _Function) -> _Function:
        for option in reversed(options):
            function = option(function)
        return function

    return give
