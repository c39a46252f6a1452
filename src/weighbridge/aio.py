"""The native interface for asyncio: the same calls, run off the event loop and cancelled for real."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable
from typing import Self

from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest, FileResult
from weighbridge.core.errors import CancelledError
from weighbridge.core.events import Event, Observer
from weighbridge.core.options import Options


class AsyncClient:
    """The twin of :class:`weighbridge.client.Client`; safe to share between tasks of one loop.

    Args:
        options: As for the client.
    """

    def __init__(self, options: Options | None = None) -> None:
        self._client = Client(options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop all connections."""
        self._client.close()

    async def fetch(
        self,
        files: Iterable[FileRequest],
        directory: str | os.PathLike[str],
        *,
        allow_unverified: bool = False,
        observer: Observer | None = None,
    ) -> tuple[FileResult, ...]:
        """Have all of ``files`` in ``directory``; see :meth:`weighbridge.client.Client.fetch`.

        Cancelling the task stops the transfer within a read, keeps what arrived, and ends only when the transfer's
        threads have let go of the files.  The observer is called on the loop's thread.
        """
        loop, cancel = asyncio.get_running_loop(), threading.Event()

        def tell(event: Event) -> None:
            if observer is not None and not loop.is_closed():
                loop.call_soon_threadsafe(observer, event)

        def run() -> tuple[FileResult, ...]:
            return self._client.fetch(
                requests, directory, allow_unverified=allow_unverified, observer=tell, cancel=cancel
            )

        requests = tuple(files)
        work = loop.run_in_executor(None, run)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            cancel.set()
            await _wait_out(work)
            raise


async def _wait_out(work: asyncio.Future[tuple[FileResult, ...]]) -> None:
    """Wait until the work has stopped, however often that wait is itself cancelled."""
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            continue
    if not work.cancelled() and not isinstance(work.exception(), CancelledError | None):
        return  # it failed for a reason of its own while it was being stopped; being stopped is what counts
