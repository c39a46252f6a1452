"""Pins: what a lock file needs for as long as it is there, and what somebody has pinned by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge.core.repos import RepoId
from weighbridge.store.cache import pins

REPO, OTHER = RepoId.parse("acme/plain"), RepoId.parse("datasets/acme/other")
ONE, TWO = "1" * 40, "2" * 40


def test_lock_file_pins_what_it_lists(tmp_path: Path) -> None:
    """Nothing that a project needs leaves the cache."""
    holder = tmp_path / "weighbridge.lock"
    holder.touch()

    pins.pin_for(tmp_path / "hub", holder, [(REPO, ONE), (OTHER, TWO)])

    assert pins.pins_of(tmp_path / "hub") == {(REPO.folder, ONE): (str(holder),), (OTHER.folder, TWO): (str(holder),)}


def test_next_sync_replaces_what_was_pinned(tmp_path: Path) -> None:
    """What a project no longer needs may go."""
    holder = tmp_path / "weighbridge.lock"
    holder.touch()
    pins.pin_for(tmp_path / "hub", holder, [(REPO, ONE)])

    pins.pin_for(tmp_path / "hub", holder, [(REPO, TWO)])

    assert list(pins.pins_of(tmp_path / "hub")) == [(REPO.folder, TWO)]


def test_pin_goes_with_its_lock_file(tmp_path: Path) -> None:
    """A project that was removed needs nothing."""
    holder = tmp_path / "weighbridge.lock"
    holder.touch()
    pins.pin_for(tmp_path / "hub", holder, [(REPO, ONE)])

    holder.unlink()

    assert pins.pins_of(tmp_path / "hub") == {}
    assert len(pins.stale_pins(tmp_path / "hub")) == 1


def test_pin_by_hand_is_of_one_commit_or_of_all(tmp_path: Path) -> None:
    """A repository that is pinned stays whatever comes into it later."""
    pins.pin(tmp_path, REPO)
    pins.pin(tmp_path, OTHER, ONE)

    held = pins.pins_of(tmp_path)

    assert pins.holders_of(held, REPO.folder, TWO) == (pins.BY_HAND,)
    assert pins.holders_of(held, OTHER.folder, ONE) == (pins.BY_HAND,)
    assert pins.holders_of(held, OTHER.folder, TWO) == ()


def test_pin_by_hand_can_be_taken_back_once(tmp_path: Path) -> None:
    """Who takes back what was never pinned hears of it."""
    pins.pin(tmp_path, REPO, ONE)

    assert [pins.unpin(tmp_path, REPO, ONE), pins.unpin(tmp_path, REPO, ONE)] == [True, False]
    assert pins.pins_of(tmp_path) == {}


@pytest.mark.parametrize("content", ["", "[]", '{"format": 2, "holder": null, "commits": []}', '{"format": 1}', "\0"])
def test_torn_pin_counts_as_none(tmp_path: Path, content: str) -> None:
    """Whatever lies there, the cache can be looked after."""
    pins.pin(tmp_path, REPO, ONE)
    for each in (tmp_path / ".locks" / ".weighbridge" / "pins").iterdir():
        each.write_text(content)

    assert pins.pins_of(tmp_path) == {}
