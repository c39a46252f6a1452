"""``hf_hub_download``: every keyword of 0.9 and of 2.x does what it has always meant."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.calls import names
from tests.support.fault_hub import FaultHub
from tests.support.fault_server import FaultServer
from tests.support.faults import StallBeforeHeaders
from tests.support.hub.addresses import file_path
from tests.support.hub.calls import COMMIT, EARLIER, NOTES, WEIGHTS
from tests.support.hub.home import home
from tests.support.hub_asking import put
from tests.support.hub_repos import Repo, blob_name, small_repo
from weighbridge.compat.huggingface_hub import DryRunFileInfo, hf_hub_download
from weighbridge.compat.huggingface_hub.errors import LocalEntryNotFoundError, LocalTokenNotFoundError

__all__ = ["home"]

CONFIG = "config.json"
pytestmark = pytest.mark.usefixtures("home")


class Named(str):
    """A revision as newer clients resolve it: its text is what was asked for."""

    __slots__ = ("resolved",)


class Bar:
    """What is made instead of a bar of tqdm's."""

    made: list[Bar]

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments
        self.shown = 0.0
        self.is_closed = False
        self.made.append(self)

    def update(self, n: float) -> None:
        self.shown += n

    def close(self) -> None:
        self.is_closed = True


def have(**more: Any) -> bytes:
    """Return what is at the path that a call for the small file returns."""
    return Path(hf_hub_download("acme/victim", CONFIG, **more)).read_bytes()


def test_path_of_the_pointer_is_returned(repo: Repo, home: Path) -> None:
    """As text, by two positional arguments."""
    found = hf_hub_download("acme/victim", NOTES)

    assert found == str(home / "hub" / "models--acme--victim" / "snapshots" / COMMIT / NOTES)
    assert Path(found).read_bytes() == repo.main[NOTES]


@pytest.mark.parametrize(
    ("subfolder", "filename"), [("notes", "README.md"), ("notes/", "README.md"), ("", NOTES), (None, NOTES)]
)
def test_subfolder_comes_before_the_name(repo: Repo, subfolder: str | None, filename: str) -> None:
    """``""`` is none, as in newer versions."""
    found = hf_hub_download("acme/victim", filename, subfolder=subfolder)

    assert found.endswith(f"/{COMMIT}/{NOTES}")


@pytest.mark.parametrize("kind", ["dataset", "space"])
def test_type_of_a_repository_is_part_of_its_address(hub: FaultHub, home: Path, kind: str) -> None:
    """And of its folder's name."""
    other = small_repo(kind, "acme/victim")
    hub.serve(other)

    found = hf_hub_download("acme/victim", "data/nested/notes.txt", repo_type=kind)

    assert found.startswith(str(home / "hub" / f"{kind}s--acme--victim" / "snapshots"))
    assert Path(found).read_bytes() == other.main["data/nested/notes.txt"]


@pytest.mark.parametrize("revision", ["v1.0", EARLIER])
def test_revision_is_a_name_or_a_commit(repo: Repo, revision: str) -> None:
    """A tag, and what it means."""
    assert have(revision=revision) == repo.at("v1.0")[CONFIG]


def test_revision_that_was_resolved_before_is_not_asked_for(repo: Repo, hub: FaultHub) -> None:
    """Newer clients hand out texts that remember their commit."""
    revision = Named("main")
    revision.resolved = EARLIER

    found = have(revision=revision)

    assert found == repo.at(EARLIER)[CONFIG]
    assert {each.path for each in hub.requests} == {file_path(repo, CONFIG, EARLIER)}


@pytest.mark.parametrize(
    ("arguments", "agent"),
    [
        ({}, "weighbridge/"),
        ({"library_name": "transformers", "library_version": "5.1"}, "transformers/5.1; "),
        ({"library_name": "transformers"}, "transformers/None; "),
    ],
)
def test_calling_library_is_named_first(hub: FaultHub, arguments: Mapping[str, str], agent: str) -> None:
    """The Hub counts downloads by it."""
    have(**arguments)

    assert all(each.headers["user-agent"].startswith(agent) for each in hub.requests)


@pytest.mark.parametrize(
    ("given", "told"), [({"job": 7, "pipeline": "eval"}, "job/7; pipeline/eval"), ("run 12", "run 12")]
)
def test_user_agent_is_text_or_a_mapping(hub: FaultHub, given: Any, told: str) -> None:
    """Put at the end."""
    have(user_agent=given)

    assert all(told in each.headers["user-agent"] for each in hub.requests)


@pytest.mark.parametrize("kind", [str, Path])
def test_cache_may_be_elsewhere(home: Path, tmp_path: Path, kind: type) -> None:
    """A text or a path; the usual one stays empty."""
    found = hf_hub_download("acme/victim", CONFIG, cache_dir=kind(tmp_path / "other"))

    assert found.startswith(f"{tmp_path}/other/models--acme--victim/snapshots/")
    assert names(home) == []


