"""What a client does for machines without a network: packs files into a bundle, and takes them out again there."""

from __future__ import annotations

from weighbridge.client.session import Session


class BundleCalls:
    """The bundles of a client; see :attr:`weighbridge.client.Client.bundles`.

    Args:
        session: Of the client.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
