"""Which revisions leave when a cache is too large: the least recently used, and no more than are needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.errors import CacheLimitError
from weighbridge.store.cache.room.budget import choose_leavers, make_room
from weighbridge.store.cache.room.inventory import CachedRevision
from weighbridge.store.cache.room.limits import read_limit, write_limit


def revision(name: str, used_at: float, contents: Mapping[int, int], **more: Any) -> CachedRevision:
    """Return a revision; ``contents`` are sizes by inode."""
    facts: dict[str, Any] = {"refs": (), "files": 1, "modified_at": 0.0, "pins": (), "is_used": False, **more}
    keys = {(1, inode): size for inode, size in contents.items()}
    return CachedRevision(repo=name, commit="c" * 40, path=Path(name), contents=keys, used_at=used_at, **facts)


def names(found: Any) -> list[str] | None:
    return None if found is None else [each.repo for each in found.revisions]


def test_least_recently_used_leaves_first() -> None:
    """What is in daily use stays."""
    every = [revision("new", 3, {1: 10}), revision("old", 1, {2: 10}), revision("older", 0, {3: 10})]

    assert names(choose_leavers(every, 15)) == ["older", "old"]


def test_nothing_leaves_without_need() -> None:
    """A cache within its limit is left alone."""
    assert names(choose_leavers([revision("a", 0, {1: 10})], 0)) == []


@pytest.mark.parametrize("fact", [{"pins": ("by hand",)}, {"is_used": True}])
def test_pinned_and_used_revisions_never_leave(fact: dict[str, Any]) -> None:
    """Whatever the need, what somebody relies on stays."""
    every = [revision("kept", 0, {1: 10}, **fact), revision("free", 9, {2: 10})]

    assert names(choose_leavers(every, 10)) == ["free"]
    assert choose_leavers(every, 11) is None


def test_shared_content_comes_free_with_its_last_revision() -> None:
    """Sizes are told once, however many revisions have them."""
    every = [revision("one", 0, {1: 10, 2: 1}), revision("two", 1, {1: 10, 3: 1}), revision("three", 2, {4: 10})]

    found = choose_leavers(every, 12)

    assert names(found) == ["one", "two"]
    assert found is not None
    assert found.freed == 12


def test_small_one_stays_if_a_larger_one_is_enough() -> None:
    """No more leaves than has to."""
    every = [revision("small", 0, {1: 1}), revision("large", 1, {2: 100})]

    assert names(choose_leavers(every, 100)) == ["large"]


contents = st.dictionaries(st.integers(1, 8), st.just(7), max_size=4)
revisions = st.lists(st.tuples(st.integers(0, 5), contents, st.booleans()), max_size=7)


@given(revisions, st.integers(0, 60))
def test_choice_frees_enough_or_nothing_can(facts: list[tuple[int, dict[int, int], bool]], needed: int) -> None:
    """Either the limit is kept, or nothing that may leave could have kept it."""
    every = [
        revision(f"r{number}", used, sizes, is_used=is_used) for number, (used, sizes, is_used) in enumerate(facts)
    ]
    kept = {key for each in every if each.is_used for key in each.contents}
    possible = sum(7 for key in {key for each in every for key in each.contents} - kept)

    found = choose_leavers(every, needed)

    assert (found is None) == (needed > possible)
    assert found is None or found.freed >= needed or needed == 0


def test_limit_is_kept_with_the_cache(tmp_path: Path) -> None:
    """All who download into it keep to the same one; the environment wins."""
    before = read_limit(tmp_path)
    write_limit(tmp_path, 500)
    kept = read_limit(tmp_path), read_limit(tmp_path, wanted=7)
    write_limit(tmp_path, None)

    assert (before, kept, read_limit(tmp_path)) == (None, (500, 7), None)


def test_what_can_not_fit_is_refused_before_anything_leaves(tmp_path: Path) -> None:
    """A cache that is not there yet has nothing that could leave."""
    with pytest.raises(CacheLimitError) as caught:
        make_room(tmp_path / "hub", limit=10, needed=11)

    assert (caught.value.limit, caught.value.needed) == (10, 11)
