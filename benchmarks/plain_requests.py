"""The downloader that one writes with ``requests`` in ten minutes: a stream a file, digested on the way.

Run by the interpreter that has ``requests``: ``plain_requests.py LIST FOLDER THREADS ALGORITHM``, where
``LIST`` is JSON, an array of ``[url, name, hex digest]``.
"""

import hashlib
import importlib
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

# Imported by name, since the environment that checks the types of this file need not have it.
requests: Any = importlib.import_module("requests")

_CHUNK = 1024 * 1024
_local = threading.local()


def main() -> None:
    """Download every file of the list, then leave with an error if a digest differed."""
    wanted, folder, threads, algorithm = sys.argv[1:]

    def fetch(entry: list[str]) -> None:
        url, name, digest = entry
        if _download(url, Path(folder) / name, algorithm) != digest:
            message = f"{name}: wrong digest"
            raise ValueError(message)

    with ThreadPoolExecutor(int(threads)) as pool:
        list(pool.map(fetch, json.loads(Path(wanted).read_text())))


def _download(url: str, target: Path, algorithm: str) -> str:
    """Stream ``url`` into ``target`` over this thread's session and return the hex digest."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    digest = hashlib.new(algorithm)
    with _local.session.get(url, stream=True, timeout=60) as response, target.open("wb") as sink:
        response.raise_for_status()
        for chunk in response.iter_content(_CHUNK):
            sink.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()


main()
