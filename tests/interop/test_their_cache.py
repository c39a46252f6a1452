"""What we make of caches, and of folders, that released clients have filled: right bytes, and hardly a request."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.hub_clients import HubClient, HubProcess
from tests.support.hub_repos import MINILM, Repo, Served, blob_name, contents, digests
from tests.support.mirror_process import Asked, MirrorProcess
from weighbridge.client import Client
from weighbridge.compat.huggingface_hub import cached_download, filename_to_url, hf_hub_download
from weighbridge.core.errors import IncompleteSnapshotError
from weighbridge.core.options import CacheOptions, HubOptions, Options, StoreOptions
from weighbridge.core.repos import RepoId
from weighbridge.store.cache.layout import CacheFolder

NOT_ASKABLE = ["*#*", "*[?]*", "*%25*"]  # names that 0.9.1 can't ask for
WEIGHTS = "model.safetensors"


def ours(mirror: MirrorProcess, cache: Path, *, offline: bool = False) -> Client:
    """Return a client of ours that has the mirror as its hub."""
    return Client(
        Options(
            hub=HubOptions(endpoint=mirror.endpoint),
            cache=CacheOptions(root=cache),
            store=StoreOptions(durable=False),
            offline=offline,
        )
    )


@pytest.fixture(scope="session")
def filled(
    clients: dict[str, HubClient], processes: dict[str, HubProcess], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Path]]:
    """A cache of each client, with the real repository and made-up ones; removed, as they are large."""
    root = tmp_path_factory.mktemp("theirs")

    def fill(name: str) -> None:
        ignored = {"ignore_patterns": NOT_ASKABLE} if clients[name].is_oldest else {}
        process = processes[name]
        process.call("snapshot_download", repo_id=MINILM, cache_dir=root / name)
        process.call("snapshot_download", repo_id="acme/numbers", repo_type="dataset", cache_dir=root / name)
        for revision in ("main", "refs/pr/1"):
            process.call(
                "snapshot_download", repo_id="acme/awkward", revision=revision, cache_dir=root / name, **ignored
            )

    with ThreadPoolExecutor() as threads:
        list(threads.map(fill, clients))
    yield {name: root / name for name in clients}
    shutil.rmtree(root)


@pytest.fixture
def theirs(filled: dict[str, Path], client: HubClient) -> Path:
    """The cache of the client in turn."""
    return filled[client.name]


def test_real_repository_is_read_with_nobody_to_ask(theirs: Path, mirror: MirrorProcess, served: Served) -> None:
    """92 MB that another client has fetched, and of which nobody has told us anything."""
    with mirror.recorded() as requests, ours(mirror, theirs, offline=True) as client:
        found = client.snapshot(MINILM)

    assert digests(found.path) == digests(served.minilm)
    assert requests == []


def test_real_repository_is_not_fetched_again(theirs: Path, mirror: MirrorProcess) -> None:
    """What it costs is where the branch is, and the listing if its client has kept none."""
    with mirror.recorded() as requests, ours(mirror, theirs) as client:
        found = client.snapshot(MINILM)

    assert {each.outcome for each in found.files} == {"present"}
    assert [each.path.split("/")[5] for each in requests][:1] == ["revision"]
    assert {each.path.split("/")[5] for each in requests[1:]} <= {"tree"}


@pytest.mark.parametrize("revision", ["main", "refs/pr/1"])
def test_awkward_repository_is_read_with_nobody_to_ask(
    client: HubClient, theirs: Path, mirror: MirrorProcess, served: Served, revision: str
) -> None:
    """By a branch and by a nested name, with whatever names of files the other client can ask for."""
    with ours(mirror, theirs, offline=True) as own:
        found = own.snapshot("acme/awkward", revision=revision)

    assert contents(found.path) == askable(client, served.model, revision)


def test_single_file_of_theirs_costs_a_question_by_branch_and_nothing_by_commit(
    theirs: Path, mirror: MirrorProcess, served: Served
) -> None:
    """As if we had fetched it."""
    commit = served.dataset.refs["main"]
    where = {"repo_id": "acme/numbers", "filename": "data/part 1.parquet", "repo_type": "dataset"}

    with mirror.recorded() as by_branch, ours(mirror, theirs) as client:
        found = client.download(**where)
    with mirror.recorded() as by_commit, ours(mirror, theirs) as client:
        client.download(revision=commit, **where)

    assert found.path.read_bytes() == served.dataset.main["data/part 1.parquet"]
    assert [each.method for each in by_branch] == ["HEAD"]
    assert by_commit == []


def test_what_they_have_begun_is_completed(
    process: HubProcess, mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """What is there of a snapshot, or of another commit, is not fetched again."""
    process.call(
        "snapshot_download", repo_id="acme/awkward", revision="v1.0", ignore_patterns="*.txt", cache_dir=tmp_path
    )

    with mirror.recorded() as requests, ours(mirror, tmp_path) as client:
        found = client.snapshot("acme/awkward", revision="refs/pr/1")

    assert contents(found.path) == served.model.at("v1.0")
    assert {each.path.rpartition("/")[2] for each in requests if "/resolve/" in each.path} == {"dropped.txt"}


def test_wrong_bytes_of_theirs_are_mended(
    client: HubClient, process: HubProcess, mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """No other client ever looks into what it has; we do, once, and fetch what is wrong and nothing else."""
    process.call("snapshot_download", repo_id="acme/awkward", revision="v1.0", cache_dir=tmp_path)
    weights = served.model.at("v1.0")[WEIGHTS]
    blob = CacheFolder(tmp_path, RepoId.parse("acme/awkward")).blob(blob_name(WEIGHTS, weights))
    blob.write_bytes(bytes(len(weights)))

    with mirror.recorded() as requests, ours(mirror, tmp_path) as own:
        found = own.snapshot("acme/awkward", revision="v1.0")

    assert contents(found.path) == served.model.at("v1.0")
    assert [each.path.rpartition("/")[2] for each in requests if "/resolve/" in each.path] == [WEIGHTS]


def test_part_of_a_snapshot_is_not_taken_for_the_whole(
    processes: dict[str, HubProcess], mirror: MirrorProcess, tmp_path: Path
) -> None:
    """The listing that the newest client keeps tells what is missing."""
    processes["2.x"].call("snapshot_download", repo_id="acme/awkward", cache_dir=tmp_path, allow_patterns="*.json")

    with ours(mirror, tmp_path, offline=True) as client:
        part = client.snapshot("acme/awkward", allow_patterns="*.json")
        with pytest.raises(IncompleteSnapshotError) as caught:
            client.snapshot("acme/awkward")

    assert [each.name for each in part.files] == ["config.json"]
    assert WEIGHTS in caught.value.missing


def test_what_they_have_begun_is_left_alone(
    client: HubClient, process: HubProcess, mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """A file that others go on with is no beginning of ours: it may hold anything."""
    folder = CacheFolder(tmp_path, RepoId.parse("acme/awkward"))
    weights = served.model.main[WEIGHTS]
    begun = folder.blobs / f"{blob_name(WEIGHTS, weights)}.incomplete"
    process.call("hf_hub_download", repo_id="acme/awkward", filename="config.json", cache_dir=tmp_path)
    begun.write_bytes(bytes(1000))

    with ours(mirror, tmp_path) as own:
        found = own.download("acme/awkward", WEIGHTS)

    assert found.path.read_bytes() == weights
    assert begun.read_bytes() == bytes(1000)


def test_cache_without_links_is_read(newest: HubClient, mirror: MirrorProcess, served: Served, tmp_path: Path) -> None:
    """Plain files in a snapshot: with nobody to ask, and without a GET."""
    with newest.start(mirror.endpoint, tmp_path / "home", HF_HUB_DISABLE_SYMLINKS="1") as process:
        process.call("snapshot_download", repo_id="acme/awkward", cache_dir=tmp_path / "hub")

    with ours(mirror, tmp_path / "hub", offline=True) as client:
        held = client.snapshot("acme/awkward")
    with mirror.recorded() as requests, ours(mirror, tmp_path / "hub") as client:
        found = client.snapshot("acme/awkward")

    assert [each for each in held.path.rglob("*") if each.is_symlink()] == []
    assert contents(found.path) == served.model.main
    assert lines(requests) == ["GET /api/models/acme/awkward/revision/main 200"]


def test_folder_of_plain_files_is_believed(
    processes: dict[str, HubProcess], mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """Its notes and its listing tell us what they tell the newest client."""
    where = {"repo_id": "acme/awkward", "local_dir": tmp_path / "local"}
    processes["2.x"].call("snapshot_download", cache_dir=tmp_path / "theirs", **where)

    with ours(mirror, tmp_path / "theirs", offline=True) as client:  # whose ref tells what main is
        client.snapshot(**where)
    with mirror.recorded() as by_branch, ours(mirror, tmp_path / "none") as client:
        found = client.snapshot(**where)
    with mirror.recorded() as by_commit, ours(mirror, tmp_path / "none") as client:
        client.snapshot(revision=served.model.refs["main"], **where)

    assert lines(by_branch) == ["GET /api/models/acme/awkward/revision/main 200"]
    assert by_commit == []
    assert {each.outcome for each in found.files} == {"present"}
    assert {each.name: each.path.read_bytes() for each in found.files} == served.model.main


def test_edited_file_of_a_folder_is_replaced(
    processes: dict[str, HubProcess], mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """Of the same size, and noted by the newest client to be right."""
    local = tmp_path / "local"
    where = {"repo_id": "acme/awkward", "local_dir": local}
    processes["2.x"].call("snapshot_download", cache_dir=tmp_path / "theirs", **where)
    (local / "config.json").write_bytes(bytes(len(served.model.main["config.json"])))

    with mirror.recorded() as requests, ours(mirror, tmp_path / "none") as client:
        client.snapshot(**where)

    assert (local / "config.json").read_bytes() == served.model.main["config.json"]
    assert [each.path.rpartition("/")[2] for each in requests if "/resolve/" in each.path] == ["config.json"]


@pytest.fixture
def shared(mirror: MirrorProcess, served: Served, tmp_path: Path) -> CacheFolder:
    """A repository whose weights are a link to what all repositories share, as 2.x has it with its own protocol."""
    folder = CacheFolder(tmp_path / "hub", RepoId.parse("acme/awkward"))
    with ours(mirror, folder.root) as client:
        client.snapshot("acme/awkward", revision="v1.0")
    blob = folder.blob(blob_name(WEIGHTS, served.model.at("v1.0")[WEIGHTS]))
    payload = payload_of(folder)
    payload.parent.mkdir(parents=True)
    marker = payload.parent.parent / ".huggingface-shared-blobs"
    marker.write_text("1\n")
    marker.chmod(0o444)
    payload.with_name(f"{payload.name}.refs").write_text(f"{folder.path.name}/blobs/{blob.name}\n")
    payload.with_name(f"{payload.name}.lock").touch()
    blob.replace(payload)
    payload.chmod(0o444)
    blob.symlink_to(os.path.relpath(payload, blob.parent))
    return folder


def payload_of(folder: CacheFolder) -> Path:
    return folder.root / "blobs" / "ab" / ("ab" * 32)


def test_shared_content_is_read_and_left_alone(
    shared: CacheFolder, mirror: MirrorProcess, served: Served, processes: dict[str, HubProcess]
) -> None:
    """Two links away from the snapshot; and the newest client finds all as it was."""
    before = payload_of(shared).stat()

    with mirror.recorded() as requests, ours(mirror, shared.root) as client:
        found = client.snapshot("acme/awkward", revision="v1.0")
    again = processes["2.x"].call("scan_cache_dir", cache_dir=shared.root)

    assert contents(found.path) == served.model.at("v1.0")
    assert [each for each in requests if "/resolve/" in each.path] == []
    assert payload_of(shared).stat()[:7] == before[:7]
    assert again["warnings"] == []


def test_shared_content_that_is_wrong_is_replaced_here_and_not_written_to(
    shared: CacheFolder, mirror: MirrorProcess, served: Served
) -> None:
    """Others count on it, and it is theirs to mend: our repository gets a blob of its own."""
    payload, weights = payload_of(shared), served.model.at("v1.0")[WEIGHTS]
    payload.chmod(0o644)
    payload.write_bytes(bytes(len(weights)))
    payload.chmod(0o444)

    with ours(mirror, shared.root) as client:
        found = client.snapshot("acme/awkward", revision="v1.0")

    assert contents(found.path) == served.model.at("v1.0")
    assert payload.read_bytes() == bytes(len(weights))


def test_shared_content_is_lent_to_another_repository(
    shared: CacheFolder, mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """Its bytes are here: they are copied, and the manifest of those who share them stays true."""
    manifest = payload_of(shared).with_name(f"{payload_of(shared).name}.refs")
    before = manifest.read_bytes()
    twin = Repo(
        kind="model",
        name="acme/twin",
        commits={"7" * 40: {WEIGHTS: served.model.at("v1.0")[WEIGHTS]}},
        refs={"main": "7" * 40},
    )
    twin.write_cache(tmp_path / "twin")

    with (
        MirrorProcess(tmp_path / "second", "--cache-dir", tmp_path / "twin") as second,
        second.recorded() as requests,
        ours(second, shared.root) as client,
    ):
        found = client.snapshot("acme/twin")

    assert contents(found.path) == twin.main
    assert [each for each in requests if "/resolve/" in each.path] == []
    assert manifest.read_bytes() == before


def test_layout_of_old_is_read(
    processes: dict[str, HubProcess],
    mirror: MirrorProcess,
    served: Served,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A program that still asks for it finds what 0.9.1 has put there: with nobody to ask, and without a GET."""
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    url = f"{mirror.endpoint}/acme/awkward/resolve/main/config.json"
    theirs = processes["0.9.1"].call("cached_download", url=url, cache_dir=tmp_path)

    with mirror.recorded() as none:
        offline = cached_download(url, cache_dir=tmp_path, local_files_only=True, legacy_cache_layout=True)
    with mirror.recorded() as one:
        online = cached_download(url, cache_dir=tmp_path, legacy_cache_layout=True)

    assert theirs == offline == online
    assert Path(theirs).read_bytes() == served.model.main["config.json"]
    assert (none, [each.method for each in one]) == ([], ["HEAD"])
    assert filename_to_url(Path(theirs).name, tmp_path, legacy_cache_layout=True)[0] == url


def test_oldest_client_reads_the_layout_of_old_as_we_write_it(
    processes: dict[str, HubProcess], mirror: MirrorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same names, and a note that it understands."""
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    monkeypatch.setenv("HF_ENDPOINT", mirror.endpoint)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    with pytest.warns(FutureWarning):
        ours = hf_hub_download("acme/awkward", "config.json", cache_dir=tmp_path / "old", legacy_cache_layout=True)
    url = f"{mirror.endpoint}/acme/awkward/resolve/main/config.json"

    with mirror.recorded() as requests:
        offline = processes["0.9.1"].call("cached_download", url=url, cache_dir=tmp_path / "old", local_files_only=True)
        online = processes["0.9.1"].call("cached_download", url=url, cache_dir=tmp_path / "old")

    assert ours == offline == online
    assert [each.method for each in requests] == ["HEAD"]


def askable(client: HubClient, repo: Repo, revision: str) -> dict[str, bytes]:
    """Return what the client could have fetched of a revision."""
    wrong = re.compile(r"[#?]|%25") if client.is_oldest else re.compile(r"(?!)")
    return {path: content for path, content in repo.at(revision).items() if not wrong.search(path)}


def lines(requests: list[Asked]) -> list[str]:
    return [str(each) for each in requests]
