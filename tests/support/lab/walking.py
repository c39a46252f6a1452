"""A walk in a process of its own: does what its argument says, and tells in a line of JSON if it failed."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tests.support.fetching import describe_error, say
from tests.support.lab.walks import Place, run
from tests.support.processes import Work
from weighbridge.core.errors import WeighbridgeError


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkTask(Work):
    """Do a walk.

    Attributes:
        walk: Its name.
        root: See :class:`tests.support.lab.walks.Place`.
        endpoint: As there.
        cdn: As there.
    """

    module: ClassVar[str] = "tests.support.lab.walking"

    walk: str
    root: str
    endpoint: str
    cdn: str


def main(arguments: list[str]) -> int:
    """Do the task; 0 if it went well."""
    task = WalkTask(**json.loads(arguments[0]))
    try:
        run(task.walk, Place(Path(task.root), task.endpoint, task.cdn))
    except WeighbridgeError as error:
        say(error=describe_error(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
