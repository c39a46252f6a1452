"""The chart."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from benchmarks.chart import draw
from benchmarks.contenders import CURL, CURL_SYNC, OPENSSL
from benchmarks.hub_rows import HUB
from benchmarks.rows import LOOSE, WEIGHBRIDGE
from tests.support.measured import row, run, section

SECONDS = {
    WEIGHBRIDGE: (2.0,),
    LOOSE: (3.0,),
    HUB: (30.0,),
    CURL.name: (1.0,),
    CURL_SYNC.name: (2.0,),
    OPENSSL.name: (1.5,),
}
NAMED = "{http://www.w3.org/2000/svg}"


def drawn() -> ET.Element:
    return ET.fromstring(draw([run(results=[row("hub-2g", SECONDS)], sections=[section("starts")])]))


def bars() -> dict[str, float]:
    found = [(each.find(f"{NAMED}title"), each) for each in drawn().iter(f"{NAMED}rect")]
    return {title.text or "": float(each.get("width", "0")) for title, each in found if title is not None}


def test_everyone_who_does_the_whole_work_has_a_bar_and_a_figure() -> None:
    """A peer that is faster could be left out."""
    texts = {each.text for each in drawn().iter(f"{NAMED}text")}

    assert set(bars()) == {
        "weighbridge: 1.00 x, 2.00 s",
        "weighbridge --no-durable: 2.00 x, 3.00 s",
        "huggingface_hub: 20.00 x, 30.00 s",
        "weighbridge: 1 ms",
    }
    assert {"hub-2g", HUB, "20.00 x, 30.00 s", "limit", "starts", "target: 50 ms"} <= texts


def test_bars_are_as_long_as_their_ratios() -> None:
    """A picture that is not to scale is a lie."""
    lengths = bars()

    assert lengths["weighbridge --no-durable: 2.00 x, 3.00 s"] == 2 * lengths["weighbridge: 1.00 x, 2.00 s"]


def test_bar_that_does_not_fit_is_cut_and_shown_to_be() -> None:
    """Twenty times the limit would look like four times."""
    cuts = [each for each in drawn().iter(f"{NAMED}line") if each.get("class") == "paper"]

    assert bars()["huggingface_hub: 20.00 x, 30.00 s"] == 4 * bars()["weighbridge: 1.00 x, 2.00 s"]
    assert len(cuts) == 2


def test_same_runs_give_the_same_file() -> None:
    """Every run of the report would be a change in the repository."""
    runs = [run(results=[row("hub-2g", SECONDS)])]

    assert draw(runs) == draw(runs)


def test_nothing_to_draw_is_still_a_picture() -> None:
    """A run of one row that is not drawn would end in a traceback."""
    assert ET.fromstring(draw([run(results=[row("many", SECONDS)])])).tag == f"{NAMED}svg"
