"""A cache as a source: what huggingface_hub and others leave there, whole or damaged, and never anything beside it."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from tests.support.mirror import HubCache, git_blob
from weighbridge.core.repos import Kind, RepoId
from weighbridge.mirror.cache import Cache, CachedRepository
from weighbridge.mirror.digests import DigestIndex
from weighbridge.mirror.refusals import Refusal

REPO, FOLDER = RepoId(Kind.MODEL, "acme/demo"), "models--acme--demo"
ONE, TWO = "1" * 40, "2" * 40
SMALL, LARGE = b"small", b"large" * 1000
FILES = {"config.json": SMALL, "onnx/model.onnx": LARGE}


@pytest.fixture
def cache(tmp_path: Path) -> HubCache:
    (tmp_path / "hub").mkdir()
    return HubCache(tmp_path / "hub")


@pytest.fixture
def index() -> DigestIndex:
    return DigestIndex(None)


def open_repo(cache: HubCache, repo: RepoId = REPO) -> CachedRepository:
    found = Cache(cache.root, DigestIndex(None)).get(repo)
    assert found is not None
    return found


def names(cache: HubCache, commit: str = ONE) -> list[str]:
    return list(open_repo(cache).listing(commit).files)


def test_files_are_named_by_their_blobs(cache: HubCache) -> None:
    """The ETag is what clients call the blob in their own cache."""
    cache.put(FOLDER, ONE, FILES, "main")

    files = open_repo(cache).listing(ONE).files

    assert {path: held.name for path, held in files.items()} == {
        "config.json": git_blob(SMALL),
        "onnx/model.onnx": hashlib.sha256(LARGE).hexdigest(),
    }
    assert {path: held.place.read_bytes() for path, held in files.items()} == FILES


@pytest.mark.parametrize(
    ("folder", "repo"),
    [
        ("models--gpt2", RepoId(Kind.MODEL, "gpt2")),
        ("datasets--acme--d.1", RepoId(Kind.DATASET, "acme/d.1")),
        ("spaces--acme--s_1", RepoId(Kind.SPACE, "acme/s_1")),
        ("kernels--acme--k-1", RepoId(Kind.KERNEL, "acme/k-1")),
    ],
)
def test_repositories_of_all_kinds_are_found(cache: HubCache, index: DigestIndex, folder: str, repo: RepoId) -> None:
    """A kind would be missing from the list of what is held."""
    cache.put(folder, ONE, FILES)

    assert [each.repo for each in Cache(cache.root, index).repositories()] == [repo]


@pytest.mark.parametrize(
    "name",
    ["blobs", ".locks", "CACHEDIR.TAG", "models--", "models--a--b--c", "models--..--x", "other--a", "a" * 64 + ".json"],
)
def test_other_things_in_a_cache_are_no_repositories(cache: HubCache, index: DigestIndex, name: str) -> None:
    """Locks, shared blobs, and the files of the old layout lie beside them."""
    (cache.root / name / "snapshots" / ONE).mkdir(parents=True)

    assert Cache(cache.root, index).repositories() == []


def test_folder_that_a_failed_download_has_left_is_no_repository(cache: HubCache, index: DigestIndex) -> None:
    """Old clients leave empty folders after a 404."""
    (cache.root / FOLDER / "refs").mkdir(parents=True)

    assert Cache(cache.root, index).get(REPO) is None


def test_cache_that_has_gone_holds_nothing(tmp_path: Path, index: DigestIndex) -> None:
    """A cache may be removed while it is served."""
    assert Cache(tmp_path / "absent", index).repositories() == []


@pytest.mark.parametrize("ref", ["main", "v1.0", "refs/pr/1", "refs/convert/parquet", "feature/x/y", "é"])
def test_ref_means_its_commit(cache: HubCache, ref: str) -> None:
    """Branches, tags and pull requests lie in nested folders."""
    cache.put(FOLDER, ONE, FILES, ref)
    cache.put(FOLDER, TWO, FILES)

    assert (open_repo(cache).resolve(ref), dict(open_repo(cache).refs())) == (ONE, {ref: ONE})


@pytest.mark.parametrize("content", [f"{ONE}\n", f"  {ONE}\r\n"])
def test_white_space_in_a_ref_does_not_count(cache: HubCache, content: str) -> None:
    """Some clients write a line end."""
    cache.put(FOLDER, ONE, FILES)
    cache.put_ref(FOLDER, "main", content)

    assert open_repo(cache).resolve("main") == ONE


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"main", ONE[:39].encode(), b"1" * 41, f"../{ONE}".encode(), TWO.encode(), b"1" * 9000],
)
def test_ref_that_leads_nowhere_is_none(cache: HubCache, content: bytes) -> None:
    """Clients write refs without care: a reader sees them empty, or before their snapshot."""
    cache.put(FOLDER, ONE, FILES)
    cache.put_ref(FOLDER, "main", content)

    with pytest.raises(Refusal) as caught:
        open_repo(cache).resolve("main")

    assert (caught.value.status, caught.value.code) == (404, "RevisionNotFound")
    assert open_repo(cache).refs() == {}


def test_refs_that_are_no_plain_text_files_are_left_out(cache: HubCache) -> None:
    """A pipe would keep us waiting for ever, a link lead elsewhere, and no JSON can hold a name that is no text."""
    cache.put(FOLDER, ONE, FILES, "main")
    refs = cache.root / FOLDER / "refs"
    os.mkfifo(refs / "pipe")
    (refs / "link").symlink_to("main")
    (refs / "loop").symlink_to("loop")
    Path(os.fsdecode(bytes(refs) + b"/\xff")).write_text(ONE)
    cache.put_ref(FOLDER, "v1.0.0123abcd.tmp", ONE)
    cache.put_ref(FOLDER, ONE[:12], ONE)

    assert open_repo(cache).refs() == {"main": ONE}
    for name in ("pipe", "link", "loop"):
        with pytest.raises(Refusal):
            open_repo(cache).resolve(name)


def test_first_digits_of_a_commit_mean_it_unless_two_begin_so(cache: HubCache) -> None:
    """People type short commits."""
    for commit in (ONE, "abcdef0" + "1" * 33, "abcdef0" + "2" * 33):
        cache.put(FOLDER, commit, FILES)
    repo = open_repo(cache)

    assert repo.resolve("1111111") == ONE
    assert repo.resolve("abcdef01") == "abcdef0" + "1" * 33
    for revision in ("111111", "abcdef0", "ABCDEF01", "1" * 41, TWO, "refs/heads/main", "x" * 5000):
        with pytest.raises(Refusal):
            repo.resolve(revision)


def test_branch_called_like_a_commit_comes_first(cache: HubCache) -> None:
    """Git does it so; and old clients note short commits as refs."""
    cache.put(FOLDER, ONE, FILES)
    cache.put(FOLDER, TWO, FILES, "1111111")

    assert open_repo(cache).resolve("1111111") == TWO


def test_branch_that_clashes_with_a_folder_of_branches_is_told(cache: HubCache) -> None:
    """After "feature" was replaced by "feature/x" the folder is there, and no file of its name."""
    cache.put(FOLDER, ONE, FILES, "feature/x")
    repo = open_repo(cache)

    for revision in ("feature", "feature/x/y"):
        with pytest.raises(Refusal):
            repo.resolve(revision)


def test_latest_commit_comes_first(cache: HubCache) -> None:
    """It is what people look for."""
    os.utime(cache.put(FOLDER, TWO, FILES), (1, 1))
    os.utime(cache.put(FOLDER, ONE, FILES), (2, 2))
    (cache.root / FOLDER / "snapshots" / "not-a-commit").mkdir()

    assert open_repo(cache).commits() == [ONE, TWO]


def test_pointers_may_lead_to_the_blobs_that_repositories_share(cache: HubCache) -> None:
    """New clients keep one copy for all: a pointer leads to a blob, which leads to the shared one."""
    name = hashlib.sha256(LARGE).hexdigest()
    snapshot = cache.put(FOLDER, ONE, {})
    (cache.root / "blobs" / name[:2]).mkdir(parents=True)
    (cache.root / "blobs" / name[:2] / name).write_bytes(LARGE)
    (cache.root / FOLDER / "blobs" / name).symlink_to(f"../../blobs/{name[:2]}/{name}")
    (snapshot / "model.bin").symlink_to(f"../../blobs/{name}")

    held = open_repo(cache).find(ONE, "model.bin")

    assert (held.name, held.size, held.place.read_bytes()) == (name, len(LARGE), LARGE)


def test_files_that_are_no_links_get_their_digests(cache: HubCache) -> None:
    """On file systems without links the content is in the snapshot itself."""
    snapshot = cache.put(FOLDER, ONE, {})
    (snapshot / "config.json").write_bytes(SMALL)
    (snapshot / "model.bin").write_bytes(LARGE)

    files = open_repo(cache).listing(ONE).files

    assert [held.name for held in files.values()] == [git_blob(SMALL), hashlib.sha256(LARGE).hexdigest()]


@pytest.mark.parametrize("name", ["abc", "A" * 40, "0" * 39, "W%2Fx", "deadbeef.incomplete"])
def test_blob_whose_name_is_no_digest_gets_one(cache: HubCache, name: str) -> None:
    """Foreign servers send any ETag, and clients call blobs by it."""
    snapshot = cache.put(FOLDER, ONE, {})
    (cache.root / FOLDER / "blobs" / name).write_bytes(SMALL)
    (snapshot / "config.json").symlink_to(f"../../blobs/{name}")

    assert open_repo(cache).find(ONE, "config.json").name == git_blob(SMALL)


def test_link_whose_name_only_looks_like_a_digest_gets_a_true_one(cache: HubCache) -> None:
    """What is called so lies elsewhere than the blobs: its name promises nothing."""
    snapshot = cache.put(FOLDER, ONE, {})
    (snapshot / ("0" * 40)).write_bytes(SMALL)
    (snapshot / "config.json").symlink_to("0" * 40)

    assert open_repo(cache).find(ONE, "config.json").name == git_blob(SMALL)


def test_nothing_outside_is_held(cache: HubCache, tmp_path: Path) -> None:
    """A snapshot comes from a server: its links may lead anywhere."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "hub-other").mkdir()
    (tmp_path / "hub-other" / "secret").write_bytes(b"secret")
    cache.put("models--acme--demo-2", TWO, FILES)
    snapshot = cache.put(FOLDER, ONE, FILES)
    leads = {
        "absolute": str(tmp_path / "secret"),
        "relative": "../../../../secret",
        "beside": str(tmp_path / "hub-other" / "secret"),
        "other-repo": f"../../../models--acme--demo-2/snapshots/{TWO}/config.json",
        "folder": str(tmp_path),
        "dangling": "../../blobs/absent",
        "loop": "loop",
        "passwd": "/etc/passwd",
        "self": "/proc/self/environ",
        "zero": "/dev/zero",
    }
    for name, target in leads.items():
        (snapshot / name).symlink_to(target)
    (cache.root / FOLDER / "blobs" / ("f" * 40)).symlink_to(tmp_path / "secret")
    (snapshot / "twice").symlink_to(f"../../blobs/{'f' * 40}")
    repo = open_repo(cache)

    assert names(cache) == sorted(FILES)
    for name in (*leads, "twice", "folder/secret", "absent", "onnx", "config.json/x", "x" * 300):
        with pytest.raises(Refusal) as caught:
            repo.find(ONE, name)
        assert (caught.value.code, dict(caught.value.headers)) == ("EntryNotFound", {})


