"""The native interface for asyncio: the same calls, run off the event loop and cancelled for real."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
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
        threads have let go of the files.  The observer is called on the loop's thread; what it raises stops the
        transfer in the same way and comes out of the call.
        """
        relay = _Relay(observer)

        def run() -> tuple[FileResult, ...]:
            return self._client.fetch(
                requests, directory, allow_unverified=allow_unverified, observer=relay, cancel=relay.cancel
            )

        requests = tuple(files)
        # a thread of its own: those of the loop are few, and name lookups wait for them
        executor = ThreadPoolExecutor(1, thread_name_prefix="weighbridge-call")
        work = asyncio.get_running_loop().run_in_executor(executor, run)
        executor.shutdown(wait=False)
        try:
            results = await asyncio.shield(work)
        except asyncio.CancelledError:
            relay.cancel.set()
            await _wait_out(work)
            raise
        except CancelledError:
            if relay.error is None:
                raise
        if relay.error is not None:
            raise relay.error
        return results


class _Relay:
    """Carries events from the transfer's thread to the loop's, and what the observer raises back.

    Args:
        observer: Who receives them; None if nobody does.
    """

    def __init__(self, observer: Observer | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._observer = observer
        self.cancel = threading.Event()
        self.error: Exception | None = None  # what the observer raised; the loop's thread alone looks at it

    def __call__(self, event: Event, /) -> None:
        if self._observer is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, event)

    def _tell(self, event: Event) -> None:
        if self._observer is None or self.error is not None:
            return
        try:
            self._observer(event)
        except Exception as error:  # noqa: BLE001 - it is the caller's, and goes back to the caller
            self.error = error
            self.cancel.set()


async def _wait_out(work: asyncio.Future[tuple[FileResult, ...]]) -> None:
    """Wait until the work has stopped, however often that wait is itself cancelled."""
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            continue
    if not work.cancelled():
        work.exception()  # failed for a reason of its own while it was being stopped: being stopped is what counts
