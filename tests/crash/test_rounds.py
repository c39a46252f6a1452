"""A dozen random rounds of the laboratory; ``make crash`` runs hundreds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.lab.bench import Bench, bench_at
from tests.support.lab.blows import Blow, Kind
from tests.support.lab.rounds import Observe, Round, draw_round, play
from tests.support.lab.walks import WALKS, Place

SEEDS = range(12)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_at(tmp_path_factory.mktemp("bench")) as made:
        yield made


@pytest.mark.parametrize("seed", SEEDS)
def test_round_ends_well(bench: Bench, seed: int) -> None:
    """Any walk, hit by anything at any moment, and once more by something else."""
    planned = draw_round(bench, seed)

    assert play(bench, planned).complaints == (), planned


def test_round_is_repeated_by_its_seed(bench: Bench) -> None:
    """What was found once can be looked at."""
    assert draw_round(bench, 7) == draw_round(bench, 7) != draw_round(bench, 8)


def spoil_blob(place: Place) -> list[str]:
    """Leave what no call of ours may leave: other bytes under the name of a content."""
    place.blob.parent.mkdir(parents=True, exist_ok=True)
    place.blob.write_bytes(b"wrong")
    return WALKS["snapshot"].during(place)


def leave_partial(place: Place) -> list[str]:
    """Leave a file under a name that no call of ours would go on from."""
    place.blob.parent.mkdir(parents=True, exist_ok=True)
    place.blob.with_name(".x.wb-claim").write_bytes(b"")
    return []


def tell(place: Place) -> list[str]:
    return ["told"]


@pytest.mark.parametrize(
    ("spoil", "complaint"), [(spoil_blob, "wrong bytes"), (leave_partial, "left: "), (tell, "told")]
)
def test_laboratory_sees_what_is_wrong(bench: Bench, spoil: Observe, complaint: str) -> None:
    """A laboratory that finds nothing because it looks at nothing proves nothing."""
    planned = Round(walk="snapshot", blows=(Blow(Kind.KILL, 5),))

    report = play(bench, planned, spoil)

    assert any(complaint in each for each in report.complaints)
