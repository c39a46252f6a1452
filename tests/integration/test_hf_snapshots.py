"""``snapshot_download``: every keyword of 0.9 and of 2.x does what it has always meant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.calls import names
from tests.support.fault_hub import FaultHub
from tests.support.fault_server import FaultServer
from tests.support.hub.addresses import file_path, info_path, tree_path
from tests.support.hub.calls import COMMIT, EARLIER, NOTES, WEIGHTS
from tests.support.hub.home import home
from tests.support.hub_asking import put, put_json
from tests.support.hub_repos import Repo, blob_name, contents, small_repo
from weighbridge.compat.huggingface_hub import snapshot_download
from weighbridge.compat.huggingface_hub.errors import DryRunError, IncompleteSnapshotError, LocalEntryNotFoundError

__all__ = ["home"]

CONFIG = "config.json"
pytestmark = pytest.mark.usefixtures("home")


def have(**more: Any) -> dict[str, bytes]:
    """Return what is below the path that a call returns."""
    return contents(snapshot_download("acme/victim", **more))


def test_path_of_the_snapshot_is_returned(repo: Repo, home: Path) -> None:
    """As text, with all files below."""
    found = snapshot_download("acme/victim")

    assert found == str(home / "hub" / "models--acme--victim" / "snapshots" / COMMIT)
    assert contents(found) == repo.main


@pytest.mark.parametrize("revision", ["v1.0", EARLIER])
def test_revision_is_a_name_or_a_commit(repo: Repo, revision: str) -> None:
    """Whichever is asked for."""
    assert have(revision=revision) == repo.at("v1.0")


@pytest.mark.parametrize("kind", ["dataset", "space"])
def test_type_of_a_repository_is_part_of_its_address(hub: FaultHub, kind: str) -> None:
    """And of its folder's name."""
    other = small_repo(kind, "acme/victim")
    hub.serve(other)

    found = snapshot_download("acme/victim", repo_type=kind)

    assert f"/{kind}s--acme--victim/snapshots/" in found
    assert contents(found) == other.main


def test_cache_may_be_elsewhere(home: Path, tmp_path: Path) -> None:
    """The usual one stays empty."""
    found = snapshot_download("acme/victim", cache_dir=tmp_path / "other")

    assert found.startswith(f"{tmp_path}/other/models--acme--victim/snapshots/")
    assert names(home) == []


def test_folder_gets_plain_files(repo: Repo, home: Path, tmp_path: Path) -> None:
    """The cache gets neither blobs nor refs."""
    found = snapshot_download("acme/victim", local_dir=tmp_path / "local")

    held = {path: content for path, content in contents(found).items() if not path.startswith(".cache/")}
    assert found == str(tmp_path / "local")
    assert held == repo.main
    assert [each for each in Path(found).rglob("*") if each.is_symlink()] == []
    assert not (home / "hub").exists()


@pytest.mark.parametrize(
    ("arguments", "selected"),
    [
        ({"allow_patterns": "*.json"}, {CONFIG}),
        ({"allow_patterns": ["*.json", "onnx/*"]}, {CONFIG, "onnx/model.onnx"}),
        ({"allow_patterns": "notes/"}, {NOTES}),
        ({"allow_patterns": "*.JSON"}, set()),
        ({"allow_patterns": []}, set()),
        ({"allow_patterns": None, "ignore_patterns": ["*.safetensors", "*.onnx", "*.txt"]}, {NOTES, CONFIG}),
        ({"allow_patterns": "*n", "ignore_patterns": "config*"}, set()),
        ({"allow_patterns": "*n", "ignore_patterns": []}, {CONFIG}),
    ],
)
def test_patterns_select_files(arguments: Mapping[str, Any], selected: set[str]) -> None:
    """Globs over whole paths: first those that allow, then those that ignore."""
    plan = snapshot_download("acme/victim", dry_run=True, **arguments)

    assert {each.filename for each in plan} == selected


