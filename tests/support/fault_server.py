"""A scriptable HTTP/1.1 origin on real loopback sockets, honest until a test tells it what to do wrong."""

from __future__ import annotations

import argparse
import signal
import ssl
import sys
import threading
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from tests.support.origin.admission import RateLimiter, UrlSigner
from tests.support.origin.contents import Held, SparseFile, digest_of, read_all
from tests.support.origin.delivery_faults import SlowBandwidth
from tests.support.origin.faultbase import Exchange, Fault, Honest
from tests.support.origin.gate import Gate
from tests.support.origin.honest import (
    DERIVED,
    Resource,
    Servable,
    UnsatisfiableError,
    answer,
    asked_span,
    make_resource,
)
from tests.support.origin.ledger import Ledger, RequestRecord
from tests.support.origin.listener import Listener
from tests.support.origin.replies import Reply, Span, text_reply
from tests.support.origin.reply_faults import RetryAfter
from tests.support.origin.requests import BadRequestError, Request, RequestReader
from tests.support.origin.rules import Rule, RuleBook
from tests.support.origin.sending import send_head_of, send_reply
from tests.support.origin.wire import ConnectionOverError, Wire

__all__ = ["FaultServer", "Gate", "Held", "Request", "RequestRecord", "Resource", "Rule", "Span", "SparseFile"]


