"""A group of verbs, in the order in which a reader meets them."""

from __future__ import annotations

import click


class Verbs(click.Group):
    """A group that lists its verbs in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the verbs."""
        del ctx
        return list(self.commands)
