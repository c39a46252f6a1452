"""The head of an answer of the Hub, as its errors carry it; values only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


class AnswerHeaders(Mapping[str, str]):
    """Headers of an answer, found by their names in whatever case, and listed by lower-case name.

    Args:
        given: Any.
    """

    __slots__ = ("_values",)

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self._values = {name.lower(): value for name, value in (given or {}).items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True, slots=True)
class HubAnswer:
    """The head of an answer of the Hub, as handlers of its errors look at it.

    Attributes:
        status_code: Of the answer.
        headers: By name, in whatever case.
        url: Asked, without its query.
        text: What the server says in words; "" if nothing.
    """

    status_code: int
    headers: Mapping[str, str] = field(default_factory=AnswerHeaders, repr=False)
    url: str = ""
    text: str = ""
