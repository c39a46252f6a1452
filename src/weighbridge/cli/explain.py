"""The verb ``explain``: what an error means and what to do about it, from the page of help that is installed."""

from __future__ import annotations

import re

import click

_SECTION = re.compile(r"^## (\w+)\n", re.MULTILINE)


@click.command
@click.argument("name", required=False)
def explain(name: str | None) -> int:
    """Say what an error means and what to do; without a name, list them all."""
    from weighbridge.cli.output import put

    sections = read_sections()
    if name is None:
        width = max(map(len, sections))
        for title, text in sections.items():
            put(f"{title:<{width}}  {_first_sentence(text)}")
        return 0
    put(f"{_find(name, sections)}\n\n{sections[_find(name, sections)]}")
    return 0


def read_sections() -> dict[str, str]:
    """Return the page's sections by the name of their error, in the order of the page."""
    from importlib import resources

    page = (resources.files("weighbridge") / "help" / "errors.md").read_text(encoding="utf-8")
    _, *pieces = _SECTION.split(page)
    return {title: text.strip() for title, text in zip(pieces[::2], pieces[1::2], strict=True)}


def _find(name: str, sections: dict[str, str]) -> str:
    from difflib import get_close_matches

    from weighbridge.core.errors import InvalidParameterError

    titles = {title.lower(): title for title in sections}
    key = name.strip().lower()
    if key in titles:
        return titles[key]
    close = get_close_matches(key, titles, n=1)
    advice = f"; did you mean {titles[close[0]]}?" if close else "; weighbridge explain lists them all"
    raise InvalidParameterError(f"no error has that name{advice}")


def _first_sentence(text: str) -> str:
    sentence = re.match(r"(.+?[.;:])(\s|$)", " ".join(text.split()))
    return sentence[1].rstrip(".;:") if sentence else ""
