"""``weighbridge bundle``: the real command says on which stream what it should, and exits with what it means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.bundles import locked
from tests.support.command import Command
from tests.support.hub.calls import COMMIT, WEIGHTS
from tests.support.hub_repos import Repo, blob_name, contents


@pytest.fixture
def command(repo: Repo, tmp_path: Path) -> Command:
    """The command of a user who has a cache and no network."""
    repo.write_cache(tmp_path / "home" / "hub")
    kept = {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": "http://127.0.0.1:9", "COLUMNS": "200"}
    return Command(tmp_path / "user", kept)


def test_paths_go_to_standard_output(command: Command, tmp_path: Path) -> None:
    """Of all that is to be carried; the summary is for people."""
    out = tmp_path / "b.tar"

    done = command.run("bundle", "create", out, "acme/victim", "--split", "150K")

    expected = [f"{out}.001", f"{out}.002", f"{out}.parts.json"]
    assert (done.code, done.out.splitlines()) == (0, expected)
    assert "verified git-sha1, sha256" in done.err


def test_whole_way_from_a_project_to_another_machine(command: Command, repo: Repo, tmp_path: Path) -> None:
    """Create, check, look, import, sync; nobody is asked for anything."""
    project = locked(repo, tmp_path / "project").parent
    there = ("--cache-dir", tmp_path / "there")

    made = command.run("bundle", "create", tmp_path / "b", "--project", project, "--quiet")
    checked = command.run("bundle", "check", tmp_path / "b")
    looked = command.run("bundle", "import", tmp_path / "b", *there, "--dry-run", "--quiet")
    taken = command.run("bundle", "import", tmp_path / "b", *there, "--project", project, "--quiet")

    snapshot = tmp_path / "there" / "models--acme--victim" / "snapshots" / COMMIT
    assert [each.code for each in (made, checked, looked, taken)] == [0, 0, 0, 0]
    assert (made.out, made.err) == (f"{tmp_path / 'b'}\n", "")
    assert f"{WEIGHTS}\t{len(repo.main[WEIGHTS])}" in looked.out
    assert (taken.out, taken.err) == (f"{snapshot}\n", "")
    assert contents(snapshot)[WEIGHTS] == repo.main[WEIGHTS]


def test_project_here_is_packed_if_nothing_is_named(command: Command, repo: Repo, tmp_path: Path) -> None:
    """As lock and sync are of the project here."""
    project = locked(repo, tmp_path / "project").parent

    done = command.run("bundle", "create", tmp_path / "b", "--quiet", cwd=project)

    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "b" / "weighbridge.lock").read_bytes() == (project / "weighbridge.lock").read_bytes()


def test_programs_are_told_in_json(command: Command, tmp_path: Path) -> None:
    """An event a line, the last of them the sum."""
    done = command.run("bundle", "create", tmp_path / "b", "acme/victim", "--json")
    command.run("bundle", "import", tmp_path / "b", "--cache-dir", tmp_path / "c", "--quiet")
    again = command.run("bundle", "import", tmp_path / "b", "--cache-dir", tmp_path / "c", "--json")

    assert (done.event("summary")["files"], done.event("planned")["linked"]) == (6, 6)
    assert again.event("planned")["present"] == 6
    assert again.event("summary")["bytes_fetched"] == 0


def test_damaged_bundle_has_the_exit_code_of_wrong_bytes(command: Command, repo: Repo, tmp_path: Path) -> None:
    """And the content is named, by both who look at it."""
    command.run("bundle", "create", tmp_path / "b", "acme/victim")
    name = f"contents/sha256-{blob_name(WEIGHTS, repo.main[WEIGHTS])}"
    (tmp_path / "b" / name).write_bytes(bytes(len(repo.main[WEIGHTS])))

    taken = command.run("bundle", "import", tmp_path / "b", "--cache-dir", tmp_path / "c")
    checked = command.run("bundle", "check", tmp_path / "b")

    assert (taken.code, checked.code) == (4, 1)
    assert name in taken.err
    assert f"damaged: {name}" in checked.out


REFUSED = {
    "two lock files": (("create", "x", "--lock", "a", "--project", "b"), 2),
    "nothing to pack": (("create", "x"), 2),
    "no size": (("create", "x", "acme/victim", "--split", "many"), 2),
    "no repository": (("create", "x", "../x"), 2),
    "not here": (("create", "x", "acme/other"), 3),
    "no lock file": (("create", "x", "--project", "nowhere"), 5),
    "no source": (("import",), 2),
    "no bundle": (("import", "nowhere"), 5),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_can_not_be_done_is_told(command: Command, kind: str) -> None:
    """In one sentence and an exit code."""
    arguments, code = REFUSED[kind]

    done = command.run("bundle", *arguments)

    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("error: ")


def test_errors_are_told_in_json(command: Command) -> None:
    """A program gets them where it reads."""
    done = command.run("bundle", "import", "nowhere", "--json")

    assert json.loads(done.out.splitlines()[0])["event"] == "error"
