"""``weighbridge lock`` and ``weighbridge sync`` as people and scripts use them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import Command
from tests.support.fault_hub import FaultHub
from tests.support.faults import FlipByte
from tests.support.hub.calls import COMMIT, EARLIER, WEIGHTS
from tests.support.hub.projecting import ProjectFolder
from tests.support.hub_repos import Repo, contents


@pytest.fixture
def project(repo: Repo, tmp_path: Path) -> ProjectFolder:
    made = ProjectFolder(tmp_path / "project")
    made.write(repo.name, f'[[repository]]\nid = "{repo.name}"\ninclude = ["*.json"]\ndirectory = "conf"\n')
    return made


@pytest.fixture
def command(hub: FaultHub, tmp_path: Path) -> Command:
    home = tmp_path / "home"
    return Command(home, {"HF_ENDPOINT": hub.origin, "HF_HOME": str(home / "hf"), "HF_HUB_CACHE": str(home / "hub")})


@pytest.fixture
def snapshot(command: Command) -> Path:
    """Where the snapshot is to be."""
    return command.home / "hub/models--acme--victim/snapshots" / COMMIT


def test_lock_tells_what_has_changed(hub: FaultHub, repo: Repo, project: ProjectFolder, command: Command) -> None:
    """On standard output, for a message of a commit; nothing if nothing has."""
    first = command.run("lock", "--project", project.path)
    second = command.run("lock", "--project", project.path)
    hub.move(repo, "main", EARLIER)
    third = command.run("lock", "--upgrade", repo.name, "--project", project.path)

    assert [each.code for each in (first, second, third)] == [0, 0, 0]
    assert (len(first.out.splitlines()), second.out) == (2, "")
    assert first.err.splitlines()[-1].startswith(f"{project.lock_file}: written; 7 files, ")
    assert "up to date" in second.err
    assert third.out.splitlines()[0] == "model acme/victim at main: c0ffee0 -> decade0, 2 files changed, -20 B"


def test_lock_tells_programs_everything(project: ProjectFolder, command: Command) -> None:
    """One object, whether something has changed or not."""
    planned = command.run("lock", "--project", project.path, "--dry-run", "--json")
    locked = command.run("lock", "--project", project.path, "--json")

    assert (json.loads(planned.out)["written"], json.loads(locked.out)["written"]) == (False, True)
    repositories = json.loads(locked.out)["repositories"]
    assert [(each["id"], each["commit"], each["directory"], each["files"]) for each in repositories] == [
        ("acme/victim", COMMIT, None, 6),
        ("acme/victim", COMMIT, "conf", 1),
    ]


def test_quiet_lock_writes_nothing(project: ProjectFolder, command: Command) -> None:
    """A cron job would send mail each night."""
    outcome = command.run("lock", "--project", project.path, "-q")

    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert project.lock_file.exists()


def test_check_is_told_by_its_exit_code(repo: Repo, project: ProjectFolder, command: Command) -> None:
    """CI reads nothing else; the error tells people what has changed."""
    absent = command.run("lock", "--check", "--project", project.path)
    command.run("lock", "--project", project.path)
    good = command.run("lock", "--check", "--project", project.path, "-q")
    project.write(repo.name)
    changed = command.run("lock", "--check", "--project", project.path, "--json")

    assert (absent.code, good.code, good.out, changed.code) == (2, 0, "", 2)
    error = changed.event("error")
    assert (error["type"], len(error["facts"]["changes"])) == ("LockOutdatedError", 1)


@pytest.mark.parametrize("arguments", [["acme/victim"], ["--check", "--upgrade"], ["--upgrade", "acme/victmi"]])
def test_arguments_that_contradict_each_other_are_refused(
    project: ProjectFolder, command: Command, arguments: list[str]
) -> None:
    """One of them would mean nothing."""
    outcome = command.run("lock", *arguments, "--project", project.path)

    assert (outcome.code, outcome.err.startswith("error: "), project.lock_file.exists()) == (2, True, False)


def test_sync_writes_the_paths(repo: Repo, project: ProjectFolder, command: Command, snapshot: Path) -> None:
    """``$(weighbridge sync -q)`` is what a script wants."""
    outcome = command.run("sync", "--project", project.path, "-q")

    assert (outcome.code, outcome.out, outcome.err) == (0, f"{snapshot}\n{project.path}/conf\n", "")
    assert contents(snapshot) == repo.main
    assert (project.path / "conf/config.json").read_bytes() == repo.main["config.json"]


def test_sync_tells_people_what_it_has_locked(project: ProjectFolder, command: Command) -> None:
    """The file that they keep has changed."""
    outcome = command.run("sync", "--project", project.path)

    assert outcome.code == 0
    assert "locked model acme/victim at main: c0ffee0, 6 files" in outcome.err


def test_sync_tells_programs_which_path_is_whose(project: ProjectFolder, command: Command, snapshot: Path) -> None:
    """A list of paths alone does not tell."""
    outcome = command.run("sync", "--project", project.path, "--json")

    assert [(each["id"], each["commit"], each["path"]) for each in outcome.event("synced")["repositories"]] == [
        ("acme/victim", COMMIT, str(snapshot)),
        ("acme/victim", COMMIT, f"{project.path}/conf"),
    ]
    assert (outcome.event("summary")["files"], outcome.event("summary")["exit_code"]) == (7, 0)


def test_sync_of_other_bytes_is_4(hub: FaultHub, repo: Repo, project: ProjectFolder, command: Command) -> None:
    """Both sides are told, to people and to programs."""
    command.run("lock", "--project", project.path)
    hub.cdn.on(path=hub.cdn_path(repo, WEIGHTS), fault=FlipByte(5))

    outcome = command.run("sync", "--locked", "--project", project.path, "--json")

    error = outcome.event("error")
    assert (outcome.code, error["type"], error["facts"]["name"]) == (4, "LockMismatchError", WEIGHTS)
    assert error["facts"]["expected"] in project.lock_file.read_text()
    assert error["facts"]["actual"] not in project.lock_file.read_text()


def test_sync_offline_is_7_until_all_is_here(project: ProjectFolder, command: Command) -> None:
    """A job on a cluster asks first."""
    command.run("lock", "--project", project.path)

    before = command.run("sync", "--locked", "--offline", "--project", project.path)
    command.run("sync", "--project", project.path)
    after = command.run("sync", "--locked", "--offline", "--project", project.path)

    assert (before.code, after.code) == (7, 0)
    assert WEIGHTS in before.err


def test_sync_without_doing_it_tells_what_it_would_do(project: ProjectFolder, command: Command) -> None:
    """Sizes, before a gigabyte comes."""
    outcome = command.run("sync", "--dry-run", "--project", project.path)

    assert outcome.code == 0
    assert WEIGHTS in outcome.out
    assert [each.exists() for each in (project.lock_file, command.home / "hub")] == [False, False]


def test_slip_in_the_project_is_2_with_its_line(project: ProjectFolder, command: Command) -> None:
    """An editor jumps there."""
    project.write('[[repository]]\nid = "acme/victim"\nrevison = "x"\n')

    outcome = command.run("sync", "--project", project.path)

    assert outcome.code == 2
    assert outcome.err.startswith(f"error: {project.path}/weighbridge.toml, line 1: ")
    assert "did you mean 'revision'?" in outcome.err
