"""The host pacer against a clock that is passed in: one refusal slows everyone, and nobody for ever."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.urls import Origin
from weighbridge.http.pacing import HostPacer

HOST = Origin("https", "hub.example", 443)
OTHER = Origin("https", "cdn.example", 443)


def pacer() -> HostPacer:
    """A pacer whose guesses are the longest they can be."""
    return HostPacer(lambda _, high: high)


def test_host_that_never_complained_is_asked_at_once() -> None:
    """Pacing costs nothing where it is not asked for."""
    pace = pacer()

    assert [pace.reserve(HOST, now) for now in (0.0, 0.0, 0.0, 1.0)] == [0.0] * 4


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"RateLimit": '"api";r=0;t=55'}, 55.0),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "17"}, 17.0),
        ({"Retry-After": "7", "RateLimit": '"api";r=0;t=55'}, 7.0),
    ],
)
def test_refusal_stops_everyone_until_the_time_it_named(headers: dict[str, str], wait: float) -> None:
    """Eight workers don't each have to be refused to learn it."""
    pace = pacer()

    pace.note(HOST, 429, headers, 100.0)

    assert pace.reserve(HOST, 100.0) == pytest.approx(wait)
    assert pace.reserve(HOST, 100.0 + wait - 0.5) == pytest.approx(0.5)
    assert pace.reserve(HOST, 100.0 + wait) == 0.0
    assert pace.reserve(OTHER, 100.0) == 0.0


def test_unavailable_that_names_a_time_stops_everyone() -> None:
    """503 with ``Retry-After`` is the older way to say it."""
    pace = pacer()

    pace.note(HOST, 503, {"Retry-After": "7"}, 0.0)

    assert pace.reserve(HOST, 0.0) == pytest.approx(7.0)


@pytest.mark.parametrize("status", [500, 502, 503, 404, 403])
def test_other_failure_stops_nobody(status: int) -> None:
    """One broken request says nothing about the next; the retry loop waits for it alone."""
    pace = pacer()

    pace.note(HOST, status, {}, 0.0)

    assert pace.reserve(HOST, 0.0) == 0.0


def test_success_that_used_up_the_limit_stops_everyone() -> None:
    """A refusal that was announced is not waited for."""
    pace = pacer()

    pace.note(HOST, 206, {"RateLimit": '"api";r=0;t=20'}, 0.0)

    assert pace.reserve(HOST, 0.0) == pytest.approx(20.0)
    assert pace.reserve(HOST, 20.0) == 0.0


def test_refusal_without_a_time_is_guessed_longer_each_time() -> None:
    """A host that goes on refusing is asked less and less, down to twice a minute."""
    pace, now, guesses = pacer(), 0.0, []

    for _ in range(8):
        pace.note(HOST, 429, {}, now)
        guesses.append(pace.reserve(HOST, now))
        now += guesses[-1]

    assert guesses == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0])


def test_refusals_that_were_under_way_together_count_once() -> None:
    """Sixteen connections refused in one moment are one complaint, not sixteen."""
    pace = pacer()

    for _ in range(16):
        pace.note(HOST, 429, {}, 0.0)

    assert pace.reserve(HOST, 0.0) == pytest.approx(1.0)


def test_longest_of_several_named_times_is_obeyed() -> None:
    """The later answer may know better."""
    pace = pacer()

    pace.note(HOST, 429, {"Retry-After": "2"}, 0.0)
    pace.note(HOST, 429, {"Retry-After": "9"}, 1.0)
    pace.note(HOST, 429, {"Retry-After": "3"}, 1.5)

    assert pace.reserve(HOST, 1.5) == pytest.approx(8.5)


def test_after_a_refusal_requests_leave_one_by_one() -> None:
    """All workers rushing back together would be refused together."""
    pace = pacer()
    pace.note(HOST, 429, {"Retry-After": "1"}, 0.0)

    first = pace.reserve(HOST, 1.0)
    second = pace.reserve(HOST, 1.0)
    after_gap = pace.reserve(HOST, 1.0 + second)

    assert first == 0.0
    assert second == pytest.approx(0.05)
    assert after_gap == 0.0


def test_gap_doubles_with_each_refusal_and_stays_bounded() -> None:
    """The rate goes down until the host is content, but never below one request in two seconds."""
    pace, now, slots, gaps = pacer(), 0.0, [], []

    for _ in range(9):
        pace.note(HOST, 429, {"Retry-After": "1"}, now)
        now += 1.0
        slots.append(pace.reserve(HOST, now))
        gaps.append(pace.reserve(HOST, now))
        now += gaps[-1]

    assert slots == [0.0] * 9
    assert gaps == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0])


def test_gap_shrinks_with_success_until_it_is_gone() -> None:
    """A complaint is forgotten once the host has shown that it is content."""
    pace = pacer()
    pace.note(HOST, 429, {"Retry-After": "0"}, 0.0)

    for _ in range(100):
        pace.note(HOST, 206, {}, 1.0)

    assert [pace.reserve(HOST, 2.0) for _ in range(5)] == [0.0] * 5


def test_guess_starts_over_after_success() -> None:
    """Yesterday's trouble does not make today's first pause half a minute."""
    pace = pacer()
    pace.note(HOST, 429, {}, 0.0)
    pace.note(HOST, 429, {}, 10.0)
    pace.note(HOST, 200, {}, 20.0)

    pace.note(HOST, 429, {}, 30.0)

    assert pace.reserve(HOST, 30.0) == pytest.approx(1.0)


@dataclass
class Bucket:
    """A host that admits ``rate`` requests a second, ``burst`` at once, and refuses the rest."""

    rate: float
    burst: float
    level: float = field(init=False)
    seen: float = 0.0
    admitted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.level = self.burst

    def admits(self, now: float) -> bool:
        self.level = min(self.burst, self.level + (now - self.seen) * self.rate)
        self.seen = now
        is_admitted = self.level >= 1.0
        self.level -= 1.0 if is_admitted else 0.0
        (self.admitted if is_admitted else self.refused).append(now)
        return is_admitted


def simulate(host: Bucket, workers: int, requests: int, headers: dict[str, str]) -> float:
    """Let workers ask through one pacer until ``requests`` are admitted; return the seconds it took."""
    pace, order = pacer(), itertools.count()
    agenda = [(0.0, next(order), "ask") for _ in range(workers)]
    now = 0.0
    while len(host.admitted) < requests:
        now, _, step = heapq.heappop(agenda)
        wait = pace.reserve(HOST, now) if step == "ask" else 0.0
        if wait > 0:
            heapq.heappush(agenda, (now + wait, next(order), "ask"))
            continue
        answered = now + 0.05  # a round trip later the worker asks again
        good = host.admits(now)
        pace.note(HOST, 206 if good else 429, {} if good else headers, answered)
        heapq.heappush(agenda, (answered, next(order), "ask"))
    return now


@given(
    rate=st.floats(2, 50),
    burst=st.integers(1, 20),
    workers=st.integers(1, 32),
    headers=st.sampled_from([{}, {"Retry-After": "1"}]),
)
def test_crowd_behind_one_pacer_is_refused_rarely_and_gets_through(
    rate: float, burst: int, workers: int, headers: dict[str, str]
) -> None:
    """P8: 429 slows everyone at once, yet the work is done in a time that has to do with the host's rate."""
    host = Bucket(rate, burst)

    took = simulate(host, workers, 200, headers)

    assert len(host.refused) <= workers + len(host.admitted) / 4
    assert took <= 60 + 6 * 200 / rate
