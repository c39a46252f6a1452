"""What released clients make of a mirror that says no, and of one that asks for a token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.hub_clients import HubClient, HubError, HubProcess, started
from tests.support.hub_repos import Served, contents
from tests.support.mirror_process import MirrorProcess

TOKEN = "hf_of_the_tests"  # not a secret: the mirror that asks for it is made here
MISSING_FILE = {
    "2.x": "RemoteEntryNotFoundError",
    "1.17.0": "RemoteEntryNotFoundError",
    "0.36.2": "EntryNotFoundError",
    "0.9.1": "EntryNotFoundError",
}
WRONG_TOKEN = {
    "2.x": "HfHubHTTPError",
    "1.17.0": "HfHubHTTPError",
    "0.36.2": "HfHubHTTPError",
    "0.9.1": "RepositoryNotFoundError",
}


@pytest.fixture(scope="session")
def private(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MirrorProcess]:
    """A mirror of the cache, for those who know the token."""
    home = tmp_path_factory.mktemp("private")
    with MirrorProcess(home, "--cache-dir", served.cache, token=TOKEN) as running:
        yield running


@pytest.fixture(scope="session")
def strangers(
    clients: dict[str, HubClient], private: MirrorProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, HubProcess]]:
    """A process of each client that has the private mirror as its hub, and no token of its own."""
    with started(clients, private.endpoint, tmp_path_factory.mktemp("strangers")) as processes:
        yield processes


@pytest.fixture
def stranger(client: HubClient, strangers: dict[str, HubProcess]) -> HubProcess:
    """The one of the client in turn."""
    return strangers[client.name]


@pytest.mark.parametrize(
    ("call", "more"), [("hf_hub_download", {"filename": "config.json"}), ("snapshot_download", {})], ids=["file", "all"]
)
def test_missing_repository_is_told(process: HubProcess, call: str, more: dict[str, str], tmp_path: Path) -> None:
    """A typing error in the name is not taken for a network that is down."""
    error = refused(process, call, repo_id="acme/nobody", cache_dir=tmp_path, **more)

    assert (error.kind, error.status) == ("RepositoryNotFoundError", 404)
    assert "acme/nobody" in str(error)


@pytest.mark.parametrize("revision", ["v9", "refs/pr/99", "f" * 40])
@pytest.mark.parametrize(
    ("call", "more"), [("hf_hub_download", {"filename": "config.json"}), ("snapshot_download", {})], ids=["file", "all"]
)
def test_missing_revision_is_told(
    process: HubProcess, call: str, more: dict[str, str], revision: str, tmp_path: Path
) -> None:
    """A branch that is not held here is told from a repository that is not."""
    error = refused(process, call, repo_id="acme/awkward", revision=revision, cache_dir=tmp_path, **more)

    assert (error.kind, error.status) == ("RevisionNotFoundError", 404)
    assert quote(revision, safe="") in str(error)


@pytest.mark.parametrize("name", ["2.x", "1.17.0", "0.36.2"])
def test_words_of_the_mirror_reach_the_user(processes: dict[str, HubProcess], name: str, tmp_path: Path) -> None:
    """Newer clients show what the server said; so people read that it is a mirror which lacks it."""
    where = {"repo_id": "acme/awkward", "filename": "config.json", "cache_dir": tmp_path}

    error = refused(processes[name], "hf_hub_download", revision="refs/pr/99", **where)

    assert "model acme/awkward is not held here at revision refs/pr/99" in str(error)


@pytest.mark.parametrize("repo", ["acme/awkward", "acme/folder"])
def test_missing_file_is_told(
    client: HubClient, process: HubProcess, served: Served, repo: str, tmp_path: Path
) -> None:
    """Libraries ask for what may be missing, go on, and note that for ever: not of what a cache only lacks."""
    error = refused(process, "hf_hub_download", repo_id=repo, filename="sub/none.json", cache_dir=tmp_path)

    assert error.kind == MISSING_FILE[client.name]
    assert {"EntryNotFoundError"} <= set(error.kinds)
    assert len(list(tmp_path.glob("models--*/.no_exist/*/sub/none.json"))) == (repo == "acme/folder")


def test_mirror_with_a_token_lets_nobody_in_without(stranger: HubProcess, tmp_path: Path) -> None:
    """Whoever shows nothing learns nothing, as if the repository were not there."""
    error = refused(stranger, "hf_hub_download", repo_id="acme/awkward", filename="config.json", cache_dir=tmp_path)

    assert (error.kind, error.status) == ("RepositoryNotFoundError", 401)
    assert list(tmp_path.rglob("config.json")) == []


def test_mirror_with_a_token_refuses_another(client: HubClient, stranger: HubProcess, tmp_path: Path) -> None:
    """A wrong token is told as what it is, where the client can."""
    wrong = token_argument(client, "hf_wrong")

    error = refused(
        stranger, "hf_hub_download", repo_id="acme/awkward", filename="config.json", cache_dir=tmp_path, **wrong
    )

    assert (error.kind, error.status) == (WRONG_TOKEN[client.name], 401)


def test_token_that_is_passed_opens(client: HubClient, stranger: HubProcess, served: Served, tmp_path: Path) -> None:
    """The parameter, whatever the release calls it."""
    snapshot = stranger.call(
        "snapshot_download",
        repo_id="acme/numbers",
        repo_type="dataset",
        cache_dir=tmp_path,
        **token_argument(client, TOKEN),
    )

    assert contents(snapshot) == served.dataset.main


def test_token_of_the_environment_opens(
    client: HubClient, private: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """How a service is given its token; the oldest release must be told to use it."""
    name = "HUGGING_FACE_HUB_TOKEN" if client.is_oldest else "HF_TOKEN"
    use = token_argument(client, True) if client.is_oldest else {}

    with client.start(private.endpoint, tmp_path, **{name: TOKEN}) as process:
        snapshot = process.call("snapshot_download", repo_id="acme/numbers", repo_type="dataset", **use)
        user = process.call("whoami", **({"token": TOKEN} if client.is_oldest else {}))

        assert contents(snapshot) == served.dataset.main
        assert user["name"] == "weighbridge"


def test_oldest_client_sends_the_token_of_the_environment_with_the_listing_alone(
    clients: dict[str, HubClient], private: MirrorProcess, tmp_path: Path
) -> None:
    """0.9.1 unless told to use it: the listing is let in, the files are not."""
    with (
        clients["0.9.1"].start(private.endpoint, tmp_path, HUGGING_FACE_HUB_TOKEN=TOKEN) as process,
        private.recorded() as requests,
    ):
        error = refused(process, "snapshot_download", repo_id="acme/numbers", repo_type="dataset")

    assert error.kind == "RepositoryNotFoundError"
    assert [each.status for each in requests] == [200, 401]


def refused(process: HubProcess, call: str, **arguments: object) -> HubError:
    """Make a call that must fail, and return how it did."""
    with pytest.raises(HubError) as caught:
        process.call(call, **arguments)
    return caught.value


def token_argument(client: HubClient, token: str | bool) -> dict[str, str | bool]:
    """Return the token as the client's functions take it."""
    return {"use_auth_token" if client.is_oldest else "token": token}
