"""When what is noted here may answer for the Hub, and when a note that can't be written matters."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from weighbridge.core.errors import (
    BadAnswerError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RateLimitedError,
    RedirectError,
    StoreError,
    WeighbridgeError,
)
from weighbridge.shelves.records import Records

_SERVER_ERRORS = 500
_SUGGESTIONS, _COMPARED, _ALIKE, _LONGEST = 3, 1000, 3, 200


def is_unreachable(error: WeighbridgeError) -> bool:
    """Tell whether an error of a question says that the Hub could not answer, rather than what it answers.

    A refusal (not found, not allowed, too many requests) is an answer: what is held here must never hide it.  So is one
    that can't be true, such as a listing with paths that lead elsewhere, or one that leads to another server.
    """
    if isinstance(error, HfHubHTTPError):
        return error.status >= _SERVER_ERRORS
    return not isinstance(error, BadAnswerError | RateLimitedError | RedirectError)


def why(error: WeighbridgeError) -> str:
    """Say why the Hub does not answer."""
    if isinstance(error, OfflineModeIsEnabled):
        return "the network is switched off (offline mode)"
    return f"the Hub can't be reached: {error}"


def unverifiable_content(what: str) -> str:
    """Say that nothing can tell right bytes of ``what`` from wrong ones."""
    return (
        f"the server names the content of {what} by ETags that are no digests: sizes are checked, and that nothing "
        "changes while it is fetched, but not the bytes"
    )


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a branch or tag means.

    Attributes:
        revision: Its name, or a commit.
        commit: What it means now.
        was: What was noted of it here when the Hub was asked; None if nothing was.
    """

    revision: str
    commit: str
    was: str | None


def note_meaning(records: Records, meaning: Meaning, *, is_needed: bool) -> None:
    """Note what a revision means.

    Args:
        records: Where.
        meaning: What it means.
        is_needed: Something new was put on the shelf: then a note that can't be written is an error.  Otherwise it is
            none, as with a cache that can only be read.

    Raises:
        StoreError: It can't be written.
    """
    try:
        records.note_commit(meaning.revision, meaning.commit, meaning.was)
    except StoreError:
        if is_needed:
            raise


def near_names(name: str, names: Sequence[str]) -> str:
    """Return a question that offers the names most like ``name``; "" if there are none.

    Comparing takes a while for each, so of very many only those that begin alike are compared.
    """
    start = name.rpartition("/")[2][:_ALIKE]
    some = names if len(names) <= _COMPARED else [each for each in names if each.rpartition("/")[2].startswith(start)]
    found = difflib.get_close_matches(name[:_LONGEST], some[:_COMPARED], _SUGGESTIONS)
    return f"did you mean {', '.join(found)}?" if found else ""
