"""Sends a file's bytes in large blocks without keeping the event loop waiting for the disk.

What is in memory is handed to the socket by reference (``sendfile``) if the server can; all else is copied.  Bytes that
are referred to may still change on their way, after the last look at the file; so the end is always copied, and a file
that has changed before it is never sent to its end.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from io import FileIO
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from weighbridge.core.ranges import ByteRange
from weighbridge.mirror.disk import is_absent, open_in_place
from weighbridge.mirror.listing import Held
from weighbridge.mirror.refusals import Refusal, try_later
from weighbridge.store.sight import Sight

_BLOCK = 1024 * 1024
_WINDOW = 4 * _BLOCK  # sent by reference at a time
_COPIED = 256 * 1024  # at a time
_LARGEST_END = 64 * _BLOCK  # if sockets may hold more than this, nothing is sent by reference
_PROBE = 128 * 1024  # the kernel reads ahead in such steps
BY_REFERENCE = "http.response.zerocopysend"
"""An extension of ASGI, and the type of its message."""
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
        file = await run_in_threadpool(_open, self._held)
        gone = asyncio.ensure_future(_wait_gone(receive))
        try:
            await send(self._start)
            start = self._span.start
            if BY_REFERENCE in scope.get("extensions", {}):
                start = await self._refer(file, self._span, send, gone)
            await self._copy(file, ByteRange(start, self._span.stop), send, gone)
        finally:
            gone.cancel()
            file.close()

    async def _refer(self, file: FileIO, span: ByteRange, send: Send, gone: asyncio.Future[None]) -> int:
        """Send what is in memory, up to the end that has to be copied; return how far that was."""
        position, stop = span.start, span.stop - _copied_end()
        while position < stop and not gone.done():
            count = min(_WINDOW, stop - position)
            if not _is_in_memory(file.fileno(), position, count):
                break
            try:
                await send({"type": BY_REFERENCE, "file": file, "offset": position, "count": count, "more_body": True})
            finally:
                self._check(file)
            position += count
        return position

    async def _copy(self, file: FileIO, span: ByteRange, send: Send, gone: asyncio.Future[None]) -> None:
        position, buffer = span.start, memoryview(bytearray(min(_COPIED, len(span))))
        while position < span.stop and not gone.done():
            count = await _read(file.fileno(), buffer[: span.stop - position], position)
            self._check(file)
            if count == 0:
                raise SourceChangedError(f"{self._held.place} ended while it was sent")
            position += count
            more = position < span.stop
            await send({"type": "http.response.body", "body": bytes(buffer[:count]), "more_body": more})

    def _check(self, file: FileIO) -> None:
        if Sight.of(os.fstat(file.fileno())) != self._held.sight:
            raise SourceChangedError(f"{self._held.place} changed while it was sent")


@cache
def _copied_end() -> int:
    """Return how many bytes to copy at the end: as many as the two sockets of a connection may hold.

    Once these are there, what came before has been read by the other side, if that is on this machine, too.
    """
    sizes = (Path(f"/proc/sys/net/ipv4/tcp_{kind}mem").read_text(encoding="ascii").split()[-1] for kind in "rw")
    try:
        held = sum(map(int, sizes))
    except (OSError, ValueError, IndexError):
        return sys.maxsize
    return held if held <= _LARGEST_END else sys.maxsize


def _is_in_memory(descriptor: int, start: int, count: int) -> bool:
    """Tell whether some bytes can probably be had without waiting for the disk; False if nobody can tell."""
    if _NO_WAIT is None:
        return False
    byte = [bytearray(1)]
    try:
        return all(os.preadv(descriptor, byte, at, _NO_WAIT) for at in range(start, start + count, _PROBE))
    except OSError:
        return False


async def _read(descriptor: int, buffer: memoryview, position: int) -> int:
    """Fill ``buffer`` from ``position``; what is not in memory is read on another thread."""
    if _NO_WAIT is not None:
        with suppress(OSError):  # not in memory, or a file system that can't tell
            count = os.preadv(descriptor, [buffer], position, _NO_WAIT)
            if count:  # Linux 5.9 and 5.10 said 0 for what is not in memory, too
                return count
    return await run_in_threadpool(os.preadv, descriptor, [buffer], position)


async def _wait_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _open(held: Held) -> FileIO:
    try:
        file = open_in_place(held.place)
    except OSError as error:
        message = f"the file can't be read here: {error.strerror}"
        raise (Refusal(404, message, "EntryNotFound") if is_absent(error) else try_later(message)) from error
    if Sight.of(os.fstat(file.fileno())) == held.sight:
        return file
    file.close()
    raise try_later("the file has changed just now; ask again")
