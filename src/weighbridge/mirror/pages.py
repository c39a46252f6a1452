"""The pages for people: which repositories are held, and how to fetch them; work without scripts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from importlib import resources
from itertools import islice
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from weighbridge.core.repos import Kind, RepoId
from weighbridge.mirror.listing import Held, Listing, Outline
from weighbridge.mirror.payloads import iso_time
from weighbridge.mirror.recipes import Recipes, file_address, is_plain, page_address
from weighbridge.mirror.refusals import Refusal
from weighbridge.mirror.repository import Repository
from weighbridge.mirror.routes import ICON_ADDRESS, STYLE_ADDRESS
from weighbridge.progress.wording import count, format_bytes

_OUTLINED = 500  # repositories whose files are counted: each costs a walk through its folder
_FILES = 2000  # a browser takes seconds to lay out many more
_REFS, _COMMITS = 4, 24

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
"""Headers of every page."""

ASSET_HEADERS = {
    # opened by itself, the icon is a document, and no document of ours runs anything
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "max-age=3600",
}
"""Headers of what pages consist of."""


def _read(name: str) -> str:
    return resources.files("weighbridge.mirror").joinpath("templates", name).read_text(encoding="utf-8")


ASSETS = {"style": (_read("style.css"), "text/css"), "icon": (_read("icon.svg"), "image/svg+xml")}
"""Content and media type of what pages consist of, by the name of its route."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A repository on the index; without an outline if there are too many to look at each."""

    repo: RepoId
    revision: str = "main"
    refs: Sequence[str] = ()
    outline: Outline | None = None


@dataclass(frozen=True, slots=True)
class _File:
    """A file on the page of its repository."""

    folder: str
    name: str
    size: int
    digest: str
    address: str


def index_page(repositories: Sequence[Repository], base: str) -> str:
    """Return the page that lists all repositories.

    No file is read for it, and one that vanishes meanwhile is left out.

    Args:
        repositories: In the order in which they are shown.
        base: The address of this mirror, without a trailing slash.
    """
    rows = list(_rows(repositories))
    outlines = [row.outline for row in rows if row.outline is not None]
    files, size = sum(len(each.sizes) for each in outlines), sum(each.size for each in outlines)
    held = "1 repository" if len(rows) == 1 else f"{len(rows):,} repositories"
    recipes, example = _example(rows, base)
    of_which = "" if len(outlines) == len(rows) else f" in the {len(outlines):,} that were counted"
    return _render(
        "index.html",
        rows=rows,
        summary=f"{held} held: {count(files, 'file')}, {format_bytes(size)}{of_which}.",
        refs_shown=_REFS,
        recipes=recipes,
        example=example,
    )


def repo_page(repository: Repository, revision: str, listing: Listing, base: str) -> str:
    """Return the page of one repository at a revision.

    Args:
        repository: Which one.
        revision: As it was asked for.
        listing: What its commit holds.
        base: The address of this mirror, without a trailing slash.
    """
    repo, refs = repository.repo, repository.refs()
    owner, _, short_name = repo.name.rpartition("/")
    recipes = Recipes(base=base, repo=repo, revision=_askable(revision, refs, listing.commit))
    return _render(
        "repository.html",
        repo=repo,
        owner=owner,
        short_name=short_name,
        revision=revision,
        listing=listing,
        refs=list(refs),
        commits=repository.commits(),
        commits_shown=_COMMITS,
        files=list(_files(repo, listing)),
        tree_address=f"/api/{repo.kind.value}/{repo.name}/tree/{listing.commit}?recursive=true",
        recipes=recipes,
        verified=_largest(listing, recipes),
    )


def error_page(status: int, message: str) -> str:
    """Return the page that says why there is no other."""
    sentence = f"{message[:1].upper()}{message[1:].rstrip('.')}."
    return _render("error.html", status=status, phrase=HTTPStatus(status).phrase, message=sentence)


