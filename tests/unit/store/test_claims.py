"""Claims that no holder of ours has written are somebody's, and nobody waits for them for ever."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from weighbridge.store import claims
from weighbridge.store.owners import Owner

OWNER = Owner(machine="m", host="elsewhere", boot="b", namespace=1, pid=7, start=5)


def claim_of(path: Path, ttl_s: object) -> Path:
    path.write_text(json.dumps({"owner": OWNER.to_record(), "nonce": "00", "ttl_s": ttl_s}))
    return path


@pytest.mark.parametrize("ttl_s", [10**400, -(10**400), float("inf"), float("nan"), None, "x", [], True])
def test_claim_with_an_odd_time_is_held(tmp_path: Path, ttl_s: object) -> None:
    """Whoever met it would end in an error of the interpreter's, and so would everybody after him."""
    path = claim_of(tmp_path / "x.wb-claim", ttl_s)

    taken = claims.Claim.try_take(claims.lease_for(path, 60.0))

    assert taken is None
    assert claims.is_claimed(path)


@pytest.mark.parametrize("ttl_s", [float("nan"), float("inf"), 10**400, 6.0])
def test_claim_that_nobody_touches_looks_the_same_each_time(tmp_path: Path, ttl_s: object) -> None:
    """Silence is measured from its last change: one that differs from itself would never be silent."""
    path = claim_of(tmp_path / "x.wb-claim", ttl_s)

    first, second = (claims._look(path) for _ in range(2))  # noqa: SLF001 - the wait itself takes a minute

    assert first == second
