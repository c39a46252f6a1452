"""Every released client fetches everything that the mirror holds, and every byte is right."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hub_clients import HubClient, HubError, HubProcess
from tests.support.hub_repos import MINILM, Files, Repo, Served, contents, digests
from tests.support.mirror_process import MirrorProcess

KINDS = ["model", "dataset", "space", "folder", "folder_dataset", "folder_space"]
NOT_QUOTED = re.compile(r"[#?]|%[0-9A-Fa-f]{2}")  # what 0.9.1 puts into addresses as it is, and means something there
TWICE_QUOTED = re.compile(r"[#?%]")  # the same if the revision has a slash
NOT_QUOTED_PATTERNS = ["*#*", "*[?]*", "*%25*"]


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    """An empty cache; what gets into it is not kept, because it is large."""
    yield tmp_path / "hub"
    shutil.rmtree(tmp_path / "hub", ignore_errors=True)


@pytest.fixture(scope="session")
def filled(
    clients: dict[str, HubClient], processes: dict[str, HubProcess], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Path]]:
    """A cache of each client, with the real repository and the made-up one, by all ways of asking."""
    root = tmp_path_factory.mktemp("filled")
    for name, process in processes.items():
        ignored = unaskable(clients[name])
        process.call("snapshot_download", repo_id=MINILM, cache_dir=root / name)
        for revision in ("main", "refs/pr/1"):
            process.call(
                "snapshot_download", repo_id="acme/awkward", revision=revision, cache_dir=root / name, **ignored
            )
    yield {name: root / name for name in processes}
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def real(served: Served) -> dict[str, str]:
    """The digests of the real repository's files."""
    return digests(served.minilm)


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/1", "feature/x"])
def test_every_file_of_a_ref_is_had(
    client: HubClient, process: HubProcess, served: Served, revision: str, cache: Path
) -> None:
    """Branches, tags and pull requests, and paths with every awkward character."""
    files = askable(client, served.model.at(revision), revision)

    assert fetch(process, served.model, files, revision, cache) == files


@pytest.mark.parametrize("index", [0, 1], ids=["first", "second"])
def test_every_file_of_a_commit_is_had(
    client: HubClient, process: HubProcess, served: Served, index: int, cache: Path
) -> None:
    """A commit is a revision that never changes; both can be had, whatever the branch is at."""
    commit = list(served.model.commits)[index]
    files = askable(client, served.model.at(commit))

    assert fetch(process, served.model, files, commit, cache) == files


def test_every_file_of_a_shortened_commit_is_had(
    client: HubClient, process: HubProcess, served: Served, cache: Path
) -> None:
    """People paste the seven digits that they see."""
    commit = served.model.refs["v1.0"]
    files = askable(client, served.model.at(commit))

    assert fetch(process, served.model, files, commit[:7], cache) == files


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_of_every_kind_is_had(
    client: HubClient, process: HubProcess, served: Served, kind: str, cache: Path
) -> None:
    """Models, datasets and spaces, from a cache and from a folder."""
    repo: Repo = getattr(served, kind)
    files = askable(client, repo.main)

    assert fetch(process, repo, files, "main", cache) == files


@pytest.mark.parametrize("kind", KINDS)
def test_snapshot_of_every_kind_is_whole(
    client: HubClient, process: HubProcess, served: Served, kind: str, cache: Path
) -> None:
    """A snapshot is all files, and nothing else."""
    repo: Repo = getattr(served, kind)

    snapshot = process.call(
        "snapshot_download", repo_id=repo.name, repo_type=repo.kind, cache_dir=cache, **unaskable(client)
    )

    assert contents(snapshot) == askable(client, repo.main)


@pytest.mark.parametrize("revision", ["v1.0", "refs/pr/1", "feature/x"])
def test_snapshot_of_a_ref_is_whole(
    client: HubClient, process: HubProcess, served: Served, revision: str, cache: Path
) -> None:
    """A snapshot is of the commit that was asked for, and lies where clients look for that commit."""
    repo = served.model

    snapshot = Path(
        process.call("snapshot_download", repo_id=repo.name, revision=revision, cache_dir=cache, **unaskable(client))
    )

    assert snapshot.name == repo.refs[revision]
    assert contents(snapshot) == askable(client, repo.at(revision))


def test_folder_has_one_commit_for_all_clients(processes: dict[str, HubProcess], served: Served, cache: Path) -> None:
    """Its commit follows from its content, so the machines of a site agree on it."""
    found = {
        Path(process.call("snapshot_download", repo_id="solo", repo_type="space", cache_dir=cache / name)).name
        for name, process in processes.items()
    }

    assert len(found) == 1


