"""What was asked of the server and what it sent, kept so that tests can look at any time.

Things are written down just before they happen on the wire, so a client that has its whole reply finds it
in the books; what the kernel then refused is taken off again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from tests.support.origin.replies import Span
from tests.support.origin.requests import Request

Outcome = Literal["open", "whole", "cut", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """One request and what became of it, as of the moment the record was taken.

    Attributes:
        started_s: When it was read, on the monotonic clock.
        method: As sent.
        target: As sent.
        path: The path of the target, escapes resolved.
        query: Parameters of the target.
        headers: Names in lower case.
        body: The request's body.
        range: The bytes asked for, cut at the end of the resource; None is all of it, or none that exist.
        connection: Serial of the connection, from 1.
        status: As sent; None while nothing was sent, or nothing that has a status.
        body_bytes: Bytes of the reply's body handed to the kernel, without framing.
        outcome: ``open`` while the reply is under way, ``whole`` when sent, ``cut`` when a fault ended it,
            ``gone`` when the client did or the server closed.
        duration_s: Seconds from reading the request to that outcome; None while open.
    """

    started_s: float
    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    range: Span | None
    connection: int
    status: int | None = None
    body_bytes: int = 0
    outcome: Outcome = "open"
    duration_s: float | None = None

    @property
    def is_success(self) -> bool:
        """Whether a 2xx was sent."""
        return self.status is not None and self.status // 100 == 2


class Ledger:
    """The records of one server; any thread may read and write."""

    def __init__(self) -> None:
        self._changed = threading.Condition()  # guards everything below
        self._version = 0
        self._records: list[RequestRecord] = []
        self._connections = 0
        self._open_connections = 0
        self._max_open_connections = 0
        self._in_progress = 0
        self._max_in_progress = 0

    @property
    def records(self) -> list[RequestRecord]:
        """All requests so far, in order of arrival."""
        with self._changed:
            return list(self._records)

    @property
    def connections(self) -> int:
        """Connections accepted so far."""
        return self._connections

    @property
    def open_connections(self) -> int:
        """Connections open now, as far as the server has noticed."""
        return self._open_connections

    @property
    def max_open_connections(self) -> int:
        """Most connections open at one time."""
        return self._max_open_connections

    @property
    def in_progress(self) -> int:
        """Requests whose last byte of reply is still to be sent."""
        return self._in_progress

    @property
    def max_in_progress(self) -> int:
        """Most requests in progress at one time."""
        return self._max_in_progress

    def bytes_sent(self, path: str | None) -> int:
        """Return the body bytes of 2xx replies for ``path``; None is for all."""
        return sum(record.body_bytes for record in self.records if record.is_success and path in (None, record.path))

    def wait_for(self, predicate: Callable[[], bool], timeout_s: float) -> None:
        """Wait until ``predicate()`` holds, asked again after each change.

        Raises:
            TimeoutError: It did not within ``timeout_s``.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            version = self._version
            if predicate():
                return
            left = deadline - time.monotonic()
            with self._changed:
                if left <= 0:
                    raise TimeoutError(f"did not come true in {timeout_s} s; requests so far: {self._records}")
                if self._version == version:
                    self._changed.wait(left)

    def connect(self) -> int:
        """Note a new connection; return its serial."""
        with self._changed:
            self._connections += 1
            self._open_connections += 1
            self._max_open_connections = max(self._max_open_connections, self._open_connections)
            self._tell()
            return self._connections

    def disconnect(self) -> None:
        """Note that a connection was closed."""
        with self._changed:
            self._open_connections -= 1
            self._tell()

    def open(self, request: Request, span: Span | None, connection: int) -> Account:
        """Note a request; return the account on which its reply is booked."""
        record = RequestRecord(
            started_s=time.monotonic(),
            method=request.method,
            target=request.target,
            path=request.path,
            query=request.query,
            headers=request.headers,
            body=request.body,
            range=span,
            connection=connection,
        )
        with self._changed:
            self._records.append(record)
            self._in_progress += 1
            self._max_in_progress = max(self._max_in_progress, self._in_progress)
            self._tell()
            return Account(self, len(self._records) - 1)

    def begin(self, index: int, status: int | None) -> None:
        """Note the status that is sent."""
        with self._changed:
            self._records[index] = replace(self._records[index], status=status)
            self._tell()

    def count(self, index: int, sent: int) -> None:
        """Note body bytes that are sent, or with a negative number that were not after all."""
        with self._changed:
            record = self._records[index]
            self._records[index] = replace(record, body_bytes=record.body_bytes + sent)
            self._tell()

    def close(self, index: int, outcome: Outcome) -> None:
        """Note how a reply ended; a later outcome replaces an earlier one."""
        with self._changed:
            record = self._records[index]
            if record.outcome == outcome:
                return
            if record.outcome == "open":
                self._in_progress -= 1
            duration_s = time.monotonic() - record.started_s
            self._records[index] = replace(record, outcome=outcome, duration_s=duration_s)
            self._tell()

    def abandon(self, index: int) -> None:
        """Note that nobody will go on with a reply, unless it has ended already."""
        if self._records[index].outcome == "open":
            self.close(index, "gone")

    def _tell(self) -> None:
        self._version += 1
        self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Account:
    """The record of one request, for the one who answers it."""

    ledger: Ledger
    index: int

    @property
    def ordinal(self) -> int:
        """How many requests there were, this one counted."""
        return self.index + 1

    def begin(self, status: int | None) -> None:
        """Note the status that is sent."""
        self.ledger.begin(self.index, status)

    def count(self, sent: int) -> None:
        """Note body bytes that are sent."""
        self.ledger.count(self.index, sent)

    def close(self, outcome: Outcome) -> None:
        """Note how the reply ended."""
        self.ledger.close(self.index, outcome)

    def abandon(self) -> None:
        """Note that nobody will go on with the reply, unless it has ended already."""
        self.ledger.abandon(self.index)
