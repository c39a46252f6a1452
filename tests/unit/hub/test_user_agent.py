"""In whose name the Hub is asked."""

from __future__ import annotations

import pytest

from weighbridge.core.errors import InvalidParameterError
from weighbridge.hub.user_agent import BASE, user_agent
from weighbridge.version import __version__


def test_we_are_named_without_a_library() -> None:
    """Whoever runs a server can tell who asks."""
    assert user_agent() == BASE
    assert user_agent().startswith(f"weighbridge/{__version__}; python/3.")


@pytest.mark.parametrize(
    ("name", "version", "more", "expected"),
    [
        ("lib", "1.2", None, "lib/1.2; base/0"),
        ("lib", None, None, "lib/None; base/0"),
        (None, "1.2", None, "base/0"),
        (None, None, {"task": "x", "n": 3}, "base/0; task/x; n/3"),
        (None, None, "task/x; n/3", "base/0; task/x; n/3"),
        ("lib", "1.2", "lib/1.2; base/0;task/x;;task/x", "lib/1.2; base/0; task/x"),
        (None, None, {}, "base/0"),
        (None, None, "", "base/0"),
    ],
)
def test_parts_are_joined_each_once(name: str | None, version: str | None, more: object, expected: str) -> None:
    """Libraries on libraries don't make the header longer with each."""
    assert user_agent(name, version, more, "base/0") == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "more"), [("lib\r\nX: y", None), (None, "a\nb"), (None, {"a": "b\0"}), (None, "日"), (None, 7)]
)
def test_what_fits_no_header_is_refused(name: str | None, more: object) -> None:
    """A line break would be another header."""
    with pytest.raises(InvalidParameterError):
        user_agent(name, "1", more)  # type: ignore[arg-type]
