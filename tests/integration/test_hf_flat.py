"""The layout before 0.8: ``cached_download``, ``filename_to_url``, and the keywords that ask for it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.calls import names
from tests.support.fault_hub import FaultHub
from tests.support.faults import FlipByte, RetryAfter
from tests.support.hub.calls import COMMIT, NOTES, WEIGHTS
from tests.support.hub.home import home
from tests.support.hub_asking import put
from tests.support.hub_repos import Repo, blob_name
from weighbridge.compat.huggingface_hub import cached_download, filename_to_url, hf_hub_download, hf_hub_url
from weighbridge.compat.huggingface_hub.errors import LocalEntryNotFoundError, RemoteEntryNotFoundError
from weighbridge.core.errors import IntegrityError

__all__ = ["home"]

CONFIG = "config.json"
pytestmark = [pytest.mark.usefixtures("home"), pytest.mark.filterwarnings("ignore:'legacy_cache_layout'")]


def have(path: str = CONFIG, **more: Any) -> Path:
    """Have a file in the layout of old."""
    return Path(cached_download(hf_hub_url("acme/victim", path), legacy_cache_layout=True, **more))


def name_of(url: str, etag: str) -> str:
    """Return what 0.9.1 calls content: the digests of its URL and of its ETag, quotes and all."""
    return f"{hashlib.sha256(url.encode()).hexdigest()}.{hashlib.sha256(etag.encode()).hexdigest()}"


def test_file_and_its_note_have_the_names_of_old(repo: Repo, home: Path) -> None:
    """In the root of the cache, among the folders of repositories."""
    url, etag = hf_hub_url("acme/victim", CONFIG), f'"{blob_name(CONFIG, repo.main[CONFIG])}"'

    found = have()

    assert found == home / "hub" / name_of(url, etag)
    assert found.read_bytes() == repo.main[CONFIG]
    assert json.loads(found.with_name(f"{found.name}.json").read_text()) == {"url": url, "etag": etag}


@pytest.mark.parametrize("path", [CONFIG, WEIGHTS])
def test_second_call_costs_a_question(hub: FaultHub, path: str) -> None:
    """For a small file and for one from the CDN."""
    first = have(path)
    sent = hub.file_bytes

    assert have(path) == first
    assert hub.file_bytes == sent


def test_nobody_is_asked_where_only_local_files_count(hub: FaultHub) -> None:
    """What is here is found by its URL alone."""
    first = have()
    asked = len(hub.requests)

    assert have(local_files_only=True) == first
    with pytest.raises(LocalEntryNotFoundError):
        have(NOTES, local_files_only=True)
    assert len(hub.requests) == asked


def test_hub_that_can_not_answer_is_answered_for_by_what_is_here(hub: FaultHub) -> None:
    """As with the layout of today."""
    first = have()
    hub.on(fault=RetryAfter(10_000, 503))

    assert have() == first


def test_refusal_is_not_hidden() -> None:
    """A file that there isn't is no file that can't be reached."""
    with pytest.raises(RemoteEntryNotFoundError):
        have("nope.json")


def test_wrong_bytes_are_never_had(hub: FaultHub, repo: Repo, home: Path) -> None:
    """The ETag of a Hub tells what they must be; 0.9 looks at nothing."""
    hub.on(fault=FlipByte(3), method="GET")

    with pytest.raises(IntegrityError):
        have()

    assert [each for each in (home / "hub").iterdir() if each.is_file() and each.name != "CACHEDIR.TAG"] == []


def test_new_content_has_a_name_of_its_own(hub: FaultHub) -> None:
    """And the old one stays; the newer answers with nobody to ask."""
    put(hub, "/any/file.h5", b"old", ETag='"1"')
    url = f"{hub.origin}/any/file.h5"
    old = cached_download(url, legacy_cache_layout=True)
    put(hub, "/any/file.h5", b"newer", ETag='"2"')

    new = cached_download(url, legacy_cache_layout=True)

    assert (Path(old).read_bytes(), Path(new).read_bytes()) == (b"old", b"newer")
    assert old.endswith(".h5") and new.endswith(".h5")  # noqa: PT018 - the same of both
    assert cached_download(url, legacy_cache_layout=True, local_files_only=True) == new


def test_forced_download_fetches_what_is_here(hub: FaultHub, repo: Repo) -> None:
    """Whatever became of it."""
    have().write_bytes(b"edited")
    sent = hub.file_bytes

    found = have(force_download=True)

    assert found.read_bytes() == repo.main[CONFIG]
    assert hub.file_bytes == sent + len(repo.main[CONFIG])


def test_name_may_be_the_callers(repo: Repo, tmp_path: Path) -> None:
    """``force_filename``: that name, and no note beside it."""
    found = have(force_filename="mine.json", cache_dir=tmp_path / "old")

    assert found == tmp_path / "old" / "mine.json"
    assert found.read_bytes() == repo.main[CONFIG]
    assert not (tmp_path / "old" / "mine.json.json").exists()


def test_name_of_the_callers_asks_for_that_layout(repo: Repo, tmp_path: Path) -> None:
    """With a warning, as today's has no such thing."""
    with pytest.warns(FutureWarning, match="force_filename"):
        found = hf_hub_download("acme/victim", CONFIG, force_filename="mine.json", cache_dir=tmp_path / "old")

    assert found == str(tmp_path / "old" / "mine.json")
    assert Path(found).read_bytes() == repo.main[CONFIG]


