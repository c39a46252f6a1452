"""In whose name the Hub is asked; pure."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from weighbridge.core.errors import InvalidParameterError
from weighbridge.version import __version__

_FITS = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

BASE = f"weighbridge/{__version__}; python/{'.'.join(map(str, sys.version_info[:3]))}"
"""What we say of ourselves.  We are no ``hf_hub``, and don't say so: nobody should count or work around another
client on our account."""


def user_agent(
    library_name: str | None = None,
    library_version: str | None = None,
    user_agent: Mapping[str, object] | str | None = None,
    base: str = BASE,
) -> str:
    """Return the ``User-Agent`` for whoever calls us.

    Args:
        library_name: Of the calling library; first, if there is one.
        library_version: Its version; written as ``None`` if only a name is given.
        user_agent: More parts: text with ``;`` between them, or names and values.
        base: What we say of ourselves.

    Returns:
        The parts joined by ``; ``, each once.

    Raises:
        InvalidParameterError: One of them is no text that fits a header.
    """
    parts = [base] if library_name is None else [f"{library_name}/{library_version}", base]
    given: object = user_agent
    if isinstance(given, Mapping):
        parts += [f"{name}/{value}" for name, value in given.items()]
    elif isinstance(given, str):
        parts.append(given)
    elif given is not None:
        raise InvalidParameterError(f"user_agent is text, or names and values, not {type(given).__name__}")
    whole = check_header(";".join(parts), "user_agent, library_name and library_version")
    return "; ".join(dict.fromkeys(part for each in whole.split(";") if (part := each.strip())))


def check_header(value: str, what: str) -> str:
    """Return ``value`` if it can be sent in a header; else raises :class:`InvalidParameterError`, naming ``what``."""
    given: object = value
    if not isinstance(given, str) or not _FITS.fullmatch(given):
        raise InvalidParameterError(f"{what} must be text that fits a header, without control characters")
    return given
