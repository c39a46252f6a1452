"""What released clients make of a cache, and of a folder, that we have filled: they need nothing more."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hub_clients import HubClient, HubProcess, started
from tests.support.hub_repos import MINILM, Served, contents, digests
from tests.support.mirror_process import Asked, MirrorProcess
from weighbridge.client import Client
from weighbridge.core.options import CacheOptions, HubOptions, Options, StoreOptions

NOBODY = "http://127.0.0.1:9"
REVISIONS = ["main", "v1.0", "refs/pr/1", "feature/x"]


def ours(mirror: MirrorProcess, cache: Path, *, symlinks: bool = True) -> Client:
    """Return a client of ours that has the mirror as its hub."""
    return Client(
        Options(
            hub=HubOptions(endpoint=mirror.endpoint),
            cache=CacheOptions(root=cache, symlinks=symlinks),
            store=StoreOptions(durable=False),
        )
    )


@pytest.fixture(scope="session")
def cache(mirror: MirrorProcess, served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache with the real repository and made-up ones, filled by us; removed, as it is large."""
    root = tmp_path_factory.mktemp("ours") / "hub"
    with ours(mirror, root) as client:
        client.snapshot(MINILM)
        client.snapshot(served.dataset.name, repo_type="dataset")
        client.snapshot(served.space.name, repo_type="space")
        for revision in REVISIONS:
            client.snapshot(served.model.name, revision=revision)
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def plain(mirror: MirrorProcess, served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of plain files, as where there are no links."""
    root = tmp_path_factory.mktemp("plain") / "hub"
    with ours(mirror, root, symlinks=False) as client:
        client.snapshot(served.dataset.name, repo_type="dataset")
    return root


@pytest.fixture(scope="session")
def offline(clients: dict[str, HubClient], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, HubProcess]]:
    """A process of each client, with nobody to ask."""
    with started(clients, NOBODY, tmp_path_factory.mktemp("offline")) as processes:
        yield processes


def test_real_repository_is_read_with_nobody_to_ask(
    offline: dict[str, HubProcess], cache: Path, served: Served
) -> None:
    """92 MB that somebody uses: every client finds them at the place that we name."""
    with Client(Options(cache=CacheOptions(root=cache), offline=True)) as own:
        place = str(own.snapshot(MINILM).path)

    where = {"repo_id": MINILM, "cache_dir": cache, "local_files_only": True}
    found = {name: process.call("snapshot_download", **where) for name, process in offline.items()}

    assert found == dict.fromkeys(offline, place)
    assert digests(place) == digests(served.minilm)


@pytest.mark.parametrize("revision", REVISIONS)
def test_awkward_repository_is_read_with_nobody_to_ask(
    client: HubClient, offline: dict[str, HubProcess], cache: Path, served: Served, revision: str
) -> None:
    """Two commits under four names, one of them in a folder of refs, and names of files that need quoting."""
    found = offline[client.name].call(
        "snapshot_download", repo_id=served.model.name, revision=revision, cache_dir=cache, local_files_only=True
    )

    assert contents(found) == served.model.at(revision)


@pytest.mark.parametrize("kind", ["dataset", "space"])
def test_other_kinds_of_repositories_are_read_with_nobody_to_ask(
    client: HubClient, offline: dict[str, HubProcess], cache: Path, served: Served, kind: str
) -> None:
    """Their folders are called otherwise."""
    repo = getattr(served, kind)

    found = offline[client.name].call(
        "snapshot_download", repo_id=repo.name, repo_type=kind, cache_dir=cache, local_files_only=True
    )

    assert contents(found) == repo.main


def test_variable_for_working_offline_is_enough(
    client: HubClient, mirror: MirrorProcess, cache: Path, served: Served, tmp_path: Path
) -> None:
    """As on machines of a cluster, where nobody changes the call."""
    with (
        mirror.recorded() as requests,
        client.start(mirror.endpoint, tmp_path, HF_HUB_OFFLINE="1") as process,
    ):
        found = {
            path: Path(
                process.call("hf_hub_download", repo_id=served.model.name, filename=path, cache_dir=cache)
            ).read_bytes()
            for path in served.model.main
        }

    assert found == served.model.main
    assert requests == []


def test_warm_snapshot_costs_nobody_a_file(
    client: HubClient, process: HubProcess, mirror: MirrorProcess, cache: Path
) -> None:
    """Where the branch is now, and not even the newest client wants a listing: ours is kept for it."""
    with mirror.recorded() as requests:
        process.call("snapshot_download", repo_id=MINILM, cache_dir=cache)

    assert lines(requests) == [f"GET /api/models/{MINILM}/revision/main 200"]


def test_warm_snapshot_by_commit_costs_the_newest_client_nothing(
    processes: dict[str, HubProcess], mirror: MirrorProcess, cache: Path, served: Served
) -> None:
    """It believes the listing that we keep."""
    with mirror.recorded() as requests:
        processes["2.x"].call(
            "snapshot_download", repo_id=served.model.name, revision=served.model.refs["main"], cache_dir=cache
        )

    assert requests == []


def test_warm_file_costs_a_head(process: HubProcess, mirror: MirrorProcess, served: Served, cache: Path) -> None:
    """Content that is called as the server calls it is not fetched."""
    with mirror.recorded() as requests:
        found = process.call("hf_hub_download", repo_id=served.model.name, filename="config.json", cache_dir=cache)

    assert lines(requests) == [f"HEAD /{served.model.name}/resolve/main/config.json 200"]
    assert Path(found).read_bytes() == served.model.main["config.json"]


def test_what_we_have_begun_is_completed(
    process: HubProcess, mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """What is there of a snapshot, or of another commit, is not fetched again."""
    with ours(mirror, tmp_path) as client:
        client.snapshot(served.model.name, revision="v1.0", ignore_patterns="*.txt")

    with mirror.recorded() as requests:
        found = process.call("snapshot_download", repo_id=served.model.name, revision="refs/pr/1", cache_dir=tmp_path)

    fetched = {each.path.rpartition("/")[2] for each in requests if each.method == "GET" and "/resolve/" in each.path}
    assert contents(found) == served.model.at("v1.0")
    assert fetched - {"empty.txt"} == {"dropped.txt"}


def test_their_use_of_our_cache_costs_us_nothing(
    process: HubProcess, mirror: MirrorProcess, cache: Path, served: Served
) -> None:
    """What they write into it while they read, such as refs, leaves it as good as it was."""
    process.call("snapshot_download", repo_id=served.dataset.name, repo_type="dataset", cache_dir=cache)

    with mirror.recorded() as requests, ours(mirror, cache) as client:
        found = client.snapshot(served.dataset.name, repo_type="dataset")

    assert lines(requests) == [f"GET /api/datasets/{served.dataset.name}/revision/main 200"]
    assert {each.outcome for each in found.files} == {"present"}


def test_newest_client_verifies_our_cache(
    newest: HubClient, mirror: MirrorProcess, cache: Path, served: Served, tmp_path: Path
) -> None:
    """Its own check finds every file, nothing beyond, and nothing wrong."""
    strict = ["--fail-on-missing-files", "--fail-on-extra-files", "--json"]

    done = newest.run(mirror.endpoint, tmp_path, "cache", "verify", served.model.name, "--cache-dir", cache, *strict)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["checked"] == len(served.model.main)


@pytest.mark.parametrize(("name", "complaints"), [("2.x", 0), ("1.17.0", 0), ("0.36.2", 1)])
def test_all_repositories_are_found_by_a_scan(
    offline: dict[str, HubProcess], cache: Path, name: str, complaints: int
) -> None:
    """A stray of ours would make them drop a repository; 0.36.2 complains of any client's tag for backups."""
    found = offline[name].call("scan_cache_dir", cache_dir=cache)

    repos = str(found["repos"])
    assert len(found["warnings"]) == complaints
    assert repos.count("CachedRepoInfo(") == 4
    assert all(f"'{revision}'" in repos for revision in REVISIONS)


def test_snapshot_of_plain_files_is_read_with_nobody_to_ask(
    client: HubClient, offline: dict[str, HubProcess], plain: Path, served: Served
) -> None:
    """Every client takes a file in a snapshot for what it is, link or no link."""
    found = offline[client.name].call(
        "snapshot_download", repo_id=served.dataset.name, repo_type="dataset", cache_dir=plain, local_files_only=True
    )

    assert contents(found) == served.dataset.main


def test_snapshot_of_plain_files_costs_nobody_a_file(
    process: HubProcess, mirror: MirrorProcess, plain: Path, served: Served
) -> None:
    """They ask where the branch is."""
    with mirror.recorded() as requests:
        process.call("snapshot_download", repo_id=served.dataset.name, repo_type="dataset", cache_dir=plain)

    assert lines(requests) == [f"GET /api/datasets/{served.dataset.name}/revision/main 200"]


def test_newest_client_believes_our_notes_beside_plain_files(
    processes: dict[str, HubProcess], mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """In a folder of somebody's own it fetches nothing again, and by commit it asks for nothing."""
    repo, local = served.model, tmp_path / "local"
    with ours(mirror, tmp_path / "hub") as client:
        client.snapshot(repo.name, local_dir=local)
    where = {"repo_id": repo.name, "local_dir": local, "cache_dir": tmp_path / "theirs"}

    with mirror.recorded() as by_branch:
        found = processes["2.x"].call("snapshot_download", **where)
    with mirror.recorded() as by_commit:
        processes["2.x"].call("snapshot_download", revision=repo.refs["main"], **where)

    assert lines(by_branch) == [f"GET /api/models/{repo.name}/revision/main 200"]
    assert by_commit == []
    assert {path: content for path, content in contents(found).items() if not path.startswith(".cache/")} == repo.main


def test_newest_client_verifies_our_folder(
    newest: HubClient, mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """What we keep beside the files is nothing that it would not keep."""
    repo, local = served.model, tmp_path / "local"
    with ours(mirror, tmp_path / "hub") as client:
        client.snapshot(repo.name, local_dir=local)
    strict = ["--fail-on-missing-files", "--fail-on-extra-files", "--json"]

    done = newest.run(mirror.endpoint, tmp_path, "cache", "verify", repo.name, "--local-dir", local, *strict)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["checked"] == len(repo.main)


def lines(requests: list[Asked]) -> list[str]:
    """Return requests as text; newer clients may ask once who else there is, which is not about repositories."""
    return [str(each) for each in requests if each.path != "/api/agent-harnesses"]