def test_home_in_a_path_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~`` is nobody's directory."""
    monkeypatch.chdir(tmp_path)

    found = hf_hub_download("acme/victim", CONFIG, cache_dir="~/models")

    assert found.startswith(f"{tmp_path}/user/models/models--acme--victim/")


def test_folder_gets_a_plain_file(repo: Repo, home: Path, tmp_path: Path) -> None:
    """Where it lies in the repository; the cache is not filled."""
    found = hf_hub_download("acme/victim", NOTES, local_dir=tmp_path / "local")

    assert found == str(tmp_path / "local" / NOTES)
    assert not Path(found).is_symlink()
    assert Path(found).read_bytes() == repo.main[NOTES]
    assert not (home / "hub").exists()


@pytest.mark.parametrize("revision", ["main", COMMIT])
def test_forced_download_fetches_what_is_here(hub: FaultHub, repo: Repo, revision: str) -> None:
    """By commit as well, which 0.9 forgot."""
    place = Path(hf_hub_download("acme/victim", CONFIG))
    sent = hub.file_bytes
    place.resolve().write_bytes(b"edited")

    found = have(revision=revision, force_download=True)

    assert found == repo.main[CONFIG]
    assert hub.file_bytes == sent + len(repo.main[CONFIG])


@pytest.mark.parametrize("how", ["argument", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_nothing_is_sent_where_only_local_files_count(
    hub: FaultHub, repo: Repo, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """What is here is had, what is not is an error."""
    hf_hub_download("acme/victim", CONFIG)
    asked = len(hub.requests)
    arguments = {"local_files_only": True} if how == "argument" else {}
    if how != "argument":
        monkeypatch.setenv(how, "yes")

    found = have(**arguments)

    assert found == repo.main[CONFIG]
    with pytest.raises(LocalEntryNotFoundError):
        hf_hub_download("acme/victim", NOTES, **arguments)
    assert len(hub.requests) == asked


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"token": "hf_given"}, {"Bearer hf_given"}),
        ({"token": True}, {"Bearer hf_own"}),
        ({"token": False}, {None}),
        ({"token": None}, {"Bearer hf_own"}),
        ({}, {"Bearer hf_own"}),
    ],
)
def test_token_is_the_given_one_or_this_users(
    hub: FaultHub, monkeypatch: pytest.MonkeyPatch, arguments: Mapping[str, Any], told: set[str | None]
) -> None:
    """A text, True, False, or None: whoever is logged in."""
    monkeypatch.setenv("HF_TOKEN", "hf_own")

    have(**arguments)

    assert {each.headers.get("authorization") for each in hub.requests} == told


@pytest.mark.parametrize("given", ["hf_given", True, False])
def test_old_name_of_the_token_means_the_same(
    hub: FaultHub, monkeypatch: pytest.MonkeyPatch, given: str | bool
) -> None:
    """With a warning."""
    monkeypatch.setenv("HUGGING_FACE_HUB_TOKEN", "hf_own")

    with pytest.warns(FutureWarning, match="use_auth_token"):
        have(use_auth_token=given)

    told = {"hf_given": "Bearer hf_given", True: "Bearer hf_own", False: None}[given]
    assert {each.headers.get("authorization") for each in hub.requests} == {told}


def test_token_that_is_demanded_must_be_there(hub: FaultHub) -> None:
    """And nobody is asked without it."""
    with pytest.raises(LocalTokenNotFoundError, match="HF_TOKEN"):
        have(token=True)

    assert hub.requests == []