@pytest.mark.parametrize("name", ["../mine", "/tmp/mine", "a/../../mine", "", "..", "mine\0"])
def test_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing is written but in the cache."""
    with pytest.raises(ValueError):  # noqa: PT011 - that it is one is all there is to say
        have(force_filename=name, cache_dir=tmp_path / "old")

    assert {*names(tmp_path / "old")} <= {"CACHEDIR.TAG"}
    assert {*names(tmp_path)} <= {"old", "old/CACHEDIR.TAG"}


def test_keyword_of_a_file_asks_for_the_same(home: Path) -> None:
    """``hf_hub_download(legacy_cache_layout=True)`` is the URL, and then ``cached_download``."""
    found = hf_hub_download("acme/victim", CONFIG, legacy_cache_layout=True)

    assert found == str(have())
    assert not (home / "hub" / "models--acme--victim").exists()


def test_tokens_and_headers_are_those_of_the_call(hub: FaultHub) -> None:
    """Under both names."""
    have(token="hf_a", library_name="evaluate", user_agent="x/1")
    with pytest.warns(FutureWarning, match="use_auth_token"):
        have(NOTES, use_auth_token="hf_b")

    told = [each.headers.get("authorization") for each in hub.requests]
    assert told == ["Bearer hf_a"] * 2 + ["Bearer hf_b"] * 2
    assert hub.requests[0].headers["user-agent"].startswith("evaluate/None; ")


def test_note_tells_where_a_file_came_from(repo: Repo) -> None:
    """``filename_to_url``: the way back."""
    found = have()

    url, etag = filename_to_url(found.name, legacy_cache_layout=True)

    assert (url, etag) == (hf_hub_url("acme/victim", CONFIG), f'"{blob_name(CONFIG, repo.main[CONFIG])}"')


def test_file_without_a_note_came_from_nowhere(tmp_path: Path) -> None:
    """An error by which it was caught before, too."""
    (tmp_path / "alone").write_bytes(b"content")

    with pytest.raises(OSError):  # noqa: PT011 - EnvironmentError, as it was
        filename_to_url("alone", tmp_path, True)


@pytest.mark.parametrize("call", ["cached_download", "filename_to_url"])
def test_functions_of_old_warn_unless_their_layout_is_named(recwarn: pytest.WarningsRecorder, call: str) -> None:
    """At the caller's line."""
    url, name = hf_hub_url("acme/victim", CONFIG), have().name

    _ = cached_download(url) if call == "cached_download" else filename_to_url(name)

    assert [(each.filename, each.category) for each in recwarn] == [(__file__, FutureWarning)]
    assert call in str(recwarn[0].message)


@pytest.mark.parametrize("more", [{"local_dir": "x"}, {"dry_run": True}], ids=repr)
def test_what_that_layout_never_knew_is_refused(hub: FaultHub, more: dict[str, Any]) -> None:
    """Before anything is sent."""
    with pytest.raises(ValueError, match=r"before 0\.8"):
        hf_hub_download("acme/victim", CONFIG, legacy_cache_layout=True, **more)

    assert hub.requests == []


def test_file_by_commit_is_another_one() -> None:
    """Its URL is."""
    by_branch, by_commit = (
        hf_hub_download("acme/victim", CONFIG, revision=revision, legacy_cache_layout=True)
        for revision in (None, COMMIT)
    )

    assert by_branch != by_commit
