"""Whether somebody is at work on what is unfinished, told without disturbing him."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weighbridge.core.repos import RepoId
from weighbridge.store.cache.audit.rests import is_rest, look_at_rest
from weighbridge.store.cache.audit.views import Rest
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.locks import BlobLock, is_taken
from weighbridge.store.cache.root import prepare_folder
from weighbridge.store.claims import Claim, is_claimed, lease_for
from weighbridge.store.layout import Place

ETAG = "a" * 64


@pytest.fixture
def folder(tmp_path: Path) -> CacheFolder:
    """A repository's folder in a cache."""
    made = CacheFolder(tmp_path / "hub", RepoId.parse("org/name"))
    prepare_folder(made)
    return made


def rests(folder: CacheFolder) -> list[Rest]:
    with os.scandir(folder.blobs) as entries:
        return [rest for each in entries if is_rest(each) for rest in look_at_rest(folder, each)]


def test_file_of_another_client_is_held_while_its_lock_is(folder: CacheFolder) -> None:
    """Clearing it away would cost a running download all that it has."""
    (folder.blobs / f"{ETAG}.0a1b2c3d.incomplete").write_bytes(b"part")
    lock = BlobLock(folder, ETAG)
    assert lock.try_enter()

    during = rests(folder)
    lock.leave()

    assert [each.is_held for each in during] == [True]
    assert [each.is_held for each in rests(folder)] == [False]


def test_claim_is_held_until_it_is_released(folder: CacheFolder) -> None:
    """A dead one is a leftover, a live one is somebody."""
    place = Place(folder.blob(ETAG))
    claim = Claim.try_take(lease_for(place.claim, 6.0))
    assert claim is not None

    during, is_held = rests(folder), is_claimed(place.claim)
    claim.release()

    assert [each.is_held for each in during] == [True]
    assert is_held
    assert not is_claimed(place.claim)


def test_partial_without_a_journal_is_nobody_s(folder: CacheFolder) -> None:
    """A journal is there before the first byte is."""
    partial = Place(folder.blob(ETAG)).new_partial()
    partial.mkdir()
    (partial / "data").write_bytes(b"x" * 5000)

    (found,) = rests(folder)

    assert (found.path, found.size, found.is_held) == (partial, 5000, False)


def test_asking_for_a_lock_makes_none(folder: CacheFolder) -> None:
    """Looking changes nothing, and where nobody ever locked there is nothing to be taken."""
    assert not is_taken(folder, ETAG)
    assert not folder.lock(ETAG).exists()


@pytest.mark.parametrize("name", [ETAG, "tmp", "notes.txt"])
def test_what_is_no_rest_is_not_taken_for_one(folder: CacheFolder, name: str) -> None:
    """Contents least of all."""
    (folder.blobs / name).write_bytes(b"")

    assert rests(folder) == []
