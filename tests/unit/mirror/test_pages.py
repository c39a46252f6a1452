"""The pages for people hold what is held, as text and never as markup, however much and however named."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from shutil import rmtree

import pytest

from tests.support.hub_repos import Repo
from weighbridge.core.repos import RepoId
from weighbridge.mirror import pages
from weighbridge.mirror.cache import Cache
from weighbridge.mirror.digests import DigestIndex
from weighbridge.mirror.folder import FolderRepository
from weighbridge.mirror.listing import Held, Listing
from weighbridge.mirror.repository import Repository
from weighbridge.mirror.routes import FileRoute, RepoPage, TreeRoute, parse_route
from weighbridge.store.sight import Sight

BASE = "http://127.0.0.1:8080"
OLD, NEW = "1" * 40, "2" * 40
DEMO = Repo(
    kind="model",
    name="acme/demo",
    commits={OLD: {"a.txt": b"a"}, NEW: {"a.txt": b"a", "model.safetensors": b"0123456789"}},
    refs={"main": NEW, "refs/pr/1": OLD},
)
MARKUP = ["<script>alert(1)</script>.txt", '"><img src=x onerror=alert(1)>.txt', "'onclick='x.txt", "{{ 7 * 7 }}.txt"]


class Parsed(HTMLParser):
    """A page, taken apart.

    Attributes:
        tags: All of its elements.
        attributes: The names of all attributes.
        links: All addresses that it links to.
        text: What can be read.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href" and tag == "a"]

    def handle_data(self, data: str) -> None:
        self.text += data


class Unread(DigestIndex):
    """Fails whoever wants to know a digest."""

    def digest(self, place: Path, algorithm: str, sight: Sight) -> str:
        raise AssertionError(f"the {algorithm} of {place} would be computed; {sight}")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    DEMO.write_cache(tmp_path)
    return Cache(tmp_path, DigestIndex(None))


def index(*repositories: Repository) -> Parsed:
    return Parsed(pages.index_page(repositories, BASE))


def page_of(repository: Repository, revision: str = "main") -> Parsed:
    return Parsed(pages.repo_page(repository, revision, repository.listing(repository.resolve(revision)), BASE))


def folder_of(root: Path, *paths: str) -> FolderRepository:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("content", encoding="utf-8")
    return FolderRepository(RepoId.parse("acme/folder"), root, DigestIndex(None))


class TestIndex:
    def test_repositories_are_listed_with_what_they_hold(self, cache: Cache) -> None:
        page = index(*cache.repositories())

        assert "1 repository held: 2 files, 11 B." in page.text
        assert {"/acme/demo", "/acme/demo/tree/refs%2Fpr%2F1"} <= set(page.links)

    def test_repository_without_a_branch_is_linked_by_its_commit(self, tmp_path: Path) -> None:
        """Pinned downloads leave no branch; a link to ``main`` would lead nowhere."""
        Repo(kind="dataset", name="acme/pinned", commits={OLD: {"a.txt": b"a"}}, refs={}).write_cache(tmp_path)

        page = index(*Cache(tmp_path, DigestIndex(None)).repositories())

        assert f"/datasets/acme/pinned/tree/{OLD}" in page.links

    def test_repository_that_vanishes_is_left_out(self, cache: Cache, tmp_path: Path) -> None:
        """Whoever tidies up the cache would break the page for all others."""
        held = cache.repositories()
        rmtree(tmp_path / "models--acme--demo")

        assert "Nothing is held yet" in index(*held).text

    def test_no_file_is_read(self, tmp_path: Path) -> None:
        """A cache without links has digests only for those who read it all: hours, for a glance at a list."""
        snapshot = tmp_path / "models--acme--copied" / "snapshots" / OLD
        snapshot.mkdir(parents=True)
        (snapshot / "model.bin").write_bytes(b"0123456789")

        page = index(*Cache(tmp_path, Unread(None)).repositories())

        assert "1 file, 10 B" in page.text

    def test_listing_without_all_files_is_marked(self, cache: Cache, tmp_path: Path) -> None:
        """A snapshot that lacks files would look like a whole one."""
        trees = tmp_path / "models--acme--demo" / "trees"
        trees.mkdir()
        (trees / f"{NEW}.json").write_text('{"files": {"a.txt": {}, "b.txt": {}}}', encoding="utf-8")

        assert "partial" in index(*cache.repositories()).text
        assert "1 more file that this mirror does not hold" in page_of(cache.repositories()[0]).text

    def test_empty_mirror_says_what_to_do(self) -> None:
        page = index()

        assert "Nothing is held yet" in page.text
        assert "weighbridge serve --repo ORG/NAME=FOLDER" in page.text