def test_oldest_client_takes_some_names_for_others(
    processes: dict[str, HubProcess], served: Served, cache: Path
) -> None:
    """0.9.1 does not quote paths: ``#`` cuts them off, ``?`` begins a query, ``%25`` means ``%``; it is told so."""
    process = processes["0.9.1"]

    found = {path: refusal(process, path, cache) for path in served.model.main if NOT_QUOTED.search(path)}

    assert found == dict.fromkeys(
        ["sub dir/a b#c?d%e+é.txt", "odd/hash#tag.txt", "odd/what?.txt", "odd/50%25 off.txt"], "EntryNotFoundError"
    )


def test_oldest_client_can_not_have_both_a_slash_and_a_percent_sign(
    processes: dict[str, HubProcess], cache: Path
) -> None:
    """0.9.1 quotes the revision, and then, because of the file's ``%``, all of the address once more."""
    found = [refusal(processes["0.9.1"], "odd/100%.txt", cache, revision) for revision in ("feature/x", "refs/pr/1")]

    assert found == ["RevisionNotFoundError"] * 2


def test_oldest_client_ends_a_snapshot_at_such_a_name(processes: dict[str, HubProcess], cache: Path) -> None:
    """A snapshot that can't be whole is an error, not a smaller snapshot."""
    with pytest.raises(HubError) as caught:
        processes["0.9.1"].call("snapshot_download", repo_id="acme/awkward", cache_dir=cache)

    assert caught.value.kind == "EntryNotFoundError"


def test_real_repository_is_had(client: HubClient, filled: dict[str, Path], real: dict[str, str]) -> None:
    """92 MB that somebody uses, served from a folder."""
    snapshots = filled[client.name] / f"models--{MINILM.replace('/', '--')}" / "snapshots"

    (snapshot,) = snapshots.iterdir()

    assert digests(snapshot) == real


@pytest.mark.parametrize(
    "pair", [("0.9.1", "2.x"), ("2.x", "0.36.2"), ("0.36.2", "1.17.0"), ("1.17.0", "0.9.1")], ids=" to ".join
)
def test_cache_of_one_client_serves_another(
    clients: dict[str, HubClient], filled: dict[str, Path], pair: tuple[str, str], tmp_path: Path, cache: Path
) -> None:
    """What was fetched from a mirror makes a mirror: same commits, same refs, same bytes."""
    source, sink = pair
    ignored = unaskable(clients[sink])

    with (
        MirrorProcess(tmp_path / "mirror", "--cache-dir", filled[source]) as second,
        clients[sink].start(second.endpoint, tmp_path / "home") as process,
    ):
        process.call("snapshot_download", repo_id=MINILM, cache_dir=cache)
        for revision in ("main", "refs/pr/1"):
            process.call("snapshot_download", repo_id="acme/awkward", revision=revision, cache_dir=cache, **ignored)

    assert held(cache) == {
        path: digest for path, digest in held(filled[source]).items() if not (ignored and NOT_QUOTED.search(path))
    }


def fetch(process: HubProcess, repo: Repo, files: Files, revision: str, cache: Path) -> dict[str, bytes]:
    """Fetch files one by one, and return what arrived."""
    where = {"repo_id": repo.name, "repo_type": repo.kind, "revision": revision, "cache_dir": cache}
    return {path: Path(process.call("hf_hub_download", filename=path, **where)).read_bytes() for path in files}


def refusal(process: HubProcess, path: str, cache: Path, revision: str = "main") -> str:
    """Return the error that a file of the model ends with."""
    with pytest.raises(HubError) as caught:
        process.call("hf_hub_download", repo_id="acme/awkward", filename=path, revision=revision, cache_dir=cache)
    return caught.value.kind


def askable(client: HubClient, files: Files, revision: str = "main") -> dict[str, bytes]:
    """Return the files whose names the client can ask for."""
    wrong = TWICE_QUOTED if "/" in revision else NOT_QUOTED
    return {path: content for path, content in files.items() if not (client.is_oldest and wrong.search(path))}


def unaskable(client: HubClient) -> dict[str, list[str]]:
    """Return what to tell a snapshot, so that it leaves out what the client can't ask for."""
    return {"ignore_patterns": NOT_QUOTED_PATTERNS} if client.is_oldest else {}


def held(cache: Path) -> dict[str, str]:
    """Return the digests of all files in snapshots, and of all refs, by path in the cache."""
    parts = [*cache.glob("models--*/snapshots"), *cache.glob("models--*/refs")]
    return {f"{part.relative_to(cache)}/{path}": digest for part in parts for path, digest in digests(part).items()}
