"""What released clients read out of the mirror's JSON: repositories, trees, refs and paths."""

from __future__ import annotations

import pytest

from tests.support.hub_clients import HubProcess
from tests.support.hub_repos import Served, blob_name, git_id
from tests.support.mirror_process import MirrorProcess

NEWER = ["2.x", "1.17.0", "0.36.2"]


@pytest.fixture(params=NEWER)
def newer(request: pytest.FixtureRequest, processes: dict[str, HubProcess]) -> HubProcess:
    """Each client that can list trees."""
    return processes[request.param]


def test_info_names_commit_and_files(process: HubProcess, served: Served) -> None:
    """What every release reads before it fetches a snapshot."""
    info = process.call("model_info", repo_id="acme/awkward", revision="feature/x")

    assert info["sha"] == served.model.refs["main"]
    assert {each["rfilename"] for each in info["siblings"]} == set(served.model.main)


def test_info_with_metadata_tells_sizes_and_digests(newer: HubProcess, served: Served) -> None:
    """What planners of downloads read."""
    info = newer.call("dataset_info", repo_id="acme/numbers", files_metadata=True)

    found = {each["rfilename"]: (each["size"], (each["lfs"] or {}).get("sha256")) for each in info["siblings"]}
    assert found == {
        path: (len(content), blob_name(path, content) if path.endswith(".parquet") else None)
        for path, content in served.dataset.main.items()
    }


def test_tree_tells_folders_sizes_and_digests(newer: HubProcess, served: Served) -> None:
    """What ``hf cache verify`` compares with."""
    entries = newer.call("list_repo_tree", repo_id="acme/numbers", repo_type="dataset", recursive=True)

    files = {each["path"]: each for each in entries if "blob_id" in each}
    assert {each["path"] for each in entries} - files.keys() == {"data", "data/nested"}
    assert {path: (each["blob_id"], (each["lfs"] or {}).get("sha256")) for path, each in files.items()} == {
        path: (git_id(path, content), blob_name(path, content) if path.endswith(".parquet") else None)
        for path, content in served.dataset.main.items()
    }


def test_folder_of_a_tree_is_found_by_its_quoted_name(newer: HubProcess) -> None:
    """Clients send a folder's slashes and spaces encoded."""
    entries = newer.call("list_repo_tree", repo_id="acme/awkward", path_in_repo="sub dir/deep", recursive=True)

    assert [each["path"] for each in entries] == ["sub dir/deep/er", "sub dir/deep/er/vocab.txt"]


def test_paths_are_looked_up(newer: HubProcess) -> None:
    """Of some paths those that exist are told, files and folders, whatever their names."""
    asked = ["odd/hash#tag.txt", "odd/50%25 off.txt", "odd/a+b.txt", "onnx", "none.txt"]

    entries = newer.call("get_paths_info", repo_id="acme/awkward", paths=asked)

    assert {each["path"] for each in entries} == set(asked) - {"none.txt"}


def test_refs_are_listed(newer: HubProcess, served: Served) -> None:
    """Every ref is told with its commit; a cache can't tell tags from branches."""
    refs = newer.call("list_repo_refs", repo_id="acme/awkward", include_pull_requests=True)

    found = {each["name"]: each["target_commit"] for each in refs["branches"]}
    pulls = {each["ref"]: each["target_commit"] for each in refs["pull_requests"]}
    assert found | pulls == served.model.refs


def test_existence_is_told(newer: HubProcess) -> None:
    """Questions that clients ask with a HEAD."""
    found = [
        newer.call("file_exists", repo_id="acme/awkward", filename="odd/what?.txt"),
        newer.call("file_exists", repo_id="acme/awkward", filename="odd/none"),
        newer.call("repo_exists", repo_id="acme/awkward"),
        newer.call("repo_exists", repo_id="acme/nobody"),
        newer.call("revision_exists", repo_id="acme/awkward", revision="feature/x"),
        newer.call("revision_exists", repo_id="acme/awkward", revision="feature/y"),
    ]

    assert found == [True, False] * 3


def test_metadata_of_a_file_is_that_of_its_blob(newer: HubProcess, served: Served, mirror: MirrorProcess) -> None:
    """No address of another place, no hash of another store: the file is here."""
    url = f"{mirror.endpoint}/acme/awkward/resolve/main/model.safetensors"

    metadata = newer.call("get_hf_file_metadata", url=url)

    content = served.model.main["model.safetensors"]
    assert metadata == {
        "commit_hash": served.model.refs["main"],
        "etag": blob_name("model.safetensors", content),
        "location": url,
        "size": len(content),
        "xet_file_data": None,
    }
