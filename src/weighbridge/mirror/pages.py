"""The pages for people: which repositories are held, and how to fetch them; work without scripts."""

from __future__ import annotations

from collections.abc import Sequence

from weighbridge.mirror.listing import Listing
from weighbridge.mirror.repository import Repository

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
STYLE = ""


def index_page(repositories: Sequence[Repository], base: str) -> str:
    """Return the page that lists all repositories."""
    raise NotImplementedError


def repo_page(repository: Repository, revision: str, listing: Listing, base: str) -> str:
    """Return the page of one repository at a revision."""
    raise NotImplementedError


def error_page(status: int, message: str) -> str:
    """Return the page that says why there is no other."""
    raise NotImplementedError
