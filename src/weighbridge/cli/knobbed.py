"""Options of the command whose help tells the default that holds if they are not given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

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
