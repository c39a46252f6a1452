"""What a client does with the cache as a whole: shows, checks, mends and clears it."""

from __future__ import annotations

from weighbridge.client.session import Session


class CacheCalls:
    """The cache of a client; see :attr:`weighbridge.client.Client.cache`.

    Args:
        session: Of the client.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
