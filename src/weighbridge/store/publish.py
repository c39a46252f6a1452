"""The only way a file gets its name."""

from __future__ import annotations

import os
import time
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.store.faults import storing
from weighbridge.store.sight import Sight


def publish(unfinished: Path, descriptor: int, final: Path) -> Sight:
    """Give a verified file its name, in one step for everybody who looks.

    Its modification time is set to now with all the digits the clock has, so that a later change, which the system
    stamps with its coarse clock, is told apart by the time alone (see receipts).

    If the process dies before the rename, the file is still a partial; after it, the file is complete.  Whoever wants
    it to survive a power loss flushes its bytes before this, and its directory (for many files at once) after it: in
    between a power loss can only make the file a partial again.

    Args:
        unfinished: The verified file, on the same file system.
        descriptor: The same file, open for writing: what was verified was read through it.
        final: Its name; what had it before is replaced.

    Returns:
        The published file as it was right then, so that whatever differs later was done by others; nothing if somebody
        has touched it already, or if the file system keeps too few digits of the time to tell.

    Raises:
        StoreError: Nothing has changed.
    """
    with storing(final, "publish"):
        now = time.time_ns()
        _stamp(descriptor, now)
        if final.is_dir() and not final.is_symlink():
            raise StoreError(f"can't publish {final}: a directory has that name", path=str(final))
        if not os.path.samestat(os.fstat(descriptor), unfinished.lstat()):
            raise StoreError(f"can't publish {final}: {unfinished} was replaced by another file", path=str(final))
        unfinished.replace(final)
        found = os.fstat(descriptor)
    return Sight.of(found) if found.st_mtime_ns == now else Sight()


def _stamp(descriptor: int, now_ns: int) -> None:
    try:
        os.utime(descriptor, ns=(now_ns, now_ns))
    except PermissionError:  # taken over from another user of a shared directory: any time but the present is theirs
        os.utime(descriptor)