@pytest.mark.parametrize(
    ("arguments", "selected"),
    [
        ({"allow_regex": "*.json"}, {CONFIG}),
        ({"allow_regex": "*.json", "allow_patterns": "*"}, {CONFIG}),
        ({"allow_patterns": "c*", "ignore_regex": ["*.json"], "ignore_patterns": None}, set()),
    ],
)
def test_old_names_of_patterns_win(arguments: Mapping[str, Any], selected: set[str]) -> None:
    """As they did; one warning for both."""
    with pytest.warns(FutureWarning, match="allow_regex") as caught:
        plan = snapshot_download("acme/victim", dry_run=True, **arguments)

    assert {each.filename for each in plan} == selected
    assert [each.filename for each in caught] == [__file__]


def test_forced_download_fetches_what_is_here(hub: FaultHub, repo: Repo) -> None:
    """All of it."""
    have()
    sent = hub.file_bytes

    found = have(force_download=True, revision=COMMIT)

    assert found == repo.main
    assert hub.file_bytes == 2 * sent


def test_whole_snapshot_is_had_with_nobody_to_ask(hub: FaultHub, repo: Repo) -> None:
    """By branch and by commit."""
    have()
    asked = len(hub.requests)

    assert have(local_files_only=True) == have(local_files_only=True, revision=COMMIT) == repo.main
    assert len(hub.requests) == asked


def test_part_of_a_snapshot_is_not_called_the_whole() -> None:
    """The error says what is missing, and where the part is."""
    place = snapshot_download("acme/victim", allow_patterns="*.json")

    with pytest.raises(IncompleteSnapshotError) as caught:
        snapshot_download("acme/victim", local_files_only=True)

    assert caught.value.snapshot_path == place
    assert WEIGHTS in caught.value.missing


def test_part_that_is_wanted_is_had_with_nobody_to_ask() -> None:
    """The same patterns, the same part."""
    have(allow_patterns="*.json")

    assert set(have(allow_patterns="*.json", local_files_only=True)) == {CONFIG}


@pytest.mark.parametrize("error", [LocalEntryNotFoundError, FileNotFoundError, ValueError])
def test_snapshot_that_is_not_here_is_an_error_of_old_and_of_new(hub: FaultHub, error: type[Exception]) -> None:
    """``except`` clauses of both go on working."""
    with pytest.raises(error):
        snapshot_download("acme/victim", local_files_only=True)

    assert hub.requests == []


@pytest.mark.parametrize("given", [{"token": "hf_given"}, {"use_auth_token": "hf_given"}])
@pytest.mark.filterwarnings("ignore:'use_auth_token'")
def test_token_goes_with_all_requests(hub: FaultHub, given: Mapping[str, str]) -> None:
    """The listing's and the files', which 0.9 treats differently; the CDN sees none."""
    have(**given)

    assert {each.headers.get("authorization") for each in hub.requests} == {"Bearer hf_given"}
    assert {each.headers.get("authorization") for each in hub.cdn.requests} == {None}


def test_library_headers_and_endpoint_are_those_of_the_call(
    hub: FaultHub, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every request of it."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    have(
        endpoint=hub.origin,
        library_name="evaluate",
        library_version="1",
        user_agent={"job": 7},
        headers={"X-Team": "7"},
        etag_timeout=5,
        max_workers=2,
    )

    agents = {each.headers["user-agent"] for each in hub.requests}
    assert all(each.startswith("evaluate/1; ") and each.endswith("; job/7") for each in agents)
    assert {each.headers["x-team"] for each in hub.requests} == {"7"}
    assert {each.headers.get("x-team") for each in hub.cdn.requests} == {None}


def test_number_of_workers_is_the_number_of_files_at_once(hub: FaultHub, repo: Repo) -> None:
    """One means one after the other."""
    gates = [hub.gate(file_path(repo, path)) for path in (CONFIG, "vocab.txt", NOTES)]
    for gate in gates:
        gate.release()

    have(max_workers=1)

    assert hub.max_concurrent == 1


def test_proxies_are_used_for_all_requests(repo: Repo) -> None:
    """For the listing, too, which 0.9 asks for directly."""
    files = {CONFIG: repo.main[CONFIG]}
    blob = blob_name(CONFIG, files[CONFIG])
    with FaultServer() as proxy:
        put_json(proxy, info_path(repo), {"id": repo.name, "sha": COMMIT})
        put_json(proxy, tree_path(repo), [{"type": "file", "path": CONFIG, "size": len(files[CONFIG]), "oid": blob}])
        put(proxy, file_path(repo, CONFIG), files[CONFIG], ETag=f'"{blob}"', **{"X-Repo-Commit": COMMIT})

        with pytest.warns(FutureWarning, match="proxies"):
            found = have(endpoint="http://hub.example", proxies={"http": proxy.origin})

    assert found == files
    assert len(proxy.requests) == 3


