"""Who may fill a partial: a lease kept alive by a heartbeat, taken over when its owner is gone or silent.

A claim saves work and nothing else: if two processes ever hold one at the same time, each writes a partial of its own
and publishes verified bytes by a rename.  It rests on exclusive creation alone, so it needs no lock that a file system
might not have.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.store.faults import storing
from weighbridge.store.layout import CLAIM_SUFFIX
from weighbridge.store.owners import Owner
from weighbridge.store.sight import open_plain

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_LARGEST = 4096  # bytes of a claim that are read
_LONGEST_S = 60.0  # no holder may ask for more silence than this
_FORGOTTEN_S = 300.0  # by the wall clock: one that nobody can look up, and that gave no sign since, is given up


@dataclass(frozen=True, slots=True)
class _Holder:
    """What a look at a claim's file tells: which file it is, when its holder last gave a sign, who that is.

    ``ttl_s`` is the silence, in seconds, that the holder asks others to bear.
    """

    inode: int
    sign_ns: int
    owner: Owner | None = None
    ttl_s: float = 0.0

    @property
    def is_gone(self) -> bool:
        """Whether it provably can't give a sign any more."""
        return self.owner is not None and self.owner.is_gone(self.sign_ns / 1e9)

    @property
    def is_forgotten(self) -> bool:
        """Whether it can't be looked up from here, as after a power loss, and gave no sign for minutes."""
        is_near = self.owner is not None and self.owner.is_near
        return not is_near and time.time() - self.sign_ns / 1e9 > _FORGOTTEN_S


class Lease:
    """What a waiter remembers of a claim it wants.

    Args:
        path: The claim's file.
        ttl_s: Seconds of silence after which its holder is replaced, by this waiter's own monotonic clock.
    """

    def __init__(self, path: Path, ttl_s: float) -> None:
        self.path = path
        self.ttl_s = ttl_s
        self._seen: _Holder | None = None
        self._seen_at = 0.0

    def must_yield(self, holder: _Holder) -> bool:
        """Tell whether the holder has lost its right: it is provably gone, or was silent for too long."""
        return self.finds_silent(holder) or holder.is_gone

    def finds_silent(self, holder: _Holder) -> bool:
        """Tell whether the holder was silent for too long; it must be asked again and again to know."""
        now = time.monotonic()
        if holder != self._seen:
            self._seen, self._seen_at = holder, now
        return now - self._seen_at >= max(self.ttl_s, holder.ttl_s)


class Claim:
    """A held claim; made by :meth:`try_take`.

    Args:
        path: Its file.
        descriptor: Open on the very file that was made, so that a successor's is never taken for it; -1 if none
            could be made, and then nobody is kept away.

    Attributes:
        had_holder: Somebody else held it when it was asked for.
    """

    had_holder = False

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._length = os.fstat(descriptor).st_size if descriptor >= 0 else 0
        self._lock = threading.Lock()  # guards the descriptor's end

    @classmethod
    def try_take(cls, lease: Lease) -> Claim | None:
        """Take the claim if nobody alive holds it; never waits.

        Call it again on the same lease to wait: silence is measured from one call to the next.

        Returns:
            The claim, or None while somebody else holds it.

        Raises:
            StoreError: The directory takes no files.
        """
        with storing(lease.path, "claim"):
            taken = _create(lease.path, lease.ttl_s)
            if taken is None:
                holder = _look(lease.path)
                if holder is not None and not lease.must_yield(holder):
                    return None
                try:
                    if holder is not None:
                        _evict(lease.path, holder)
                    taken = _create(lease.path, lease.ttl_s)
                except PermissionError:  # a dead user's, in a directory where only the owner may remove
                    taken = cls(lease.path, -1)
                if taken is not None:
                    taken.had_holder = True
        return taken

    def beat(self) -> None:
        """Show that the holder is alive; harmless if the claim was lost or released."""
        with self._lock, suppress(OSError):
            if self._descriptor >= 0:
                os.utime(self._descriptor)

    def sign(self) -> None:
        """Show those who wait that there is progress: the file gets longer or shorter by a blank; harmless if lost."""
        with self._lock, suppress(OSError):
            if self._descriptor >= 0:
                length = os.fstat(self._descriptor).st_size
                if length > self._length:
                    os.ftruncate(self._descriptor, self._length)
                else:
                    os.pwrite(self._descriptor, b" ", self._length)

    def release(self) -> None:
        """Let go; harmless if the claim was lost."""
        with self._lock, storing(self._path, "release the claim"):
            if self._descriptor < 0:
                return
            try:
                if _inode(self._path) == os.fstat(self._descriptor).st_ino:
                    self._path.unlink(missing_ok=True)
            finally:
                os.close(self._descriptor)
                self._descriptor = -1


