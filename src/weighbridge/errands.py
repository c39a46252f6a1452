"""One missing file's way through claim, partial and engine; and the crew that runs several of them at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from weighbridge.core.artifacts import Artifact, FileRequest
from weighbridge.core.errors import ClaimTimeoutError, DigestMismatchError, SizeMismatchError, StoreError
from weighbridge.core.events import Event, FileProgress, FileStarted, Retrying
from weighbridge.core.options import Options, StoreOptions
from weighbridge.store.claims import Claim, Heart, is_stuck, lease_for, length_of
from weighbridge.store.faults import flush_directory, storing
from weighbridge.store.gates import OPEN, Gate
from weighbridge.store.journal import Identity
from weighbridge.store.layout import DATA, Place
from weighbridge.store.leftovers import find_leftovers, last_sign_at, remove_free
from weighbridge.store.partial import Partial
from weighbridge.store.present import look
from weighbridge.store.receipts import Receipts
from weighbridge.store.recover import open_partial
from weighbridge.store.sight import Sight
from weighbridge.store.small import SMALL, SmallFile
from weighbridge.transfer.dispatch import Standing
from weighbridge.transfer.engine import Engine
from weighbridge.transfer.job import Job

_SIGN_S = 1.0
_POLL_S = 0.1
_WATCH_S = 1.0
_REPORT_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A file that is not there, or not right.

    Attributes:
        request: Which.
        place: Where.
        sight: What was there when it was found to be so.
        gate: Passed by whoever else may fetch it and knows nothing of claims.
    """

    request: FileRequest
    place: Place
    sight: Sight
    gate: Gate = OPEN


