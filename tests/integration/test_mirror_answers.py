"""What a running mirror answers at each of its addresses, as the Hub does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.support.mirror import HubCache, Mirror, Reply, git_blob
from tests.support.processes import wait_until

ONE, TWO = "1" * 40, "2" * 40
LARGE = bytes(range(256)) * 40
SMALL = b'{"x": 1}\n'
ODD = "sub dir/a b#c?d%e+é\n.txt"
FILES = {"config.json": SMALL, "onnx/model.onnx": LARGE, "onnx/nested/tiny": b"t", "empty": b"", ODD: b"odd"}
KINDS = {"models": "", "datasets": "datasets/", "spaces": "spaces/", "kernels": "kernels/"}
TOKEN = "hf_only_for_tests"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> HubCache:
    made = HubCache(tmp_path_factory.mktemp("mirror") / "hub")
    for kind in KINDS:
        made.put(f"{kind}--acme--demo", ONE, FILES, "main", "v1.0", "refs/pr/1", "refs/convert/parquet")
        made.put(f"{kind}--acme--demo", TWO, {"config.json": b"two"}, "dev")
    made.put("models--gpt2", ONE, FILES, "main")
    marker = made.root / "models--acme--demo" / ".no_exist" / ONE / "sub" / "never.txt"
    marker.parent.mkdir(parents=True)
    marker.touch()
    made.put("models--acme--wide", ONE, {f"f{index:04d}": b"%d" % index for index in range(1003)}, "main")
    return made


@pytest.fixture(scope="module")
def mirror(cache: HubCache) -> Iterator[Mirror]:
    with Mirror(cache.root.parent / "home", "--cache-dir", cache.root, "--access-log", "json", "--open") as running:
        yield running


@pytest.fixture(scope="module")
def guarded(cache: HubCache) -> Iterator[Mirror]:
    place = cache.root.parent / "token"
    place.write_text(f"{TOKEN}\n")
    home = cache.root.parent / "guarded"
    with Mirror(home, "--cache-dir", cache.root, "--access-token", place) as running:
        yield running


def error_of(reply: Reply) -> tuple[int, str | None]:
    assert reply.json == {"error": reply.json["error"]}
    assert reply.headers["x-error-message"]
    return reply.status, reply.headers.get("x-error-code")


class TestFiles:
    @pytest.mark.parametrize("prefix", KINDS.values())
    @pytest.mark.parametrize("path", FILES)
    def test_bytes_are_those_of_the_file(self, mirror: Mirror, prefix: str, path: str) -> None:
        """It is what a mirror is for."""
        reply = mirror.ask(f"/{prefix}acme/demo/resolve/main/{quote(path)}")

        assert (reply.status, reply.body) == (200, FILES[path])

    @pytest.mark.parametrize(
        ("path", "etag"), [("config.json", git_blob(SMALL)), ("onnx/model.onnx", hashlib.sha256(LARGE).hexdigest())]
    )
    def test_head_tells_what_get_tells(self, mirror: Mirror, path: str, etag: str) -> None:
        """A client asks HEAD first and keeps what comes with GET under that name."""
        head, got = (mirror.ask(f"/acme/demo/resolve/main/{path}", method=method) for method in ("HEAD", "GET"))

        assert head.body == b""
        assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
        assert (head.headers["etag"], head.headers["x-repo-commit"]) == (f'"{etag}"', ONE)
        assert (head.headers["content-length"], head.headers["accept-ranges"]) == (str(len(FILES[path])), "bytes")
        assert "content-encoding" not in got.headers

    @pytest.mark.parametrize(
        ("revision", "commit"),
        [
            ("main", ONE),
            ("v1.0", ONE),
            ("dev", TWO),
            (ONE, ONE),
            (TWO, TWO),
            ("2222222", TWO),
            ("refs%2Fpr%2F1", ONE),
            ("refs/pr/1", ONE),
            ("refs%2Fconvert%2Fparquet", ONE),
        ],
    )
    def test_revision_may_be_a_branch_a_tag_or_a_commit(self, mirror: Mirror, revision: str, commit: str) -> None:
        """The commit goes into the client's cache."""
        reply = mirror.ask(f"/acme/demo/resolve/{revision}/config.json")

        assert (reply.status, reply.headers["x-repo-commit"]) == (200, commit)
        assert ("immutable" in reply.headers["cache-control"]) == (len(revision) == 40)

    def test_part_of_a_file_is_sent(self, mirror: Mirror) -> None:
        """A client that was cut off goes on where it stopped."""
        reply = mirror.ask("/acme/demo/resolve/main/onnx/model.onnx", {"Range": "bytes=100-"})

        assert (reply.status, reply.body) == (206, LARGE[100:])
        assert reply.headers["content-range"] == f"bytes 100-{len(LARGE) - 1}/{len(LARGE)}"

    @pytest.mark.parametrize("asked", ["bytes=99999-", "bytes=-0"])
    def test_part_that_is_not_there_is_refused(self, mirror: Mirror, asked: str) -> None:
        """A client that has the whole file learns so from the size."""
        reply = mirror.ask("/acme/demo/resolve/main/onnx/model.onnx", {"Range": asked})

        assert (reply.status, reply.headers["content-range"], reply.body) == (416, f"bytes */{len(LARGE)}", b"")

    def test_file_that_the_client_has_is_not_sent(self, mirror: Mirror) -> None:
        """A proxy in between would fetch it each time."""
        etag = mirror.ask("/acme/demo/resolve/main/config.json").headers["etag"]

        reply = mirror.ask("/acme/demo/resolve/main/config.json", {"If-None-Match": f'"other", W/{etag}'})

        assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", etag)

    def test_rest_of_another_file_is_not_sent(self, mirror: Mirror) -> None:
        """The client would put the halves of two files together."""
        reply = mirror.ask("/acme/demo/resolve/main/config.json", {"Range": "bytes=2-", "If-Range": '"other"'})

        assert (reply.status, reply.body) == (200, SMALL)

    @pytest.mark.parametrize("accepted", ["gzip", "br, zstd, gzip;q=1.0", "identity;q=0, *;q=1"])
    def test_files_are_never_encoded(self, mirror: Mirror, accepted: str) -> None:
        """Lengths, ranges and digests are those of the file itself."""
        reply = mirror.ask("/acme/demo/resolve/main/config.json", {"Accept-Encoding": accepted})

        assert ("content-encoding" in reply.headers, reply.body) == (False, SMALL)

    def test_browser_runs_nothing_of_a_file(self, mirror: Mirror) -> None:
        """A repository could bring a page that reads the others with the user's token."""
        reply = mirror.ask("/acme/demo/resolve/main/config.json")

        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["content-security-policy"].startswith("sandbox")
        assert reply.headers["content-type"].startswith("text/plain")


