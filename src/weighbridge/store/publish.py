"""The only way a file gets its name."""

from __future__ import annotations

import os
import time
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.store.faults import storing


def publish(unfinished: Path, final: Path, *, durable: bool) -> None:
    """Give a verified file its name, in one step for everybody who looks.

    Its modification time is set to now with all the digits the clock has, so that a later change, which the system
    stamps with its coarse clock, is told apart by the time alone (see receipts).

    If the process dies before the rename, the file is still a partial; after it, the file is complete.  When
    ``durable``, its bytes are on the disk before it has the name; the name itself is there once its directory was
    flushed, which the caller does for many files at once (``flush_directory``): until then a power loss can only
    make the file a partial again.

    Args:
        unfinished: The verified file, on the same file system.
        final: Its name; what had it before is replaced.
        durable: Flush the bytes before the rename.

    Raises:
        StoreError: Nothing has changed.
    """
    with storing(final, "publish"):
        now = time.time_ns()
        os.utime(unfinished, ns=(now, now))
        if durable:
            _flush(unfinished)
        if final.is_dir() and not final.is_symlink():
            raise StoreError(f"can't publish {final}: a directory has that name", path=str(final))
        unfinished.replace(final)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
