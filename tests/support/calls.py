"""Calls on the public interface, with limits short enough for tests, and what they left behind."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.support.fault_server import FaultServer
from weighbridge.client import Client
from weighbridge.core.artifacts import FileRequest, FileResult
from weighbridge.core.events import Event, FileProgress, Retrying
from weighbridge.core.options import KIB, HttpOptions, Options, RetryOptions, StoreOptions, TransferOptions

QUICK = Options(
    http=HttpOptions(connect_timeout_s=2.0, read_timeout_s=2.0),
    transfer=TransferOptions(
        connections=8,
        connections_per_file=8,
        first_piece=64 * KIB,
        piece_min=32 * KIB,
        piece_max=256 * KIB,
        split_min=16 * KIB,
        straggler_s=0.5,
        stall_window_s=1.0,
        retry=RetryOptions(attempts=4, wait_initial_s=0.02, wait_max_s=0.1, pause_max_s=5.0, refill_bytes=64 * KIB),
    ),
    store=StoreOptions(durable=False),
)
"""Pieces of some tens of kilobytes, waits of a fraction of a second, four attempts."""

PROMISED = "promised"


def quick(*, http: Any = None, retry: Any = None, store: Any = None, **transfer: Any) -> Options:
    """Return ``QUICK`` with some fields changed: those of a group as a mapping, those of the transfer by name."""
    moved = replace(QUICK.transfer, **transfer)
    return replace(
        QUICK,
        http=replace(QUICK.http, **(http or {})),
        store=replace(QUICK.store, **(store or {})),
        transfer=replace(moved, retry=replace(moved.retry, **(retry or {}))),
    )


UNHURRIED = quick(straggler_s=30.0, stall_window_s=30.0, http={"read_timeout_s": 30.0})
"""Nobody is replaced for being slow: on a busy machine, that costs bytes that a test may count."""


def ask(server: FaultServer, path: str, digest: str | None = PROMISED, **more: Any) -> FileRequest:
    """Return a request for ``path`` under its last part; by default with the digest of what the server holds."""
    promised = f"sha256:{server.digest(path)}" if digest == PROMISED else digest
    return FileRequest.parse(path.rpartition("/")[2], server.url(path), promised, **more)


def fetch(request: FileRequest, directory: Path, options: Options = QUICK, **more: Any) -> FileResult:
    """Have one file with a client of its own; one without a promised digest is allowed."""
    with Client(options) as client:
        return client.fetch([request], directory, allow_unverified=True, **more)[0]


def fetch_all(requests: Iterable[FileRequest], directory: Path, options: Options = QUICK) -> Sequence[FileResult]:
    """Have several files with a client of their own."""
    with Client(options) as client:
        return client.fetch(requests, directory, allow_unverified=True)


def names(directory: Path) -> list[str]:
    """Return all names below ``directory``, hidden ones too, sorted."""
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*")) if directory.exists() else []


@dataclass(slots=True)
class Diary:
    """An observer that keeps every event and the thread it came on."""

    events: list[Event] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def __call__(self, event: Event, /) -> None:
        """Note it."""
        self.events.append(event)
        self.threads.add(threading.get_ident())

    @property
    def reasons(self) -> list[str]:
        """What was told of failures that were tried again."""
        return [event.reason for event in self.events if isinstance(event, Retrying)]

    @property
    def progress(self) -> list[FileProgress]:
        """The reports of progress."""
        return [event for event in self.events if isinstance(event, FileProgress)]


class Objection(Exception):  # noqa: N818 - an observer's own
    """What an observer raises."""


@dataclass(frozen=True, slots=True)
class Objector:
    """An observer that raises at the first event of a kind."""

    kind: type[Event]

    def __call__(self, event: Event, /) -> None:
        """Object, if it is of that kind."""
        if isinstance(event, self.kind):
            raise Objection(self.kind.__name__)


@dataclass(slots=True)
class RunningCall:
    """A call that runs on a thread of its own."""

    cancel: threading.Event
    thread: threading.Thread
    results: list[FileResult] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def join(self, timeout_s: float = 20.0) -> float:
        """Wait for the end of the call; return the seconds it took."""
        began = time.monotonic()
        self.thread.join(timeout_s)
        if self.thread.is_alive():
            raise TimeoutError(f"the call did not end within {timeout_s} s")
        return time.monotonic() - began


@contextmanager
def started(request: FileRequest, directory: Path, options: Options = QUICK, **more: Any) -> Iterator[RunningCall]:
    """Begin to have one file in the background; cancelled and waited for at the end of the block."""

    def run() -> None:
        try:
            call.results.append(fetch(request, directory, options, cancel=cancel, **more))
        except BaseException as error:  # noqa: BLE001 - handed to the test
            call.errors.append(error)

    cancel = threading.Event()
    call = RunningCall(cancel, threading.Thread(target=run, name="test-call"))
    call.thread.start()
    try:
        yield call
    finally:
        cancel.set()
        call.join()


def open_descriptors() -> set[str]:
    """Return what this process has open, by descriptor and target; what vanishes meanwhile is left out."""
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - each is read below, and may be gone by then
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")  # noqa: PTH115 - as above
        except FileNotFoundError:
            continue
    return found


def wait_until(predicate: Callable[[], bool], timeout_s: float = 5.0) -> bool:
    """Wait until ``predicate()`` holds; return whether it came true in time."""
    deadline = time.monotonic() + timeout_s
    while not predicate():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def our_threads() -> list[str]:
    """Return the names of the threads that this package has running in this process."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("weighbridge")]
