"""The walk from a list of files to a directory that holds them, each verified before it gets its name.

For each file: look whether it is there and right; else claim it, or wait for whoever did; open a partial with what
earlier runs left; hand it to the engine, which publishes it when its digest agrees; release the claim; note a receipt.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Literal

from weighbridge.core.artifacts import FileRequest, FileResult
from weighbridge.core.digests import ensure_available
from weighbridge.core.errors import CancelledError, InvalidNameError, OfflineError, UntrustedFileError
from weighbridge.core.events import Event, FileFinished, FileWaiting, Planned
from weighbridge.core.names import find_collision
from weighbridge.core.options import Options
from weighbridge.errands import Crew, Errand, partial_data
from weighbridge.http.transport import Transport
from weighbridge.store.layout import Place
from weighbridge.store.present import Sight, check_parents, ignores_case, is_right, look, make_parents
from weighbridge.store.receipts import Receipts
from weighbridge.store.recover import find_leftovers
from weighbridge.transfer.engine import Engine
from weighbridge.transfer.job import Job

_TICK_S = 0.1
_READERS = 4

Tell = Callable[[Event], None]


def check_requests(requests: Iterable[FileRequest], directory: Path, *, allow_unverified: bool) -> list[FileRequest]:
    """Refuse what can't be asked for, before anything is sent or written.

    Returns:
        The requests without exact repetitions, in order.

    Raises:
        UntrustedFileError: A file has no promised digest and ``allow_unverified`` is false.
        InvalidNameError: Two different requests mean the same file, or a file and a directory have one name.
        InvalidDigestError: A digest can't be computed here.
        UnsafePathError: A name leads through a symbolic link.
    """
    unique: dict[str, FileRequest] = {}
    for request in requests:
        known = unique.setdefault(request.name.text, request)
        if known.artifact != request.artifact:
            raise InvalidNameError(f"two different files are to be named {request.name}", name=request.name.text)
        if request.artifact.digest is not None:
            ensure_available(request.artifact.digest)
        check_parents(directory, request.name)
    clash = find_collision([each.name for each in unique.values()], ignore_case=ignores_case(directory))
    if clash is not None:
        raise InvalidNameError(f"{clash[0]!r} and {clash[1]!r} can't both be in one directory", name=clash[1])
    unverified = [each.name.text for each in unique.values() if each.artifact.digest is None]
    if unverified and not allow_unverified:
        raise UntrustedFileError(
            f"no digest was promised for {', '.join(unverified)}; give one, or allow files without a digest",
            names=tuple(unverified),
        )
    return list(unique.values())


class DirectoryWalk:
    """One call's way from requests to results; driven by one thread.

    Args:
        transport: Who asks.
        options: Everything else.
        tell: Receives events, on the calling thread.
        cancel: Ends the call when set.
    """

    def __init__(self, transport: Transport, options: Options, tell: Tell, cancel: threading.Event) -> None:
        self._transport = transport
        self._options = options
        self._tell = tell
        self._cancel = cancel
        self._receipts = Receipts(options.store.receipts)
        self._results: dict[str, FileResult] = {}

    def run(self, requests: Sequence[FileRequest], directory: Path) -> tuple[FileResult, ...]:
        """Have every file in ``directory``; see :meth:`weighbridge.client.Client.fetch`."""
        try:
            return self._have(requests, directory)
        finally:
            self._receipts.save()

    def _have(self, requests: Sequence[FileRequest], directory: Path) -> tuple[FileResult, ...]:
        missing = self._look(requests, directory)
        self._tell(Planned(files=len(requests), present=len(self._results)))
        for result in self._results.values():
            self._tell(FileFinished(result=result))
        if missing and self._options.offline:
            names = ", ".join(each.name.text for each in missing[:5])
            raise OfflineError(f"{len(missing)} files are not in {directory} and the network is switched off: {names}")
        if missing:
            self._fetch(missing, directory)
        return tuple(self._results[each.name.text] for each in requests)

    def _look(self, requests: Sequence[FileRequest], directory: Path) -> list[FileRequest]:
        """Note results for files that are there and right; return the others."""
        stop = threading.Event()
        with ThreadPoolExecutor(_READERS, thread_name_prefix="weighbridge-look") as readers:
            checks = {
                readers.submit(self._is_right, each, directory.joinpath(*each.name.parts), stop): each
                for each in requests
                if look(directory.joinpath(*each.name.parts)) != Sight()
            }
            try:
                while not all(check.done() for check in checks):
                    wait(checks, _TICK_S, FIRST_EXCEPTION)
                    self._check_cancelled()
                right = {each.name.text for check, each in checks.items() if check.result()}
            finally:
                stop.set()
        for each in requests:
            if each.name.text in right:
                self._note_present(each, directory.joinpath(*each.name.parts), "present")
        return [each for each in requests if each.name.text not in right]

    def _fetch(self, missing: Sequence[FileRequest], directory: Path) -> None:
        names: dict[Path, list[str]] = {}  # partials found in each directory
        pending: deque[Errand] = deque()
        for request in missing:
            place = Place(make_parents(directory, request.name))
            if place.parent not in names:
                names[place.parent] = find_leftovers(place.parent)
            leftovers = [each for each in names[place.parent] if each.startswith(place.prefix)]
            pending.append(Errand(request, place, leftovers, self._options))
        crew = Crew(Engine(self._transport, self._options.transfer), self._tell, self._options.store)
        try:
            while pending or crew.errands:
                self._check_cancelled()
                self._begin(pending, crew)
                for errand, job in crew.wait(_TICK_S):
                    self._end(errand, job)
        finally:
            crew.dismiss()

    def _begin(self, pending: deque[Errand], crew: Crew) -> None:
        """Start as many errands as may run at once; those that others hold go to the back of the line."""
        for _ in range(len(pending)):
            if len(crew.errands) >= self._options.transfer.files:
                return
            errand = pending.popleft()
            if errand.has_changed() and self._is_right(errand.request, errand.place.final, self._cancel):
                self._note_present(errand.request, errand.place.final, "joined")
                self._tell(FileFinished(result=self._results[errand.name]))
            elif errand.try_claim():
                crew.start(errand)
            else:
                if errand.is_first_wait():
                    self._tell(FileWaiting(name=errand.name))
                errand.check_patience()
                pending.append(errand)

    def _end(self, errand: Errand, job: Job) -> None:
        """Take note of a finished transfer, or raise its error."""
        if job.error is not None:
            raise job.error
        path, promised = errand.place.final, errand.request.artifact.digest
        if promised is not None:
            self._receipts.note(path, promised)
        source = max(job.sources, key=lambda each: each.received)
        result = FileResult(
            name=errand.name,
            path=path,
            size=job.size or 0,
            digest=promised,
            outcome="fetched",
            bytes_fetched=job.fetched,
            bytes_resumed=job.sink.recovered.written.total,
            seconds=time.monotonic() - errand.began,
            source=str(source.source),
        )
        self._results[errand.name] = result
        self._tell(FileFinished(result=result, partial=partial_data(errand)))

    def _is_right(self, request: FileRequest, path: Path, stop: threading.Event) -> bool:
        return is_right(path, request.artifact, self._receipts, stop)

    def _note_present(self, request: FileRequest, path: Path, outcome: Literal["present", "joined"]) -> None:
        self._results[request.name.text] = FileResult(
            name=request.name.text, path=path, size=look(path).size, digest=request.artifact.digest, outcome=outcome
        )

    def _check_cancelled(self) -> None:
        if self._cancel.is_set():
            raise CancelledError("stopped; the same call goes on from here")
