"""What is meant by what was typed after ``download``."""

from __future__ import annotations

import pytest

from weighbridge.cli.targets import Selection, Target, Typed, read_target
from weighbridge.core.errors import EntryNotFoundError


@pytest.mark.parametrize(
    ("names", "selections"),
    [
        ([], [Selection()]),
        (["a", "b"], [Selection(names=("a", "b"))]),
        (["x/"], [Selection(include=("x/*",))]),
        (["x[1]/"], [Selection(include=("x[[]1]/*",))]),
        (["x/", "a", "y/"], [Selection(names=("a",)), Selection(include=("x/*", "y/*"))]),
    ],
)
def test_names_are_asked_for_as_names_whatever_is_beside_them(names: list[str], selections: list[Selection]) -> None:
    """As a pattern, one that is mistyped would select nothing, and nobody would be told."""
    assert list(read_target(Typed(address="org/name", names=names)).selections) == selections


@pytest.mark.parametrize(
    ("names", "file"), [(["a"], "a"), (["a", "b"], None), (["x/"], None), (["a", "x/"], None), ([], None)]
)
def test_one_file_is_told_from_all_else(names: list[str], file: str | None) -> None:
    """Its path is what is printed then."""
    assert read_target(Typed(address="org/name", names=names)).file == file


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (Target(repo_id="o/n", folders=("x/",)), []),
        (Target(repo_id="o/n", folders=("x/", "y/")), ["x/a"]),
        (Target(repo_id="o/n", folders=("x/",), names=("xa",)), ["xa"]),
        (Target(repo_id="o/n", include=("*.gguf",)), []),
        (Target(repo_id="o/n", exclude=("*",)), []),
    ],
)
def test_selection_of_nothing_is_an_error(target: Target, found: list[str]) -> None:
    """A script would go on with a directory that is not there."""
    with pytest.raises(EntryNotFoundError, match="o/n at main"):
        target.check(found)


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (Target(repo_id="o/n"), []),
        (Target(repo_id="o/n", folders=("x/", "y/")), ["x/a", "y/b/c"]),
        (Target(repo_id="o/n", include=("*",)), ["a"]),
    ],
)
def test_repository_may_be_empty(target: Target, found: list[str]) -> None:
    """To have all of nothing is no error."""
    target.check(found)
