"""The group ``weighbridge cache``."""

from __future__ import annotations

import click


class _Verbs(click.Group):
    """A group that lists its verbs in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the verbs."""
        del ctx
        return list(self.commands)


@click.group(cls=_Verbs)
def cache() -> None:
    """Look after the cache: what is in it, whether it is right, how large it may be."""
