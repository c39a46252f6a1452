"""Removes what killed processes left beside files that were complete by then."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from weighbridge.core.errors import StoreError
from weighbridge.store.claims import Claim, lease_for
from weighbridge.store.layout import Place
from weighbridge.store.leftovers import find_leftovers, remove_free


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


def _tidy_directory(names: list[str], files: list[Path], claim_ttl_s: float) -> None:
    for place in map(Place, files if names else ()):
        remove_free(place, [name for name in names if name.startswith(place.prefix)])
        if place.claim.name in names:
            claim = Claim.try_take(lease_for(place.claim, claim_ttl_s))
            if claim is not None:
                claim.release()
