"""Variables of the environment as values: yes or no, seconds, counts, sizes, paths."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from weighbridge.core.errors import InvalidParameterError
from weighbridge.core.options import SECONDS_MAX, STATUSES

_YES = frozenset({"1", "on", "true", "yes", "y", "t"})
_NO = frozenset({"", "0", "off", "false", "no", "n", "f"})
_UNITS = {
    f"{letter}{mark}": base**power
    for power, letter in enumerate(("", "K", "M", "G", "T"))
    for mark, base in (("", 1000), ("I", 1024))
    if letter or not mark
}


def read_flag(environment: Mapping[str, str], name: str) -> bool:
    """Return a yes-or-no variable; unset is no."""
    value = environment.get(name, "").strip().lower()
    if value not in _YES | _NO:
        raise InvalidParameterError(f"the environment variable {name} is neither yes nor no: {value!r}")
    return value in _YES


def parse_size(text: str) -> int:
    """Read a number of bytes: ``20M`` is 20,000,000 and ``20Mi`` (or ``20MiB``) 20,971,520.

    Raises:
        InvalidParameterError: Anything else, and less than one byte.
    """
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)\s*([KMGT]?I?)B?", text.strip().upper(), re.ASCII)
    size = int(float(match[1]) * _UNITS[match[2]]) if match is not None and match[2] in _UNITS else 0
    if size < 1:
        raise InvalidParameterError(f"not a number of bytes: {text!r}; write it like 500K, 20M or 1.5Gi")
    return size


def read_size(environment: Mapping[str, str], name: str) -> int | None:
    """Return a number of bytes; None if the variable is unset."""
    text = environment.get(name, "").strip()
    try:
        return parse_size(text) if text else None
    except InvalidParameterError as error:
        raise InvalidParameterError(f"the environment variable {name}: {error}") from None


def read_seconds(environment: Mapping[str, str], name: str) -> float | None:
    """Return a number of seconds; None if the variable is unset."""
    text = environment.get(name, "").strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= SECONDS_MAX:
        raise InvalidParameterError(f"the environment variable {name} must be a number of seconds, not {text!r}")
    return number


def read_count(environment: Mapping[str, str], name: str) -> int | None:
    """Return a whole number above 0; None if the variable is unset."""
    text = environment.get(name, "").strip()
    if not text:
        return None
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise InvalidParameterError(f"the environment variable {name} must be a whole number above 0, not {text!r}")
    return number


def read_statuses(environment: Mapping[str, str], name: str) -> frozenset[int] | None:
    """Return a set of HTTP statuses; None if the variable is unset or lists none."""
    text = environment.get(name, "").strip()
    try:
        statuses = frozenset(int(each) for each in text.split(",") if each.strip())
    except ValueError:
        statuses = frozenset({0})
    if not all(each in STATUSES for each in statuses):
        raise InvalidParameterError(f"the environment variable {name} must list statuses like 429,503, not {text!r}")
    return statuses or None


def read_path(environment: Mapping[str, str], name: str) -> Path | None:
    """Return an absolute path, ``~`` and ``$NAME`` in it expanded; None if the variable is unset."""
    text = environment.get(name)
    return expand(text) if text else None


def expand(text: str) -> Path:
    """Return an absolute path, ``~`` and ``$NAME`` in ``text`` expanded."""
    return Path(os.path.expanduser(os.path.expandvars(text))).absolute()  # noqa: PTH111 - pathlib's raises without a home


def pick(environment: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return ``environment``, or this process's if it is None."""
    return os.environ if environment is None else environment
