"""Which of many files that are there already are the promised ones."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from weighbridge.core.artifacts import Promise
from weighbridge.core.errors import CancelledError
from weighbridge.store.present import is_right
from weighbridge.store.receipts import Receipts

_READERS = 4
_TICK_S = 0.1


def are_right(wanted: Sequence[tuple[Path, Promise]], receipts: Receipts, cancel: threading.Event) -> list[bool]:
    """Tell for each of ``wanted`` what :func:`weighbridge.store.present.is_right` tells, several at a time.

    Raises:
        StoreError: One can't be read.
        CancelledError: ``cancel`` was set; the reading ends within a block.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(_READERS, thread_name_prefix="weighbridge-look") as readers:
        checks = [readers.submit(is_right, path, promise, receipts, stop) for path, promise in wanted]
        try:
            waiting = set(checks)
            while waiting:
                done, waiting = wait(waiting, _TICK_S, FIRST_EXCEPTION)
                if cancel.is_set():
                    raise CancelledError("stopped; the same call goes on from here")
                for each in done:
                    each.result()
            return [each.result() for each in checks]
        finally:
            stop.set()
            readers.shutdown(wait=False, cancel_futures=True)