def test_token_may_be_kept_back(hub: FaultHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """``HF_HUB_DISABLE_IMPLICIT_TOKEN``: only who asks for it sends it."""
    monkeypatch.setenv("HF_TOKEN", "hf_own")
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")

    have()
    implicit = {each.headers.get("authorization") for each in hub.requests}
    have(token=True)

    assert implicit == {None}
    assert hub.requests[-1].headers["authorization"] == "Bearer hf_own"


def test_headers_win_over_ours(hub: FaultHub) -> None:
    """Those for the user agent and for the login, too."""
    have(token="hf_x", headers={"X-Team": "7", "User-Agent": "me/1", "Authorization": "Basic eDp5"})

    asked = [
        (each.headers["x-team"], each.headers["user-agent"], each.headers["authorization"]) for each in hub.requests
    ]
    assert set(asked) == {("7", "me/1", "Basic eDp5")}


@pytest.mark.parametrize("slash", ["", "/"])
def test_endpoint_replaces_the_environments(
    hub: FaultHub, repo: Repo, monkeypatch: pytest.MonkeyPatch, slash: str
) -> None:
    """With or without a slash at its end."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    assert have(endpoint=hub.origin + slash) == repo.main[CONFIG]


def test_proxies_are_used_for_all_requests(repo: Repo) -> None:
    """For what is told of the file, and for its bytes."""
    told = {"ETag": f'"{blob_name(CONFIG, repo.main[CONFIG])}"', "X-Repo-Commit": COMMIT}
    with FaultServer() as proxy:
        put(proxy, "/acme/victim/resolve/main/config.json", repo.main[CONFIG], **told)
        put(proxy, file_path(repo, CONFIG), repo.main[CONFIG], **told)

        with pytest.warns(FutureWarning, match="proxies"):
            found = have(endpoint="http://hub.example", proxies={"http": proxy.origin})

    assert found == repo.main[CONFIG]
    assert [each.method for each in proxy.requests] == ["HEAD", "GET"]
    assert all(each.target.startswith("http://hub.example/") for each in proxy.requests)


def test_wait_for_what_is_told_of_a_file_has_a_limit(hub: FaultHub, repo: Repo) -> None:
    """Then what is here answers."""
    have()
    hub.on(fault=StallBeforeHeaders(), method="HEAD")

    assert have(etag_timeout=0.05) == repo.main[CONFIG]


def test_limit_of_the_environment_wins(hub: FaultHub, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """It always did."""
    have()
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "0.05")
    hub.on(fault=StallBeforeHeaders(), method="HEAD")

    assert have(etag_timeout=10_000) == repo.main[CONFIG]


@pytest.mark.parametrize("given", [True, False])
def test_downloads_go_on_where_they_ended_whatever_is_asked_for(repo: Repo, given: bool) -> None:
    """``resume_download`` is accepted."""
    with pytest.warns(FutureWarning, match="resume_download"):
        found = have(resume_download=given)

    assert found == repo.main[CONFIG]


@pytest.mark.parametrize("given", [True, False])
def test_files_in_a_folder_are_plain_whatever_is_asked_for(tmp_path: Path, given: bool) -> None:
    """``local_dir_use_symlinks`` is accepted."""
    with pytest.warns(FutureWarning, match="local_dir_use_symlinks"):
        found = hf_hub_download("acme/victim", CONFIG, local_dir=tmp_path / "local", local_dir_use_symlinks=given)

    assert not Path(found).is_symlink()


def test_bar_is_made_by_the_callers_class(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts verified bytes up to the size, and is closed."""
    monkeypatch.setattr(Bar, "made", [], raising=False)

    hf_hub_download("acme/victim", WEIGHTS, tqdm_class=Bar)

    (bar,) = Bar.made
    assert (bar.arguments["total"], bar.shown, bar.is_closed) == (len(repo.main[WEIGHTS]),) * 2 + (True,)


def test_dry_run_tells_and_does_nothing(repo: Repo, home: Path) -> None:
    """Not a directory is made, nor a ref."""
    told = hf_hub_download("acme/victim", WEIGHTS, dry_run=True)

    assert told == DryRunFileInfo(
        commit_hash=COMMIT,
        file_size=len(repo.main[WEIGHTS]),
        filename=WEIGHTS,
        local_path=str(home / "hub" / "models--acme--victim" / "snapshots" / COMMIT / WEIGHTS),
        is_cached=False,
        will_download=True,
    )
    assert names(home) == []


def test_dry_run_knows_what_is_here(hub: FaultHub) -> None:
    """In the cache, and for a folder that would be filled from it."""
    hf_hub_download("acme/victim", WEIGHTS)

    told = hf_hub_download("acme/victim", WEIGHTS, dry_run=True)
    forced = hf_hub_download("acme/victim", WEIGHTS, dry_run=True, force_download=True)

    assert (told.is_cached, told.will_download) == (True, False)
    assert forced.will_download


def test_threads_may_call_at_once(hub: FaultHub, repo: Repo) -> None:
    """As loaders of data do: one transfer, and all have the file."""
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(have())) for _ in range(8)]

    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert found == [repo.main[CONFIG]] * 8
    assert hub.tally.get == 1


@pytest.mark.parametrize(
    "keyword",
    ["proxies", "resume_download", "force_filename", "legacy_cache_layout", "use_auth_token", "local_dir_use_symlinks"],
)
def test_warning_names_the_callers_line(keyword: str) -> None:
    """Not one of ours, which nobody could change."""
    given = {"proxies": {"https": "http://127.0.0.1:9"}, "force_filename": "c", "use_auth_token": False}
    with pytest.warns(FutureWarning, match=keyword) as caught:
        have(**{keyword: given.get(keyword, True)})

    assert {(each.filename, each.category) for each in caught} == {(__file__, FutureWarning)}


def test_call_without_old_keywords_warns_of_nothing(recwarn: pytest.WarningsRecorder) -> None:
    """Their defaults are no use of them."""
    have(proxies=None, use_auth_token=None, force_filename=None, legacy_cache_layout=False, resume_download=None)

    assert len(recwarn) == 0


def test_environment_is_read_at_the_call(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when the library was imported: a program may set it first."""
    monkeypatch.setenv("HF_HUB_CACHE", str(home / "elsewhere"))

    assert hf_hub_download("acme/victim", CONFIG).startswith(f"{home}/elsewhere/models--acme--victim/")
