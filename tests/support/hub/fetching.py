"""A client of a Hub in a process of its own: does what its argument says and tells in lines of JSON what happened.

The argument is JSON as :class:`SnapshotTask` writes it; the lines are those of :mod:`tests.support.fetching`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from tests.support.fetching import build_options, describe_error, describe_result, say, tell
from tests.support.processes import Work
from weighbridge.client import Client
from weighbridge.core.errors import WeighbridgeError
from weighbridge.core.options import CacheOptions, HubOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotTask(Work):
    """Have a snapshot.

    Attributes:
        endpoint: Whom to ask.
        cache: Where.
        repo_id: Of a model.
        revision: Of it.
        options: Group, field, value: what differs from the defaults.
    """

    module: ClassVar[str] = "tests.support.hub.fetching"

    endpoint: str
    cache: str
    repo_id: str
    revision: str = "main"
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def main(arguments: list[str]) -> int:
    """Do the task; 0 if it went well."""
    task = SnapshotTask(**json.loads(arguments[0]))
    hub, cache = HubOptions(endpoint=task.endpoint), CacheOptions(root=Path(task.cache))
    with Client(replace(build_options(task.options), hub=hub, cache=cache)) as client:
        try:
            result = client.snapshot(task.repo_id, revision=task.revision, observer=tell)
        except WeighbridgeError as error:
            say(error=describe_error(error))
            return 1
    say(results=[describe_result(each) for each in result.files])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
