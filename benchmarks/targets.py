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
    from collections.abc import Callable, Sequence

    from benchmarks.figures import RowResult

MEMORY_BOUND_MIB = 80
_MANY_FILES_GAIN = 1.5
_CAPPED_SHARE = 0.9
_VERIFY_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target and what became of it.

    Attributes:
        row: Where it was measured.
        figure: What was measured, in words.
        measured: The figure, or a dash.
        target: Its bound; a dash where there is none and the figure is only shown.
        verdict: ``met``, ``not met`` or ``not judged``, maybe with what must be known about it; or a dash.
    """

    row: str
    figure: str
    measured: str
    target: str
    verdict: str


def judge(result: RowResult, cores: int) -> list[Verdict]:
    """Return a verdict for every target of one row, run on that many cores."""
    return [verdict(result) for name, verdict in _verdicts(cores) if name == result.name]


def judge_memory(peaks: Sequence[tuple[int, str]], row: str) -> Verdict:
    """Judge the highest of ``peaks``: bytes of weighbridge over the bare interpreter, and where that was."""
    figure, target = "peak memory of weighbridge over the bare interpreter", f"<= {MEMORY_BOUND_MIB} MiB"
    if not peaks:
        return Verdict(row, figure, "-", target, "not judged: no run of weighbridge")
    over, where = max(peaks)
    return Verdict(row, figure, f"{over / MIB:.0f} MiB ({where})", target, met(over <= MEMORY_BOUND_MIB * MIB))


def met(is_met: bool) -> str:  # noqa: FBT001 - a yes or no put into words
    """Return the word for what became of a target."""
    return "met" if is_met else "not met"


def _verdicts(cores: int) -> Sequence[tuple[str, Callable[[RowResult], Verdict]]]:
    alone, loose, flushed = (OPENSSL.name,), (CURL.name, OPENSSL.name), (CURL_SYNC.name, OPENSSL.name)
    return (
        ("hub-2g", _at_most(1.10, LOOSE, loose)),
        ("hub-2g", _at_most(1.10, WEIGHBRIDGE, flushed)),
        ("hub-2g", _faster(3, LOOSE, loose)),
        ("hub-tls", _at_most(1.15, LOOSE, loose)),
        ("hub-tls", _at_most(1.15, WEIGHBRIDGE, flushed)),
        ("hub-tls", _faster(None, LOOSE, loose)),
        ("md5", _at_most(1.05, LOOSE, alone)),
        ("md5", _at_most(1.05, WEIGHBRIDGE, alone)),
        ("sha256", _at_most(1.10, LOOSE, loose)),
        ("sha256", _at_most(1.10, WEIGHBRIDGE, flushed)),
        ("tls", _at_most(1.15, LOOSE, loose)),
        ("tls", _at_most(1.15, WEIGHBRIDGE, flushed)),
        ("four-sha256", lambda result: _gain(result, cores)),
        ("four-sha256", _never_below),
        ("four-md5", lambda result: _gain(result, cores)),
        ("four-md5", _never_below),
        ("hub-many-far", _faster(5, LOOSE, loose)),
        ("hub-many-far", _faster(5, WEIGHBRIDGE, flushed)),
        ("hub-many", _faster(None, LOOSE, loose)),
        ("capped", _capped),
        ("capped-nginx", _capped),
        ("verify", _verified),
    )


def _at_most(bound: float, name: str, limits: Sequence[str]) -> Callable[[RowResult], Verdict]:
    def verdict(result: RowResult) -> Verdict:
        ratio = result.ratio(name, limits)
        figure, target = f"{name} over {_slowest(limits)}", f"<= {bound:.2f} x"
        if ratio is None:
            return Verdict(result.name, figure, "-", target, _unjudged(result, (name, *limits)))
        return Verdict(result.name, figure, f"{ratio:.2f} x", target, met(ratio <= bound))

    return verdict


def _faster(bound: float | None, name: str, limits: Sequence[str]) -> Callable[[RowResult], Verdict]:
    """Judge how many times faster ``name`` is than huggingface_hub; if it is not, say how much ``limits`` allow."""

    def verdict(result: RowResult) -> Verdict:
        gain, allowed = result.ratio(HUB, (name,)), result.ratio(HUB, limits)
        figure, target = f"how many times faster {name} is than {HUB}", f">= {bound:g} x" if bound else "-"
        if gain is None:
            return Verdict(result.name, figure, "-", target, _unjudged(result, (name, HUB)))
        if bound is None:
            return Verdict(result.name, figure, f"{gain:.2f} x", target, "-")
        allowance = "" if allowed is None or gain >= bound else f"; {_slowest(limits)} is {allowed:.2f} x faster"
        return Verdict(result.name, figure, f"{gain:.2f} x", target, met(gain >= bound) + allowance)

    return verdict


def _gain(result: RowResult, cores: int) -> Verdict:
    """Judge how much faster four files are than one of their size, and say what the cores allow."""
    gain = result.ratio(ONE_FILE, (LOOSE,))
    figure, target = _FOUR, f">= {_MANY_FILES_GAIN} x where cores allow"
    if gain is None:
        return Verdict(result.name, figure, "-", target, _unjudged(result, (ONE_FILE, LOOSE)))
    allowance = "" if gain >= _MANY_FILES_GAIN else _allowance(result, cores)
    return Verdict(result.name, figure, f"{gain:.2f} x", target, met(gain >= _MANY_FILES_GAIN) + allowance)


def _never_below(result: RowResult) -> Verdict:
    gain = result.ratio(ONE_FILE, (LOOSE,))
    if gain is None:
        return Verdict(result.name, _FOUR, "-", ">= 1 x", _unjudged(result, (ONE_FILE, LOOSE)))
    return Verdict(result.name, _FOUR, f"{gain:.2f} x", ">= 1 x", met(gain >= 1))


_FOUR = f"{LOOSE}: rate of four files over that of one"


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
    figure = f"{LOOSE}, {CONNECTIONS} connections of {CAPPED_RATE / 1e6:.0f} MB/s"
    target = f">= {_CAPPED_SHARE} x {CONNECTIONS} x {CAPPED_RATE / 1e6:.0f} = {bound:.0f} MB/s"
    rate = result.rate(LOOSE)
    if rate is None:
        return Verdict(result.name, figure, "-", target, _unjudged(result, (LOOSE,)))
    return Verdict(result.name, figure, f"{rate / 1e6:.0f} MB/s", target, met(rate / 1e6 >= bound))


def _verified(result: RowResult) -> Verdict:
    figure, target = f"rate of {VERIFY} over {OPENSSL.name}", f">= {_VERIFY_SHARE} x"
    share = result.ratio(OPENSSL.name, (VERIFY,))
    if share is None:
        return Verdict(result.name, figure, "-", target, _unjudged(result, (VERIFY, OPENSSL.name)))
    return Verdict(result.name, figure, f"{share:.2f} x", target, met(share >= _VERIFY_SHARE))


def _slowest(limits: Sequence[str]) -> str:
    return limits[0] if len(limits) == 1 else f"max({'; '.join(limits)})"


def _unjudged(result: RowResult, names: Sequence[str]) -> str:
    """Say which of the cells a target needs have no right result, and why."""
    without = [cell for name in names if not (cell := result.cells[name]).good]
    return f"not judged: {'; '.join(f'{cell.name} ({cell.remark})' for cell in without)}"
