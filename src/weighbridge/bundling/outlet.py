"""Where a bundle gets its name: one writer at a time, nothing half-done under it, nothing replaced unasked."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from weighbridge.bundling.carriers import PARTS_SUFFIX, Archive, WrongError, find_bundle, read_manifest
from weighbridge.core.errors import CancelledError, StoreError
from weighbridge.core.events import Notice, Observer
from weighbridge.core.options import StoreOptions
from weighbridge.store.claims import Claim, Heart, lease_for
from weighbridge.store.faults import flush_directory, storing
from weighbridge.store.layout import Place
from weighbridge.store.sight import Sight, see

_POLL_S = 0.1


class Outlet:
    """The place of one bundle.

    Args:
        out: What the bundle, or what its parts begin with, is to be called.
        options: How long the claim of one who is silent holds.
        replaces: A bundle that is there may be replaced.

    Raises:
        StoreError: Something is there that must not be replaced.
    """

    def __init__(self, out: Path, options: StoreOptions, *, replaces: bool) -> None:
        self._out = out
        self._place = Place(out)
        self._options = options
        self._old = self._existing()
        if self._old and not replaces:
            raise StoreError(
                f"{self._old[0]} is there already; choose another name, or replace the bundle with --force",
                path=str(self._old[0]),
            )
        if self._old:
            self._check_ours()

    @contextmanager
    def staging(self, tell: Observer, cancel: threading.Event) -> Iterator[Path]:
        """Give an empty directory beside the place; what is still in it at the end of the block is removed.

        Whoever is killed leaves it there, and the next who makes the same bundle removes it: to go on with it would
        cost as much reading as to begin again.

        Raises:
            StoreError: Somebody else is making the same bundle, or the disk says no.
            CancelledError: ``cancel`` was set.
        """
        with storing(self._place.parent, "make"):
            self._place.parent.mkdir(parents=True, exist_ok=True)
        claim = self._claim(cancel)
        heart = Heart(self._options.claim_ttl_s / 4)
        place = self._place.new_partial()
        try:
            heart.add(claim)
            self._tidy(tell)
            with storing(place, "make"):
                place.mkdir()
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
            heart.stop()
            claim.release()

    def publish(self, made: Mapping[str, Path]) -> tuple[Path, ...]:
        """Give what was made its names: in one step if it is one thing and nothing was there.

        What was there is moved aside first, and removed when all has its name, or put back if that can't be.  If the
        process dies in between, there is no bundle, or only some of its parts and no list of them; making it once more
        clears that up.

        Args:
            made: What there is, by what its name is to end in.

        Raises:
            StoreError: The disk says no; what was there is there again.
        """
        aside = next(iter(made.values())).parent / "old"
        with storing(self._out, "publish"):
            if self._existing() != self._old:
                raise StoreError(f"somebody else has made {self._out} meanwhile", path=str(self._out))
            aside.mkdir()
            leaving = {each: aside / each.name for each in self._old}
            coming = {path: self._out.with_name(f"{self._out.name}{suffix}") for suffix, path in made.items()}
            _rename_all({**leaving, **coming})
            flush_directory(self._place.parent)
        return tuple(coming.values())

    def _claim(self, cancel: threading.Event) -> Claim:
        """Take the claim; a holder that may be alive has its time to show that it is."""
        lease, seen = lease_for(self._place.claim, self._options.claim_ttl_s), see(self._place.claim)
        while (claim := Claim.try_take(lease)) is None:
            if see(self._place.claim) not in {seen, Sight()}:
                raise StoreError(f"another process is making {self._out}; wait for it", path=str(self._out))
            if cancel.wait(_POLL_S):
                raise CancelledError(f"waiting for {self._out} was cancelled")
        return claim

    def _existing(self) -> list[Path]:
        """Return what is there that a bundle of this name consists of, the largest thing first."""
        part = re.compile(rf"{re.escape(self._out.name)}(|\.[0-9]{{3,6}}|{re.escape(PARTS_SUFFIX)})", re.DOTALL)
        with storing(self._place.parent, "list"):
            try:
                names = os.listdir(self._place.parent)  # noqa: PTH208 - names are all that is needed
            except FileNotFoundError:
                return []
        return [self._place.parent / each for each in sorted(names) if part.fullmatch(each)]

    def _check_ours(self) -> None:
        """Refuse to replace what is no bundle, holds more than that, or only happens to be called as a part of one."""
        strangers = self._strangers()
        if strangers:
            raise StoreError(
                f"what is at {strangers[0]} is no bundle, or not only that, so it is not replaced; remove it yourself, "
                "or choose another name",
                path=str(strangers[0]),
            )

    def _strangers(self) -> list[Path]:
        """Return what is there that is somebody's."""
        try:
            found = find_bundle([str(self._out)])
            read_manifest(found)
        except (WrongError, OSError):
            return self._old
        own = {Path(path) for path, _ in found.parts} if isinstance(found, Archive) else {self._out}
        if own != {self._out}:
            own.add(self._out.with_name(f"{self._out.name}{PARTS_SUFFIX}"))
        return [each for each in self._old if each not in own] or ([self._out] if found.odd else [])

    def _tidy(self, tell: Observer) -> None:
        """Remove what those left who were killed; nobody else is at it, as we hold the claim."""
        with storing(self._place.parent, "list"):
            found = list(self._place.parent.iterdir())
        rests = [each for each in found if self._place.owns(each.name)]
        for each in rests:
            shutil.rmtree(each, ignore_errors=True)
        for each in found:
            if self._place.is_evicted_claim(each.name):
                with suppress(OSError):
                    each.unlink()
        if rests:
            tell(Notice(message=f"making {self._out} was interrupted earlier; it is begun again"))


def _rename_all(names: Mapping[Path, Path]) -> None:
    """Rename all or, as far as the disk lets us, nothing."""
    done: list[tuple[Path, Path]] = []
    try:
        for before, after in names.items():
            before.rename(after)
            done.append((before, after))
    except OSError:
        for before, after in reversed(done):
            with suppress(OSError):
                after.rename(before)
        raise
