"""The lying Hub is a Hub to real clients while it is honest, and each of its lies reaches the wire."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.fault_hub import FaultHub, Manner, Tally, Way
from tests.support.faults import ChangeEtag, FlipByte, Html200
from tests.support.hub.addresses import cached_path, file_path, info_path, read_target, tree_path
from tests.support.hub.lies import (
    DISABLED,
    GATED,
    DeepJson,
    EndlessListing,
    EndlessPages,
    Foreign,
    NextPage,
    Refused,
    Then,
    also_lists,
    leaves_out,
    lists,
    says,
)
from tests.support.hub_clients import HubClient, HubError, make_clients
from tests.support.hub_repos import Repo, contents, small_repo
from tests.support.raw_client import ask

MAKING_S = 400  # the first test waits until the clients are installed
PARQUET = "data/part 1.parquet"
KNOWN = ("RepositoryNotFoundError", "RevisionNotFoundError", "EntryNotFoundError")
NAMES = [("model", "solo"), ("model", "acme/plain"), ("dataset", "acme/numbers")]


@pytest.fixture(scope="session")
def clients() -> dict[str, HubClient]:
    return make_clients(["2.x", "0.9.1"])


@pytest.fixture(params=["2.x", "0.9.1"])
def client(clients: dict[str, HubClient], request: pytest.FixtureRequest) -> HubClient:
    return clients[request.param]


@pytest.fixture
def repo() -> Repo:
    return small_repo("dataset", "acme/numbers")


@pytest.fixture
def hub(repo: Repo) -> Iterator[FaultHub]:
    with FaultHub(repo) as running:
        yield running


def told(hub: FaultHub, path: str, query: str = "?recursive=true&expand=false") -> Any:
    reply = ask(f"{hub.url(path)}{query}")
    assert reply.status == 200
    return json.loads(reply.body)


class TestHonestly:
    """A lie proves something only if the truth would have been believed."""

    @pytest.mark.timeout(MAKING_S)
    @pytest.mark.parametrize("small", [Way.DIRECT, Way.CACHED], ids=["direct", "cached"])
    def test_real_client_has_a_snapshot(self, client: HubClient, repo: Repo, small: Way, tmp_path: Path) -> None:
        """Both ways of sending small files, large ones from the CDN, and a listing of several pages."""
        manner = Manner(small=small, page_size=2)

        with FaultHub(repo, manner=manner) as hub, client.start(hub.origin, tmp_path) as process:
            snapshot = process.call("snapshot_download", repo_id=repo.name, repo_type="dataset", cache_dir=tmp_path)

        assert Path(snapshot).name == repo.refs["main"]
        assert contents(snapshot) == repo.main
        assert hub.tally.cdn == 1

    @pytest.mark.timeout(MAKING_S)
    def test_newest_client_costs_what_is_known_of_it(
        self, clients: dict[str, HubClient], hub: FaultHub, repo: Repo, tmp_path: Path
    ) -> None:
        """The books sort requests as the comparison of clients needs it."""
        with clients["2.x"].start(hub.origin, tmp_path) as process:
            process.call("snapshot_download", repo_id=repo.name, repo_type="dataset", cache_dir=tmp_path / "hub")

        tally = hub.tally
        assert (tally.info, tally.tree, tally.head, tally.get, tally.cdn) == (1, 1, 4, 2, 1)
        assert hub.file_bytes == sum(map(len, repo.main.values()))

    @pytest.mark.timeout(MAKING_S)
    def test_real_client_understands_the_refusals(
        self, client: HubClient, hub: FaultHub, repo: Repo, tmp_path: Path
    ) -> None:
        """Codes for programs are what the Hub's are, so ours and theirs are judged by the same answers."""
        asked = [
            {"repo_id": "acme/nothing", "filename": "README.md", "repo_type": "dataset"},
            {"repo_id": repo.name, "filename": "README.md", "revision": "nowhere", "repo_type": "dataset"},
            {"repo_id": repo.name, "filename": "nothing.txt", "repo_type": "dataset"},
        ]

        with client.start(hub.origin, tmp_path) as process:
            found = [refusal(process, **each) for each in asked]

        assert found == list(KNOWN)

    @pytest.mark.timeout(MAKING_S)
    def test_real_client_follows_a_renamed_repository(
        self, clients: dict[str, HubClient], hub: FaultHub, repo: Repo, tmp_path: Path
    ) -> None:
        """Old names live on in scripts for years."""
        hub.rename("acme/figures", repo)

        with clients["2.x"].start(hub.origin, tmp_path) as process:
            path = process.call(
                "hf_hub_download", repo_id="acme/figures", filename="README.md", repo_type="dataset", cache_dir=tmp_path
            )

        assert Path(path).read_bytes() == repo.main["README.md"]

    def test_large_file_leads_to_the_cdn(self, hub: FaultHub, repo: Repo) -> None:
        """What is told of the file stands on the redirect; the CDN's own ETag says nothing about it."""
        reply = ask(hub.url(file_path(repo, PARQUET)))
        sent = ask(reply.headers["location"])

        assert reply.status == 302
        assert reply.headers["x-linked-size"] == "70000"
        assert len(reply.headers["x-linked-etag"]) == 66
        assert sent.body == repo.main[PARQUET]
        assert len(sent.headers["etag"]) == 34
        assert "x-repo-commit" not in sent.headers

    def test_link_to_the_cdn_expires(self, hub: FaultHub, repo: Repo) -> None:
        """A signed address is good for a time, and a new one is one request away."""
        stale = ask(hub.url(file_path(repo, PARQUET))).headers["location"]
        hub.cdn.expire_signatures()
        fresh = ask(hub.url(file_path(repo, PARQUET))).headers["location"]

        assert [ask(url).status for url in (stale, fresh)] == [403, 200]

    def test_pages_of_a_listing_make_the_whole(self, repo: Repo) -> None:
        """Each page has the absolute address of the next, the last has none."""
        with FaultHub(repo, manner=Manner(page_size=4)) as hub:
            first = ask(f"{hub.url(tree_path(repo))}?recursive=true&expand=false")
            following = first.headers["link"].partition("<")[2].partition(">")[0]
            second = ask(following)

        paths = [entry["path"] for reply in (first, second) for entry in json.loads(reply.body)]
        assert paths == ["README.md", "data", "data/nested", "data/nested/notes.txt", PARQUET, "empty.txt"]
        assert "link" not in second.headers

    def test_unlisted_token_is_refused_and_none_too(self, hub: FaultHub, repo: Repo) -> None:
        """A token can be revoked halfway, and the refusal differs from that of somebody without one."""
        hub.admit_only("good")
        url = hub.url(info_path(repo))

        replies = [ask(url, {"Authorization": f"Bearer {token}"}) for token in ("good", "bad")] + [ask(url)]

        assert [each.status for each in replies] == [200, 401, 401]
        assert [each.headers.get("x-error-code") for each in replies] == [None, None, "RepoNotFound"]

    def test_servers_can_be_told_apart_by_their_scheme(self, repo: Repo) -> None:
        """A Hub with TLS may lead to a CDN without."""
        authority = trustme.CA()
        mine, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
        authority.issue_cert("127.0.0.1").configure_cert(mine)
        authority.configure_trust(theirs)

        with FaultHub(repo, tls=mine) as hub:
            reply = ask(hub.url(file_path(repo, PARQUET)), tls=theirs)

        assert hub.origin.startswith("https://")
        assert reply.headers["location"].startswith("http://")

    def test_several_commits_are_told_apart(self) -> None:
        """A branch that moves shows at once; a commit never changes."""
        first, second = {"a.txt": b"one\n"}, {"a.txt": b"two\n"}
        repo = Repo(kind="model", name="solo", commits={"a" * 40: first, "b" * 40: second}, refs={"main": "a" * 40})

        with FaultHub(repo) as hub:
            url = hub.url(file_path(repo, "a.txt", "main"))
            before = ask(url).body
            hub.move(repo, "main", "b" * 40)
            after = [ask(each).body for each in (url, hub.url(file_path(repo, "a.txt", "a" * 40)))]

        assert (before, after) == (b"one\n", [b"two\n", b"one\n"])


