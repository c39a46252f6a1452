"""The group ``weighbridge cache``."""

from __future__ import annotations

import click

from weighbridge.cli.cache.limit import limit
from weighbridge.cli.cache.ls import ls
from weighbridge.cli.cache.pin import pin, unpin
from weighbridge.cli.cache.prune import prune
from weighbridge.cli.cache.repair import repair
from weighbridge.cli.cache.rm import rm
from weighbridge.cli.cache.verify import verify


class _Verbs(click.Group):
    """A group that lists its verbs in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the verbs."""
        del ctx
        return list(self.commands)


@click.group(cls=_Verbs)
def cache() -> None:
    """Look after the cache: what is in it, whether it is right, how large it may be."""


cache.add_command(ls)
cache.add_command(rm)
cache.add_command(prune)
cache.add_command(limit)
cache.add_command(pin)
cache.add_command(unpin)
cache.add_command(verify)
cache.add_command(repair)