def test_what_is_no_plain_file_is_not_held(cache: HubCache) -> None:
    """Reading from a pipe would never end."""
    snapshot = cache.put(FOLDER, ONE, FILES)
    os.mkfifo(snapshot / "pipe")
    os.mkfifo(cache.root / FOLDER / "blobs" / ("e" * 40))
    (snapshot / "linked-pipe").symlink_to(f"../../blobs/{'e' * 40}")
    Path(os.fsdecode(bytes(snapshot) + b"/\xff.txt")).write_bytes(SMALL)

    assert names(cache) == sorted(FILES)


def test_cache_behind_a_link_is_held(cache: HubCache, tmp_path: Path) -> None:
    """People put caches on another disk and leave a link."""
    cache.put(FOLDER, ONE, FILES, "main")
    (tmp_path / "link").symlink_to(cache.root)

    assert names(HubCache(tmp_path / "link")) == sorted(FILES)


def test_files_that_a_snapshot_lacks_are_counted(cache: HubCache) -> None:
    """A client that wants the whole commit is told that it is not here."""
    cache.put(FOLDER, ONE, FILES)
    trees = cache.root / FOLDER / "trees"
    trees.mkdir()
    (trees / f"{ONE}.json").write_text('{"files": {"config.json": {}, "absent": {}, "onnx/absent": {}}}')

    assert open_repo(cache).listing(ONE).missing == 2


