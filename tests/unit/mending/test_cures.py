"""What is done about each kind of finding."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from weighbridge.core.findings import Finding, Thing, Trouble
from weighbridge.mending.cures import Cure, cure_of, reason_to_leave


def finding(trouble: Trouble, thing: Thing, *, is_fault: bool = True) -> Finding:
    return Finding(trouble=trouble, thing=thing, path=Path("x"), detail="", is_fault=is_fault)


@pytest.mark.parametrize(("trouble", "thing"), list(product(Trouble, Thing)))
def test_what_is_left_is_left_for_a_reason(trouble: Trouble, thing: Thing) -> None:
    """Nobody must be told that something is wrong and not what to do."""
    given = finding(trouble, thing)

    assert cure_of(given) is not None or len(reason_to_leave(given)) > 20


@pytest.mark.parametrize("thing", Thing)
@pytest.mark.parametrize("trouble", [Trouble.FOREIGN, Trouble.UNFINISHED])
def test_nothing_is_done_about_what_is_not_ours_or_not_done(trouble: Trouble, thing: Thing) -> None:
    """A repair that removes what somebody is at work on is none."""
    assert cure_of(finding(trouble, thing)) is None


def test_file_that_nobody_asked_for_is_not_fetched() -> None:
    """A note about a partial snapshot is no order."""
    assert cure_of(finding(Trouble.MISSING, Thing.FILE, is_fault=False)) is None
    assert cure_of(finding(Trouble.MISSING, Thing.FILE)) is Cure.FETCH


def test_contents_come_before_what_refers_to_them() -> None:
    """Whoever dies in between leaves nothing that leads nowhere."""
    order = list(Cure)

    assert order.index(Cure.CONTENT) < order.index(Cure.LISTING) < order.index(Cure.REF)
