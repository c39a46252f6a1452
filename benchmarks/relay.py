"""A TCP relay that makes a loopback connection long or narrow, without privileges.

``--delay-ms`` holds every byte that long in each direction and lets many be under way at once, so it costs
time and no throughput. A connection is open at once here, but costs a round trip before its first byte
elsewhere: what arrives during that trip is held until it is over. ``--rate`` is the most bytes a second that
one connection brings to its client, whatever number of requests it carries.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from dataclasses import dataclass

_READ = 256 * 1024
_UNDER_WAY = 256
_NARROW_BUFFER = 128 * 1024
_CATCH_UP_S = 0.05


@dataclass(frozen=True, slots=True)
class Link:
    """How a connection behaves.

    Attributes:
        upstream: Loopback port of the origin.
        delay_s: Seconds each byte takes, each way.
        rate: Bytes a second towards the client; zero means no limit.
    """

    upstream: int
    delay_s: float
    rate: float


class Lane:
    """One direction of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float, rate: float) -> None:
        self._reader = reader
        self._writer = writer
        self._delay_s = delay_s
        self._rate = rate
        # A narrow lane holds little, so that the origin is slowed down, too, and not drained in advance.
        self._queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1 if rate else _UNDER_WAY)

    async def read(self, open_at: float) -> None:
        """Take what arrives and note when it is due; nothing leaves the sender before ``open_at``."""
        loop = asyncio.get_running_loop()
        while True:
            data = await self._reader.read(_READ)
            await self._queue.put((max(loop.time(), open_at) + self._delay_s, data))
            if not data:
                return

    async def write(self) -> None:
        """Hand on what is due, no faster than the rate; end this direction when the sender did."""
        loop = asyncio.get_running_loop()
        free_at = loop.time()
        while True:
            due, data = await self._queue.get()
            if self._rate:
                # A timer that fires late may catch up a little; time without traffic is not saved up.
                free_at = max(free_at, loop.time() - _CATCH_UP_S)
                due = max(due, free_at)
                free_at += len(data) / self._rate
            if (wait_s := due - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            if not data:
                self._writer.write_eof()
                return
            self._writer.write(data)
            await self._writer.drain()


async def carry(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one accepted connection to the origin and back until both sides have ended."""
    open_at = asyncio.get_running_loop().time() + 2 * link.delay_s
    near = socket.socket()
    if link.rate:
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _NARROW_BUFFER)
    near.setblocking(False)
    await asyncio.get_running_loop().sock_connect(near, ("127.0.0.1", link.upstream))
    far_reader, far_writer = await asyncio.open_connection(sock=near, limit=_READ)
    there = Lane(reader, far_writer, link.delay_s, 0)
    back = Lane(far_reader, writer, link.delay_s, link.rate)
    try:
        async with asyncio.TaskGroup() as tasks:
            for work in (there.read(open_at), there.write(), back.read(0), back.write()):
                tasks.create_task(work)
    except* OSError:
        pass  # one side hung up in the middle, as clients do that have enough
    finally:
        far_writer.close()
        writer.close()


async def main() -> None:
    """Listen on a free loopback port, print it, and carry connections until killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay", description=__doc__)
    parser.add_argument("--upstream", type=int, required=True)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=0.0)
    chosen = parser.parse_args()
    link = Link(chosen.upstream, chosen.delay_ms / 1000, chosen.rate)
    server = await asyncio.start_server(
        lambda reader, writer: carry(link, reader, writer), "127.0.0.1", 0, limit=_READ, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
