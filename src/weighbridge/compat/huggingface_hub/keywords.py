"""Reads the keywords of old and new versions of huggingface_hub into one meaning, and warns of those that are old."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence

from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.patterns import Patterns

Token = str | bool | None
GivenPatterns = Sequence[str] | str | None

_PACKAGE = __name__.partition(".")[0]
_LINKS_OF_NO_INTEREST = (None, "auto")

_MEANINGS = {
    "resume_download": "a download that was interrupted is always taken up again, and what arrived is checked",
    "force_filename": "the file is kept under that name in the layout that was used before 0.8; to have a file under a "
    "name of your own, download it with local_dir and rename it",
    "legacy_cache_layout": "the file is kept in the layout that was used before 0.8, which no other call looks at",
    "proxies": "they are used for all requests of this call; HTTP_PROXY and its kin do it for the whole process",
    "cached_download": "hf_hub_download has what it has in the cache that all clients share",
    "filename_to_url": "it only knows files that cached_download has fetched",
    "local_dir_use_symlinks": "files in local_dir are always plain files",
}
"""What each old keyword, or function, means now."""


def note_old(**given: object) -> None:
    """Warn, at the line that called us, of each old keyword that is given a value which asks for something.

    Args:
        given: Values by keyword: ``resume_download`` (None if it is not given), ``force_filename``,
            ``legacy_cache_layout``, ``proxies``, ``local_dir_use_symlinks``.  An old function gives its own name, and
            True.
    """
    for name, value in given.items():
        if _asks(name, value):
            _warn(f"{name!r} belongs to old versions of huggingface_hub: {_MEANINGS[name]}")


def one_token(token: Token, use_auth_token: Token) -> Token:
    """Return the token that is asked for: a text, True (there must be one), False (none), None (this user's, if any).

    Args:
        token: The keyword of newer versions; wins if both are given.
        use_auth_token: That of older ones.

    Raises:
        InvalidParameterError: It is none of these.
    """
    if use_auth_token is not None:
        loses = "; it is left aside, as 'token' is given, too" if token is not None else ""
        _warn(f"'use_auth_token' belongs to old versions of huggingface_hub: call it 'token'{loses}")
    chosen: object = use_auth_token if token is None else token
    if chosen is not None and not isinstance(chosen, str | bool):
        raise InvalidParameterError(f"a token is text, True, False or None, not {type(chosen).__name__}")
    return chosen


def one_patterns(
    allow_patterns: GivenPatterns,
    ignore_patterns: GivenPatterns,
    allow_regex: GivenPatterns = None,
    ignore_regex: GivenPatterns = None,
) -> Patterns:
    """Return the patterns that are asked for; the old keywords win, as they always have.

    Raises:
        InvalidParameterError: They are no texts.
    """
    if allow_regex is not None or ignore_regex is not None:
        _warn(
            "'allow_regex' and 'ignore_regex' belong to old versions of huggingface_hub: call them "
            "'allow_patterns' and 'ignore_patterns'; they are globs, and always were"
        )
    return Patterns(
        allow=allow_patterns if allow_regex is None else allow_regex,
        ignore=ignore_patterns if ignore_regex is None else ignore_regex,
    )


def join_subfolder(subfolder: str | None, filename: str) -> str:
    """Return the path of a file in its repository; ``""`` is no subfolder, and a slash at its end is left out.

    Raises:
        InvalidParameterError: One of them is no text.
    """
    folder: object = "" if subfolder is None else subfolder
    name: object = filename
    if not isinstance(folder, str) or not isinstance(name, str):
        raise InvalidParameterError(f"filename and subfolder are texts, not {filename!r} and {subfolder!r}")
    return f"{folder.rstrip('/') or '/'}/{name}" if folder else name


def one_revision(revision: str | None) -> str | None:
    """Return what to ask for: of a revision that was resolved before, the commit it was resolved to.

    Args:
        revision: A branch, a tag, a commit, or such a text with an attribute ``resolved``; None is ``main``.
    """
    resolved = getattr(revision, "resolved", None)
    return resolved if isinstance(resolved, str) else revision


def _asks(name: str, value: object) -> bool:
    if name == "local_dir_use_symlinks":
        return value not in _LINKS_OF_NO_INTEREST
    return value is not None and (value is not False or name == "resume_download")


def _warn(message: str) -> None:
    warnings.warn(message, FutureWarning, stacklevel=_levels_to_caller())


def _levels_to_caller() -> int:
    """Return how far above our caller the first code is that is none of ours: people are to see their own line."""
    frame, levels = inspect.currentframe(), 0
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == _PACKAGE:
        frame, levels = frame.f_back, levels + 1
    return levels
