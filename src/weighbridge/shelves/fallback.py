"""When what is noted here may answer for the Hub, and when a note that can't be written matters."""

from __future__ import annotations

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


def note_commit(records: Records, revision: str, commit: str, *, is_needed: bool) -> None:
    """Note what a revision means.

    Args:
        records: Where.
        revision: As it was asked for.
        commit: What it means.
        is_needed: Something new was put on the shelf: then a note that can't be written is an error.  Otherwise it is
            none, as with a cache that can only be read.

    Raises:
        StoreError: It can't be written.
    """
    try:
        records.note_commit(revision, commit)
    except StoreError:
        if is_needed:
            raise
