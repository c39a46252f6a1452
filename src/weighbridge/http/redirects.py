"""Where a redirect leads, and which ones are not followed."""

from __future__ import annotations

from weighbridge.core.errors import InvalidURLError, RedirectError
from weighbridge.core.urls import follow, origin_of, redact

STATUSES = frozenset({301, 302, 303, 307, 308})
"""Statuses that send to another address, if there is a ``Location``."""


class Trail:
    """The addresses that one request has been sent to.

    Args:
        start: The first one.
        longest: Redirects that are followed at most.
    """

    def __init__(self, start: str, longest: int) -> None:
        self._start = start
        self._longest = longest
        self._seen = {start}

    def follow(self, url: str, location: str) -> str:
        """Return where ``location``, sent by the server of ``url``, leads, without credentials.

        Raises:
            RedirectError: In a loop, too far, from https down to http, or to no http(s) URL.
        """
        target = next_hop(url, location)
        if target in self._seen or len(self._seen) > self._longest:
            kind = "in a loop" if target in self._seen else f"more than {self._longest} times"
            raise RedirectError(f"{redact(self._start)} redirects {kind}", url=redact(target))
        self._seen.add(target)
        return target


def next_hop(url: str, location: str) -> str:
    """Return where ``location``, sent by the server of ``url``, leads, without credentials.

    Raises:
        RedirectError: From https down to http, or to no http(s) URL.
    """
    shown = redact(url)
    try:
        target = follow(url, location)
    except InvalidURLError as error:
        raise RedirectError(f"{shown} redirects to something that is no http(s) URL", url=shown) from error
    if origin_of(url).scheme == "https" and origin_of(target).scheme == "http":
        raise RedirectError(f"{shown} redirects from https down to http ({redact(target)}); refused", url=shown)
    return target
