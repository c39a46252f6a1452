"""What must hold of a refusal: it is one of ours, short, on one line, crosses process borders, and shows no secret."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager

from weighbridge.core.errors import WeighbridgeError

SECRET = "c4n4ry-7oken"
LONGEST = 4000
"""Characters of a message, whatever others have sent or left: it goes into logs, and onto terminals."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@contextmanager
def refusing(kind: type[Exception] = WeighbridgeError, echoed: str = "") -> Iterator[None]:
    """Let the block fail with an error of one kind, and check that error.

    Args:
        kind: Of the error.
        echoed: What the caller has passed himself, which may be repeated to him whatever its length.
    """
    try:
        yield
    except kind as error:
        check_refusal(error, LONGEST + 12 * len(echoed))


def check_refusal(error: Exception, longest: int = LONGEST) -> None:
    """Raise ``AssertionError`` if a refusal is not as all of them must be."""
    text = str(error)
    assert len(text) <= longest, f"a message of {len(text)} characters: {text[:200]}"
    assert _CONTROL.search(text) is None, f"control characters in {text[:2000]!r}"
    assert SECRET not in text + repr(error) + repr(vars(error)), f"a secret in {text!r}"
    if isinstance(error, WeighbridgeError):
        assert str(pickle.loads(pickle.dumps(error))) == text


def is_inside(text: str) -> bool:
    """Tell whether a relative path can't lead out of the directory it is put below."""
    return "\0" not in text and not text.startswith("/") and {"", ".", ".."}.isdisjoint(text.split("/"))