@pytest.mark.parametrize("keyword", ["resume_download", "local_dir_use_symlinks"])
@pytest.mark.parametrize("given", [True, False])
def test_keywords_without_a_meaning_are_accepted(repo: Repo, keyword: str, given: bool) -> None:
    """With a warning at the caller's line."""
    with pytest.warns(FutureWarning, match=keyword) as caught:
        found = have(**{keyword: given})

    assert found == repo.main
    assert [each.filename for each in caught] == [__file__]


def test_bar_is_made_by_the_callers_class(repo: Repo) -> None:
    """One for all files, of bytes."""
    shown: list[float] = []
    made: list[Mapping[str, Any]] = []

    class Bar:
        def __init__(self, **arguments: Any) -> None:
            made.append(arguments)

        def update(self, n: float) -> None:
            shown.append(n)

        def close(self) -> None:
            shown.append(0)

    have(tqdm_class=Bar)

    size = sum(map(len, repo.main.values()))
    assert [each["total"] for each in made] == [size]
    assert (sum(shown), shown[-1], min(shown[:-1]) > 0) == (size, 0, True)


def test_bar_ends_at_its_total_whatever_was_here() -> None:
    """Some files in place, some to be linked from another commit, one to be fetched; then there is nothing to show."""
    shown: list[float] = []
    made: list[Mapping[str, Any]] = []

    class Bar:
        def __init__(self, **arguments: Any) -> None:
            made.append(arguments)

        def update(self, n: float) -> None:
            shown.append(n)

        def close(self) -> None:
            pass

    have(revision="v1.0")
    have(allow_patterns=CONFIG)

    have(tqdm_class=Bar)
    have(tqdm_class=Bar)

    (bar,) = made
    assert bar["initial"] > 0
    assert bar["initial"] + sum(shown) == bar["total"]


@pytest.mark.parametrize("place", ["cache", "local_dir"])
def test_what_another_call_brings_meanwhile_is_not_fetched(
    hub: FaultHub, repo: Repo, tmp_path: Path, place: str
) -> None:
    """Between the look at what is here and the first request."""
    where = {} if place == "cache" else {"local_dir": tmp_path / "local"}

    class Bar:
        def __init__(self, **_: Any) -> None:
            snapshot_download("acme/victim", **where)

        def update(self, n: float) -> None:
            pass

        def close(self) -> None:
            pass

    found = have(tqdm_class=Bar, **where)

    assert {path: found[path] for path in repo.main} == repo.main
    assert hub.file_bytes == sum(map(len, repo.main.values()))


def test_dry_run_tells_of_each_file_and_does_nothing(hub: FaultHub, repo: Repo, home: Path) -> None:
    """Not a directory is made, nor a ref; the listing tells all, so there is no request for a file."""
    told = snapshot_download("acme/victim", dry_run=True)

    assert {each.filename: each.file_size for each in told} == {path: len(held) for path, held in repo.main.items()}
    assert all(each.will_download and not each.is_cached and each.commit_hash == COMMIT for each in told)
    assert names(home) == []
    assert (hub.tally.head, hub.tally.get) == (0, 0)


def test_dry_run_knows_what_is_here() -> None:
    """Files of the other commit that did not change count as here."""
    have(revision="v1.0")

    told = snapshot_download("acme/victim", dry_run=True)

    assert {each.filename for each in told if each.will_download} == {CONFIG, WEIGHTS}


def test_dry_run_needs_the_hub() -> None:
    """What would be fetched can't be told without it."""
    with pytest.raises(DryRunError):
        snapshot_download("acme/victim", dry_run=True, local_files_only=True)


def test_patterns_that_select_nothing_give_a_folder_that_may_not_be_there(caplog: pytest.LogCaptureFixture) -> None:
    """As with every client, and somebody is told."""
    found = snapshot_download("acme/victim", allow_patterns="*.gguf")

    assert found.endswith(f"/snapshots/{COMMIT}")
    assert "select none" in caplog.text
