"""What a server says in words, made fit to be shown; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from weighbridge.core.urls import redact

_LONGEST = 500  # characters of a server's own words
_MOST = 5
_URL = re.compile(r"https?://[^\s\"'<>]+", re.IGNORECASE)


def words_of(headers: Mapping[str, str], body: bytes) -> str:
    """Return what the server says in words; "" if nothing, or if it says it in HTML.

    ``X-Error-Message`` comes before the body, and in a JSON body ``error`` before ``error_description`` and ``errors``.

    Args:
        headers: As sent.
        body: The beginning of it, decoded.
    """
    said = headers.get("X-Error-Message", "").strip()
    if said:
        return clean(said)
    text = body.decode("utf-8", "replace").strip()
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        is_page = "html" in headers.get("Content-Type", "").lower() or text.startswith("<")
        return "" if is_page else clean(text)
    return clean(_words_in(value))


def clean(text: str) -> str:
    """Return a server's text as it may be shown: one short line, its addresses without what may be a secret."""
    line = " ".join(text[: 4 * _LONGEST].split())
    shown = _URL.sub(lambda found: redact(found[0]), line)
    visible = "".join(each if each.isprintable() else "?" for each in shown)
    return visible if len(visible) <= _LONGEST else f"{visible[:_LONGEST]}…"


def _words_in(value: object) -> str:
    if not isinstance(value, Mapping):
        return ""
    for name in ("error", "error_description"):
        if said := _sentence(value.get(name)):
            return said
    errors = value.get("errors")
    each = [error.get("message") for error in errors if isinstance(error, Mapping)] if isinstance(errors, list) else []
    return _sentence(each)


def _sentence(said: object) -> str:
    """Return text, or a list of texts, as one text."""
    if isinstance(said, list):
        return "; ".join([each for each in said if isinstance(each, str)][:_MOST])
    return said.strip() if isinstance(said, str) else ""
