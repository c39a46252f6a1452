"""What a fault is: a value that turns the honest reply into another one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from tests.support.origin.honest import Resource
from tests.support.origin.replies import Reply
from tests.support.origin.requests import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What a fault may know.

    Attributes:
        request: The request that is being answered.
        resource: What its path holds; None is nothing.
        ordinal: How many requests the server has had, this one counted.
    """

    request: Request
    resource: Resource | None
    ordinal: int


class Fault(ABC):
    """One thing that goes wrong with a reply; ``a & b`` is both, ``a`` first.

    A fault that can't apply (a wrong ``Content-Range`` where nothing is partial) leaves the reply as it is.
    """

    __slots__ = ()

    @abstractmethod
    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Return what is sent in place of ``reply``."""

    def __and__(self, other: Fault) -> Fault:
        return Both(self, other)


class BlindFault(Fault):
    """A fault that is the same whatever was asked for."""

    __slots__ = ()

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Change the reply without a look at the request."""
        del exchange
        return self.alter(reply)

    @abstractmethod
    def alter(self, reply: Reply) -> Reply:
        """Return what is sent in place of ``reply``."""


@dataclass(frozen=True, slots=True)
class Both(Fault):
    """Two faults, the second on top of the first."""

    first: Fault
    second: Fault

    def shape(self, reply: Reply, exchange: Exchange) -> Reply:
        """Apply one, then the other."""
        return self.second.shape(self.first.shape(reply, exchange), exchange)


@dataclass(frozen=True, slots=True)
class Honest(BlindFault):
    """No fault at all."""

    def alter(self, reply: Reply) -> Reply:
        """Change nothing."""
        return reply
