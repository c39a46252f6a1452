"""A tool that keeps the promises, or breaks one on purpose: the suite must see the difference."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from proof.tools import Command, Job, Kind

_STANDIN = Path(__file__).with_name("standin.py")


@dataclass(frozen=True, slots=True)
class Broken:
    """The stand-in, with one vice.

    Attributes:
        vice: ``wrong`` bytes, ``half`` a file under the final name, ``leak`` of the token, a file ``outside``, a
            ``hang``, a ``crash``, a start ``afresh`` after a kill, ``litter`` that stays; nothing is none.
    """

    vice: str
    name: str = "broken"
    internal_codes: frozenset[int] = frozenset()

    def version(self) -> str:
        return "0"

    def command(self, job: Job) -> Command:
        argv = (job.url, str(self.where(job)), job.digest or "", job.token or "", self.vice)
        return Command((sys.executable, "-I", str(_STANDIN), *argv))

    def where(self, job: Job) -> Path:
        return job.target / (job.path or "")

    def can(self, kind: Kind) -> bool:
        return kind in (Kind.FILE, Kind.LINK)
