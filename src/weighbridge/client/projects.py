"""What a client does for a project: pins what it needs, and has exactly that on this machine."""

from __future__ import annotations

from weighbridge.client.session import Session


class ProjectCalls:
    """The projects of a client; see :attr:`weighbridge.client.Client.projects`.

    Args:
        session: Of the client.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
