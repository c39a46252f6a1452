"""What released clients find in a cache, and in a directory of files, that our functions have laid out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.hub_clients import HubClient, HubError, HubProcess, started
from tests.support.hub_repos import Served, blob_name
from weighbridge.core.options import CacheOptions
from weighbridge.core.repos import RepoFile, RepoId, Tree
from weighbridge.store.cache.absences import note_absence
from weighbridge.store.cache.flat import FlatCache
from weighbridge.store.cache.folders import LocalFolder
from weighbridge.store.cache.kin import take_over
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.locks import BlobLock
from weighbridge.store.cache.pointers import Pointers
from weighbridge.store.cache.refs import read_ref, write_ref
from weighbridge.store.cache.root import prepare_folder, prepare_root
from weighbridge.store.cache.trees import read_tree, write_tree

NOBODY = "http://127.0.0.1:9"
COMMIT, OLDER = "c" * 40, "d" * 40
FILES = {
    "config.json": b'{"model_type": "demo"}\n',
    "onnx/deep/model.onnx": b"weights" * 1000,
    "odd/a b#c?.txt": b"odd",
}
REFS = ["main", "refs/pr/1", "feature/x"]


@dataclass(frozen=True, slots=True)
class Laid:
    """A cache and a directory.

    Attributes:
        folder: Of a repository with two commits and several refs.
        local: With the same files.
        flat: A URL, the ETag it came with, and its content in the layout of old.
    """

    folder: CacheFolder
    local: LocalFolder
    flat: tuple[str, str, Path]


def file_of(path: str, content: bytes) -> RepoFile:
    if path.endswith(".onnx"):
        return RepoFile(path=path, size=len(content), blob_id="e" * 40, sha256=hashlib.sha256(content).hexdigest())
    return RepoFile(
        path=path, size=len(content), blob_id=hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest()
    )


TREE = Tree(COMMIT, tuple(file_of(path, content) for path, content in sorted(FILES.items())))


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Laid:
    """All that we lay out, once."""
    root = tmp_path_factory.mktemp("laid")
    folder = CacheFolder(root / "hub", RepoId.parse("acme/plain"))
    local = LocalFolder(root / "local")
    kin = CacheFolder(folder.root, RepoId.parse("datasets/acme/kin"))
    prepare_folder(kin)
    prepare_folder(folder)
    pointers = Pointers(folder, CacheOptions())
    for file in TREE.files:
        kin.blob(file.etag).write_bytes(FILES[file.path])
        take_over(kin.blob(file.etag), folder.blob(file.etag))
        pointers.make(COMMIT, file.path, file.etag)
        local.copy_in(folder.blob(file.etag), file.path)
        local.write_note(file.path, COMMIT, file.etag)
    note_absence(folder, COMMIT, "nope/x.json")
    note_absence(folder, OLDER, "config.json")
    for revision in REFS:
        write_ref(folder, revision, COMMIT)
    write_ref(folder, "v0", OLDER)
    write_tree(folder.tree(COMMIT), TREE)
    write_tree(local.tree(COMMIT), TREE)
    lock = BlobLock(folder, TREE.files[0].etag)
    lock.try_enter()
    lock.leave()
    return Laid(folder, local, lay_flat(root / "old"))


def lay_flat(root: Path) -> tuple[str, str, Path]:
    url, etag = f"{NOBODY}/acme/plain/resolve/main/config.json", '"5f3a"'
    prepare_root(root)
    cache = FlatCache(root)
    cache.find(url, etag).write_bytes(b"flat")
    cache.note(cache.find(url, etag).name, url, etag)
    return url, etag, cache.find(url, etag)


@pytest.fixture(scope="module")
def offline(clients: dict[str, HubClient], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, HubProcess]]:
    """A process of each client, with nobody to ask."""
    with started(clients, NOBODY, tmp_path_factory.mktemp("homes")) as processes:
        yield processes


@pytest.fixture
def asked(offline: dict[str, HubProcess], client: HubClient) -> HubProcess:
    """The client in turn."""
    return offline[client.name]


@pytest.mark.parametrize("revision", [*REFS, COMMIT])
def test_every_client_reads_our_cache_with_nobody_to_ask(asked: HubProcess, laid: Laid, revision: str) -> None:
    """By branch, by nested ref and by commit."""
    found = {
        path: asked.call(
            "hf_hub_download",
            repo_id="acme/plain",
            filename=path,
            revision=revision,
            cache_dir=laid.folder.root,
            local_files_only=True,
        )
        for path in FILES
    }

    assert found == {path: str(laid.folder.pointer(COMMIT, path)) for path in FILES}
    assert {path: Path(place).read_bytes() for path, place in found.items()} == FILES


@pytest.mark.parametrize(("name", "complaints"), [("2.x", 0), ("1.17.0", 0), ("0.36.2", 1)])
def test_no_client_finds_anything_wrong_with_our_cache(
    offline: dict[str, HubProcess], laid: Laid, name: str, complaints: int
) -> None:
    """No repository is dropped; that there is a tag for backups is what older ones say of newer ones' caches, too."""
    found = offline[name].call("scan_cache_dir", cache_dir=laid.folder.root)

    (repo,) = (each for each in str(found["repos"]).split("CachedRepoInfo(") if "acme/plain" in each)
    assert len(found["warnings"]) == complaints
    assert all(f"'{each}'" in repo for each in (*REFS, "v0", COMMIT, OLDER))


