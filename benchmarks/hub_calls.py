"""Calls a client's ``snapshot_download`` or ``hf_hub_download`` and prints how long that took, as JSON.

Run by the interpreter that has the client: ``hub_calls.py LIBRARY REPOSITORY FILE REVISION CALLS``, where ``FILE`` is
empty for a snapshot and ``LIBRARY`` is ``weighbridge``, ``weighbridge.Client`` or ``huggingface_hub``.  The environment
says where the Hub and the cache are.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

_CLIENT = "weighbridge.Client"


def main() -> None:
    """Import the library, make the calls, print ``import_s`` and the seconds of each call."""
    library, repository, file, revision, calls = sys.argv[1:]
    began = time.perf_counter()
    call = _call_of(library, repository, file, revision)
    import_s = time.perf_counter() - began
    seconds = []
    for _ in range(int(calls)):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    print(json.dumps({"import_s": import_s, "call_s": seconds}))


def _call_of(library: str, repository: str, file: str, revision: str) -> Callable[[], object]:
    """Return the call; what it needs is imported, as far as a ``from LIBRARY import NAME`` does that."""
    if library == _CLIENT:
        weighbridge: Any = importlib.import_module("weighbridge")
        client = weighbridge.Client()
        if file:
            return lambda: client.download(repository, file, revision=revision)
        return lambda: client.snapshot(repository, revision=revision)
    module: Any = importlib.import_module(library)
    if file:
        download = module.hf_hub_download
        return lambda: download(repository, file, revision=revision)
    snapshot = module.snapshot_download
    return lambda: snapshot(repository, revision=revision)


main()
