"""Calls of the function that users of inference-models know, with limits short enough for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.fault_server import FaultServer
from weighbridge import download_files_to_directory

Spec = tuple[str, str, str | None]


def call(target: object, specs: Sequence[Spec], **more: Any) -> dict[str, str]:
    """Call it without progress bars."""
    return download_files_to_directory(str(target), specs, **{"verbose": False} | more)


def spec(server: FaultServer, path: str, algorithm: str = "md5", handle: str | None = None) -> Spec:
    """Return the spec of what ``server`` holds at ``path``, named after the path's last part, with its right hash."""
    prefix = "" if algorithm == "md5" else f"{algorithm}:"
    return (handle or path.rpartition("/")[2], server.url(path), prefix + server.digest(path, algorithm))


@dataclass(slots=True)
class Hooks:
    """Both callbacks, which note their arguments and what was on the disk when they were called."""

    calls: list[tuple[str, ...]] = field(default_factory=list)
    sights: list[tuple[bool, ...]] = field(default_factory=list)

    def created(self, path: str) -> None:
        """As ``on_file_created``."""
        self.calls.append(("created", path))
        self.sights.append((Path(path).is_file(),))

    def renamed(self, old: str, new: str) -> None:
        """As ``on_file_renamed``."""
        self.calls.append(("renamed", old, new))
        self.sights.append((Path(old).exists(), Path(new).is_file()))