@pytest.mark.parametrize("name", ["2.x", "1.17.0", "0.36.2"])
def test_clients_know_what_is_absent(offline: dict[str, HubProcess], laid: Laid, name: str) -> None:
    """A file that is there, one that is known to be absent, and one of which nothing is known."""
    here, absent, older, unknown = (
        offline[name].call(
            "try_to_load_from_cache", repo_id="acme/plain", filename=path, revision=at, cache_dir=laid.folder.root
        )
        for path, at in (("config.json", "main"), ("nope/x.json", "main"), ("config.json", "v0"), ("unknown", "main"))
    )

    assert (here, unknown) == (str(laid.folder.pointer(COMMIT, "config.json")), None)
    assert str(absent).startswith("<object object")
    assert str(older).startswith("<object object")


def test_newest_client_trusts_our_listing(offline: dict[str, HubProcess], laid: Laid, tmp_path: Path) -> None:
    """It says which files are missing instead of calling a part the whole; with all of them it is content."""
    part = CacheFolder(tmp_path, laid.folder.repo)
    prepare_folder(part)
    file = TREE.files[0]
    part.blob(file.etag).write_bytes(FILES[file.path])
    Pointers(part, CacheOptions()).make(COMMIT, file.path, file.etag)
    write_tree(part.tree(COMMIT), TREE)
    newest = offline["2.x"]

    whole = newest.call(
        "snapshot_download", repo_id="acme/plain", cache_dir=laid.folder.root, revision="main", local_files_only=True
    )

    assert whole == str(laid.folder.snapshot(COMMIT))
    with pytest.raises(HubError, match="IncompleteSnapshotError"):
        newest.call(
            "snapshot_download", repo_id="acme/plain", cache_dir=tmp_path, revision=COMMIT, local_files_only=True
        )


@pytest.mark.parametrize("path", FILES)
def test_newest_client_trusts_our_notes_beside_files(offline: dict[str, HubProcess], laid: Laid, path: str) -> None:
    """It asks nobody about a file of a directory that is noted to be of the commit."""
    before = laid.local.place(path).stat()

    found = offline["2.x"].call(
        "hf_hub_download", repo_id="acme/plain", filename=path, revision=COMMIT, local_dir=laid.local.root
    )

    assert found == str(laid.local.place(path))
    assert laid.local.place(path).stat() == before


def test_we_find_what_any_client_has_fetched(process: HubProcess, served: Served, tmp_path: Path) -> None:
    """The commit by its branch, and each file by its digest."""
    repo = served.dataset
    folder = CacheFolder(tmp_path, RepoId.parse(f"datasets/{repo.name}"))
    process.call("snapshot_download", repo_id=repo.name, repo_type="dataset", cache_dir=tmp_path)

    commit = read_ref(folder, "main")
    pointers = Pointers(folder, CacheOptions())
    found = {path: pointers.has(str(commit), path, blob_name(path, content)) for path, content in repo.main.items()}

    assert commit == repo.refs["main"]
    assert {path: each and each.st_size for path, each in found.items()} == {
        path: len(content) for path, content in repo.main.items()
    }


def test_we_read_what_the_newest_client_notes(processes: dict[str, HubProcess], served: Served, tmp_path: Path) -> None:
    """Its notes beside files, and its listing."""
    repo, local = served.dataset, LocalFolder(tmp_path / "local")
    processes["2.x"].call(
        "snapshot_download",
        repo_id=repo.name,
        repo_type="dataset",
        local_dir=local.root,
        cache_dir=tmp_path / "hub",
    )

    commit = repo.refs["main"]
    notes = {path: local.note_of(path) for path in repo.main}
    tree = read_tree(local.tree(commit), commit)

    expected = {path: blob_name(path, content) for path, content in repo.main.items()}
    assert {path: note and note.etag for path, note in notes.items()} == expected
    assert {note and note.commit for note in notes.values()} == {commit}
    assert tree is not None
    assert {each.path: each.etag for each in tree.files} == expected


def test_listing_is_written_as_the_newest_client_writes_it(
    processes: dict[str, HubProcess], served: Served, tmp_path: Path
) -> None:
    """To the byte: nobody can tell who was here first."""
    repo = served.dataset
    folder = CacheFolder(tmp_path / "theirs", RepoId.parse(f"datasets/{repo.name}"))
    processes["2.x"].call("snapshot_download", repo_id=repo.name, repo_type="dataset", cache_dir=folder.root)
    theirs = folder.tree(repo.refs["main"])
    tree = read_tree(theirs, repo.refs["main"])
    assert tree is not None

    write_tree(tmp_path / "trees" / theirs.name, tree)

    assert (tmp_path / "trees" / theirs.name).read_bytes() == theirs.read_bytes()


def test_oldest_client_finds_content_in_the_layout_of_old(offline: dict[str, HubProcess], laid: Laid) -> None:
    """By its URL alone, with nobody to ask."""
    url, _, place = laid.flat

    found = offline["0.9.1"].call("cached_download", url=url, cache_dir=place.parent, local_files_only=True)

    assert found == str(place)
    assert FlatCache(place.parent).newest(url) == place
