"""Removes what killed processes left beside files that were complete by then."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.store.claims import Claim, lease_for
from weighbridge.store.layout import Place
from weighbridge.store.leftovers import find_leftovers, read_leftover, remove_free
from weighbridge.store.partial import remove_partial

_SILENT_S = 300.0  # a holder gives a sign every few seconds


def tidy(finals: Iterable[Path], claim_ttl_s: float) -> None:
    """Remove partials and claims of files that are complete, as far as that is easy; never raises.

    What somebody alive may still be writing stays, and so does what can't be removed here.

    Args:
        finals: Paths of complete files.
        claim_ttl_s: A holder silent for this long is replaced.
    """
    by_parent: dict[Path, list[Path]] = {}
    for each in finals:
        by_parent.setdefault(each.parent, []).append(each)
    for parent, files in by_parent.items():
        with suppress(StoreError):
            _tidy_directory(find_leftovers(parent), files, claim_ttl_s)


def tidy_abandoned(parent: Path, age_s: float) -> None:
    """Remove partials of a directory, whatever they are of, that nobody has touched for long; never raises.

    A branch has moved on, or the one who wanted it never came back.  What somebody alive may be writing stays.

    Args:
        parent: The directory.
        age_s: Seconds without a sign.
    """
    with suppress(StoreError):
        for name in find_leftovers(parent):
            leftover = read_leftover(parent / name)
            if leftover is not None and leftover.is_free and time.time() - leftover.last_sign_at > age_s:
                remove_partial(leftover.path)


def _tidy_directory(names: list[str], files: list[Path], claim_ttl_s: float) -> None:
    for place in map(Place, files if names else ()):
        remove_free(place, [name for name in names if name.startswith(place.prefix)])
        if place.claim.name in names:
            claim = Claim.try_take(lease_for(place.claim, claim_ttl_s))
            if claim is not None:
                claim.release()
            else:
                _remove_silent(place.claim)


def _remove_silent(claim: Path) -> None:
    """Remove the claim of a complete file whose holder, whoever that was, has given no sign for long."""
    with suppress(OSError):
        if time.time() - claim.lstat().st_mtime > _SILENT_S:
            claim.unlink()
