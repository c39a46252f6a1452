"""The native interface for asyncio: the same calls, run off the event loop and cancelled for real."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest, FileResult
from weighbridge.core.errors import CancelledError
from weighbridge.core.events import Event, Observer
from weighbridge.core.options import Options
from weighbridge.core.snapshots import Plan, Revision, SnapshotResult
from weighbridge.hub.answers import Head

_T = TypeVar("_T")


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
        force: bool = False,
        observer: Observer | None = None,
    ) -> tuple[FileResult, ...]:
        """Have all of ``files`` in ``directory``; see :meth:`weighbridge.client.Client.fetch`.

        Cancelling the task stops the transfer within a read, keeps what arrived, and ends only when the transfer's
        threads have let go of the files.  The observer is called on the loop's thread; what it raises stops the
        transfer in the same way and comes out of the call.
        """
        requests = tuple(files)

        def call(relay: _Relay) -> tuple[FileResult, ...]:
            return self._client.fetch(
                requests,
                directory,
                allow_unverified=allow_unverified,
                force=force,
                observer=relay,
                cancel=relay.cancel,
            )

        return await _run(call, observer)

    async def resolve(self, repo_id: str, *, revision: str | None = None, repo_type: str | None = None) -> Revision:
        """Return the commit that a branch or tag means now; see :meth:`weighbridge.client.Client.resolve`."""

        def call(relay: _Relay) -> Revision:
            return self._client.resolve(repo_id, revision=revision, repo_type=repo_type, cancel=relay.cancel)

        return await _run(call, None)

    async def head(self, url: str) -> Head:
        """Return what the server of a file tells about it; see :meth:`weighbridge.client.Client.head`."""

        def call(relay: _Relay) -> Head:
            return self._client.head(url, cancel=relay.cancel)

        return await _run(call, None)

    async def download(  # noqa: PLR0913 - the client's own
        self,
        repo_id: str,
        filename: str,
        *,
        revision: str | None = None,
        repo_type: str | None = None,
        local_dir: str | os.PathLike[str] | None = None,
        force: bool = False,
        observer: Observer | None = None,
    ) -> FileResult:
        """Have one file of a repository; see :meth:`weighbridge.client.Client.download`, and :meth:`fetch`."""

        def call(relay: _Relay) -> FileResult:
            return self._client.download(
                repo_id,
                filename,
                revision=revision,
                repo_type=repo_type,
                local_dir=local_dir,
                force=force,
                observer=relay if observer else None,
                cancel=relay.cancel,
            )

        return await _run(call, observer)

    async def snapshot(  # noqa: PLR0913 - the client's own
        self,
        repo_id: str,
        *,
        filenames: Sequence[str] = (),
        revision: str | None = None,
        repo_type: str | None = None,
        allow_patterns: Sequence[str] | str | None = None,
        ignore_patterns: Sequence[str] | str | None = None,
        local_dir: str | os.PathLike[str] | None = None,
        force: bool = False,
        observer: Observer | None = None,
    ) -> SnapshotResult:
        """Have all files of a commit; see :meth:`weighbridge.client.Client.snapshot`, and :meth:`fetch`."""

        def call(relay: _Relay) -> SnapshotResult:
            return self._client.snapshot(
                repo_id,
                filenames=filenames,
                revision=revision,
                repo_type=repo_type,
                allow_patterns=allow_patterns,
                ignore_patterns=ignore_patterns,
                local_dir=local_dir,
                force=force,
                observer=relay if observer else None,
                cancel=relay.cancel,
            )

        return await _run(call, observer)

    async def plan(  # noqa: PLR0913 - the client's own
        self,
        repo_id: str,
        filename: str | None = None,
        *,
        filenames: Sequence[str] = (),
        revision: str | None = None,
        repo_type: str | None = None,
        allow_patterns: Sequence[str] | str | None = None,
        ignore_patterns: Sequence[str] | str | None = None,
        local_dir: str | os.PathLike[str] | None = None,
        force: bool = False,
    ) -> Plan:
        """Tell what would be done; see :meth:`weighbridge.client.Client.plan`."""

        def call(relay: _Relay) -> Plan:
            return self._client.plan(
                repo_id,
                filename,
                filenames=filenames,
                revision=revision,
                repo_type=repo_type,
                allow_patterns=allow_patterns,
                ignore_patterns=ignore_patterns,
                local_dir=local_dir,
                force=force,
                cancel=relay.cancel,
            )

        return await _run(call, None)

    async def call(
        self,
        work: Callable[[Client, Observer, threading.Event], _T],
        *,
        observer: Observer | None = None,
    ) -> _T:
        """Make any other call of a client, such as those about the cache, projects and bundles; see :meth:`fetch`.

        ``await client.call(lambda sync, tell, cancel: sync.cache.verify(observer=tell, cancel=cancel))``

        Args:
            work: Makes the call, on a thread of its own; what it is given besides the client is to be passed on.
            observer: Receives events, on the loop's thread.
        """
        return await _run(lambda relay: work(self._client, relay, relay.cancel), observer)


async def _run(call: Callable[[_Relay], _T], observer: Observer | None) -> _T:
    """Make a call on a thread of its own; see :meth:`AsyncClient.fetch` for how it is cancelled."""
    relay = _Relay(observer)
    # a thread of its own: those of the loop are few, and name lookups wait for them
    executor = ThreadPoolExecutor(1, thread_name_prefix="weighbridge-call")
    work = asyncio.get_running_loop().run_in_executor(executor, call, relay)
    executor.shutdown(wait=False)
    try:
        result = await asyncio.shield(work)
    except asyncio.CancelledError:
        relay.cancel.set()
        await _wait_out(work)
        raise
    except CancelledError:
        if relay.error is None:
            raise
        raise relay.error from None
    if relay.error is not None:
        raise relay.error
    return result


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


async def _wait_out(work: asyncio.Future[Any]) -> None:
    """Wait until the work has stopped, however often that wait is itself cancelled."""
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            continue
    if not work.cancelled():
        work.exception()  # failed for a reason of its own while it was being stopped: being stopped is what counts
