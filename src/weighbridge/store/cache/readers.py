"""Which files live processes have open or mapped, whatever client they are: as far as this system shows it to us."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_INODE, _PATH = 4, 5  # words of a line of maps


def find_readers(names: Mapping[tuple[int, int], Collection[str]]) -> dict[tuple[int, int], int]:
    """Return a process for each of some files that one has open or mapped; those we may not look at are not seen.

    Args:
        names: What the files are called, the last parts of their paths, by device and inode.  They matter for mapped
            files alone, as of these some file systems tell another device.

    Returns:
        Process ids by device and inode.
    """
    found: dict[tuple[int, int], int] = {}
    by_inode = {str(inode): (device, inode) for device, inode in names}
    for process in _processes() if names else ():
        with suppress(OSError):
            for each in os.listdir(f"{_PROC}/{process}/fd"):  # noqa: PTH208 - many
                with suppress(OSError):
                    seen = os.stat(f"{_PROC}/{process}/fd/{each}")  # noqa: PTH116 - as above
                    if (seen.st_dev, seen.st_ino) in names:
                        found[seen.st_dev, seen.st_ino] = process
        with suppress(OSError), (_PROC / str(process) / "maps").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                words = line.split(maxsplit=_PATH)
                key = by_inode.get(words[_INODE]) if len(words) > _PATH else None
                if key is not None and os.path.basename(words[_PATH].strip()) in names[key]:  # noqa: PTH119 - text
                    found[key] = process
    return found


def _processes() -> list[int]:
    try:
        return sorted(int(each) for each in os.listdir(_PROC) if each.isdigit())  # noqa: PTH208 - names only
    except OSError:
        return []
