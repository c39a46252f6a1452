"""Notes that there is no such file: good for a commit for ever, and never about a file that is here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from weighbridge.core.errors import UnsafePathError
from weighbridge.store.cache.absences import forget_absence, is_absent, note_absence
from weighbridge.store.cache.layout import CacheFolder

COMMIT = "a" * 40

Change = Callable[[CacheFolder, str, str], object]


def test_absence_is_noted_and_forgotten(folder: CacheFolder) -> None:
    """An empty file where other clients look; gone once there is such a file."""
    before = is_absent(folder, COMMIT, "nope/x.json")
    note_absence(folder, COMMIT, "nope/x.json")
    noted = is_absent(folder, COMMIT, "nope/x.json"), folder.absence(COMMIT, "nope/x.json").read_bytes()
    forget_absence(folder, COMMIT, "nope/x.json")

    assert (before, noted) == (False, (True, b""))
    assert not is_absent(folder, COMMIT, "nope/x.json")


def test_commit_of_which_only_an_absence_is_known_has_a_snapshot(folder: CacheFolder) -> None:
    """A ref to it would otherwise make newer clients drop the repository."""
    note_absence(folder, COMMIT, "nope.json")

    assert folder.snapshot(COMMIT).is_dir()


def test_absence_of_a_file_that_is_here_is_not_noted(folder: CacheFolder) -> None:
    """Newer clients believe the note and never look for the file."""
    folder.snapshot(COMMIT).mkdir(parents=True)
    folder.pointer(COMMIT, "here.json").write_text("{}")

    note_absence(folder, COMMIT, "here.json")

    assert not is_absent(folder, COMMIT, "here.json")


def test_absence_that_can_t_be_noted_is_asked_for_again(folder: CacheFolder) -> None:
    """It is a saving, and no reason to fail: here a file that is absent would be a directory of another."""
    note_absence(folder, COMMIT, "nope")

    note_absence(folder, COMMIT, "nope/x.json")

    assert not is_absent(folder, COMMIT, "nope/x.json")


@pytest.mark.parametrize("change", [note_absence, is_absent, forget_absence])
@pytest.mark.parametrize(("commit", "path"), [(COMMIT, "../x"), ("main", "x"), (COMMIT, "/x")])
def test_name_that_leads_elsewhere_is_refused(folder: CacheFolder, change: Change, commit: str, path: str) -> None:
    """Also where failing is no reason to fail."""
    with pytest.raises(UnsafePathError):
        change(folder, commit, path)
