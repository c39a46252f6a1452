"""In whose name the Hub is asked, and which origin may know."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from weighbridge.core.artifacts import Source
from weighbridge.core.options import HubOptions
from weighbridge.core.urls import Origin, origin_of
from weighbridge.hub.endpoints import Endpoint
from weighbridge.hub.user_agent import check_header

_SHORTEST_SECRET = 6  # characters; replacing anything shorter would garble what servers say
_HIDDEN = "…"


@dataclass(frozen=True, slots=True)
class Identity:
    """Request headers that say who asks.

    Attributes:
        origin: The endpoint's: nobody else sees any of this.
        user_agent: No secret, but no other origin's business either.
        secrets: All other headers.
    """

    origin: Origin
    user_agent: str
    secrets: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, options: HubOptions) -> Self:
        """Return who asks according to ``options``.

        Of several ways to fill a header, ``options.headers`` wins, whatever the case of its name; then what was put
        into the endpoint's address as user and password, which was given for that server and no other; then the token.

        Raises:
            InvalidURLError: The endpoint is no address.
            InvalidParameterError: The user agent fits no header.
        """
        endpoint = Endpoint.parse(options.endpoint)
        headers = {"User-Agent": options.user_agent}
        if options.token:
            headers["Authorization"] = f"Bearer {options.token}"
        if endpoint.userinfo is not None:
            headers["Authorization"] = "Basic " + b64encode(endpoint.userinfo.encode()).decode("ascii")
        for name, value in options.headers.items():
            for same in [each for each in headers if each.lower() == name.lower()]:
                del headers[same]
            headers[name] = value
        agent = headers.pop(next(name for name in headers if name.lower() == "user-agent"))
        return cls(endpoint.origin, check_header(agent, "user_agent"), headers)

    @property
    def has_token(self) -> bool:
        """Whether the endpoint is told who asks."""
        return any(name.lower() == "authorization" for name in self.secrets)

    def headers_for(self, url: str) -> dict[str, str]:
        """Return the headers for a request to ``url``: none of ours if it is not on the endpoint's origin.

        Raises:
            RequestError: A secret would travel over plain http to another machine, or is no header.
        """
        if origin_of(url) != self.origin:
            return {}
        return {"User-Agent": self.user_agent, **Source.parse(url, self.secrets).secrets}

    def source(self, url: str) -> Source:
        """Return ``url`` as a place to fetch from, with what its origin may know; raises as :meth:`headers_for`."""
        headers = self.headers_for(url)
        # a Source's headers all count as secrets, so over plain http the transport's own user agent must do
        return Source.parse(url, headers if origin_of(url).may_see_secrets else {})

    def hide(self, text: str) -> str:
        """Return ``text``, which a server sent, without any secret that it was told."""
        for value in self.secrets.values():
            for part in (value, value.rpartition(" ")[2]):
                if len(part) >= _SHORTEST_SECRET:
                    text = text.replace(part, _HIDDEN)
        return text