class FaultServer:
    """Serves ``files`` by path while it is entered; every method may be called from any thread.

    A request above the rate limit or with a bad signature is refused, and no rule counts it. Otherwise the
    first rule that is due shapes the honest reply. What ``always`` holds is put on top of either.
    """

    def __init__(
        self,
        files: Mapping[str, Servable] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._scheme = "http" if tls is None else "https"
        self._listener = Listener(host, port, tls, self._converse)
        self._lock = threading.Lock()  # guards _resources, _puts and _gates
        self._resources: dict[str, Resource] = {}
        self._puts = 0
        self._gates: dict[str, Gate] = {}
        self._rules = RuleBook()
        self._always: Fault = Honest()
        self._signer = UrlSigner()
        self._limiter: RateLimiter | None = None
        self._ledger = Ledger()
        self._greeting_delay_s = 0.0
        for path, source in (files or {}).items():
            self.put(path, source)

    def __enter__(self) -> Self:
        self._listener.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.stop()

    # What is served

    @property
    def origin(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        host = self._listener.host
        return f"{self._scheme}://{f'[{host}]' if ':' in host else host}:{self._listener.port}"

    def url(self, path: str) -> str:
        """Return the URL of ``path``, escaped; what follows a ``?`` is taken as it is."""
        plain, mark, query = path.partition("?")
        return f"{self.origin}{quote(plain)}{mark}{query}"

    def put(self, path: str, content: Servable, etag: str | None = DERIVED) -> Resource:
        """Serve ``content`` at ``path`` from the next request on; replies under way keep what they have.

        Args:
            path: Escapes resolved, beginning with a slash.
            content: Bytes, a file, a generated file, or a resource with headers of its own.
            etag: As sent, quotes and ``W/`` included; None is none; by default strong and the content's own.
        """
        with self._lock:
            self._puts += 1
            serial = self._puts
        resource = make_resource(content, etag, serial)
        with self._lock:
            self._resources[path] = resource
        return resource

    def remove(self, path: str) -> None:
        """Answer 404 at ``path`` from the next request on."""
        with self._lock:
            self._resources.pop(path, None)

    def resource(self, path: str) -> Resource:
        """Return what ``path`` holds now."""
        with self._lock:
            return self._resources[path]

    def content(self, path: str) -> bytes:
        """Return the bytes that ``path`` holds now, all at once."""
        return read_all(self.resource(path).content)

    def digest(self, path: str, algorithm: str = "sha256") -> str:
        """Return the hex digest of what ``path`` holds now."""
        return digest_of(self.resource(path).content, algorithm)

    # What goes wrong

    def on(
        self,
        *,
        fault: Fault,
        path: str | None = None,
        nth: int | Container[int] | None = None,
        method: str | None = None,
        when: Callable[[Request], bool] | None = None,
        times: int | None = None,
    ) -> Rule:
        """Add a rule after all others; ``Rule`` says what the conditions mean."""
        return self._rules.add(Rule(fault=fault, path=path, nth=nth, method=method, when=when, times=times))

    def always(self, fault: Fault) -> None:
        """Put ``fault`` on top of every reply, refusals included, in place of an earlier such one."""
        self._always = fault

    def clear_rules(self) -> None:
        """Be honest again."""
        self._rules.clear()
        self._always = Honest()

    def gate(self, path: str, after: int = 0) -> Gate:
        """Hold the bodies of 2xx replies for ``path`` once ``after`` more bytes of them were sent.

        The bytes are counted over all connections together. An earlier gate of the path is released.
        """
        gate = Gate(after)
        with self._lock:
            earlier, self._gates[path] = self._gates.get(path), gate
        if earlier is not None:
            earlier.release()
        return gate

    def limit_rate(self, requests_per_second: float, *, burst: int = 1, refusal: Fault | None = None) -> RateLimiter:
        """Admit so many requests per second, ``burst`` at once; the others get ``refusal``.

        The refusal is by default a 429 with ``Retry-After: 1``. The limiter returned counts what it refused.
        """
        self._limiter = RateLimiter(requests_per_second, burst, RetryAfter(1) if refusal is None else refusal)
        return self._limiter

    def signed(self, path: str, ttl_s: float) -> str:
        """Return a URL of ``path`` good for ``ttl_s`` seconds; without one the path now answers 403."""
        return f"{self.url(path)}?{self._signer.sign(path, ttl_s)}"

    @property
    def signatures(self) -> list[str]:
        """All signatures handed out, so that a test can look for them where they must not be."""
        return self._signer.signatures

    def expire_signatures(self) -> None:
        """Let every signed URL handed out so far expire now."""
        self._signer.expire_all()

    def delay_connections(self, seconds: float) -> None:
        """Wait so long on each new connection before its TLS handshake or first request."""
        self._greeting_delay_s = seconds

    def drop_connections(self) -> None:
        """End every connection that is open now, in the middle of whatever it is doing."""
        self._listener.drop_connections()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Be gone within the block: connections ended, new ones refused; afterwards back on the same port."""
        self._listener.stop()
        try:
            yield
        finally:
            self._listener.start()

    # What happened

    @property
    def requests(self) -> list[RequestRecord]:
        """All requests so far, in order of arrival."""
        return self._ledger.records

    @property
    def connections(self) -> int:
        """Connections accepted so far."""
        return self._ledger.connections

    @property
    def open_connections(self) -> int:
        """Connections open now, as far as the server has noticed."""
        return self._ledger.open_connections

    @property
    def max_open_connections(self) -> int:
        """Most connections open at one time, as far as the server noticed."""
        return self._ledger.max_open_connections

    @property
    def max_concurrent(self) -> int:
        """Most requests being answered at one time; one is until its last byte is sent."""
        return self._ledger.max_in_progress

    def bytes_sent(self, path: str | None = None) -> int:
        """Return the body bytes of 2xx replies sent so far for ``path``; None is for all."""
        return self._ledger.bytes_sent(path)

    def wait_for(self, predicate: Callable[[], bool], timeout: float = 10.0) -> None:
        """Wait until ``predicate()`` holds, asked again after each change in the books.

        Raises:
            TimeoutError: It did not within ``timeout`` seconds.
        """
        self._ledger.wait_for(predicate, timeout)

    def wait_idle(self, timeout: float = 10.0) -> None:
        """Wait until no request is being answered.

        Raises:
            TimeoutError: One still was after ``timeout`` seconds.
        """
        self._ledger.wait_for(lambda: self._ledger.in_progress == 0, timeout)

    # How a connection is served

    def _converse(self, wire: Wire) -> None:
        connection = self._ledger.connect()
        try:
            if self._greeting_delay_s:
                wire.stall(self._greeting_delay_s)
            wire.shake_hands()
            self._answer_all(wire, connection)
        except ConnectionOverError:
            return
        finally:
            self._ledger.disconnect()

    def _answer_all(self, wire: Wire, connection: int) -> None:
        reader = RequestReader(wire.sock)
        while True:
            try:
                request = reader.next()
            except BadRequestError as error:
                wire.send(text_reply(400, str(error)).render_head())
                return
            except OSError:
                return
            if request is None:
                return
            self._answer(request, wire, connection)
            if request.is_last:
                return

    def _answer(self, request: Request, wire: Wire, connection: int) -> None:
        resource = self._find(request)
        with self._lock:
            gate = self._gates.get(request.path)
        account = self._ledger.open(request, _span(request, resource), connection)
        try:
            exchange = Exchange(request=request, resource=resource, ordinal=account.ordinal)
            reply = self._always.shape(self._decide(exchange), exchange)
            if request.method == "HEAD":
                send_head_of(reply, wire, account)
            else:
                send_reply(reply, wire, account, gate if reply.is_success else None)
        finally:
            account.abandon()

    def _decide(self, exchange: Exchange) -> Reply:
        """Return the reply to send: a refusal, or the truth as the rules shape it."""
        if self._limiter is not None and not self._limiter.admits():
            return self._limiter.refusal.shape(text_reply(429), exchange)
        if not self._signer.admits(exchange.request):
            return text_reply(403, "Request has expired")
        reply = self._tell(exchange)
        fault = self._rules.choose(exchange.request) or Honest()
        return fault.shape(reply, exchange)

    def _find(self, request: Request) -> Resource | None:
        """Return the file that is asked for, if it is one; an origin of another kind may have more."""
        with self._lock:
            return self._resources.get(request.path)

    def _tell(self, exchange: Exchange) -> Reply:
        """Return the truth; an origin of another kind may have more to tell."""
        return answer(exchange.request, exchange.resource)


def _span(request: Request, resource: Resource | None) -> Span | None:
    if resource is None:
        return None
    try:
        return asked_span(request, resource)
    except UnsatisfiableError:
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a directory until SIGTERM or SIGINT; the first line printed is the origin."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.fault_server", description=main.__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="its files, as they are at the start")
    parser.add_argument("--port", type=int, default=0, help="0 is any free one")
    parser.add_argument("--bytes-per-second", type=float, help="the bandwidth of each connection")
    chosen = parser.parse_args(arguments)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with FaultServer(_find_files(chosen.directory), port=chosen.port) as server:
        if chosen.bytes_per_second is not None:
            server.always(SlowBandwidth(chosen.bytes_per_second))
        print(server.origin, flush=True)  # noqa: T201 - this line is the interface
        over.wait()
    return 0


def _find_files(directory: Path) -> dict[str, Path]:
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {f"/{path.relative_to(directory).as_posix()}": path for path in files}


if __name__ == "__main__":
    sys.exit(main())
