"""The native interface: builds everything below from options, once, and runs the walks."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from weighbridge.config import options_from_environment
from weighbridge.core.artifacts import FileRequest, FileResult
from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.events import Event, Observer
from weighbridge.core.options import Options
from weighbridge.delivery import Means
from weighbridge.directory import DirectoryWalk, check_requests
from weighbridge.http.pool import PoolTransport
from weighbridge.store.receipts import Receipts


class Client:
    """Gets files onto this machine; safe to share between threads and to use for many calls.

    Connections are kept between calls.  Use it as a context manager, or call :meth:`close`.

    Args:
        options: How; None reads the environment, as the command does.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options_from_environment() if options is None else options
        self._pid = os.getpid()
        self._transport = self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop all connections; the client may be used again."""
        self._transport.close()

    def fetch(
        self,
        files: Iterable[FileRequest],
        directory: str | os.PathLike[str],
        *,
        allow_unverified: bool = False,
        observer: Observer | None = None,
        cancel: threading.Event | None = None,
    ) -> tuple[FileResult, ...]:
        """Have all of ``files`` in ``directory``, verified.

        A file that is there and right costs nothing but a look; one that is there and wrong is replaced in one step.
        What arrives is kept whatever happens, and the same call goes on from there: after an error, a full disk,
        Ctrl-C, ``kill -9`` or a power loss.  Any number of processes may ask for the same files at once: one
        fetches, the others wait for it.  The first error ends the call.

        Args:
            files: What to have; exact repetitions are fetched once.
            directory: Where; made if absent.
            allow_unverified: Accept requests without a digest.
            observer: Receives events, on this thread.
            cancel: Ends the call with :class:`CancelledError` when set.

        Returns:
            One result for each different file, in the order of the request.

        Raises:
            RequestError: Asked for something that can't be; nothing was sent.
            UntrustedFileError: A file has no promised digest; nothing was sent.
            TransferError: The bytes did not arrive.
            IntegrityError: They arrived and are wrong.
            StoreError: The local side failed.
            OfflineError: Something is missing and the network is switched off.
            CancelledError: ``cancel`` was set.
        """
        place = _read_directory(directory)
        requests = check_requests(_read_files(files), place, allow_unverified=allow_unverified)
        means = Means(
            transport=self._own_transport(),
            options=self.options,
            receipts=Receipts.below(self.options.store.receipts),
            tell=observer or _ignore,
            cancel=cancel or threading.Event(),
        )
        return DirectoryWalk(means).run(requests, place)

    def _connect(self) -> PoolTransport:
        options = self.options
        return PoolTransport(options.http, options.transfer.retry, options.transfer.connections)

    def _own_transport(self) -> PoolTransport:
        """Return the transport; a forked child gets one of its own, since sockets can't be shared."""
        if self._pid != os.getpid():
            self._pid, self._transport = os.getpid(), self._connect()
        return self._transport


def _read_directory(directory: object) -> Path:
    text: object = os.fspath(directory) if isinstance(directory, os.PathLike) else directory
    if not isinstance(text, str) or not text or "\0" in text:
        raise InvalidParameterError(f"a directory is a path that is not empty and holds no NUL, not {directory!r}")
    return Path(os.path.abspath(text))  # noqa: PTH100 - symbolic links are kept as they are


def _read_files(files: object) -> tuple[FileRequest, ...]:
    if isinstance(files, FileRequest):
        files = (files,)
    given = tuple(files) if isinstance(files, Iterable) else (files,)
    for each in given:
        if not isinstance(each, FileRequest):
            raise InvalidParameterError(f"files are FileRequests, see FileRequest.parse; not {type(each).__name__}")
    return given


def _ignore(event: Event) -> None:
    del event
