"""Which paths some globs select."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.patterns import Patterns

PATHS = ["config.json", "onnx/model.onnx", "onnx/q/int8.onnx", "data/sub/b.json", "Model.bin", "a[1].txt"]


@pytest.mark.parametrize(
    ("allow", "ignore", "selected"),
    [
        (None, None, PATHS),
        ([], None, []),
        (None, [], PATHS),
        ("*.json", None, ["config.json", "data/sub/b.json"]),
        (["*.json", "*.bin"], ["data/*"], ["config.json", "Model.bin"]),
        ("**/*.json", None, ["data/sub/b.json"]),
        ("onnx/", None, ["onnx/model.onnx", "onnx/q/int8.onnx"]),
        ("onnx", None, []),
        ("onnx\\q\\*", None, ["onnx/q/int8.onnx"]),
        ("model.*", None, []),
        ("a[[]1].txt", None, ["a[1].txt"]),
        ("!*.json", None, []),
        ({"*.bin"}, [Path("onnx")], ["Model.bin"]),
        (None, "*", []),
        (["config.json"], ["config.json"], []),
    ],
)
def test_globs_select_as_they_do_elsewhere(allow: Any, ignore: Any, selected: list[str]) -> None:
    """A call that takes gigabytes by its patterns would take others here."""
    assert Patterns(allow, ignore).select(PATHS) == selected


@pytest.mark.parametrize("given", [1, [1], [None], b"*.json", [Path("x"), 2]])
def test_what_is_no_text_is_refused(given: Any) -> None:
    """A wrong type would select nothing, and the call would succeed without a file."""
    with pytest.raises(InvalidParameterError):
        Patterns(given)
    with pytest.raises(InvalidParameterError):
        Patterns(None, given)
