"""Tells what a library finds in a cache, and what it would remove of it; a module, and a script beside huggingface_hub.

As a script its argument is JSON: ``cache``; ``commits`` to plan the removal of; ``remove`` to do it as well.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_WORDS = (
    "size_on_disk_str",
    "last_modified_str",
    "last_accessed_str",
    "blob_last_modified_str",
    "cache_id",
    "nb_files",
)


def facts_of(library: Any, cache: str | Path, commits: Sequence[str] = (), *, remove: bool = False) -> dict[str, Any]:
    """Return all that a library's ``scan_cache_dir`` gives, as JSON holds it.

    Args:
        library: Has that function.
        cache: What to read.
        commits: What to plan the removal of.
        remove: Do it.
    """
    info = library.scan_cache_dir(cache)
    strategy = info.delete_revisions(*commits)
    files = [file for repo in info.repos for revision in repo.revisions for file in revision.files]
    few = sorted(files, key=lambda file: str(file.file_path))[::3]
    found = {
        "info": _plain(info),
        "warnings": len(info.warnings),
        "tables": [info.export_as_table(verbosity=each) for each in (0, 1)],
        "refs": {repo.repo_id: sorted(repo.refs) for repo in info.repos},
        "revisions": _plain(strategy),
        "freed": strategy.expected_freed_size_str,
        "files": _plain(info.delete_files(*few)),
    }
    if remove:
        strategy.execute()
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted((_plain(each) for each in value), key=str)
    if isinstance(value, list):
        return [type(each).__name__ for each in value]
    if hasattr(value, "__dataclass_fields__"):
        words = {name: getattr(value, name) for name in _WORDS if hasattr(value, name)}
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__} | words
    return str(value) if isinstance(value, Path) else value


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    hub = importlib.import_module("huggingface_hub")
    told = facts_of(hub, given["cache"], given["commits"], remove=given["remove"])
    sys.stdout.write(json.dumps(told))
