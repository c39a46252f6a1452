"""Who may fill a partial: a lease kept alive by a heartbeat, taken over when its owner is gone or silent.

A claim saves work and nothing else: if two processes ever hold one at the same time, each writes a partial of its own
and publishes verified bytes by a rename.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from filelock import LeaseSettingsMismatch, SoftFileLease, Timeout

from weighbridge.store.faults import storing
from weighbridge.store.owners import is_zombie

Lease = SoftFileLease


class Claim:
    """A held claim; made by :meth:`try_take`.

    Args:
        lease: The lease, acquired.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease = lease

    @classmethod
    def try_take(cls, lease: Lease) -> Self | None:
        """Take the claim if nobody alive holds it; never waits.

        Call it again on the same lease to wait: silence is measured from one call to the next.

        Returns:
            The claim, or None while somebody else holds it.

        Raises:
            StoreError: The directory takes no files.
        """
        path = Path(lease.lock_file)
        with storing(path, "claim"):
            if _acquire(lease):
                return cls(lease)
            owner = lease.owner
            if owner is None or not is_zombie(owner.pid, owner.start):
                return None
            lease.force_break()  # killed, and its parent has not noticed: for filelock it is still alive
            return cls(lease) if _acquire(lease) else None

    def release(self) -> None:
        """Let go; harmless if the claim was lost."""
        with storing(Path(self._lease.lock_file), "release the claim"):
            self._lease.release()


def lease_for(path: Path, ttl_s: float) -> Lease:
    """Return a lease on ``path``, not yet acquired.

    Args:
        path: The claim's file.
        ttl_s: Seconds of silence after which its holder is replaced; the same for all who ask.
    """
    return SoftFileLease(str(path), lease_duration=ttl_s, thread_local=False)


def _acquire(lease: Lease) -> bool:
    try:
        lease.acquire(blocking=False)
    except (Timeout, LeaseSettingsMismatch):
        return False
    return True