class TestErrors:
    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("/acme/absent/resolve/main/x", (404, "RepoNotFound")),
            ("/acme/-/resolve/main/x", (404, "RepoNotFound")),
            ("/acme/demo/resolve/absent/x", (404, "RevisionNotFound")),
            (f"/acme/demo/resolve/{'3' * 40}/x", (404, "RevisionNotFound")),
            ("/acme/demo/resolve/main/absent", (404, "EntryNotFound")),
            ("/acme/demo/resolve/main/onnx", (404, "EntryNotFound")),
            ("/acme/demo/resolve/main/%C3%A9", (404, "EntryNotFound")),
            ("/acme/demo/resolve/main/a%0D%0AX-Evil:%201", (404, "EntryNotFound")),
            ("/api/models/acme/absent", (404, "RepoNotFound")),
            ("/api/datasets/acme/wide", (404, "RepoNotFound")),
            ("/api/models/acme/demo/revision/absent", (404, "RevisionNotFound")),
            ("/api/models/acme/demo/tree/main/absent", (404, "EntryNotFound")),
            ("/api/models/acme/demo/tree/main/config.json", (404, "EntryNotFound")),
            ("/acme/demo/resolve/main/%FF", (400, None)),
            ("/acme/demo/resolve/main/..%2F..%2Frefs%2Fmain", (400, None)),
            ("/acme/demo/resolve/main/a%00b", (400, None)),
            ("/api/agent-harnesses", (404, None)),
            ("/api/models/acme/demo/xet-read-token/main", (404, None)),
            ("/datasets", (404, None)),
            (f"/acme/demo/resolve/main/{'x' * 5000}", (414, None)),
        ],
    )
    def test_error_is_told_as_the_hub_tells_it(
        self, mirror: Mirror, address: str, expected: tuple[int, str | None]
    ) -> None:
        """Clients map the code to their error types; without one they think the network is down."""
        assert error_of(mirror.ask(address)) == expected

    @pytest.mark.parametrize(("path", "commit"), [("sub/never.txt", ONE), ("absent", None)])
    def test_commit_is_told_of_a_file_that_surely_is_not_there(
        self, mirror: Mirror, path: str, commit: str | None
    ) -> None:
        """Clients note for it that the file does not exist, and never ask again; a cache may only lack it."""
        reply = mirror.ask(f"/acme/demo/resolve/main/{path}", method="HEAD")

        assert (reply.status, reply.headers.get("x-repo-commit"), reply.body) == (404, commit, b"")

    def test_message_fits_into_a_header(self, mirror: Mirror) -> None:
        """A proxy answers 502 to headers of more than 4 KiB."""
        reply = mirror.ask(f"/acme/demo/resolve/main/{'%F0%9F%98%80' * 300}")

        assert (error_of(reply), len(reply.headers["x-error-message"]) < 1000) == ((404, "EntryNotFound"), True)

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "MADEUP"])
    def test_only_reading_is_understood(self, mirror: Mirror, method: str) -> None:
        """RFC 9110, 15.5.6: the answer tells which methods are."""
        reply = mirror.ask("/acme/demo/resolve/main/config.json", method=method)

        assert (error_of(reply), reply.headers["allow"]) == ((405, None), "GET, HEAD")

    def test_paths_are_asked_for_with_a_form(self, mirror: Mirror) -> None:
        """The answer to a GET would be taken for an empty list."""
        reply = mirror.ask("/api/models/acme/demo/paths-info/main")

        assert (error_of(reply), reply.headers["allow"]) == ((405, None), "POST")


