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
from contextlib import suppress
from pathlib import Path
from typing import Literal

from weighbridge.core.artifacts import FileRequest, FileResult
from weighbridge.core.digests import ensure_available
from weighbridge.core.errors import CancelledError, InvalidNameError, OfflineError, StoreError, UntrustedFileError
from weighbridge.core.events import Event, FileFinished, FileWaiting, Planned
from weighbridge.core.names import RelativeName, find_collision
from weighbridge.core.options import Options
from weighbridge.errands import Crew, Errand, Missing, partial_data
from weighbridge.http.transport import Transport
from weighbridge.store.claims import Claim, lease_for
from weighbridge.store.faults import flush_file
from weighbridge.store.layout import Place
from weighbridge.store.leftovers import find_leftovers, remove_free
from weighbridge.store.present import check_parents, ignores_case, is_right, look, make_parents
from weighbridge.store.receipts import Receipts
from weighbridge.store.sight import Sight
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
    clash = _find_clash([each.name for each in unique.values()], directory)
    if clash is not None:
        raise InvalidNameError(f"{clash[0]!r} and {clash[1]!r} can't both be in one directory", name=clash[1])
    unverified = [each.name.text for each in unique.values() if each.artifact.digest is None]
    if unverified and not allow_unverified:
        raise UntrustedFileError(
            f"no digest was promised for {', '.join(unverified)}; give one, or allow files without a digest",
            names=tuple(unverified),
        )
    return list(unique.values())


def _find_clash(names: Sequence[RelativeName], directory: Path) -> tuple[str, str] | None:
    """Return two names that can't both be in the directory; it is asked what it thinks of case only if that matters."""
    clash = find_collision(names, ignore_case=False)
    if clash is None and (same := find_collision(names, ignore_case=True)) is not None and ignores_case(directory):
        return same
    return clash


def _put_away(engine: Engine, crew: Crew | None, errands: Sequence[Errand]) -> None:
    if crew is None:
        engine.close()
        return
    crew.dismiss()
    for errand in errands:
        crew.leave(errand)  # one that an interrupt caught between claim and crew


def _run_to_its_end(work: Callable[[], None]) -> None:
    """Run bounded work that a second Ctrl-C must not tear apart: signals reach the main thread only."""
    thread = threading.Thread(target=work, name="weighbridge-end")
    try:
        thread.start()
    except RuntimeError:  # no thread to be had
        work()
        return
    thread.join()


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
            names = ", ".join(each.request.name.text for each in missing[:5])
            raise OfflineError(f"{len(missing)} files are not in {directory} and the network is switched off: {names}")
        if missing:
            self._fetch(missing, directory)
        return tuple(self._results[each.name.text] for each in requests)

    def _look(self, requests: Sequence[FileRequest], directory: Path) -> list[Missing]:
        """Note results for files that are there and right, tidying up around them; return the others."""
        places = [Place(directory.joinpath(*each.name.parts)) for each in requests]
        found = [
            Missing(request=each, place=at, sight=look(at.final)) for each, at in zip(requests, places, strict=True)
        ]
        stop = threading.Event()
        with ThreadPoolExecutor(_READERS, thread_name_prefix="weighbridge-look") as readers:
            checks = {
                readers.submit(self._is_right, each.request, each.place.final, stop): each.request.name.text
                for each in found
                if each.sight != Sight()
            }
            try:
                right, waiting = set[str](), set(checks)
                while waiting:
                    done, waiting = wait(waiting, _TICK_S, FIRST_EXCEPTION)
                    self._check_cancelled()
                    right.update(checks[each] for each in done if each.result())
            finally:
                stop.set()
                readers.shutdown(wait=False, cancel_futures=True)
        present = [each for each in found if each.request.name.text in right]
        for each in present:
            self._note_present(each.request, each.place.final, "present")
        self._tidy([each.place for each in present])
        return [each for each in found if each.request.name.text not in right]

    def _tidy(self, places: Sequence[Place]) -> None:
        """Remove what a killed process left beside files that were complete by then, as far as that is easy."""
        for parent in {each.parent for each in places}:
            with suppress(StoreError):
                self._tidy_directory(find_leftovers(parent), [each for each in places if each.parent == parent])

    def _tidy_directory(self, names: Sequence[str], places: Sequence[Place]) -> None:
        for place in places if names else ():
            remove_free(place, [name for name in names if name.startswith(place.prefix)])
            if place.claim.name in names:
                claim = Claim.try_take(lease_for(place.claim, self._options.store.claim_ttl_s))
                if claim is not None:
                    claim.release()

    def _fetch(self, missing: Sequence[Missing], directory: Path) -> None:
        names: dict[Path, list[str]] = {}  # partials found in each directory
        errands: list[Errand] = []
        for each in missing:
            parent = each.place.parent
            if parent not in names:
                make_parents(directory, each.request.name, durable=self._options.store.durable)
                names[parent] = find_leftovers(parent)
            leftovers = [name for name in names[parent] if name.startswith(each.place.prefix)]
            errands.append(Errand(each, leftovers, self._options))
        crew: Crew | None = None
        engine = Engine(self._transport, self._options.transfer)
        pending = deque(errands)
        try:
            crew = Crew(engine, self._receipts, self._tell, self._options.store, self._cancel)
            while pending or crew.errands:
                self._check_cancelled()
                self._begin(pending, crew)
                for errand, job in crew.wait(_TICK_S):
                    self._end(errand, job, crew)
            crew.flush_names()
        finally:
            _run_to_its_end(lambda: _put_away(engine, crew, errands))

    def _begin(self, pending: deque[Errand], crew: Crew) -> None:
        """Start as many errands as may run at once; those that others hold go to the back of the line."""
        for _ in range(len(pending)):
            if len(crew.errands) >= self._options.transfer.files:
                return
            errand = pending.popleft()
            if self._is_joined(errand, crew):
                continue
            if errand.try_claim():
                crew.keep(errand)
                if self._is_joined(errand, crew):
                    crew.leave(errand)
                else:
                    crew.start(errand)
            else:
                if errand.is_first_wait():
                    self._tell(FileWaiting(name=errand.name))
                errand.check_patience()
                pending.append(errand)

    def _is_joined(self, errand: Errand, crew: Crew) -> bool:
        """Tell whether somebody else has put the right file in place since we looked, and take note of it."""
        if not errand.has_changed() or not self._is_right(errand.request, errand.place.final, self._cancel):
            return False
        if self._options.store.durable:  # whoever fetched it may not have wanted that
            flush_file(errand.place.final)
            crew.named(errand.place)
        self._note_present(errand.request, errand.place.final, "joined")
        self._tell(FileFinished(result=self._results[errand.name]))
        return True

    def _end(self, errand: Errand, job: Job, crew: Crew) -> None:
        """Take note of a finished transfer, or raise its error."""
        if isinstance(job.error, StoreError) and self._is_joined(errand, crew):
            return  # we had been given up for dead, and somebody else was faster
        if job.error is not None:
            raise job.error
        source = max(job.sources, key=lambda each: each.received)
        result = FileResult(
            name=errand.name,
            path=errand.place.final,
            size=job.size or 0,
            digest=errand.request.artifact.digest,
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