class Errand:
    """One missing file.

    Args:
        missing: Which.
        leftovers: Names of the partials that earlier runs left of it.
        options: Of the call.
    """

    def __init__(self, missing: Missing, leftovers: Sequence[str], options: Options) -> None:
        self.missing = missing
        self.request = missing.request
        self.place = missing.place
        self.began = time.monotonic()
        self.partial: Partial | SmallFile | None = None
        self._leftovers = leftovers
        self._options = options
        self._claim: Claim | None = None
        self._lease = lease_for(self.place.claim, options.store.claim_ttl_s)
        self._before = missing.sight
        self._signs: object = None
        self._sign_at: float | None = None  # when we last saw the holder make progress
        self._asked_at = 0.0
        self._watched_at = 0.0
        self._is_over = False
        self._goes_round = False  # the gate, whose holder is stuck

    @property
    def name(self) -> str:
        """The requested name."""
        return self.request.name.text

    @property
    def has_waited(self) -> bool:
        """Whether somebody else held the claim when it was asked for."""
        return self._sign_at is not None

    def has_changed(self) -> bool:
        """Tell whether somebody has put another file at the final path since we looked."""
        now = look(self.place.final)
        has_changed, self._before = now != self._before, now
        return has_changed

    @property
    def seen(self) -> Sight:
        """What was at the final path when it was last looked at."""
        return self._before

    def try_claim(self) -> bool:
        """Take the claim unless somebody alive holds it; asks the disk only a few times a second.

        Whoever held it before us may have published the file since we looked: look again before anything is fetched.
        A small file behind a gate that is locked does without: for many of them a claim is a good part of the work.
        """
        now = time.monotonic()
        if now - self._asked_at < _POLL_S:
            return False
        self._asked_at = now
        if not self._goes_round and not self.missing.gate.try_enter():
            # one of us who stands still inside is replaced; where there is no claim, it is another client
            self._goes_round = is_stuck(self._lease)
            if not self._goes_round:
                return False
        if self._is_small and self.missing.gate.is_locked:
            return True
        self._claim = Claim.try_take(self._lease)
        if self._claim is None:
            self.missing.gate.leave()
        if self._claim is not None and (self._claim.had_holder or self._sign_at is not None):
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
        if self._sign_at is None or now - self._watched_at < min(_WATCH_S, limit / 4):
            return
        self._watched_at = now
        names = [each for each in find_leftovers(self.place.parent) if self.place.owns(each)]
        signs = (last_sign_at(self.place, names), length_of(self.place.claim), self.missing.gate.signs())
        if signs != self._signs:
            self._signs, self._sign_at = signs, now
        if now - self._sign_at <= limit:
            return
        if not self._goes_round and not self.place.claim.exists():
            self._goes_round, self._sign_at = True, now  # it saves work, and there is none to be saved any more
            return
        raise ClaimTimeoutError(
            f"{self.name}: another process holds {self.place.claim} and made no progress for {limit:g} s; end that "
            "process, or allow a longer wait",
            path=str(self.place.claim),
            waited_s=now - self._sign_at,
        )

    def open(self, cancel: threading.Event) -> Partial | SmallFile:
        """Open a partial of our own; call after :meth:`try_claim` said so."""
        place = self.place
        if self._is_small and place.staging is not None:
            self.partial = SmallFile(place.staging, place.final, self._options.store, self._sign)
        else:
            identity = identity_of(self.request.artifact)
            self.partial = open_partial(place, identity, self._leftovers, cancel, self._options.store)
        self.began = time.monotonic()
        return self.partial

    @property
    def claim(self) -> Claim | None:
        """The claim, while held."""
        return self._claim

    def end(self, job: Job | None, receipts: Receipts) -> None:
        """Let go of the partial, unless it was published, and of the claim; never raises, harmless twice.

        Args:
            job: What became of the partial; None if the engine never had it.
            receipts: Told of a published file.
        """
        if self._is_over:
            return
        self._is_over = True
        with suppress(StoreError):
            if self.partial is not None:
                self._put_away(self.partial, job, receipts)
        with suppress(StoreError):
            if self._claim is not None:
                self._claim.release()
        self._claim = None
        self.missing.gate.leave()

    @property
    def _is_small(self) -> bool:
        """Whether the file is kept in memory until it is whole."""
        size = self.request.artifact.size
        return size is not None and size <= SMALL and self.place.staging is not None and not self._leftovers

    def _sign(self) -> None:
        """Show those who wait that there is progress, by a claim if there is none yet; harmless if it can't be had."""
        if self._claim is not None:
            self._claim.sign()
        elif not self._is_over:
            with suppress(StoreError):
                self._claim = Claim.try_take(self._lease)

    def _put_away(self, partial: Partial | SmallFile, job: Job | None, receipts: Receipts) -> None:
        if job is not None and job.is_over and job.error is None:
            digest = self.request.artifact.digest
            if digest is not None and partial.published != Sight():
                receipts.note(self.place.final, digest, partial.published, is_flushed=self._options.store.durable)
            remove_free(self.place, self._leftovers)
            return
        kept = partial.recovered.written if job is None else job.written
        if kept and not (job is not None and self._is_worthless(job)):
            partial.release()
        else:
            partial.drop()

    def _is_worthless(self, job: Job) -> bool:
        """Tell whether what arrived can be no part of the promised file, as far as anybody can tell.

        With a digest, bytes that came before a server began to tell another size may still be the right ones.
        """
        is_of_wrong_size = isinstance(job.error, SizeMismatchError) and job.artifact.digest is None
        return is_of_wrong_size or isinstance(job.error, DigestMismatchError)


