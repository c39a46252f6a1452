"""What all calls of one client share: its connections, whom it asks, where it notes what it knows."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import replace
from pathlib import Path

from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.events import Event, Notice, Observer
from weighbridge.core.options import Options
from weighbridge.delivery import Means
from weighbridge.http.pool import PoolTransport
from weighbridge.hub.asking import Caller
from weighbridge.hub.patience import Hubs
from weighbridge.hub.resolver import OfflineHub, OnlineHub
from weighbridge.shelves.choice import receipts_for

_BRIEF = 2  # tries of a question to which something here can answer instead


class Session:
    """The connections and options of one client; safe to share between threads.

    Args:
        options: How.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._own = (os.getpid(), self._connect())  # one value: threads of a forked child read it while it changes

    @property
    def transport(self) -> PoolTransport:
        """The transport; a forked child gets one of its own, since sockets and locks can't be shared."""
        pid, transport = self._own
        if pid != os.getpid():
            transport = self._connect()
            self._own = (os.getpid(), transport)
        return transport

    def close(self) -> None:
        """Drop all connections; they are made anew when they are needed."""
        pid, transport = self._own
        if pid == os.getpid():  # else they are the parent's, and so are its locks
            transport.close()

    def means(self, observer: Observer | None, cancel: threading.Event | None) -> Means:
        """Return what a call works with.

        Args:
            observer: Receives events; None logs what must not be missed.
            cancel: Ends the call when set.
        """
        return Means(
            transport=self.transport,
            options=self.options,
            receipts=receipts_for(self.options),
            tell=observer or log_notices,
            cancel=cancel or threading.Event(),
        )

    def hubs(self, cancel: threading.Event) -> Hubs:
        """Return who knows about repositories: the Hub, or, offline, nobody."""
        options = self.options
        if options.offline or options.hub.offline:
            return Hubs(OfflineHub(options.hub), OfflineHub(options.hub))
        retry = options.transfer.retry
        patient, brief = (
            OnlineHub(Caller(self.transport, options.hub, each, cancel), options.hub)
            for each in (retry, replace(retry, attempts=min(_BRIEF, retry.attempts)))
        )
        return Hubs(patient, brief)

    def _connect(self) -> PoolTransport:
        options = self.options
        transfer = options.transfer
        return PoolTransport(options.http, transfer.retry, max(transfer.connections, transfer.connections_for_small))


def read_directory(directory: object) -> Path:
    """Return a directory that a caller names, as an absolute path.

    Raises:
        InvalidParameterError: It is no path.
    """
    text: object = os.fspath(directory) if isinstance(directory, os.PathLike) else directory
    if not isinstance(text, str) or not text or "\0" in text:
        raise InvalidParameterError(f"a directory is a path that is not empty and holds no NUL, not {directory!r}")
    return Path(os.path.abspath(text))  # noqa: PTH100 - symbolic links are kept as they are


def log_notices(event: Event) -> None:
    """Log what must not be missed by a caller who receives no events."""
    if isinstance(event, Notice):
        logging.getLogger("weighbridge").warning("%s", event.message)
