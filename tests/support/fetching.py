"""A client in a process of its own: does what its argument says and tells in lines of JSON what happened.

The argument is JSON as :class:`tests.support.processes.Task` writes it.  The lines are events as they come, then one
with ``results`` for each thread, or with ``error``.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest, FileResult
from weighbridge.core.errors import WeighbridgeError
from weighbridge.core.events import Event
from weighbridge.core.options import Options, RetryOptions

_say_lock = threading.Lock()


def build_options(given: Mapping[str, Mapping[str, Any]]) -> Options:
    """Return options that differ from the defaults as told: group, then field, then value."""
    options = Options()
    store = dict(given.get("store", {}))
    if store.get("receipts") is not None:
        store["receipts"] = Path(store["receipts"])
    retry = RetryOptions(**given.get("retry", {}))
    return replace(
        options,
        http=replace(options.http, **given.get("http", {})),
        transfer=replace(options.transfer, retry=retry, **given.get("transfer", {})),
        store=replace(options.store, **store),
    )


def read_requests(files: list[dict[str, Any]]) -> list[FileRequest]:
    """Return the requests that the task speaks of."""
    return [
        FileRequest.parse(
            each["name"], each["url"], each["digest"], mirrors=tuple(each["mirrors"]), size=each.get("size")
        )
        for each in files
    ]


def say(**words: Any) -> None:
    """Write a line."""
    with _say_lock:
        print(json.dumps(words), flush=True)  # noqa: T201 - these lines are the interface


def tell(event: Event) -> None:
    """Write a line for an event."""
    name = getattr(event, "name", None)
    say(event=type(event).__name__, name=name, resumed=getattr(event, "resumed", None))


def describe_result(result: FileResult) -> dict[str, Any]:
    """Return what a line holds of a result."""
    return {
        "name": result.name,
        "path": str(result.path),
        "outcome": result.outcome,
        "bytes_fetched": result.bytes_fetched,
        "bytes_resumed": result.bytes_resumed,
        "size": result.size,
    }


def describe_error(error: BaseException) -> dict[str, Any]:
    """Return what a line holds of an error."""
    facts = {key: value for key, value in vars(error).items() if isinstance(value, int | float | str)}
    kinds = [each.__name__ for each in type(error).__mro__]
    return {"kinds": kinds, "message": str(error), "facts": facts}


def _fetch(client: Client, task: Mapping[str, Any]) -> bool:
    try:
        results = client.fetch(
            read_requests(task["files"]), task["directory"], allow_unverified=task["allow_unverified"], observer=tell
        )
    except WeighbridgeError as error:
        say(error=describe_error(error))
        return False
    say(results=[describe_result(each) for each in results])
    return True


def _usage() -> dict[str, int]:
    gc.collect()
    descriptors = list(Path("/proc/self/fd").iterdir())
    return {"descriptors": len(descriptors), "threads": threading.active_count()}


def main(arguments: list[str]) -> int:
    """Do the task; 0 if it went well in every thread."""
    task = json.loads(arguments[0])
    if task["umask"] is not None:
        os.umask(task["umask"])
    with Client(build_options(task["options"])) as client, ThreadPoolExecutor(task["threads"]) as pool:
        before = _usage()
        if task["threads"] == 1:
            outcomes = [_fetch(client, task) for _ in range(task["times"])]
        else:
            outcomes = list(pool.map(lambda _: _fetch(client, task), range(task["threads"])))
        client.close()
        say(before=before, after=_usage())
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