@pytest.mark.parametrize(("path", "is_known"), [("absent", False), ("made-up", True)])
def test_file_that_is_only_missing_here_is_not_said_not_to_exist(cache: HubCache, path: str, is_known: bool) -> None:
    """Clients that are told so never ask anybody for it again."""
    cache.put(FOLDER, ONE, FILES)
    trees = cache.root / FOLDER / "trees"
    trees.mkdir()
    (trees / f"{ONE}.json").write_text('{"files": {"config.json": {}, "absent": {}}}')

    with pytest.raises(Refusal) as caught:
        open_repo(cache).find(ONE, path)

    assert dict(caught.value.headers) == ({"X-Repo-Commit": ONE} if is_known else {})


def test_file_that_was_cut_off_is_not_served(cache: HubCache) -> None:
    """It has the name of the whole one, and a client that looks at the length alone would keep it for ever."""
    snapshot = cache.put(FOLDER, ONE, FILES)
    trees = cache.root / FOLDER / "trees"
    trees.mkdir()
    (trees / f"{ONE}.json").write_text('{"files": {"config.json": {"size": 9999}}}')

    with pytest.raises(Refusal, match="9999") as caught:
        open_repo(cache).find(ONE, "config.json")

    assert (caught.value.code, dict(caught.value.headers)) == ("EntryNotFound", {})
    assert "config.json" not in open_repo(cache).listing(ONE).files
    assert (snapshot / "config.json").exists()


