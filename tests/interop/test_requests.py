"""What released clients ask the mirror for, and how little once they have it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.hub_clients import HubClient, HubProcess
from tests.support.hub_repos import Repo, Served
from tests.support.mirror_process import Asked, MirrorProcess


@pytest.mark.parametrize(
    "case",
    [
        ("model", "main", "/acme/awkward/resolve/main/README.md"),
        ("model", "refs/pr/1", "/acme/awkward/resolve/refs%2Fpr%2F1/README.md"),
        ("model", "feature/x", "/acme/awkward/resolve/feature%2Fx/README.md"),
        ("dataset", "main", "/datasets/acme/numbers/resolve/main/README.md"),
        ("space", "main", "/spaces/acme/show/resolve/main/README.md"),
        ("folder_space", "main", "/spaces/solo/resolve/main/README.md"),
    ],
    ids=lambda case: case[2],
)
def test_file_costs_a_head_and_a_get(
    process: HubProcess, mirror: MirrorProcess, served: Served, case: tuple[str, str, str], tmp_path: Path
) -> None:
    """No redirect, and nothing is asked for twice."""
    kind, revision, address = case
    repo: Repo = getattr(served, kind)

    with mirror.recorded() as requests:
        process.call(
            "hf_hub_download",
            repo_id=repo.name,
            repo_type=repo.kind,
            revision=revision,
            filename="README.md",
            cache_dir=tmp_path,
        )

    assert lines(requests) == [f"HEAD {address} 200", f"GET {address} 200"]
    assert requests[1].sent == len(repo.at(revision)["README.md"])


def test_file_that_is_had_costs_a_head_by_branch_and_nothing_by_commit(
    process: HubProcess, mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """A HEAD tells that the branch still means what it did; a commit always does."""
    commit = served.model.refs["main"]
    where = {"repo_id": "acme/awkward", "filename": "config.json", "cache_dir": tmp_path}
    process.call("hf_hub_download", **where)

    with mirror.recorded() as by_branch:
        process.call("hf_hub_download", **where)
    with mirror.recorded() as by_commit:
        process.call("hf_hub_download", revision=commit, **where)

    assert lines(by_branch) == ["HEAD /acme/awkward/resolve/main/config.json 200"]
    assert by_commit == []


def test_snapshot_costs_a_listing_and_its_files(
    client: HubClient, process: HubProcess, mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """The commit is asked for once and all files by it, so that no branch can move meanwhile."""
    commit, files = served.model.refs["v1.0"], served.model.at("v1.0")
    api = "/api/models/acme/awkward"
    listings = [f"GET {api}/revision/v1.0 200", *(f"GET {api}/tree/{commit} 200" for _ in range(client.name == "2.x"))]

    with mirror.recorded() as requests:
        process.call("snapshot_download", repo_id="acme/awkward", revision="v1.0", cache_dir=tmp_path)

    head = len(listings)
    fetched = [path for path in files if client.is_oldest or path != "empty.txt"]
    assert lines(requests[:head]) == listings
    assert sorted(lines(requests[head:])) == sorted(
        [f"HEAD /acme/awkward/resolve/{commit}/{quote(path)} 200" for path in files]
        + [f"GET /acme/awkward/resolve/{commit}/{quote(path)} 200" for path in fetched]
    )


def test_snapshot_that_is_had_costs_one_request_by_branch(
    client: HubClient, process: HubProcess, mirror: MirrorProcess, tmp_path: Path
) -> None:
    """Nobody asks again for files that are named by their commit."""
    where = {"repo_id": "acme/numbers", "repo_type": "dataset", "cache_dir": tmp_path}
    process.call("snapshot_download", **where)

    with mirror.recorded() as requests:
        process.call("snapshot_download", **where)

    assert lines(requests) == ["GET /api/datasets/acme/numbers/revision/main 200"]


def test_snapshot_that_is_had_by_commit(
    client: HubClient, process: HubProcess, mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """The newest client asks for nothing at all; older ones want to know whether there is such a commit."""
    commit = served.dataset.refs["main"]
    where = {"repo_id": "acme/numbers", "repo_type": "dataset", "cache_dir": tmp_path, "revision": commit}
    process.call("snapshot_download", **where)

    with mirror.recorded() as requests:
        process.call("snapshot_download", **where)

    count = int(client.name != "2.x")
    assert lines(requests) == [f"GET /api/datasets/acme/numbers/revision/{commit} 200"] * count


def test_call_for_the_registry_of_agents_is_answered(newest: HubClient, mirror: MirrorProcess, tmp_path: Path) -> None:
    """The newest client asks for it before anything else, unless told not to, and waits for an answer."""
    address = "/acme/awkward/resolve/main/config.json"

    with (
        newest.start(mirror.endpoint, tmp_path, HF_HUB_DISABLE_TELEMETRY="0") as process,
        mirror.recorded() as requests,
    ):
        process.call("hf_hub_download", repo_id="acme/awkward", filename="config.json")

    assert lines(requests) == ["GET /api/agent-harnesses 404", f"HEAD {address} 200", f"GET {address} 200"]


def test_every_client_says_who_it_is(process: HubProcess, mirror: MirrorProcess, tmp_path: Path) -> None:
    """The log tells which releases a site still uses: from requests for files, as 0.9.1 lists without its name."""
    with mirror.recorded() as requests:
        process.call("snapshot_download", repo_id="solo", repo_type="space", cache_dir=tmp_path)

    files = [each for each in requests if "/resolve/" in each.path]
    assert {f"hf_hub/{process.version};" in each.agent for each in files} == {True}


def lines(requests: list[Asked]) -> list[str]:
    """Return method, address and status of requests."""
    return [str(each) for each in requests]