class TestLies:
    """A lie that doesn't reach the wire would let every client pass."""

    def test_listing_lies_about_a_file(self, hub: FaultHub, repo: Repo) -> None:
        """Sizes, digests and names are what the server says they are."""
        fault = lists("README.md", size=5) & also_lists("../x") & leaves_out("empty.txt")
        hub.on(path=tree_path(repo), fault=fault)

        entries = {entry["path"]: entry for entry in told(hub, tree_path(repo))}

        assert entries["README.md"]["size"] == 5
        assert "../x" in entries
        assert "empty.txt" not in entries

    def test_revision_lies_about_its_commit(self, hub: FaultHub, repo: Repo) -> None:
        """The commit becomes the name of a folder."""
        hub.on(path=info_path(repo), fault=says(sha="../../x"))

        assert told(hub, info_path(repo), "")["sha"] == "../../x"

    def test_lie_about_bytes_hits_small_and_large_files(self, hub: FaultHub, repo: Repo) -> None:
        """Small ones here, large ones at the CDN."""
        hub.on(path=file_path(repo, "README.md"), fault=FlipByte(0))
        hub.cdn.on(path=hub.cdn_path(repo, PARQUET), fault=FlipByte(0))

        small = ask(hub.url(file_path(repo, "README.md"))).body
        large = ask(ask(hub.url(file_path(repo, PARQUET))).headers["location"]).body

        assert [small[0] ^ repo.main["README.md"][0], large[0] ^ repo.main[PARQUET][0]] == [1, 1]

    @pytest.mark.parametrize(
        ("fault", "status", "code"),
        [
            (GATED, 403, "GatedRepo"),
            (DISABLED, 403, None),
            (Refused(503), 503, None),
            (Html200(), 200, None),
        ],
    )
    def test_refusal_stands_at_every_address_of_a_repository(
        self, hub: FaultHub, repo: Repo, fault: Any, status: int, code: str | None
    ) -> None:
        """One rule closes a repository."""
        hub.on(path=f"*/{repo.name}/*", fault=fault)

        replies = [ask(hub.url(path)) for path in (info_path(repo), tree_path(repo), file_path(repo, PARQUET))]

        assert [each.status for each in replies] == [status] * 3
        assert [each.headers.get("x-error-code") for each in replies] == [code] * 3

    def test_branch_moves_between_two_calls(self, hub: FaultHub, repo: Repo) -> None:
        """What is told of a branch may be old before it arrives."""
        moved = Repo(kind=repo.kind, name=repo.name, commits=repo.commits | {"b" * 40: {}}, refs=repo.refs)
        hub.serve(moved)
        hub.on(path=info_path(repo), nth=1, fault=Then(lambda: hub.move(moved, "main", "b" * 40)))

        shas = [told(hub, info_path(repo), "")["sha"] for _ in range(2)]

        assert shas == [repo.refs["main"], "b" * 40]

    def test_foreign_server_names_nothing_by_its_digest(self, hub: FaultHub, repo: Repo) -> None:
        """Neither in listings, nor where files are sent, nor where they lead elsewhere."""
        hub.always(Foreign())

        entries = told(hub, tree_path(repo))
        small, large = (ask(hub.url(file_path(repo, path))) for path in ("README.md", PARQUET))

        assert all(entry["oid"].startswith("5f3-") and "lfs" not in entry for entry in entries)
        assert [each.headers["etag"][:5] for each in (small, large)] == ['"5f3-'] * 2
        assert "x-linked-etag" not in large.headers
        assert small.body == repo.main["README.md"]

    def test_next_page_may_be_anywhere(self, hub: FaultHub, repo: Repo) -> None:
        """The link may lead to another origin, or to the page it stands on."""
        hub.on(path=tree_path(repo), nth=1, fault=NextPage("http://127.0.0.2:9/"))
        hub.on(path=tree_path(repo), fault=NextPage())

        links = [ask(f"{hub.url(tree_path(repo))}?cursor=0").headers["link"] for _ in range(2)]

        assert links == ['<http://127.0.0.2:9/>; rel="next"', f'<{hub.url(tree_path(repo))}?cursor=0>; rel="next"']

    def test_pages_go_on_for_ever(self, hub: FaultHub, repo: Repo) -> None:
        """Each has an address of its own, so that no list of seen addresses ends it."""
        hub.on(path=tree_path(repo), fault=EndlessPages(files=1))

        links = {ask(hub.url(tree_path(repo))).headers["link"] for _ in range(3)}

        assert len(links) == 3

    def test_listing_goes_on_for_ever(self, hub: FaultHub, repo: Repo) -> None:
        """What has been read of it so far is sound JSON; a reader has to stop by itself."""
        hub.on(path=tree_path(repo), fault=EndlessListing())

        with closing(http.client.HTTPConnection(hub.origin.partition("//")[2], timeout=5)) as connection:
            connection.request("GET", tree_path(repo))
            read = connection.getresponse().read(1 << 20)

        entries = json.loads(read[: read.rindex(b",{")] + b"]")
        assert len({entry["path"] for entry in entries}) > 5000

    def test_json_is_too_deep_for_recursive_readers(self, hub: FaultHub, repo: Repo) -> None:
        """It ends readers by RecursionError, which is no ValueError."""
        hub.on(path=info_path(repo), fault=DeepJson())

        with pytest.raises(RecursionError):
            told(hub, info_path(repo), "")

    def test_headers_of_a_file_are_hostile(self, hub: FaultHub, repo: Repo) -> None:
        """An ETag becomes the name of a file in other clients' caches."""
        hub.on(path=file_path(repo, "README.md"), fault=ChangeEtag('"../../x"'))

        assert ask(hub.url(file_path(repo, "README.md"))).headers["etag"] == '"../../x"'


