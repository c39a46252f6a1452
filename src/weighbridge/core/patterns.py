"""Which paths of a repository some globs select (the rules of huggingface_hub 2.x); pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePath

from weighbridge.core.errors import InvalidParameterError


@dataclass(frozen=True, slots=True)
class Patterns:
    """Globs over whole paths: ``*`` and ``?`` cross ``/``, a trailing ``/`` means all below, case counts.

    Attributes:
        allow: A path must match one of these; None selects all, an empty list nothing.  A text is a list of one.
        ignore: A path must match none of these.

    Raises:
        InvalidParameterError: They are no texts.
    """

    allow: Sequence[str] | str | None = None
    ignore: Sequence[str] | str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "allow", _read(self.allow))
        object.__setattr__(self, "ignore", _read(self.ignore))

    def select(self, paths: Iterable[str]) -> list[str]:
        """Return the selected ones of ``paths``, in their order."""
        if self.allow is None and self.ignore is None:
            return list(paths)
        return [each for each in paths if self._takes(each.replace("\\", "/"))]

    def _takes(self, path: str) -> bool:
        if self.allow is not None and not any(fnmatchcase(path, each) for each in self.allow):
            return False
        return self.ignore is None or not any(fnmatchcase(path, each) for each in self.ignore)


def _read(given: object) -> tuple[str, ...] | None:
    if given is None:
        return None
    patterns = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    if not all(isinstance(each, str | PurePath) for each in patterns):  # paths come from os.path's successor
        raise InvalidParameterError(f"patterns are a text, a list of texts, or None, not {given!r}")
    tidy = (str(each).replace("\\", "/") for each in patterns)
    return tuple(f"{each}*" if each.endswith("/") else each for each in tidy)
