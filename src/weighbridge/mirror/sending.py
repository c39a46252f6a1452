"""Sends a file's bytes in large blocks without keeping the event loop waiting for the disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from weighbridge.core.ranges import ByteRange
from weighbridge.mirror.listing import Held
from weighbridge.mirror.refusals import Refusal
from weighbridge.store.sight import Sight, open_plain

_BLOCK = 1024 * 1024
_NO_WAIT = getattr(os, "RWF_NOWAIT", None)  # Linux: read only what is in memory


class SourceChangedError(Exception):
    """A file changed while it was sent; the connection is cut, so that nobody takes the mixture for the file."""


class FileAnswer:
    """The response to a request for a file: a status, headers and, for a GET, bytes.

    Args:
        held: The file.
        status: HTTP status.
        headers: All of them.
        span: Which bytes to send; None sends none.
    """

    def __init__(self, held: Held, status: int, headers: Mapping[str, str], span: ByteRange | None) -> None:
        self._held = held
        self._span = span
        self._start = {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items()],
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; raises :class:`Refusal` before anything is sent if the file can't be opened."""
        if self._span is None or scope["method"] == "HEAD":
            await send(self._start)
            await send({"type": "http.response.body", "body": b""})
            return
        descriptor = await run_in_threadpool(_open, self._held)
        gone = asyncio.ensure_future(_wait_gone(receive))
        try:
            await send(self._start)
            await self._copy(descriptor, self._span, send, gone)
        finally:
            gone.cancel()
            os.close(descriptor)

    async def _copy(self, descriptor: int, span: ByteRange, send: Send, gone: asyncio.Future[None]) -> None:
        position, buffer = span.start, memoryview(bytearray(min(_BLOCK, len(span))))
        while position < span.stop and not gone.done():
            count = await _read(descriptor, buffer[: span.stop - position], position)
            if count == 0 or Sight.of(os.fstat(descriptor)) != self._held.sight:
                raise SourceChangedError(f"{self._held.place} changed while it was sent")
            position += count
            body = bytes(buffer[:count])
            await send({"type": "http.response.body", "body": body, "more_body": position < span.stop})


async def _read(descriptor: int, buffer: memoryview, position: int) -> int:
    """Fill ``buffer`` from ``position``; what is not in memory is read on another thread."""
    if _NO_WAIT is not None:
        with suppress(OSError):  # not in memory, or a file system that can't tell
            return os.preadv(descriptor, [buffer], position, _NO_WAIT)
    return await run_in_threadpool(os.preadv, descriptor, [buffer], position)


async def _wait_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _open(held: Held) -> int:
    try:
        descriptor = open_plain(held.place, os.O_NOFOLLOW)
    except OSError as error:
        raise Refusal(404, f"the file can't be read here: {error.strerror}", "EntryNotFound") from error
    if Sight.of(os.fstat(descriptor)) == held.sight:
        return descriptor
    os.close(descriptor)
    raise Refusal(503, "the file has changed just now; ask again", None, {"Retry-After": "1"})
