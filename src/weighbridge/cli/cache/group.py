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
from weighbridge.cli.verbs import Verbs


@click.group(cls=Verbs)
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
