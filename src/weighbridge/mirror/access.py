"""Who may read: everybody, or who knows the token."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.core.errors import InvalidParameterError
from weighbridge.mirror.refusals import Refusal

_LONGEST_TOKEN = 4096
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="weighbridge", charset="UTF-8"'}  # makes a browser ask for it


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets in who shows the token.

    Attributes:
        token: What they must show; None lets everybody in.
    """

    token: str | None = field(default=None, repr=False)

    def check(self, authorization: str | None) -> None:
        """Let a request pass or not.

        Args:
            authorization: Its header: ``Bearer`` and the token, or ``Basic`` with the token as the password.

        Raises:
            Refusal: It shows no token, or another one.
        """
        if self.token is None:
            return
        shown = shown_token(authorization)
        if shown is None:
            # a missing token and a missing repository look alike, and clients tell their users to check both
            raise Refusal(401, "this mirror asks for a token", "RepoNotFound", _CHALLENGE)
        if not hmac.compare_digest(shown.encode(), self.token.encode()):
            raise Refusal(401, "Invalid credentials in Authorization header", None, _CHALLENGE)


def shown_token(authorization: str | None) -> str | None:
    """Return the token that an ``Authorization`` header holds (RFC 6750 and RFC 7617); None if it holds none."""
    scheme, _, value = (authorization or "").strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, ValueError):
            return None
    elif scheme.lower() != "bearer":
        return None
    return value or None


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def read_token(path: Path) -> str:
    """Return the token that a file holds; white space around it does not count.

    Raises:
        InvalidParameterError: It can't be read, is empty, or holds what no header can carry.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_TOKEN + 1)
    except OSError as error:
        raise InvalidParameterError(f"can't read the token file {path}: {error.strerror}") from error
    try:
        token = content.decode("ascii").strip()
    except UnicodeDecodeError:
        token = ""
    if not token or len(content) > _LONGEST_TOKEN or not token.isprintable() or " " in token:
        raise InvalidParameterError(f"the token file {path} must hold one token of printable ASCII without spaces")
    return token
