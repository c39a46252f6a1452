"""Old and new keywords, read into one meaning."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest

from weighbridge.compat.huggingface_hub import cached_assets_path, hf_hub_url
from weighbridge.compat.huggingface_hub.keywords import (
    join_subfolder,
    note_old,
    one_patterns,
    one_revision,
    one_token,
)
from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.patterns import Patterns

COMMIT = "a" * 40


class Resolved(str):
    """What newer clients give for a revision that they have resolved."""

    __slots__ = ("resolved",)
    resolved: Any


@pytest.mark.parametrize("token", ["hf_x", True, False, None])
def test_new_token_is_taken_as_it_is(token: Any) -> None:
    """Nobody is warned who does it right."""
    assert one_token(token, None) is token


@pytest.mark.parametrize("token", ["hf_x", True, False])
def test_old_name_of_the_token_is_taken_with_a_warning(token: Any) -> None:
    """A program of 2022 would go without its token."""
    with pytest.warns(FutureWarning, match="call it 'token'$"):
        assert one_token(None, token) is token


def test_new_name_of_the_token_wins() -> None:
    """Which of two tokens is sent must not be a matter of chance."""
    with pytest.warns(FutureWarning, match="left aside"):
        assert one_token(False, "hf_old") is False


def test_wrong_type_of_token_is_refused_without_showing_it() -> None:
    """The message would carry the secret into a log."""
    with pytest.raises(InvalidParameterError, match="not bytes") as caught:
        one_token(b"hf_secret", None)  # type: ignore[arg-type]

    assert "hf_secret" not in str(caught.value)


def test_old_patterns_win_with_one_warning() -> None:
    """They did so when both were there, and one call is one warning."""
    with pytest.warns(FutureWarning, match="globs") as caught:
        found = one_patterns(["*.new"], ["*.other"], "*.old", None)

    assert found == Patterns("*.old", ["*.other"])
    assert len(caught) == 1


def test_new_patterns_are_taken_as_they_are() -> None:
    """Nobody is warned who does it right."""
    assert one_patterns("a/", None) == Patterns("a/", None)


@pytest.mark.parametrize(
    "given",
    [
        {"resume_download": True},
        {"resume_download": False},
        {"force_filename": "x.bin"},
        {"legacy_cache_layout": True},
        {"proxies": {"https": "http://p"}},
        {"local_dir_use_symlinks": False},
    ],
)
def test_old_keyword_is_noted_with_what_it_means_now(given: dict[str, Any]) -> None:
    """A keyword that is silently without effect is worse than one that is refused."""
    with pytest.warns(FutureWarning, match=f"^'{next(iter(given))}' belongs to old versions of huggingface_hub: "):
        note_old(**given)


def test_usual_values_of_old_keywords_are_passed_over() -> None:
    """Wrappers hand on whatever defaults they have."""
    with warnings.catch_warnings(record=True) as caught:
        note_old(
            resume_download=None,
            force_filename=None,
            legacy_cache_layout=False,
            proxies=None,
            local_dir_use_symlinks="auto",
        )

    assert caught == []


def test_warning_names_the_line_of_the_caller() -> None:
    """People would look for the old keyword in our files instead of their own."""
    with pytest.warns(FutureWarning) as caught:
        note_old(resume_download=True)
    line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]

    assert (caught[0].filename, caught[0].lineno) == (__file__, line)


@pytest.mark.parametrize(
    ("subfolder", "path"),
    [(None, "f.bin"), ("", "f.bin"), ("onnx", "onnx/f.bin"), ("a/b/", "a/b/f.bin"), ("/", "//f.bin")],
)
def test_subfolder_is_put_before_the_name(subfolder: str | None, path: str) -> None:
    """``""`` is no folder; what begins with a slash stays refusable."""
    assert join_subfolder(subfolder, "f.bin") == path


@pytest.mark.parametrize(("subfolder", "filename"), [(1, "f"), ("a", None)])
def test_names_that_are_no_texts_are_refused(subfolder: Any, filename: Any) -> None:
    """``None`` would become a file of that name."""
    with pytest.raises(InvalidParameterError):
        join_subfolder(subfolder, filename)


def test_resolved_revision_is_its_commit() -> None:
    """A branch that moves in between would mix two commits."""
    revision = Resolved("main")
    revision.resolved = COMMIT

    assert [one_revision(each) for each in (revision, "main", COMMIT, None)] == [COMMIT, "main", COMMIT, None]


def test_unknown_keyword_is_refused_as_python_does() -> None:
    """A misspelt keyword would be without effect."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'revison'"):
        hf_hub_url("org/name", "f", revison="main")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        cached_assets_path()  # type: ignore[call-arg]