class TestApi:
    @pytest.mark.parametrize("kind", KINDS)
    def test_repository_is_told_of(self, mirror: Mirror, kind: str) -> None:
        """Snapshots begin with it."""
        at_main, at_dev = (mirror.ask(f"/api/{kind}/acme/demo{tail}").json for tail in ("", "/revision/dev"))

        assert (at_main["id"], at_main["sha"], at_dev["sha"]) == ("acme/demo", ONE, TWO)
        assert [each["rfilename"] for each in at_main["siblings"]] == sorted(FILES)
        assert ("modelId" in at_main) == (kind == "models")

    def test_details_agree_with_the_files(self, mirror: Mirror) -> None:
        """Caches would split, and verification fail."""
        (large,) = (
            each
            for each in mirror.ask("/api/models/acme/demo?blobs=true").json["siblings"]
            if each["rfilename"] == "onnx/model.onnx"
        )

        head = mirror.ask("/acme/demo/resolve/main/onnx/model.onnx", method="HEAD")

        assert (f'"{large["lfs"]["sha256"]}"', str(large["size"])) == (
            head.headers["etag"],
            head.headers["content-length"],
        )

    @pytest.mark.parametrize(
        ("tail", "paths"),
        [
            ("", ["config.json", "empty", "onnx", "sub dir"]),
            ("?recursive=false", ["config.json", "empty", "onnx", "sub dir"]),
            ("/onnx", ["onnx/model.onnx", "onnx/nested"]),
            ("/onnx?recursive=True", ["onnx/model.onnx", "onnx/nested", "onnx/nested/tiny"]),
            ("/onnx%2Fnested", ["onnx/nested/tiny"]),
            ("/sub%20dir", [ODD]),
            ("?recursive=true", sorted([*FILES, "onnx", "onnx/nested", "sub dir"])),
        ],
    )
    def test_folder_is_listed(self, mirror: Mirror, tail: str, paths: list[str]) -> None:
        """New clients list before they fetch."""
        reply = mirror.ask(f"/api/models/acme/demo/tree/main{tail}")

        assert ([each["path"] for each in reply.json], "link" in reply.headers) == (paths, False)

    def test_expanded_listing_tells_of_commits(self, mirror: Mirror) -> None:
        """Clients that ask for it read all three fields, and get as many entries at once as from the Hub."""
        reply = mirror.ask("/api/models/acme/wide/tree/main?expand=true")

        assert {tuple(each["lastCommit"]) for each in reply.json} == {("id", "title", "date")}
        assert len(reply.json) == 50

    @pytest.mark.parametrize(("query", "pages"), [("", 2), ("&limit=400", 3)])
    def test_long_listing_comes_in_pages(self, mirror: Mirror, query: str, pages: int) -> None:
        """A client follows the link as it stands, with its token."""
        found: list[str] = []
        count, target = 0, f"/api/models/acme/wide/tree/main?recursive=true{query}"
        while target:
            reply = mirror.ask(target, {"Host": "models.example.org:8080"})
            found += [each["path"] for each in reply.json]
            count += 1
            link = reply.headers.get("link", "")
            assert link == "" or link.startswith("<http://models.example.org:8080/api/models/acme/wide/tree/main?")
            target = link.removeprefix("<http://models.example.org:8080").removesuffix('>; rel="next"')

        assert (found, count) == ([f"f{index:04d}" for index in range(1003)], pages)

    @pytest.mark.parametrize(
        "target", ["http://localhost/api/models/acme/wide/tree/main", "/api/models/acme/wide/tree/main"]
    )
    def test_link_to_the_next_page_is_whole(self, mirror: Mirror, target: str) -> None:
        """Clients don't join it to anything, and one of HTTP/1.0 need not tell what it calls us."""
        reply = mirror.send(f"GET {target} HTTP/1.0\r\n\r\n".encode())

        following = urlsplit(reply.headers["link"].partition(">")[0][1:])
        assert f"{following.scheme}://{following.netloc}" == mirror.endpoint
        assert (following.path, following.query) == ("/api/models/acme/wide/tree/main", "cursor=f0999")

    def test_refs_are_listed(self, mirror: Mirror) -> None:
        """People look for tags and pull requests."""
        plain, with_pulls = (mirror.ask(f"/api/models/acme/demo/refs{tail}").json for tail in ("", "?include_prs=1"))

        assert [(each["name"], each["targetCommit"]) for each in plain["branches"]] == [
            ("main", ONE),
            ("dev", TWO),
            ("v1.0", ONE),
        ]
        assert ("pullRequests" in plain, [each["ref"] for each in with_pulls["pullRequests"]]) == (False, ["refs/pr/1"])

    def test_entries_are_told_by_path(self, mirror: Mirror) -> None:
        """Unknown ones are left out, and none comes twice."""
        form = b"paths=config.json&paths=onnx%2F&paths=absent&paths=config.json&paths=..%2Frefs&paths=&expand=False"

        reply = mirror.post("/api/models/acme/demo/paths-info/main", form)

        assert [(each["type"], each["path"]) for each in reply.json] == [("file", "config.json"), ("directory", "onnx")]

    @pytest.mark.parametrize("form", [b"", b"paths", b"&&&", b'{"paths": ["config.json"]}', b"\x00=%00"])
    def test_form_that_asks_for_nothing_gets_nothing(self, mirror: Mirror, form: bytes) -> None:
        """Some clients send JSON."""
        assert mirror.post("/api/models/acme/demo/paths-info/main", form).json == []

    @pytest.mark.parametrize("form", [b"\xff=1", b"paths=%FF"])
    def test_form_that_is_no_text_is_refused(self, mirror: Mirror, form: bytes) -> None:
        """No path can be that."""
        assert error_of(mirror.post("/api/models/acme/demo/paths-info/main", form)) == (400, None)

    def test_endless_form_is_refused(self, mirror: Mirror) -> None:
        """All memory would be filled with it."""
        assert mirror.post("/api/models/acme/demo/paths-info/main", b"paths=x&" * 140_000).status == 413

    def test_nothing_speaks_of_xet(self, mirror: Mirror) -> None:
        """A client with hf_xet would go to a server that is not there."""
        addresses = ["/acme/demo/resolve/main/onnx/model.onnx", "/api/models/acme/demo/tree/main?recursive=true"]

        replies = [mirror.ask(each, {"Accept": "application/vnd.xet-fileinfo+json"}) for each in addresses]

        assert not [name for each in replies for name in each.headers if "xet" in name or name == "link"]
        assert b"xet" not in replies[1].body


