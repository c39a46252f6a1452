"""From the address of a request to what is asked for: every address is a route or a refusal, and none leads out."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.core.repos import Kind, RepoId
from weighbridge.mirror.refusals import Refusal
from weighbridge.mirror.routes import (
    FileRoute,
    InfoRoute,
    PathsRoute,
    PlainRoute,
    RefsRoute,
    RepoPage,
    Route,
    TreeRoute,
    methods_of,
    parse_route,
)

DEMO = RepoId(Kind.MODEL, "acme/demo")
KINDS = [("", Kind.MODEL), ("datasets/", Kind.DATASET), ("spaces/", Kind.SPACE), ("kernels/", Kind.KERNEL)]


def tree(**given: object) -> TreeRoute:
    usual: dict[str, object] = {
        "repo": DEMO,
        "revision": "main",
        "path": "",
        "is_deep": False,
        "is_expanded": False,
        "after": "",
        "limit": 1000,
    }
    return TreeRoute(**{**usual, **given})  # type: ignore[arg-type]


def refusal(path: str, query: str = "") -> Refusal:
    with pytest.raises(Refusal) as caught:
        parse_route(path, query)
    return caught.value


@pytest.mark.parametrize(("prefix", "kind"), KINDS)
@pytest.mark.parametrize("name", ["acme/demo", "gpt2"])
def test_files_of_all_kinds_have_their_addresses(prefix: str, kind: Kind, name: str) -> None:
    """A kind of repository, or those without an organisation, could not be fetched."""
    assert parse_route(f"/{prefix}{name}/resolve/main/a/b.bin", "") == FileRoute(RepoId(kind, name), "main", "a/b.bin")


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("name", ["acme/demo", "gpt2"])
def test_api_of_all_kinds_has_its_addresses(kind: Kind, name: str) -> None:
    """Snapshots of a kind of repository could not be listed."""
    repo, base = RepoId(kind, name), f"/api/{kind.value}/{name}"

    found = [
        parse_route(base, ""),
        parse_route(f"{base}/revision/v1", ""),
        parse_route(f"{base}/tree/v1", ""),
        parse_route(f"{base}/refs", ""),
        parse_route(f"{base}/paths-info/v1", ""),
    ]

    assert found == [
        InfoRoute(repo, "main", is_detailed=False),
        InfoRoute(repo, "v1", is_detailed=False),
        tree(repo=repo, revision="v1"),
        RefsRoute(repo, has_pull_requests=False),
        PathsRoute(repo, "v1"),
    ]


@pytest.mark.parametrize(
    ("address", "route"),
    [
        ("/", PlainRoute("index")),
        ("///", PlainRoute("index")),
        ("/healthz", PlainRoute("health")),
        ("/metrics", PlainRoute("metrics")),
        ("/api/whoami-v2", PlainRoute("whoami")),
        ("/_weighbridge/style.css", PlainRoute("style")),
        ("/acme/demo", RepoPage(DEMO, "main")),
        ("/acme/demo/", RepoPage(DEMO, "main")),
        ("/gpt2", RepoPage(RepoId(Kind.MODEL, "gpt2"), "main")),
        ("/datasets/acme/demo", RepoPage(RepoId(Kind.DATASET, "acme/demo"), "main")),
        ("/acme/demo/tree/v1", RepoPage(DEMO, "v1")),
        ("/acme/demo/tree/v1/onnx", RepoPage(DEMO, "v1")),
        ("//acme/demo/resolve/main/x", FileRoute(DEMO, "main", "x")),
        ("/acme%2Fdemo", RepoPage(DEMO, "main")),
        ("/resolve/resolve/main/x", FileRoute(RepoId(Kind.MODEL, "resolve"), "main", "x")),
        ("/acme/resolve/main/x", FileRoute(RepoId(Kind.MODEL, "acme"), "main", "x")),
        ("/acme/resolve/resolve/main/x", FileRoute(RepoId(Kind.MODEL, "acme/resolve"), "main", "x")),
        ("/acme/demo/resolve/main/resolve/main/x", FileRoute(DEMO, "main", "resolve/main/x")),
        ("/api/models/acme/refs", RefsRoute(RepoId(Kind.MODEL, "acme"), has_pull_requests=False)),
        ("/api/models/acme/refs/refs", RefsRoute(RepoId(Kind.MODEL, "acme/refs"), has_pull_requests=False)),
    ],
)
def test_address_is_read(address: str, route: Route | None) -> None:
    """Somebody would get another thing than what they asked for."""
    try:
        found: Route | None = parse_route(address, "")
    except Refusal:
        found = None

    assert found == route


@pytest.mark.parametrize(
    ("written", "revision", "path"),
    [
        ("refs%2Fpr%2F1/config.json", "refs/pr/1", "config.json"),
        ("refs/pr/1/config.json", "refs/pr/1", "config.json"),
        ("refs/convert/parquet/a/b.parquet", "refs/convert/parquet", "a/b.parquet"),
        ("refs%2Fconvert%2Fparquet/a/b.parquet", "refs/convert/parquet", "a/b.parquet"),
        ("feature%2Fx/config.json", "feature/x", "config.json"),
        ("refs/config.json", "refs", "config.json"),
        ("refs/other/1/x", "refs", "other/1/x"),
        ("main/refs/pr/1", "main", "refs/pr/1"),
        ("v1.0/sub%20dir/a%20b%23c%3Fd%25e%2B%C3%A9.txt", "v1.0", "sub dir/a b#c?d%e+é.txt"),
        ("v1.0/a+b", "v1.0", "a+b"),
        ("v1.0/a%252Fb", "v1.0", "a%2Fb"),
        ("v1.0/100%", "v1.0", "100%"),
        ("v1.0/a%0Ab", "v1.0", "a\nb"),
        ("v1.0/.../x", "v1.0", ".../x"),
        ("v1.0/..x", "v1.0", "..x"),
        ("%6Dain/x", "main", "x"),
    ],
)
def test_revision_and_path_are_told_apart_and_decoded_once(written: str, revision: str, path: str) -> None:
    """A branch with a slash, or a file with odd characters, could not be had."""
    assert parse_route(f"/acme/demo/resolve/{written}", "") == FileRoute(DEMO, revision, path)


@pytest.mark.parametrize(
    "tail",
    [
        "main/../x",
        "main/%2e%2e/x",
        "main/%2E%2E%2Fx",
        "main/..%2Fx",
        "main/a%2Fb",
        "main/%2Fetc%2Fpasswd",
        "main//etc/passwd",
        "main/./x",
        "main/a//b",
        "main/a/",
        "main/",
        "main",
        "main/a%00b",
        "main/%FF",
        "main/%C3",
        "main/%ED%A0%80",  # half a surrogate pair
        "%2E%2E/x",
        "../x",
        "..%2F..%2Fblobs/x",
        "refs%2F..%2Fx/y",
        "refs/pr/../x",
        "%2Fetc/passwd",
        "a%2F%2Fb/x",
        "/x",
        "%00/x",
    ],
)
def test_what_could_lead_elsewhere_is_refused(tail: str) -> None:
    """A file outside of a repository could be asked for."""
    assert refusal(f"/acme/demo/resolve/{tail}").status in (400, 404)


@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".",
        "-a/b",
        "a/-b",
        "a--b",
        "a/b--c",
        "a..b",
        "a/.b",
        "a/b.",
        "a b",
        "é/b",
        "a%2Fb%2Fc",
        "a\\b",
        "a" * 97,
        "_%00",
    ],
)
def test_name_that_no_repository_can_have_is_not_held(name: str) -> None:
    """It would become the name of a folder."""
    found = [refusal(f"/api/models/{quote(name, safe='/%')}"), refusal(f"/{quote(name, safe='/%')}/resolve/main/x")]

    assert {each.status for each in found} <= {400, 404}


@pytest.mark.parametrize(
    "address",
    [
        "/api",
        "/api/",
        "/api/models",
        "/api/models/",
        "/api/models//",
        "/api/buckets/acme/demo",
        "/api/models/acme/demo/other",
        "/api/models/acme/demo/revision",
        "/api/models/acme/demo/revision/main/more",
        "/api/models/acme/demo/paths-info/main/more",
        "/api/models/acme/demo/refs/main",
        "/api/models/acme/demo/xet-read-token/main",
        "/api/agent-harnesses",
        "/datasets",
        "/datasets/",
        "/spaces",
        "/kernels",
        "/models/acme/demo/more",
        "/acme/demo/blob/main/x",
        "/acme/demo/resolve",
        "/acme/demo/resolve/",
        "/acme/demo/tree",
        "/a/b/c/d",
        "*",
        "mirror.test:443",
    ],
)
def test_address_of_nothing_is_refused(address: str) -> None:
    """Clients ask for more than a mirror has, and need an answer."""
    assert refusal(address).status in (400, 404)


@pytest.mark.parametrize(
    "target", ["http://mirror.test/acme/demo/resolve/main/x", "HTTPS://u@h:1//acme/demo/resolve/main/x"]
)
def test_address_with_its_host_means_the_same(target: str) -> None:
    """RFC 9112, section 3.2.2: a server must understand what is said to proxies."""
    assert parse_route(target, "") == FileRoute(DEMO, "main", "x")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("recursive=true&expand=false", {"is_deep": True}),
        ("recursive=True&expand=False", {"is_deep": True}),
        ("recursive=1", {"is_deep": True}),
        ("recursive", {}),
        ("recursive=no", {}),
        ("expand=True", {"is_expanded": True, "limit": 50}),
        ("cursor=a%2Fb+c%26d", {"after": "a/b c&d"}),
        ("cursor=%FF", {"after": "\N{REPLACEMENT CHARACTER}"}),
        ("limit=7", {"limit": 7}),
        ("limit=0", {}),
        ("limit=1001", {}),
        ("limit=-1", {}),
        ("limit=99999999999999999999", {}),
        ("limit=%D9%A3", {}),  # an Arabic three is a digit, too
        ("limit=60&expand=1", {"is_expanded": True, "limit": 50}),
        ("&&=&a", {}),
    ],
)
def test_options_of_a_listing_are_read(query: str, expected: dict[str, object]) -> None:
    """Old clients write "True", new ones "true"; and anybody may write anything."""
    assert parse_route("/api/models/acme/demo/tree/main", query) == tree(**expected)


@pytest.mark.parametrize("written", ["a%2Fb", "a/b", "a/b/", "a%2Fb%2F"])
def test_folder_may_come_encoded_or_plain(written: str) -> None:
    """Clients encode the slashes of a folder."""
    assert parse_route(f"/api/models/acme/demo/tree/main/{written}", "") == tree(path="a/b")


@pytest.mark.parametrize("written", ["..", "a%2F..%2Fb", "a//b", "a%2F%2Fb", ".", "a/%2e"])
def test_folder_that_could_lead_elsewhere_is_refused(written: str) -> None:
    """Names of other folders could be had."""
    assert refusal(f"/api/models/acme/demo/tree/main/{written}").status == 400


@pytest.mark.parametrize(("length", "status"), [(4096, None), (4097, 414), (20_000, 414)])
def test_too_long_path_is_refused(length: int, status: int | None) -> None:
    """No file system has such a path, and errors would come from deeper down."""
    try:
        parse_route(f"/acme/demo/resolve/main/{'x' * length}", "")
        found = None
    except Refusal as refused:
        found = refused.status

    assert found == status


def test_pull_requests_and_details_are_told_only_if_asked_for() -> None:
    """Clients that ask for them would miss them."""
    assert parse_route("/api/models/acme/demo/refs", "include_prs=1") == RefsRoute(DEMO, has_pull_requests=True)
    assert parse_route("/api/models/acme/demo", "blobs=true") == InfoRoute(DEMO, "main", is_detailed=True)


def test_only_the_address_of_paths_takes_a_form() -> None:
    """A POST elsewhere would do what a GET does."""
    assert methods_of(PathsRoute(DEMO, "main")) == ("POST",)
    assert methods_of(FileRoute(DEMO, "main", "x")) == ("GET", "HEAD")


PIECES = st.sampled_from(
    (
        "/ // api models datasets acme demo resolve tree revision refs pr main .. . %2F %2e%2e %00 %FF % %C3%A9 \\ : "
        f"http:// paths-info é \x7f {'x' * 200}"
    ).split(" ")
)
PATHS = st.one_of(st.text(st.characters(max_codepoint=255), max_size=200), st.lists(PIECES, max_size=12).map("/".join))


@given(PATHS, st.text(st.characters(max_codepoint=255), max_size=100))
def test_every_address_is_a_route_or_a_refusal(path: str, query: str) -> None:
    """An address that nobody has thought of would be an internal error."""
    try:
        found: Route | int = parse_route(path, query)
    except Refusal as refused:
        found = refused.status

    assert not isinstance(found, int) or 400 <= found < 500


@given(PATHS, PATHS)
def test_no_route_leads_out(head: str, tail: str) -> None:
    """Every name that comes out of an address is later joined to a folder."""
    try:
        found = parse_route(f"/acme/demo/resolve/{head}/{tail}", "")
    except Refusal:
        return

    assert isinstance(found, FileRoute)
    parts = [*found.path.split("/"), *found.revision.split("/")]
    assert not {"", ".", ".."} & set(parts)
    assert "\0" not in found.path + found.revision


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20).filter(
            lambda part: part not in (".", "..")
        ),
        min_size=1,
        max_size=5,
    )
)
def test_every_path_of_a_file_can_be_written(parts: list[str]) -> None:
    """A file whose name git allows could not be fetched."""
    path = "/".join(parts)

    assert parse_route(f"/acme/demo/resolve/main/{quote(path)}", "") == FileRoute(DEMO, "main", path)
