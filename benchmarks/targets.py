"""Judges the figures by the project's targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.contenders import CURL, CURL_OPENSSL, CURL_SYNC, OPENSSL
from benchmarks.hub_rows import HUB
from benchmarks.rows import CAPPED_RATE, CONNECTIONS, LOOSE, ONE_FILE, WEIGHBRIDGE
from benchmarks.settings import MIB
from benchmarks.verify_rows import VERIFY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.figures import RowResult

_MEMORY_BOUND_MIB = 80
_MANY_FILES_GAIN = 1.5
_CAPPED_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target and what became of it.

    Attributes:
        target: In words, with its bound.
        measured: The figure, or a dash.
        verdict: ``met``, ``not met`` or ``not judged``, maybe with what must be known about it.
    """

    target: str
    measured: str
    verdict: str


def judge(results: Mapping[str, RowResult], cores: int, bare_bytes: int) -> list[Verdict]:
    """Return a verdict for every target whose row was run."""
    verdicts = [verdict(results[name]) for name, verdict in _verdicts(cores) if name in results]
    return [*verdicts, _memory(list(results.values()), bare_bytes)]


def _verdicts(cores: int) -> Sequence[tuple[str, Callable[[RowResult], Verdict]]]:
    alone, loose, flushed = (OPENSSL.name,), (CURL.name, OPENSSL.name), (CURL_SYNC.name, OPENSSL.name)
    return (
        ("md5", _at_most(1.05, LOOSE, alone)),
        ("md5", _at_most(1.05, WEIGHBRIDGE, alone)),
        ("sha256", _at_most(1.10, LOOSE, loose)),
        ("sha256", _at_most(1.10, WEIGHBRIDGE, flushed)),
        ("tls", _at_most(1.15, LOOSE, loose)),
        ("tls", _at_most(1.15, WEIGHBRIDGE, flushed)),
        ("four-sha256", lambda result: _gain(result, cores)),
        ("four-md5", lambda result: _gain(result, cores)),
        ("hub-2g", _at_most(1.10, LOOSE, loose)),
        ("hub-2g", _at_most(1.10, WEIGHBRIDGE, flushed)),
        ("hub-2g", _faster(3, LOOSE, loose)),
        ("hub-2g", _faster(3, WEIGHBRIDGE, flushed)),
        ("hub-many", _faster(5, LOOSE, loose)),
        ("hub-many-far", _faster(5, LOOSE, loose)),
        ("hub-many-far", _faster(5, WEIGHBRIDGE, flushed)),
        ("verify", _at_most(1 / 0.9, VERIFY, alone)),
        ("capped", _capped),
        ("capped-nginx", _capped),
    )


def _at_most(bound: float, name: str, limits: Sequence[str]) -> Callable[[RowResult], Verdict]:
    limit = limits[0] if len(limits) == 1 else f"max({'; '.join(limits)})"

    def verdict(result: RowResult) -> Verdict:
        ratio = result.ratio(name, limits)
        target = f"{result.name}: {name} <= {bound:.2f} x {limit}"
        if ratio is None:
            return Verdict(target, "-", _unjudged(result, (name, *limits)))
        return Verdict(target, f"{ratio:.2f} x", "met" if ratio <= bound else "not met")

    return verdict


def _faster(bound: float, name: str, limits: Sequence[str]) -> Callable[[RowResult], Verdict]:
    """Judge how many times faster ``name`` is than huggingface_hub; if it is not, say how much ``limits`` allow."""

    def verdict(result: RowResult) -> Verdict:
        gain, allowed = result.ratio(HUB, (name,)), result.ratio(HUB, limits)
        target = f"{result.name}: {name} >= {bound:g} x faster than {HUB}"
        if gain is None:
            return Verdict(target, "-", _unjudged(result, (name, HUB)))
        allowance = "" if allowed is None else f"; max({'; '.join(limits)}) is {allowed:.2f} x faster"
        return Verdict(target, f"{gain:.2f} x", "met" if gain >= bound else f"not met{allowance}")

    return verdict


def _gain(result: RowResult, cores: int) -> Verdict:
    """Judge how much faster four files are than one of their size, and say what the cores allow."""
    target = f"{result.name}: {LOOSE} >= {_MANY_FILES_GAIN} x the rate of one file, where cores allow; never below it"
    gain = result.ratio(ONE_FILE, (LOOSE,))
    if gain is None:
        return Verdict(target, "-", _unjudged(result, (ONE_FILE, LOOSE)))
    verdict = "met" if gain >= _MANY_FILES_GAIN else f"not met{_allowance(result, cores)}"
    return Verdict(target, f"{gain:.2f} x", verdict)


def _allowance(result: RowResult, cores: int) -> str:
    """Say how much faster four files could be, or nothing when curl and openssl did not run.

    Client and origin share the cores, so four files can't end before the CPU seconds of moving them
    (curl and nginx) and of digesting them (openssl) are spent.
    """
    one_s = result.median_s(ONE_FILE)
    work = result.cells[CURL_OPENSSL.name].good
    if not work or one_s is None:
        return ""
    busy_s = min(sample.cpu_s + sample.origin_cpu_s for sample in work)
    return f"; {cores} cores shared with nginx allow {one_s * cores / busy_s:.2f} x at most"


def _capped(result: RowResult) -> Verdict:
    bound = _CAPPED_SHARE * CONNECTIONS * CAPPED_RATE / 1e6
    product = f"{_CAPPED_SHARE} x {CONNECTIONS} x {CAPPED_RATE / 1e6:.0f} MB/s"
    target = f"{result.name}: {LOOSE} >= {product} = {bound:.0f} MB/s"
    rate = result.rate(LOOSE)
    if rate is None:
        return Verdict(target, "-", _unjudged(result, (LOOSE,)))
    return Verdict(target, f"{rate / 1e6:.0f} MB/s", "met" if rate / 1e6 >= bound else "not met")


def _memory(results: Sequence[RowResult], bare_bytes: int) -> Verdict:
    target = f"every row: peak memory of weighbridge <= {_MEMORY_BOUND_MIB} MiB over the bare interpreter"
    peaks = [
        (sample.peak_bytes, result.name)
        for result in results
        for name, cell in result.cells.items()
        if name.startswith(WEIGHBRIDGE)
        for sample in cell.good
    ]
    if not peaks:
        return Verdict(target, "-", "not judged: no run of weighbridge")
    peak, row = max(peaks)
    over = (peak - bare_bytes) / MIB
    return Verdict(target, f"{over:.0f} MiB ({row})", "met" if over <= _MEMORY_BOUND_MIB else "not met")


def _unjudged(result: RowResult, names: Sequence[str]) -> str:
    """Say which of the cells a target needs have no right result, and why."""
    without = [cell for name in names if not (cell := result.cells[name]).good]
    return f"not judged: {'; '.join(f'{cell.name} ({cell.remark})' for cell in without)}"
