"""One missing file's way through claim, partial and engine; and the crew that runs several of them at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from weighbridge.core.artifacts import Artifact, FileRequest
from weighbridge.core.errors import ClaimTimeoutError, IntegrityError, StoreError
from weighbridge.core.events import Event, FileProgress, FileStarted, Retrying
from weighbridge.core.options import Options, StoreOptions
from weighbridge.store.claims import Claim, Heart, lease_for
from weighbridge.store.faults import flush_directory
from weighbridge.store.journal import Identity
from weighbridge.store.layout import DATA, Place
from weighbridge.store.partial import Partial
from weighbridge.store.present import look
from weighbridge.store.recover import find_leftovers, last_sign_at, open_partial, remove_free
from weighbridge.transfer.engine import Engine
from weighbridge.transfer.job import Job

_TOUCH_S = 1.0
_POLL_S = 0.1
_REPORT_S = 0.1


class Errand:
    """One missing file.

    Args:
        request: Which.
        place: Where.
        leftovers: Names of the partials that earlier runs left of it.
        options: Of the call.
    """

    def __init__(self, request: FileRequest, place: Place, leftovers: Sequence[str], options: Options) -> None:
        self.request = request
        self.place = place
        self.began = time.monotonic()
        self.partial: Partial | None = None
        self._leftovers = leftovers
        self._options = options
        self._claim: Claim | None = None
        self._lease = lease_for(place.claim, options.store.claim_ttl_s)
        self._before = look(place.final)
        self._signs: object = None
        self._sign_at: float | None = None  # when we last saw the holder make progress
        self._asked_at = 0.0

    @property
    def name(self) -> str:
        """The requested name."""
        return self.request.name.text

    def has_changed(self) -> bool:
        """Tell whether somebody has put another file at the final path since we looked."""
        now = look(self.place.final)
        has_changed, self._before = now != self._before, now
        return has_changed

    def try_claim(self) -> bool:
        """Take the claim unless somebody alive holds it; asks the disk only a few times a second."""
        now = time.monotonic()
        if now - self._asked_at < _POLL_S:
            return False
        self._asked_at = now
        self._claim = Claim.try_take(self._lease)
        if self._claim is not None and self._sign_at is not None:
            self._leftovers = find_leftovers(self.place.parent)
        return self._claim is not None

    def is_first_wait(self) -> bool:
        """Tell whether waiting for the holder begins now."""
        if self._sign_at is not None:
            return False
        self._sign_at = time.monotonic()
        return True

    def check_patience(self) -> None:
        """Raise :class:`ClaimTimeoutError` if the holder has made no progress for as long as we may wait."""
        now, limit = time.monotonic(), self._options.store.wait_timeout_s
        if self._asked_at == now or self._sign_at is None:
            return
        signs = last_sign_at(self.place, [each for each in find_leftovers(self.place.parent) if self.place.owns(each)])
        if signs != self._signs:
            self._signs, self._sign_at = signs, now
        if now - self._sign_at > limit:
            raise ClaimTimeoutError(
                f"{self.name}: another process holds {self.place.claim} and made no progress for {limit:g} s; end that "
                "process, or allow a longer wait",
                path=str(self.place.claim),
                waited_s=now - self._sign_at,
            )

    def open(self, *, durable: bool) -> Partial:
        """Open a partial of our own; call while holding the claim."""
        artifact = self.request.artifact
        self.partial = open_partial(self.place, identity_of(artifact), self._leftovers, durable=durable)
        self.began = time.monotonic()
        return self.partial

    @property
    def claim(self) -> Claim | None:
        """The claim, while held."""
        return self._claim

    def end(self, job: Job | None) -> None:
        """Let go of the partial, unless it was published, and of the claim; never raises."""
        with suppress(StoreError):
            if self.partial is not None:
                self._put_away(self.partial, job)
        with suppress(StoreError):
            if self._claim is not None:
                self._claim.release()
        self._claim = None

    def _put_away(self, partial: Partial, job: Job | None) -> None:
        if job is not None and job.is_over and job.error is None:
            remove_free(self.place, self._leftovers)
            return
        kept = partial.recovered.written if job is None else job.written
        if kept and not (job is not None and isinstance(job.error, IntegrityError)):
            partial.release()
        else:
            partial.drop()


class Crew:
    """Runs errands on an engine and tells how they fare; driven by one thread.

    Args:
        engine: Who moves the bytes; dismissed with the crew.
        tell: Receives events.
        options: Of the store.
    """

    def __init__(self, engine: Engine, tell: Callable[[Event], None], options: StoreOptions) -> None:
        self._engine = engine
        self._tell = tell
        self._options = options
        self._reported_at = 0.0
        self._named: set[Path] = set()  # directories in which files have got their names
        self._heart = Heart(options.claim_ttl_s / 4)
        self._told: dict[Job, tuple[int, int]] = {}
        self._touched: dict[Job, tuple[float, int]] = {}
        self.errands: dict[Job, Errand] = {}

    def start(self, errand: Errand) -> None:
        """Open the errand's partial and hand it to the engine; the claim is held."""
        if errand.claim is not None:
            self._heart.add(errand.claim)
        try:
            partial = errand.open(durable=self._options.durable)
            resumed = partial.recovered.written.total
            self._tell(FileStarted(name=errand.name, resumed=resumed, partial=partial.path / DATA))
        except BaseException:
            self._end(errand, None)
            raise
        self.errands[self._engine.submit(errand.request.artifact, partial)] = errand

    def wait(self, timeout_s: float) -> list[tuple[Errand, Job]]:
        """Wait for errands to be over; their claims are released."""
        finished, notes = self._engine.wait(timeout_s)
        for note in notes:
            self._tell(Retrying(name=note.name, reason=note.reason))
        over: list[tuple[Errand, Job]] = []
        now = time.monotonic()
        if now - self._reported_at >= _REPORT_S:
            self._reported_at = now
            for job in self.errands:
                self._report(job)
        for job in finished:
            errand = self.errands.pop(job)
            self._told.pop(job, None)
            self._touched.pop(job, None)
            self._end(errand, job)
            self._named.add(errand.place.parent)
            over.append((errand, job))
        return over

    def dismiss(self) -> None:
        """Stop everything, keep what arrived, release every claim."""
        self._engine.close()
        for job, errand in self.errands.items():
            self._end(errand, job)
        self.errands.clear()
        self._heart.stop()
        if self._options.durable:
            for parent in self._named:
                with suppress(OSError):
                    flush_directory(parent)

    def _end(self, errand: Errand, job: Job | None) -> None:
        if errand.claim is not None:
            self._heart.remove(errand.claim)
        errand.end(job)

    def _report(self, job: Job) -> None:
        """Tell the observer, and those who wait for us elsewhere, about progress."""
        standing, now = self._engine.standing(job), time.monotonic()
        current = (standing.received, standing.verified)
        if self._told.get(job) != current:
            self._told[job] = current
            self._tell(
                FileProgress(
                    name=job.artifact.name, received=standing.received, verified=standing.verified, size=standing.size
                )
            )
        touched_at, verified = self._touched.get(job, (now, -1))
        if now - touched_at >= _TOUCH_S and (verified != standing.verified or job.is_over):
            self._touched[job] = (now, standing.verified)
            with suppress(StoreError):
                job.sink.touch()
        elif job not in self._touched:
            self._touched[job] = (now, -1)


def identity_of(artifact: Artifact) -> Identity:
    """Return what a partial of ``artifact`` must be a part of."""
    if artifact.digest is not None:
        return Identity(digest=str(artifact.digest), source=None)
    return Identity(digest=None, source=str(artifact.sources[0]))


def partial_data(errand: Errand) -> Path | None:
    """Return where an errand's bytes were before they got their name."""
    return None if errand.partial is None else errand.partial.path / DATA
