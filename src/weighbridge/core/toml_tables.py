"""TOML read strictly, table by table, and texts written as it has them; pure."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from weighbridge.core.errors import InvalidParameterError, ProjectError

_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
_AT_LINE = re.compile(r"\(at line (\d+)")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_SHORT = 0xFFFF  # largest code point of the short escape
_SIZE_MAX = 1 << 63


@dataclass(frozen=True, slots=True)
class Spot:
    """What is being read, for messages.

    Attributes:
        path: Of the file.
        kind: The error that is raised.
        line: Counted from 1; None if nobody knows.
        advice: Ends each message; "" for none.
    """

    path: str
    kind: type[ProjectError]
    line: int | None = None
    advice: str = ""

    def error(self, problem: str) -> ProjectError:
        """Return the error that says so."""
        where = self.path if self.line is None else f"{self.path}, line {self.line}"
        return self.kind(
            f"{where}: {problem}{self.advice and f'; {self.advice}'}",
            path=self.path,
            line=self.line,
        )

    def at(self, line: int | None) -> Spot:
        """Return another line of the same file."""
        return replace(self, line=line)

    @contextmanager
    def reading(self, what: str) -> Iterator[None]:
        """Say of an error of the block where it is from."""
        try:
            yield
        except ProjectError:
            raise
        except InvalidParameterError as error:
            raise self.error(f"{what}: {error}") from error


class Table:
    """One table, whose keys are taken out one by one; what is left at the end is refused.

    Args:
        values: By key.
        what: How to call it in messages.
        spot: Where it begins.
    """

    def __init__(self, values: Mapping[str, Any], what: str, spot: Spot) -> None:
        self._rest = dict(values)
        self._what = what
        self._taken: list[str] = []
        self.spot = spot

    @property
    def rest(self) -> tuple[str, ...]:
        """The keys that have not been taken."""
        return tuple(self._rest)

    def text(self, key: str) -> str:
        """Take a text that must be there, and not be empty."""
        found = self.text_if_any(key)
        if found is None:
            raise self.spot.error(f"{self._what} has no {key!r}")
        return found

    def text_if_any(self, key: str) -> str | None:
        """Take a text, which must not be empty; None if there is none."""
        found = self._take(key)
        if found is not None and (not isinstance(found, str) or not found):
            raise self.spot.error(f"{key!r} of {self._what} is a text that is not empty, not {_shown(found)}")
        return found

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Take a list of texts, none of them empty; None if there is none."""
        found = self._take(key)
        if found is None:
            return None
        if not isinstance(found, list) or not all(isinstance(each, str) and each for each in found):
            raise self.spot.error(f"{key!r} of {self._what} is a list of texts that are not empty, not {_shown(found)}")
        return tuple(found)

    def size(self, key: str) -> int | None:
        """Take a number of bytes; None if there is none."""
        found = self._take(key)
        if found is not None and (type(found) is not int or not 0 <= found < _SIZE_MAX):
            raise self.spot.error(f"{key!r} of {self._what} is a number of bytes, not {_shown(found)}")
        return found

    def tables(self, key: str, what: str) -> list[Table]:
        """Take a list of tables; empty if there is none.

        Args:
            key: Of the list.
            what: How to call each in messages.
        """
        found = self._take(key)
        if found is None:
            return []
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise self.spot.error(f"{key!r} of {self._what} is a list of tables, as [[{key}]] begins each")
        return [Table(each, f"{what} {number}", self.spot) for number, each in enumerate(found, 1)]

    def end(self) -> None:
        """Refuse what nobody has taken."""
        for key in self._rest:
            near = difflib.get_close_matches(key[:100], self._taken, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it may have {', '.join(sorted(set(self._taken)))}"
            raise self.spot.error(f"{self._what} has a key that means nothing, {_shown(key)}; {hint}")

    def _take(self, key: str) -> Any:
        self._taken.append(key)
        return self._rest.pop(key, None)


def load(text: str, what: str, spot: Spot) -> Table:
    """Read TOML.

    Args:
        text: All of it.
        what: How to call it in messages.
        spot: The file.
    """
    try:
        return Table(tomllib.loads(text), what, spot)
    except (ValueError, RecursionError) as error:
        found = _AT_LINE.search(str(error))
        problem = f"it is no TOML: {error}" if found else "it is no TOML that can be read"
        if _CONFLICT.search(text):
            problem = "a merge has left its conflict in it (<<<<<<<, =======, >>>>>>>); choose one side"
        raise spot.at(int(found[1]) if found else None).error(problem) from None


def find_headers(text: str, key: str, expected: int) -> Sequence[int | None]:
    """Return the lines on which the tables ``[[key]]`` of a text begin, counted from 1; None where nobody can tell."""
    header = re.compile(rf"[ \t]*\[\[[ \t]*{key}[ \t]*\]\]")
    found = [number for number, line in enumerate(text.split("\n"), 1) if header.match(line)]
    return found if len(found) == expected else [None] * expected


def quote(text: str) -> str:
    """Return a text as a basic string of TOML, on one line and without anything that would not show."""
    return f'"{"".join(_escape(each) for each in text)}"'


def quote_all(texts: Sequence[str]) -> str:
    """Return texts as an array of TOML, on one line."""
    return f"[{', '.join(quote(each) for each in texts)}]"


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04X}" if code <= _SHORT else f"\\U{code:08X}"


def _shown(value: object) -> str:
    """Return a value as a message may hold it: not too long, and no address, in which secrets are."""
    text = repr(value)
    return f"{text[:60]}…" if len(text) > 60 and "://" not in text else "this" if "://" in text else text  # noqa: PLR2004
