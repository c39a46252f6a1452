"""Raises our errors beside other libraries, and tells by which of their classes each is caught; a script, not a module.

It runs in the environment of one of these libraries, or in none.  Its argument is JSON: ``paths`` to find our package
and what it needs, after the environment's own; ``load``, the modules that the program has imported before.
"""

from __future__ import annotations

import importlib
import json
import pickle
import sys
from types import ModuleType
from typing import Any

WATCHED = (
    "HTTPError",
    "ConnectionError",
    "Timeout",
    "TransportError",
    "TimeoutException",
    "HfHubHTTPError",
    "RepositoryNotFoundError",
    "EntryNotFoundError",
    "LocalEntryNotFoundError",
    "BadRequestError",
    "OfflineModeIsEnabled",
)


def main() -> None:
    """Print, by the name of each of our errors, the classes of others that catch it, and whether it stayed itself."""
    given = json.loads(sys.argv[1])
    modules = [importlib.import_module(each) for each in given["load"]]
    sys.path += given["paths"]
    ours = importlib.import_module("weighbridge.core.errors")
    recast = importlib.import_module("weighbridge.compat.huggingface_hub.recast")
    kinds = [each for each in vars(ours).values() if isinstance(each, type) and issubclass(each, ours.WeighbridgeError)]
    told: dict[str, object] = {each.__name__: _tell(each, recast, modules) for each in kinds}
    told["imported"] = sorted({each.partition(".")[0] for each in sys.modules} & {"requests", "httpx", "httpx2"})
    sys.stdout.write(json.dumps(told))


def _tell(kind: Any, recast: Any, modules: list[ModuleType]) -> dict[str, object]:
    try:
        with recast.as_known():
            raise kind("what happened", path="p")
    except kind as error:
        caught = {
            f"{module.__name__.partition('.')[0]}.{name}"
            for module in modules
            for name in WATCHED
            if isinstance(getattr(module, name, None), type) and isinstance(error, getattr(module, name))
        }
        copy = pickle.loads(pickle.dumps(error))
        looks = (type(error).__name__, type(error).__module__, str(error), error.path, getattr(error, "request", None))
        is_itself = looks == (kind.__name__, kind.__module__, "what happened", "p", None)
        return {
            "caught": sorted(caught),
            "itself": is_itself,
            "plain": type(copy) is kind and vars(copy) == vars(error),
        }


if __name__ == "__main__":
    main()
