"""Why the Hub refuses a file's bytes: an answer about the file says it, one that should bring bytes does not."""

from __future__ import annotations

from collections.abc import Sequence

from weighbridge.core.errors import BadStatusError, FileMetadataError, TransferError
from weighbridge.core.repos import RepoFile
from weighbridge.core.snapshots import Order
from weighbridge.core.urls import redact
from weighbridge.hub.resolver import Hub

_DENIALS = frozenset({401, 403, 404, 410})


def raise_denial(hub: Hub, order: Order, commit: str, files: Sequence[RepoFile], error: BadStatusError) -> None:
    """Raise what the Hub says of the file whose bytes it has refused.

    Repositories may be listed for everybody and have files that are gated, and a token may be revoked meanwhile.  Costs
    one question, and only after a refusal.

    Args:
        hub: Who knows.
        order: What was wanted.
        commit: 40 hex digits.
        files: Those that were wanted.
        error: The refusal.

    Returns:
        Only if it was not the Hub that refused, or the Hub has no more to say; then ``error`` is all that is known.

    Raises:
        HfHubHTTPError: The Hub says why; the subclass tells.
    """
    if error.status not in _DENIALS:
        return
    for file in files:
        if redact(hub.source_of(order.repo, commit, file.path).url) == error.url:
            try:
                hub.describe(order.repo, commit, file.path)
            except (FileMetadataError, TransferError):
                return