class TestOthers:
    def test_health_is_told(self, mirror: Mirror) -> None:
        """Who watches the mirror asks here."""
        assert mirror.ask("/healthz").json == {"status": "ok"}

    def test_metrics_count_what_was_sent(self, mirror: Mirror) -> None:
        """A graph of them would be wrong."""
        name = 'weighbridge_sent_bytes_total{route="file"}'
        before = mirror.metric(name)

        mirror.ask("/acme/demo/resolve/main/onnx/model.onnx")
        mirror.ask("/acme/demo/resolve/main/onnx/model.onnx", method="HEAD")

        assert mirror.metric(name) - before == len(LARGE)
        assert mirror.metric('weighbridge_repositories{kind="models"}') == 3
        assert mirror.metric('weighbridge_requests_total{method="HEAD",route="file",status="200"}') > 0
        assert mirror.metric("weighbridge_active_requests") == 1  # the one that asks

    def test_made_up_methods_are_counted_together(self, mirror: Mirror) -> None:
        """Anybody could fill the memory with counters."""
        mirror.ask("/", method="ZZZ")

        assert b"ZZZ" not in mirror.ask("/metrics").body

    def test_token_means_somebody(self, mirror: Mirror) -> None:
        """Clients ask who they are when they log in."""
        assert mirror.ask("/api/whoami-v2", {"Authorization": "Bearer x"}).json["name"] == "weighbridge"
        assert error_of(mirror.ask("/api/whoami-v2")) == (401, None)

    def test_log_tells_each_request_and_no_secret(self, mirror: Mirror) -> None:
        """Queries and tokens would lie in somebody's log for years."""
        secret = {"Authorization": "Bearer hf_secret", "User-Agent": "probe/1 \xe9", "Cookie": "hf_secret"}

        mirror.ask("/acme/demo/resolve/main/config.json?token=hf_secret", {**secret, "Range": "bytes=0-3"})

        wait_until(lambda: any(each["agent"].startswith("probe/1") for each in mirror.entries))
        (entry,) = (each for each in mirror.entries if each["agent"].startswith("probe/1"))
        assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/acme/demo/resolve/main/config.json", 206)
        assert (entry["range"], entry["bytes"], entry["whole"]) == ("bytes=0-3", 4, True)
        assert (entry["client"], "hf_secret" in mirror.err) == ("127.0.0.1", False)


