"""What a journal says of prefixes: they tell what has to be there, also where nothing is yet."""

from __future__ import annotations

from weighbridge.core.recovery import Validator
from weighbridge.store import journal
from weighbridge.store.journal import Identity, JournalState, Record
from weighbridge.store.owners import Owner

HEADER = journal.header_record(Identity(digest=f"sha256:{'0' * 64}", source=None), Owner.current())
FILLED = [journal.size_record(40, Validator()), journal.wrote_record(0, 40)]
NOTED = [journal.prefix_record(at, str(at)) for at in (10, 20, 30)]


def replayed(*records: Record) -> JournalState:
    """Return what a journal says."""
    state = journal.replay(b"".join(map(journal.encode, [HEADER, *records])))
    assert state is not None
    return state


def test_void_takes_only_the_prefixes_that_end_in_it() -> None:
    """A repair that was killed still knows which of the later pieces are damaged."""
    state = replayed(*FILLED, *NOTED, journal.void_record(10, 20))

    assert state.prefixes == {10: "10", 30: "30"}
    assert state.written.frontier == 10


def test_prefix_that_is_noted_again_counts() -> None:
    """What has come in place of the void is what was hashed last."""
    state = replayed(*FILLED, *NOTED, journal.void_record(10, 20), journal.prefix_record(20, "new"))

    assert state.prefixes == {10: "10", 20: "new", 30: "30"}


def test_reset_takes_all_prefixes() -> None:
    """Nothing is known any more of what has to be there."""
    assert replayed(*FILLED, *NOTED, journal.RESET).prefixes == {}
