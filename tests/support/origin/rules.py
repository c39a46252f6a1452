"""Which fault hits which request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.support.origin.faultbase import Fault
from tests.support.origin.requests import Request


@dataclass(slots=True, kw_only=True, eq=False)
class Rule:
    """One fault and the requests it hits; the counts are kept by the rule book.

    Attributes:
        fault: What goes wrong.
        path: Escapes resolved, ``*`` for any text; None is any path.
        method: None is any.
        when: Asked of each request that fits path and method; None is always.
        nth: Which of the requests that fit all of these, counted from 1; None is each.
        times: How often at most; None is always.
        matches: Requests so far that fit path, method and ``when``.
        uses: Requests so far that were hit.
    """

    fault: Fault
    path: str | None = None
    method: str | None = None
    when: Callable[[Request], bool] | None = None
    nth: int | Container[int] | None = None
    times: int | None = None
    matches: int = field(default=0, init=False)
    uses: int = field(default=0, init=False)

    def fits(self, request: Request) -> bool:
        """Say whether path, method and ``when`` fit."""
        return (
            (self.method is None or self.method == request.method)
            and (self.path is None or self._is_path(request.path))
            and (self.when is None or self.when(request))
        )

    def is_due(self) -> bool:
        """Say whether the latest match is one to hit."""
        if self.times is not None and self.uses >= self.times:
            return False
        return self.nth is None or (self.matches == self.nth if isinstance(self.nth, int) else self.matches in self.nth)

    def _is_path(self, path: str) -> bool:
        wanted = self.path or ""
        return path == wanted or ("*" in wanted and fnmatchcase(path, wanted))


class RuleBook:
    """Rules in the order they were added; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the list and the counts of its rules
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> Rule:
        """Put ``rule`` after all others."""
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules.clear()

    def choose(self, request: Request) -> Fault | None:
        """Count ``request`` for every rule it fits; return the fault of the first that is due."""
        with self._lock:
            rules = list(self._rules)
        fitting = [rule for rule in rules if rule.fits(request)]
        with self._lock:
            for rule in fitting:
                rule.matches += 1
            due = next((rule for rule in fitting if rule.is_due()), None)
            if due is None:
                return None
            due.uses += 1
            return due.fault
