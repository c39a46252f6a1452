"""Request headers as people write them, read into names and values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from weighbridge.core.errors import InvalidParameterError

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*)")
_OURS = frozenset({"range", "if-range", "accept-encoding", "content-length", "transfer-encoding", "connection", "te"})


def parse_header(text: str) -> tuple[str, str]:
    """Read ``Name: value``; the name comes back as ``Like-This``, whatever its case was.

    Raises:
        InvalidParameterError: It is no header, or one that is not the caller's to set.  Its value is not repeated.
    """
    match = _HEADER.fullmatch(text.strip())
    if match is None:
        raise InvalidParameterError("a header is written like 'Authorization: Bearer …'; one that was given is not")
    name, value = "-".join(part.capitalize() for part in match[1].split("-")), match[2]
    if name.lower() in _OURS:
        raise InvalidParameterError(f"the header {name} is set by the transfer itself; leave it out")
    if not value.isascii() or not value.replace("\t", " ").isprintable():
        raise InvalidParameterError(f"the value of the header {name} holds characters that no header can hold")
    return name, value


def read_headers(given: Iterable[str]) -> dict[str, str]:
    """Read headers, each ``Name: value`` or ``@FILE`` with one on each line; later ones win.

    Raises:
        InvalidParameterError: One of them is no header, or the file can't be read.
    """
    headers: dict[str, str] = {}
    for text in given:
        lines = _lines_of(text[1:]) if text.startswith("@") else [text]
        headers.update(parse_header(line) for line in lines)
    return headers


def _lines_of(name: str) -> list[str]:
    try:
        content = Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidParameterError(f"the headers in {name} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidParameterError(f"the headers in {name} are not UTF-8") from None
    return [line for line in content.splitlines() if line.strip() and not line.startswith("#")]