class TestRepository:
    def test_files_have_links_and_digests(self, cache: Cache) -> None:
        page = page_of(cache.repositories()[0])

        file = RepoId.parse("acme/demo")
        routes = [parse_route(each, "") for each in page.links if "/resolve/" in each]
        assert routes == [FileRoute(file, NEW, "a.txt"), FileRoute(file, NEW, "model.safetensors")]
        assert "git-sha1:2e65efe2a145dda7ee51d1741299f848e5bf752e" in page.text
        assert "sha256:84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882" in page.text

    def test_refs_and_commits_can_be_switched_between(self, cache: Cache) -> None:
        page = page_of(cache.repositories()[0], "refs/pr/1")

        repo = RepoId.parse("acme/demo")
        shown = {parse_route(each, "") for each in page.links if each.startswith("/acme/")}
        assert {RepoPage(repo, each) for each in ("main", "refs/pr/1", OLD, NEW)} <= shown
        assert "model.safetensors" not in page.text

    @pytest.mark.parametrize("path", MARKUP)
    def test_name_of_a_file_is_text(self, tmp_path: Path, path: str) -> None:
        """Whoever can name a file would run scripts where everybody looks."""
        harmless, hostile = page_of(folder_of(tmp_path / "a", "a/b.txt")), page_of(folder_of(tmp_path / "b", path))

        assert path in hostile.text
        assert set(hostile.tags) <= set(harmless.tags)
        assert hostile.attributes <= harmless.attributes

    @pytest.mark.parametrize("path", ["gpj.\u202eexe", "new\nline.txt", "zero\u200bwidth.txt", "\x1b[2J.txt"])
    def test_odd_characters_are_shown_for_what_they_are(self, tmp_path: Path, path: str) -> None:
        """Two names that look the same would be two files."""
        page = page_of(folder_of(tmp_path, path))

        assert path.encode("unicode_escape").decode() in page.text
        assert path not in page.text

    def test_many_files_are_cut_short(self, cache: Cache) -> None:
        """A browser would be busy for minutes."""
        held = Held(Path("x"), Sight(size=7), "0" * 40)
        listing = Listing(NEW, {f"{number:05}.txt": held for number in range(10_000)})

        page = pages.repo_page(cache.repositories()[0], "main", listing, BASE)

        assert len(page) < 2_000_000
        assert "first 2,000 of 10,000 files" in Parsed(page).text

    def test_listing_for_machines_is_linked(self, cache: Cache) -> None:
        """It is where the rest of a long listing is."""
        page = page_of(cache.repositories()[0])

        (link,) = [each for each in page.links if each.startswith("/api/")]
        route = parse_route(*link.split("?"))
        assert isinstance(route, TreeRoute)
        assert (route.repo, route.revision, route.is_deep) == (RepoId.parse("acme/demo"), NEW, True)

    def test_commit_without_files_has_a_page(self, tmp_path: Path) -> None:
        page = page_of(folder_of(tmp_path))

        assert "holds no file of this commit" in page.text


def test_error_is_text() -> None:
    """Errors repeat what was asked for, which anybody may put into a link."""
    page = Parsed(pages.error_page(404, "no <script>alert(1)</script> at \u202e"))

    assert r"No <script>alert(1)</script> at \u202e" in page.text
    assert "script" not in page.tags
    assert "/" in page.links


def test_pages_keep_their_own_policy(cache: Cache) -> None:
    """What the policy forbids would be missing, and only where somebody looks."""
    every = [pages.index_page(cache.repositories(), BASE), pages.index_page([], BASE), pages.error_page(404, "no")]

    forbidden = [found for page in every for found in re.findall(r"<script|<style|\sstyle=|\son\w+=|<form|<base", page)]

    assert forbidden == []