@pytest.mark.parametrize(
    ("target", "subject", "name", "revision", "path"),
    [
        ("/solo/resolve/main/a.txt", "file", "solo", "main", "a.txt"),
        ("/acme/plain/resolve/refs%2Fpr%2F1/a%20b/c%23.txt?x=1", "file", "acme/plain", "refs/pr/1", "a b/c#.txt"),
        ("/datasets/acme/numbers/resolve/main/a", "file", "acme/numbers", "main", "a"),
        ("/api/models/solo/revision/main", "info", "solo", "main", ""),
        ("/api/models/solo", "info", "solo", "main", ""),
        ("/api/datasets/acme/numbers/tree/main/a%2Fb?recursive=true", "tree", "acme/numbers", "main", "a/b"),
        (f"/api/resolve-cache/models/solo/{'a' * 40}/b/c?etag=%22d%22", "cached file", "solo", "a" * 40, "b/c"),
    ],
)
def test_address_is_read_as_it_was_meant(target: str, subject: str, name: str, revision: str, path: str) -> None:
    """Split first and unescaped then, so that no escaped slash moves a boundary."""
    found = read_target(target, NAMES)

    assert found is not None
    assert (found.subject, found.name, found.revision, found.path) == (subject, name, revision, path)


@pytest.mark.parametrize(
    "target", ["/", "/api/models", "/api/models/", "/api/agent-harnesses", "/api/resolve-cache/models/a", "/a/b"]
)
def test_address_of_nothing_means_nothing(target: str) -> None:
    """Clients ask for more than files; such calls are answered by a plain 404."""
    assert read_target(target, NAMES) is None


def test_cached_address_is_that_of_its_file(repo: Repo) -> None:
    """A rule for it names the path that is asked."""
    found = read_target(cached_path(repo, "README.md"), NAMES)

    assert found is not None
    assert (found.subject, found.kind, found.path) == ("cached file", "dataset", "README.md")


def test_quiet_hub_has_empty_books(hub: FaultHub) -> None:
    """Counts begin at nothing."""
    assert hub.tally == Tally()


def refusal(process: Any, **arguments: str) -> str:
    with pytest.raises(HubError) as caught:
        process.call("hf_hub_download", **arguments)
    # the newest has kinds of its own below those that all know
    return next(kind for kind in caught.value.kinds if kind in KNOWN)