class Crew:
    """Runs errands on an engine and tells how they fare; driven by one thread.

    Args:
        engine: Who moves the bytes; dismissed with the crew.
        receipts: Told of published files.
        tell: Receives events.
        options: Of the store.
        cancel: Ends a long copy of what another writer left.
    """

    def __init__(
        self,
        engine: Engine,
        receipts: Receipts,
        tell: Callable[[Event], None],
        options: StoreOptions,
        cancel: threading.Event,
    ) -> None:
        self._engine = engine
        self._cancel = cancel
        self._receipts = receipts
        self._tell = tell
        self._options = options
        self._reported_at = 0.0
        self._named: set[Path] = set()  # directories in which files have got their names
        self._heart = Heart(options.claim_ttl_s / 4)
        self._told: dict[Job, Standing] = {}
        self._signed_at = 0.0  # when those who wait for us were last shown that there is progress
        self._has_news = False
        self._over: dict[Errand, Job] = {}  # what the engine has done with, and which is still to be settled
        self.errands: dict[Job, Errand] = {}

    def start(self, errand: Errand) -> None:
        """Open the errand's partial and hand it to the engine; the claim is held, and kept from now on."""
        try:
            partial = errand.open(self._cancel)
            resumed = partial.recovered.written.total
            self._tell(FileStarted(name=errand.name, resumed=resumed, partial=partial.path / DATA))
            self.errands[self._engine.submit(errand.request.artifact, partial)] = errand
        except BaseException:
            self.leave(errand)
            raise

    def keep(self, errand: Errand) -> None:
        """Keep the errand's claim alive until it is left or over."""
        if errand.claim is not None:
            self._heart.add(errand.claim)

    def leave(self, errand: Errand) -> None:
        """Release what an errand holds that the engine has nothing to do with, or has done with; harmless twice."""
        self._end(errand, self._over.pop(errand, None))

    def wait(self, timeout_s: float) -> list[tuple[Errand, Job]]:
        """Wait for errands to be over; each keeps its claim until it is left, so that nobody meddles meanwhile."""
        finished, notes = self._engine.wait(timeout_s)
        for note in notes:
            self._tell(Retrying(name=note.name, reason=note.reason))
        over: list[tuple[Errand, Job]] = []
        now = time.monotonic()
        if now - self._reported_at >= _REPORT_S:
            self._reported_at = now
            for job in self.errands:
                self._report(job)
            self._sign(now)
        for job in finished:
            errand = self.errands.pop(job)
            self._told.pop(job, None)
            self._has_news = True
            self._over[errand] = job
            self.named(errand.place)
            over.append((errand, job))
        return over

    def dismiss(self) -> None:
        """Stop everything, keep what arrived, release every claim."""
        try:
            self._engine.close()
        finally:
            for errand, job in [*self._over.items(), *((errand, job) for job, errand in self.errands.items())]:
                self._end(errand, job)
            self._over.clear()
            self.errands.clear()
            self._heart.stop()
        with suppress(StoreError):
            self.flush_names()

    def named(self, place: Place) -> None:
        """Note that a file has got its name."""
        self._named.add(place.parent)

    def flush_names(self) -> None:
        """Make the names that files have got survive a power loss; raises :class:`StoreError`."""
        while self._options.durable and self._named:
            parent = self._named.pop()
            with storing(parent, "flush"):
                flush_directory(parent)

    def _end(self, errand: Errand, job: Job | None) -> None:
        if errand.claim is not None:
            self._heart.remove(errand.claim)
        errand.end(job, self._receipts)

    def _report(self, job: Job) -> None:
        """Tell the observer about progress."""
        standing = self._engine.standing(job)
        if self._told.get(job) == standing:
            self._has_news = self._has_news or standing.is_obeying or job.is_over
            return
        self._told[job], self._has_news = standing, True
        self._tell(
            FileProgress(
                name=job.artifact.name, received=standing.received, verified=standing.verified, size=standing.size
            )
        )

    def _sign(self, now: float) -> None:
        """Show those who wait for any file of ours that the call gets on, if it does.

        Files take turns on the connections, and a host may have asked for a pause: neither is a reason to give us up.
        """
        if not self._has_news or now - self._signed_at < _SIGN_S:
            return
        self._signed_at, self._has_news = now, False
        for job in self.errands:
            with suppress(StoreError):
                job.sink.touch()


def identity_of(artifact: Artifact) -> Identity:
    """Return what a partial of ``artifact`` must be a part of."""
    if artifact.digest is not None:
        return Identity(digest=str(artifact.digest), source=None, size=artifact.size)
    return Identity(digest=None, source=str(artifact.sources[0]), size=artifact.size)


def partial_data(errand: Errand) -> Path | None:
    """Return where an errand's bytes were before they got their name."""
    return None if errand.partial is None else errand.partial.path / DATA
