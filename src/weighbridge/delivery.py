"""Missing files on their way: each claimed or waited for, filled by the engine, and settled once it has its name."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from weighbridge.core.artifacts import FileResult
from weighbridge.core.errors import CancelledError, StoreError, WeighbridgeError
from weighbridge.core.events import Event, FileFinished, FileWaiting
from weighbridge.core.options import Options
from weighbridge.errands import Crew, Errand, Missing, partial_data
from weighbridge.http.transport import Transport
from weighbridge.store.faults import flush_file
from weighbridge.store.leftovers import find_leftovers
from weighbridge.store.present import is_right, look
from weighbridge.store.receipts import Receipts
from weighbridge.store.sight import Sight
from weighbridge.transfer.engine import Engine
from weighbridge.transfer.job import Job

_TICK_S = 0.1

Tell = Callable[[Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a call works with.

    Attributes:
        transport: Who asks for bytes.
        options: How.
        receipts: What is known of files that are here.
        tell: Receives events, on the calling thread.
        cancel: Ends the call when set.
    """

    transport: Transport
    options: Options
    receipts: Receipts
    tell: Tell
    cancel: threading.Event

    def check_cancelled(self) -> None:
        """Raise :class:`CancelledError` if the call is to end."""
        if self.cancel.is_set():
            raise CancelledError("stopped; the same call goes on from here")


class Settle(Protocol):
    """Does what remains to be done once a file's bytes have their name."""

    def __call__(self, missing: Missing, result: FileResult, /) -> Sequence[FileResult]:
        """Return the results to tell: the one given, or those of all names under which the bytes were wanted.

        The claim on the file is held for as long as this takes, unless its ``outcome`` is ``joined``: then whoever put
        it there may be settling it as well.
        """


def as_it_is(missing: Missing, result: FileResult) -> Sequence[FileResult]:
    """Settle a file that is where it was wanted."""
    del missing
    return (result,)


class Delivery:
    """Has missing files fetched, by this call or by whoever is at it already; driven by one thread.

    Args:
        means: What it works with.
        settle: Called on the driving thread for each file that has its name.
    """

    def __init__(self, means: Means, settle: Settle) -> None:
        self._means = means
        self._settle = settle
        self._results: list[FileResult] = []

    def run(self, missing: Sequence[Missing]) -> list[FileResult]:
        """Have every file; the first error ends it, and what arrived is kept.

        Args:
            missing: Their directories exist.  Those that come first are served first.

        Returns:
            A result for each, as far as ``settle`` gives no more or less, in the order in which they were finished.
        """
        options = self._means.options
        errands = self._prepare(missing)
        crew: Crew | None = None
        engine = Engine(self._means.transport, options.transfer)
        pending = deque(errands)
        try:
            crew = Crew(engine, self._means.receipts, self._means.tell, options.store, self._means.cancel)
            while pending or crew.errands:
                self._means.check_cancelled()
                self._begin(pending, crew)
                for errand, job in crew.wait(_TICK_S):
                    self._end(errand, job, crew)
            crew.flush_names()
        finally:
            _run_to_its_end(lambda: _put_away(engine, crew, errands))
        return self._results

    def _prepare(self, missing: Sequence[Missing]) -> list[Errand]:
        """Return the errands, each with what earlier runs left of its file; every directory is listed once."""
        parents = {each.place.parent for each in missing}
        found = {parent: find_leftovers(parent) for parent in parents}
        errands: list[Errand] = []
        for each in missing:
            leftovers = [name for name in found[each.place.parent] if name.startswith(each.place.prefix)]
            errands.append(Errand(each, leftovers, self._means.options))
        return errands

    def _begin(self, pending: deque[Errand], crew: Crew) -> None:
        """Start as many errands as may run at once; those that others hold go to the back of the line."""
        for _ in range(len(pending)):
            if len(crew.errands) >= self._means.options.transfer.files:
                return
            errand = pending.popleft()
            if errand.has_waited and self._is_joined(errand, crew):
                continue
            if errand.try_claim():
                crew.keep(errand)
                if self._is_joined(errand, crew):
                    crew.leave(errand)
                else:
                    crew.start(errand)
            else:
                if errand.is_first_wait():
                    self._means.tell(FileWaiting(name=errand.name))
                errand.check_patience()
                pending.append(errand)

    def _is_joined(self, errand: Errand, crew: Crew) -> bool:
        """Tell whether somebody else has put the right file in place since we looked, and take note of it.

        Where there are no links, whoever put it there moves it on from there, maybe just now: then it is not joined.
        """
        means, place = self._means, errand.place
        if not errand.has_changed():
            return False
        if not is_right(place.final, errand.request.artifact.promise, means.receipts, means.cancel):
            return False
        try:
            if means.options.store.durable:  # whoever fetched it may not have wanted that
                flush_file(place.final)
                crew.named(place)
            results = self._settle(errand.missing, _result_of(errand))
        except StoreError:
            if look(place.final) == Sight():
                return False
            raise
        self._note(results, None)
        return True

    def _end(self, errand: Errand, job: Job, crew: Crew) -> None:
        """Take note of a finished transfer, or raise its error."""
        if isinstance(job.error, StoreError) and self._is_joined(errand, crew):
            crew.leave(errand)
            return  # we had been given up for dead, and somebody else was faster
        if job.error is not None:
            raise _about(job.error, errand.name)
        source = max(job.sources, key=lambda each: each.received)
        result = replace(
            _result_of(errand),
            size=job.size or 0,
            outcome="fetched",
            bytes_fetched=job.fetched,
            bytes_resumed=job.sink.recovered.written.total,
            seconds=time.monotonic() - errand.began,
            source=str(source.source),
        )
        results = self._settle(errand.missing, result)
        crew.leave(errand)
        self._note(results, partial_data(errand))

    def _note(self, results: Sequence[FileResult], partial: Path | None) -> None:
        """Keep results and tell them; the first comes with where its bytes were before they got their name."""
        for each in results:
            self._results.append(each)
            self._means.tell(FileFinished(result=each, partial=partial))
            partial = None


def _result_of(errand: Errand) -> FileResult:
    """Return the result of a file that somebody else has fetched."""
    return FileResult(
        name=errand.name,
        path=errand.place.final,
        size=errand.seen.size,
        digest=errand.request.artifact.digest,
        outcome="joined",
    )


def _about(error: Exception, name: str) -> Exception:
    """Let an error say which file it is about: an address may not tell, least of all that of a content store."""
    if isinstance(error, WeighbridgeError) and name not in error.message:
        error.message = f"{name}: {error.message}"
        error.args = (error.message,)
    return error


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