def first_revision(repository: Repository) -> str | None:
    """Return what of a repository to show first: its main branch if there is one; None if nothing is held."""
    return _first_of(list(repository.refs()), repository.commits())


def page_of(repo: RepoId, revision: str) -> str:
    """Return where the page of a repository is."""
    return f"/{page_address(repo, revision)}"


def visible(text: str) -> str:
    r"""Return ``text`` with everything that can't be seen, or changes the order of what can, written as ``\u202e``."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def _rows(repositories: Iterable[Repository]) -> Iterator[_Row]:
    for number, repository in enumerate(repositories):
        repo = repository.repo
        if number >= _OUTLINED:
            yield _Row(repo)
            continue
        try:
            refs, commits = list(repository.refs()), repository.commits()
            shown = _first_of(refs, commits)
            if shown is None:
                continue  # nothing of it has arrived yet
            outline = repository.outline(repository.resolve(shown))
        except (Refusal, OSError):
            continue  # it went away while we looked
        yield _Row(repo, shown, refs, outline)


def _first_of(refs: Sequence[str], commits: Sequence[str]) -> str | None:
    return "main" if "main" in refs else next(iter([*refs, *commits]), None)


def _files(repo: RepoId, listing: Listing) -> Iterator[_File]:
    for path, held in islice(listing.files.items(), _FILES):
        folder, _, name = path.rpartition("/")
        yield _File(folder, name, held.size, _digest_of(held), f"/{file_address(repo, listing.commit, path)}")


def _digest_of(held: Held) -> str:
    """Return what ``weighbridge get --digest`` takes."""
    return f"{'sha256' if held.is_large else 'git-sha1'}:{held.name}"


def _example(rows: Sequence[_Row], base: str) -> tuple[Recipes, str]:
    """Return how to fetch something that is held, and the path of a file of it: a small one with a plain name."""
    held = [each for each in rows if each.outline is not None and each.outline.sizes]
    row = next((each for each in held if each.repo.kind is Kind.MODEL), held[0] if held else None)
    if row is None or row.outline is None:
        return Recipes(base=base, repo=RepoId(Kind.MODEL, "ORG/NAME")), "FILE"
    sizes = row.outline.sizes
    path = min(sizes, key=lambda each: (not is_plain(each), each.count("/"), sizes[each] == 0, sizes[each]))
    return Recipes(base=base, repo=row.repo, revision=_askable(row.revision, row.refs, row.outline.commit)), path


def _largest(listing: Listing, recipes: Recipes) -> str:
    """Return how to fetch the largest file of a commit; "" if there is none."""
    if not listing.files:
        return ""
    path, held = max(listing.files.items(), key=lambda each: each[1].size)
    return replace(recipes, revision=listing.commit).verified(path, _digest_of(held))


def _askable(revision: str, refs: Collection[str], commit: str) -> str:
    """Return what to ask a client for: a ref, or else the commit, which has no odd characters."""
    return revision if revision in refs and is_plain(revision) else commit


def _moment(moment_ns: int) -> str:
    if not moment_ns:
        return "–"
    moment = datetime.fromtimestamp(moment_ns // 1_000_000_000, UTC)
    return Markup('<time datetime="{}">{}</time>').format(iso_time(moment_ns), f"{moment:%Y-%m-%d %H:%M} UTC")


def _render(name: str, **values: Any) -> str:
    return _templates.get_template(name).render(values)


_STYLE_VERSION = sha256(ASSETS["style"][0].encode()).hexdigest()[:8]  # a new style is not mistaken for a stored one
_templates = Environment(
    loader=PackageLoader("weighbridge.mirror"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals |= {"style_address": f"{STYLE_ADDRESS}?{_STYLE_VERSION}", "icon_address": ICON_ADDRESS}
_templates.filters |= {
    "amount": format_bytes,
    "grouped": "{:,}".format,
    "moment": _moment,
    "page_of": page_of,
    "visible": visible,
}