def test_linked_repository_folder_is_not_served(cache: HubCache, tmp_path: Path) -> None:
    """What it leads to may be anything."""
    HubCache(tmp_path / "elsewhere").put(FOLDER, ONE, FILES)
    cache.root.mkdir(exist_ok=True)
    (cache.root / FOLDER).symlink_to(tmp_path / "elsewhere" / FOLDER)

    assert Cache(cache.root, DigestIndex(None)).repositories() == []


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"files": 3}', b"\xff", b"[" * 100_000, b'{"files": [[]]}'])
def test_unreadable_notes_of_a_commit_are_no_matter(cache: HubCache, content: bytes) -> None:
    """They are another program's, and may change."""
    cache.put(FOLDER, ONE, FILES)
    (cache.root / FOLDER / "trees").mkdir()
    (cache.root / FOLDER / "trees" / f"{ONE}.json").write_bytes(content)

    assert open_repo(cache).listing(ONE).missing == 0


def test_snapshot_that_vanishes_is_refused(cache: HubCache) -> None:
    """Somebody prunes the cache between two looks at it."""
    snapshot = cache.put(FOLDER, ONE, FILES, "main")
    repo, away, stop = open_repo(cache), cache.root / "away", threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            snapshot.rename(away)
            away.rename(snapshot)

    mover = threading.Thread(target=come_and_go)
    mover.start()
    try:
        outcomes = {_kind_of_look(repo) for _ in range(300)}
    finally:
        stop.set()
        mover.join()

    assert outcomes <= {"listing", "refusal"}


def _kind_of_look(repo: CachedRepository) -> str:
    try:
        repo.listing(repo.resolve("main"))
        repo.refs()
        repo.find(ONE, "config.json")
    except Refusal:
        return "refusal"
    return "listing"
