"""Pages that say what the code does: their links lead somewhere, and what they list is all there is."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from weighbridge.compat import huggingface_hub

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path for path in sorted([*ROOT.glob("*.md"), *ROOT.joinpath("docs").rglob("*.md")])
}
COMPATIBILITY = ROOT / "docs" / "compatibility.md"
CALLS = ["get_hf_file_metadata", "hf_hub_download", "hf_hub_url", "snapshot_download"]
ELSEWHERE = ("http://", "https://", "mailto:")


def links_of(page: Path) -> Iterator[str]:
    """Yield where a page's links lead, those to other sites left out."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    yield from (each for each in re.findall(r"\]\(([^)\s]+)\)", text) if not each.startswith(ELSEWHERE))


def anchors_of(page: Path) -> set[str]:
    """Return what parts of a page are called in links, as the usual sites make it of their headings."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in heads}


def is_dead(page: Path, link: str) -> bool:
    """Tell whether a link of a page leads nowhere."""
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return not target.exists() or (anchor != "" and anchor not in anchors_of(target))


def first_cells(page: Path, heading: str) -> str:
    """Return the first cells of all rows below a heading."""
    part = page.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"^\| ([^|]*) \|", part, re.MULTILINE))


def kept_in(page: str) -> dict[str, str]:
    """Return the counts of a table of promises, by the promise's name, and those of all of them."""
    rows = re.findall(r"^\| (?:P\d: )?\**([\w, ]+)[^|\n]*\| (\**\d+ of .+)\|$", page, re.MULTILINE)
    return {name.strip().lower(): counts.strip() for name, counts in rows}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """A reader who follows one finds what was promised."""
    dead = [each for each in links_of(PAGES[page]) if is_dead(PAGES[page], each)]

    assert dead == []


@pytest.mark.parametrize("page", PAGES)
def test_tests_that_a_page_names_are_there(page: str) -> None:
    """A guarantee is worth what checks it."""
    named = re.findall(r"`((?:tests|src|benchmarks|demo)/[\w./-]+)`", PAGES[page].read_text(encoding="utf-8"))

    assert [each for each in named if not (ROOT / each).exists()] == []


def test_every_keyword_of_the_known_calls_is_explained() -> None:
    """A program's keyword is looked up there before it is trusted to us."""
    accepted = {name for call in CALLS for name in inspect.signature(getattr(huggingface_hub, call)).parameters}
    accepted -= {"url"}

    explained = set(re.findall(r"`(\w+)`", first_cells(COMPATIBILITY, "Keywords")))

    assert explained == accepted


def test_every_known_call_is_explained() -> None:
    """What is not in the table is not offered, and the other way round."""
    offered = {name for name in huggingface_hub.__all__ if inspect.isfunction(getattr(huggingface_hub, name))}

    explained = set(re.findall(r"`(\w+)`", first_cells(COMPATIBILITY, "Functions")))

    assert explained == offered


def test_every_variable_of_the_known_calls_is_explained() -> None:
    """A variable that is obeyed and not told of surprises on the next machine."""
    source = (ROOT / "src" / "weighbridge" / "config" / "hub.py").read_text(encoding="utf-8")
    read = set(re.findall(r'"((?:HF|HUGGING|TRANSFORMERS|XDG)_?[A-Z_]+)"', source))

    explained = set(re.findall(r"`([A-Z_]+)`", first_cells(COMPATIBILITY, "Environment")))

    assert read != set()
    assert read - explained == set()


def test_readme_tells_the_counts_of_the_proof() -> None:
    """The table that the project leads with is what was measured, not what was once measured."""
    page, readme = (ROOT / "docs/proof.md").read_text(), (ROOT / "README.md").read_text()

    measured, told = kept_in(page), kept_in(readme)

    assert len(measured) == 9
    assert told == measured