class Heart:
    """Beats for all claims of a call, from one thread.

    Args:
        interval_s: Seconds between beats.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._claims: set[Claim] = set()
        self._lock = threading.Lock()  # guards _claims
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="weighbridge-heart", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise StoreError(
                "no thread can be started to keep claims alive; allow this process more of them"
            ) from error

    def add(self, claim: Claim) -> None:
        """Keep a claim alive."""
        with self._lock:
            self._claims.add(claim)

    def remove(self, claim: Claim) -> None:
        """Stop keeping a claim alive."""
        with self._lock:
            self._claims.discard(claim)

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(self._interval_s):
            with self._lock:
                claims = list(self._claims)
            for claim in claims:
                claim.beat()


def lease_for(path: Path, ttl_s: float) -> Lease:
    """Return a lease on ``path``, not yet taken; see :class:`Lease`."""
    return Lease(path, ttl_s)


def length_of(path: Path) -> int:
    """Return the length of a claim's file, which changes whenever its holder makes progress; 0 if there is none."""
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def is_claimed(path: Path) -> bool:
    """Tell whether somebody who may be alive has a claim; nothing is changed."""
    try:
        holder = _look(path)
    except OSError:
        return True
    return holder is not None and not holder.is_gone and not holder.is_forgotten


def is_stuck(lease: Lease) -> bool:
    """Tell whether the holder of a claim is there and was silent for too long; nothing is changed.

    Call it again on the same lease to wait, as :meth:`Claim.try_take`.
    """
    try:
        holder = _look(lease.path)
    except OSError:
        return False
    return holder is not None and lease.finds_silent(holder) and not holder.is_gone


def _create(path: Path, ttl_s: float) -> Claim | None:
    record = {"owner": Owner.current().to_record(), "nonce": secrets.token_hex(8), "ttl_s": ttl_s}
    try:
        descriptor = os.open(path, _FLAGS, 0o666)
    except FileExistsError:
        return None
    try:
        os.write(descriptor, json.dumps(record).encode("utf-8"))
    except OSError:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise
    return Claim(path, descriptor)


def _look(path: Path) -> _Holder | None:
    """Return who holds a claim; None if nobody does.  A holder that can't be read is nobody we know."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    try:
        with os.fdopen(open_plain(path, os.O_NOFOLLOW), "rb") as file:
            found, content = os.fstat(file.fileno()), file.read(_LARGEST)
        record = json.loads(content)
        owner = Owner.from_record(record["owner"])
        ttl_s = min(_LONGEST_S, float(record["ttl_s"]))  # in this order NaN, which equals nothing, is not taken
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return _Holder(found.st_ino, found.st_mtime_ns)
    return _Holder(found.st_ino, found.st_mtime_ns, owner, ttl_s)


def _evict(path: Path, holder: _Holder) -> None:
    """Take a claim's file away from a holder that must yield; of several who try, one succeeds.

    Should a third process have replaced the file since we looked, its claim is put back.  Its file may well have got
    the number of the one that was removed, but not its time.
    """
    aside = path.with_name(f"{path.name.removesuffix(CLAIM_SUFFIX)}.{secrets.token_hex(4)}{CLAIM_SUFFIX}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    found = aside.lstat()
    if (found.st_ino, found.st_mtime_ns) != (holder.inode, holder.sign_ns):
        with suppress(OSError):
            path.hardlink_to(aside)
    aside.unlink(missing_ok=True)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