class TestGuarded:
    @pytest.mark.parametrize(
        "address",
        ["/", "/metrics", "/acme/demo", "/acme/demo/resolve/main/config.json", "/api/models/acme/demo", "/absent/x"],
    )
    def test_nothing_is_told_without_the_token(self, guarded: Mirror, address: str) -> None:
        """Not even which repositories there are."""
        replies = [guarded.ask(address), guarded.ask(address, {"Authorization": "Bearer wrong"})]

        assert [each.status for each in replies] == [401, 401]
        assert [each.headers.get("x-error-code") for each in replies] == ["RepoNotFound", None]
        assert replies[1].headers["x-error-message"] == "Invalid credentials in Authorization header"
        assert replies[0].headers["www-authenticate"].startswith("Basic ")

    def test_token_opens(self, guarded: Mirror) -> None:
        """Clients send it as they send it to the Hub; what is private stays out of shared caches."""
        reply = guarded.ask("/acme/demo/resolve/main/config.json", {"Authorization": f"Bearer {TOKEN}"})

        assert (reply.status, reply.body) == (200, SMALL)
        assert reply.headers["cache-control"].startswith("private")
        assert TOKEN not in guarded.err + guarded.out

    def test_health_needs_no_token(self, guarded: Mirror) -> None:
        """Who watches the mirror need not read it."""
        assert guarded.ask("/healthz").status == 200


def test_read_only_cache_is_left_as_it_is(tmp_path: Path) -> None:
    """Other programs own the cache: a lock, a receipt or a new time in it would be ours to answer for."""
    cache = HubCache(tmp_path / "hub")
    snapshot = cache.put("models--acme--demo", ONE, FILES, "main")
    (snapshot / "plain.bin").write_bytes(LARGE)
    before = look(tmp_path / "hub")

    with Mirror(tmp_path / "home", "--cache-dir", tmp_path / "hub") as mirror:
        addresses = ["/", "/api/models/acme/demo?blobs=true", "/acme/demo/resolve/main/plain.bin", "/metrics"]
        statuses = [mirror.ask(each).status for each in [*addresses, "/api/models/acme/demo/tree/main", "/acme/demo"]]
        code = mirror.stop()

    assert (statuses, code) == ([200] * 6, 0)
    assert look(tmp_path / "hub") == before


def look(root: Path) -> list[tuple[str, int, int, int]]:
    """Return all that a program could have changed."""
    found = ((each, each.lstat()) for each in sorted([root, *root.rglob("*")]))
    return [(str(each), stat.st_mtime_ns, stat.st_ctime_ns, stat.st_mode) for each, stat in found]
