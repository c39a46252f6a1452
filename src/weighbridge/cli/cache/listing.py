"""Which repositories and revisions are to be listed, in which order, and as what: text or JSON; pure."""

from __future__ import annotations

import operator
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from weighbridge.cli.cache.place import ago, read_age, table
from weighbridge.config import parse_size
from weighbridge.core.errors import InvalidParameterError
from weighbridge.progress.wording import format_bytes, printable
from weighbridge.store.cache.room.inventory import CachedRepo, CachedRevision, Inventory

Listed = CachedRepo | CachedRevision
Test = Callable[[Listed], bool]

_SHORT = 12  # digits of a commit that are shown
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_COMPARISON = re.compile(r"(size|used|modified)\s*(>=|<=|>|<)\s*(\S.*)")
_KEYS: dict[str, Callable[[Listed], tuple[float, str]]] = {
    "size": lambda each: (-each.size, name_of(each)),
    "used": lambda each: (-each.used_at, name_of(each)),
    "modified": lambda each: (-each.modified_at, name_of(each)),
    "name": lambda each: (0.0, name_of(each)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked for.

    Attributes:
        globs: Of names of repositories; none: all.
        tests: All must hold.
        sort: ``name``, ``size``, ``used`` or ``modified``.
        is_reversed: The last comes first.
    """

    globs: tuple[str, ...]
    tests: tuple[Test, ...]
    sort: str
    is_reversed: bool

    def repos(self, inventory: Inventory) -> list[Listed]:
        """Return the repositories for which it holds."""
        return self._select(inventory.repos)

    def revisions(self, inventory: Inventory) -> list[Listed]:
        """Return the revisions for which it holds."""
        return self._select(inventory.revisions)

    def _select(self, every: Sequence[Listed]) -> list[Listed]:
        found = [
            each
            for each in every
            if (not self.globs or any(fnmatchcase(_repo_of(each), glob) for glob in self.globs))
            and all(test(each) for test in self.tests)
        ]
        return sorted(found, key=_KEYS[self.sort], reverse=self.is_reversed)


def read_query(globs: Sequence[str], filters: Sequence[str], *, sort: str, is_reversed: bool) -> Query:
    """Return what is asked for.

    Raises:
        InvalidParameterError: A filter is none.
    """
    now = time.time()
    return Query(
        globs=tuple(globs),
        tests=tuple(_read_filter(each.strip(), now) for each in filters),
        sort=sort,
        is_reversed=is_reversed,
    )


def name_of(each: Listed) -> str:
    """Return ``org/name`` of a repository, ``org/name@<commit>`` of a revision."""
    return each.name


def names_of(found: Sequence[Listed]) -> list[str]:
    """Return what ``rm`` and ``pin`` take."""
    return [printable(name_of(each)) for each in found]


def lines_of(found: Sequence[Listed]) -> list[str]:
    """Return a table with a line for each."""
    now = time.time()
    rows = [_row(each, now) for each in found]
    if isinstance(found[0], CachedRevision):
        return table(("NAME", "REVISION", "SIZE", "FILES", "USED", "REFS", ""), rows, right=(2, 3))
    return table(("NAME", "SIZE", "REVISIONS", "FILES", "USED", "REFS", ""), rows, right=(1, 2, 3))


def as_json_of(inventory: Inventory, found: Sequence[Listed]) -> dict[str, object]:
    """Return what was found as JSON can hold it."""
    is_revisions = any(isinstance(each, CachedRevision) for each in found)
    return {
        "cache": str(inventory.root),
        "size": inventory.size,
        "unfinished_size": sum(each.size for each in inventory.unfinished),
        "problems": [str(each) for each in inventory.problems],
        "revisions" if is_revisions else "repositories": [_as_json(each) for each in found],
    }


def _as_json(each: Listed) -> dict[str, object]:
    own: dict[str, object]
    if isinstance(each, CachedRevision):
        own = {"name": each.repo, "commit": each.commit}
    else:
        own = {"type": each.kind, "name": each.name, "revisions": [revision.commit for revision in each.revisions]}
        own["unfinished_size"] = each.unfinished
    return {
        **own,
        "path": str(each.path),
        "size": each.size,
        "files": each.files,
        "refs": list(each.refs),
        "used_at": each.used_at,
        "modified_at": each.modified_at,
        "pinned_by": list(each.pins),
        "in_use": each.is_used,
    }


def _row(each: Listed, now: float) -> list[str]:
    marks = ", ".join(
        word for word, is_so in (("pinned", bool(each.pins)), ("in use", each.is_used), *_unfinished(each)) if is_so
    )
    refs = printable(", ".join(each.refs)) or "-"
    rest = [str(each.files), ago(each.used_at, now), refs, marks]
    if isinstance(each, CachedRevision):
        return [printable(each.repo), each.commit[:_SHORT], format_bytes(each.size), *rest]
    return [printable(each.name), format_bytes(each.size), str(len(each.revisions)), *rest]


def _unfinished(each: Listed) -> list[tuple[str, bool]]:
    return [("unfinished", each.unfinished > 0)] if isinstance(each, CachedRepo) else []


def _repo_of(each: Listed) -> str:
    return each.repo if isinstance(each, CachedRevision) else each.name


def _kind_of(each: Listed) -> str:
    if isinstance(each, CachedRepo):
        return each.kind
    head = each.repo.partition("/")[0]
    return head.removesuffix("s") if head in {"datasets", "spaces", "kernels"} else "model"


def _read_filter(text: str, now: float) -> Test:
    if text.startswith("!"):
        opposite = _read_filter(text[1:].strip(), now)
        return lambda each: not opposite(each)
    if (match := _COMPARISON.fullmatch(text)) is not None:
        return _read_comparison(match[1], match[2], match[3], now)
    word, has_value, value = (part.strip() for part in text.partition("="))
    words: dict[str, Test] = {
        "pinned": lambda each: bool(each.pins),
        "in-use": lambda each: each.is_used,
        "unfinished": lambda each: isinstance(each, CachedRepo) and each.unfinished > 0,
    }
    if not has_value and word in words:
        return words[word]
    if word == "type" and value in {"model", "dataset", "space", "kernel"}:
        return lambda each: _kind_of(each) == value
    if word == "refs" and value:
        return lambda each: not each.refs if value == "none" else value in each.refs
    raise InvalidParameterError(
        f"not a filter: {text!r}; write it like 'size>1G', 'used>30d', type=dataset, refs=none or pinned"
    )


def _read_comparison(what: str, sign: str, value: str, now: float) -> Test:
    compare = _COMPARE[sign]
    if what == "size":
        size = parse_size(value)
        return lambda each: bool(compare(each.size, size))
    age = read_age(value)
    if what == "used":
        return lambda each: bool(compare(now - each.used_at, age))
    return lambda each: bool(compare(now - each.modified_at, age))
