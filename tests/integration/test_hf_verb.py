"""``weighbridge download``: the real command asks a Hub, and says on which stream what it should."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.calls import names
from tests.support.command import Command, Outcome, wait_for
from tests.support.disks import on_small_disk
from tests.support.fault_hub import FaultHub
from tests.support.hub.calls import COMMIT, EARLIER, NOTES, WEIGHTS, unfinished, victim
from tests.support.hub.lies import GATED, REPO_NOT_FOUND
from tests.support.hub_repos import Repo, contents, small_repo

CONFIG = "config.json"
SECRET = "hf_of_the_tests"


@pytest.fixture
def command(hub: FaultHub, tmp_path: Path) -> Command:
    """The command of a user whose Hub it is, and who has nothing yet."""
    kept = {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.origin, "COLUMNS": "200"}
    return Command(tmp_path / "user", kept)


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Where the snapshot is to be."""
    return tmp_path / "home" / "hub" / "models--acme--victim" / "snapshots" / COMMIT


def test_path_of_the_snapshot_goes_to_standard_output(command: Command, snapshot: Path, repo: Repo) -> None:
    """Alone; the summary is for people."""
    done = command.run("download", "acme/victim", "--no-durable")

    assert (done.code, done.out) == (0, f"{snapshot}\n")
    assert contents(snapshot) == repo.main
    assert "6 files" in done.err
    assert "verified git-sha1, sha256" in done.err


def test_path_of_the_only_file_goes_to_standard_output(command: Command, snapshot: Path) -> None:
    """So that it can be put into another command's line."""
    done = command.run("download", "acme/victim", NOTES, "--quiet")

    assert (done.code, done.out, done.err) == (0, f"{snapshot / NOTES}\n", "")
    assert names(snapshot) == ["notes", NOTES]


def test_several_files_are_a_snapshot(command: Command, snapshot: Path) -> None:
    """Of these files alone."""
    done = command.run("download", "acme/victim", NOTES, CONFIG, "--quiet")

    assert (done.code, done.out) == (0, f"{snapshot}\n")
    assert sorted(contents(snapshot)) == [CONFIG, NOTES]


@pytest.mark.parametrize(
    ("arguments", "selected"),
    [
        (["--include", "*.json", "--include", "notes/*"], [CONFIG, NOTES]),
        (["--exclude", "*.safetensors", "--exclude", "*.onnx", "--exclude", "*.txt"], [CONFIG, NOTES]),
        (["notes/", CONFIG], [CONFIG, NOTES]),
    ],
    ids=" ".join,
)
def test_files_are_selected_as_with_the_other_command(
    command: Command, arguments: list[str], selected: list[str]
) -> None:
    """Globs over whole paths, and folders by a slash at their end."""
    done = command.run("download", "acme/victim", *arguments, "--dry-run", "--json")

    (plan,) = done.events
    assert (done.code, [each["name"] for each in plan["files"]]) == (0, selected)


@pytest.mark.parametrize(
    ("line", "kind", "revision"),
    [
        ("acme/victim --revision v1.0", "model", "v1.0"),
        ("hf://acme/victim@v1.0", "model", "v1.0"),
        ("hf://datasets/acme/victim", "dataset", "main"),
        ("acme/victim --type space", "space", "main"),
    ],
)
def test_repository_is_told_by_options_or_by_one_address(
    command: Command, several: dict[str, Repo], line: str, kind: str, revision: str
) -> None:
    """As with the other command."""
    done = command.run("download", *line.split(), "--quiet", "--no-durable")

    assert done.code == 0, done.err
    assert contents(done.out.strip()) == several[kind].at(revision)


@pytest.fixture
def several(hub: FaultHub, repo: Repo) -> dict[str, Repo]:
    """One of each kind, all of the same name."""
    found = {"model": repo} | {kind: small_repo(kind, repo.name) for kind in ("dataset", "space")}
    for each in found.values():
        hub.serve(each)
    return found


def test_address_may_name_a_file(command: Command, repo: Repo) -> None:
    """Behind the revision."""
    done = command.run("download", f"hf://acme/victim@{EARLIER}/{NOTES}", "--quiet")

    assert done.out.endswith(f"/snapshots/{EARLIER}/{NOTES}\n")
    assert Path(done.out.strip()).read_bytes() == repo.at(EARLIER)[NOTES]


@pytest.mark.parametrize(
    "arguments",
    [
        ["acme/victim", CONFIG, "--include", "*"],
        ["hf://acme/victim@main", "--revision", "v1.0"],
        ["acme/victim", "--local-dir", "x", "--cache-dir", "y"],
        ["acme/victim", "../x"],
        ["acme/victim", "--endpoint", "ftp://hub.example"],
        ["acme/victim", "--token", "@/nowhere/at/all"],
    ],
    ids=" ".join,
)
def test_what_does_not_fit_together_is_refused(command: Command, hub: FaultHub, arguments: list[str]) -> None:
    """With the exit code for a wrong command line, before anything is sent."""
    done = command.run("download", *arguments)

    assert (done.code, done.out) == (2, "")
    assert hub.requests == []


def test_folder_gets_plain_files(command: Command, repo: Repo, tmp_path: Path) -> None:
    """And its path goes to standard output."""
    done = command.run("download", "acme/victim", "--local-dir", tmp_path / "local", "--no-durable")

    held = {path: held for path, held in contents(tmp_path / "local").items() if not path.startswith(".cache/")}
    assert (done.code, done.out) == (0, f"{tmp_path / 'local'}\n")
    assert held == repo.main


def test_cache_may_be_elsewhere(command: Command, tmp_path: Path) -> None:
    """With this user's own left alone."""
    done = command.run("download", "acme/victim", CONFIG, "--cache-dir", tmp_path / "other", "-q")

    assert done.out.startswith(f"{tmp_path}/other/models--acme--victim/")
    assert not (tmp_path / "home").exists()


def test_dry_run_tells_and_does_nothing(command: Command, tmp_path: Path) -> None:
    """The sum for people, each file for programs; not a directory is made."""
    done = command.run("download", "acme/victim", "--dry-run")

    assert done.code == 0
    assert "6 files" in done.err
    assert "6 to be fetched" in done.err
    assert [line.split()[0] for line in done.out.splitlines()] == sorted(
        [NOTES, CONFIG, "empty.txt", "onnx/model.onnx", "vocab.txt", WEIGHTS]
    )
    assert names(tmp_path / "home") == []


def test_dry_run_for_scripts_names_what_would_be_fetched(command: Command) -> None:
    """A path and a size in bytes a line; nothing at all once everything is here."""
    before = command.run("download", "acme/victim", CONFIG, "--dry-run", "--quiet")
    command.run("download", "acme/victim", CONFIG)
    after = command.run("download", "acme/victim", CONFIG, "--dry-run", "--quiet")

    assert (before.out, after.out, after.err) == (f"{CONFIG}\t23\n", "", "")


def test_events_are_written_for_programs(command: Command, snapshot: Path, repo: Repo) -> None:
    """One JSON object a line: the plan first, a summary last, and no byte counted that was not fetched."""
    done = command.run("download", "acme/victim", "--json", "--no-durable")

    events, size = done.events, sum(map(len, repo.main.values()))
    finished = {each["name"]: each["digest"] for each in events if each["event"] == "finished"}
    assert done.code == 0
    assert (events[0]["event"], events[0]["files"], events[0]["size"]) == ("planned", 6, size)
    assert (events[-1]["event"], events[-1]["path"], events[-1]["bytes_fetched"]) == ("summary", str(snapshot), size)
    assert set(finished) == set(repo.main)
    assert all(finished.values())


def test_second_run_costs_one_request(command: Command, hub: FaultHub) -> None:
    """And says that all is here."""
    command.run("download", "acme/victim", "--no-durable")
    asked = len(hub.requests) + len(hub.cdn.requests)

    done = command.run("download", "acme/victim")

    assert len(hub.requests) + len(hub.cdn.requests) == asked + 1
    assert "6 already there" in done.err


def test_forced_download_fetches_what_is_here(command: Command, hub: FaultHub) -> None:
    """All of it."""
    command.run("download", "acme/victim", CONFIG)
    sent = hub.file_bytes

    command.run("download", "acme/victim", CONFIG, "--force-download")

    assert hub.file_bytes == 2 * sent


def test_offline_it_tells_whether_all_is_here(command: Command, hub: FaultHub, snapshot: Path) -> None:
    """By its exit code; the network is left alone."""
    nothing = command.run("download", "acme/victim", "--offline")
    command.run("download", "acme/victim", "--include", "*.json")
    asked = len(hub.requests)
    part = command.run("download", "acme/victim", "--offline")
    wanted = command.run("download", "acme/victim", CONFIG, "--offline", "--quiet")

    assert (nothing.code, part.code, wanted.code) == (7, 7, 0)
    assert wanted.out == f"{snapshot / CONFIG}\n"
    assert len(hub.requests) == asked


@pytest.mark.parametrize(("fault", "words"), [(GATED, "acme/victim"), (REPO_NOT_FOUND, "acme/victim")])
def test_refusal_has_an_exit_code_and_words(command: Command, hub: FaultHub, fault: object, words: str) -> None:
    """And a page that explains it."""
    hub.on(fault=fault)  # type: ignore[arg-type]

    done = command.run("download", "acme/victim")

    assert (done.code, done.out) == (3, "")
    assert words in done.err
    assert "help: weighbridge explain " in done.err


def test_wrong_name_of_a_file_is_told_with_the_one_that_is_meant(command: Command) -> None:
    """As the listing is known."""
    done = command.run("download", "acme/victim", "confg.json", NOTES)

    assert done.code == 3
    assert f"did you mean {CONFIG}" in done.err


def test_wrong_name_beside_a_folder_is_told_before_the_folder_is_fetched(command: Command, hub: FaultHub) -> None:
    """As without a folder; it must not be taken for a pattern that selects nothing."""
    done = command.run("download", "acme/victim", "onnx/", "confg.json")

    assert (done.code, done.out) == (3, "")
    assert f"did you mean {CONFIG}" in done.err
    assert hub.file_bytes == 0


@pytest.mark.parametrize("more", [[], ["--dry-run"]], ids=["run", "dry run"])
@pytest.mark.parametrize(
    "selection", [["nowhere/"], ["onnx/", "nowhere/"], ["--include", "*.gguf"], ["--exclude", "*"]], ids=" ".join
)
def test_selection_of_nothing_is_an_error(command: Command, selection: list[str], more: list[str]) -> None:
    """The path that is printed otherwise would not even exist."""
    done = command.run("download", "acme/victim", *selection, *more)

    assert (done.code, done.out) == (3, "")
    assert "help: weighbridge explain EntryNotFoundError" in done.err


def test_names_and_folders_are_had_together_for_the_usual_requests(
    command: Command, hub: FaultHub, snapshot: Path
) -> None:
    """One for the commit, one for the listing, one for each file; each file is told once."""
    done = command.run("download", "acme/victim", "notes/", CONFIG, NOTES, "--json")

    paths = [each.target for each in hub.requests]
    assert sorted(contents(snapshot)) == [CONFIG, NOTES]
    assert len([each for each in paths if "/api/" in each]) == 2, paths
    assert (done.code, done.event("summary")["files"], done.event("summary")["path"]) == (0, 2, str(snapshot))


@pytest.mark.parametrize("given", ["option", "file", "environment"])
def test_token_is_sent_and_never_shown(command: Command, hub: FaultHub, tmp_path: Path, given: str) -> None:
    """From the command line, from a file, from the environment; not even when the Hub refuses it."""
    (tmp_path / "token").write_text(f"{SECRET}\n")
    arguments = {"option": ["--token", SECRET], "file": ["--token", f"@{tmp_path / 'token'}"], "environment": []}
    told = Command(command.home, {**command.extra, **({"HF_TOKEN": SECRET} if given == "environment" else {})})
    hub.admit_only("hf_another")

    done = told.run("download", "acme/victim", *arguments[given], "--debug")

    assert {each.headers["authorization"] for each in hub.requests} == {f"Bearer {SECRET}"}
    assert done.code == 3
    assert SECRET not in done.out + done.err


def test_endpoint_may_be_another(command: Command, hub: FaultHub) -> None:
    """Whatever the environment says."""
    told = Command(command.home, {**command.extra, "HF_ENDPOINT": "http://127.0.0.1:9"})

    assert told.run("download", "acme/victim", CONFIG, "--endpoint", f"{hub.origin}/").code == 0


def test_interrupted_run_goes_on(command: Command, hub: FaultHub, snapshot: Path) -> None:
    """Ctrl-C, then the same command again: what arrived is not fetched twice, and nothing is left."""
    # one connection: what several have under way when the signal comes may be of no use yet
    arguments = ["download", "acme/victim", "--no-durable", "--json", "--connections", "1"]
    repo = victim(4_000_000)
    hub.serve(repo)
    half = len(repo.main[WEIGHTS]) // 2
    with hub.cdn.gate(hub.cdn_path(repo, WEIGHTS), after=half) as gate:
        running = command.start(*arguments)
        gate.wait_reached()
        running.send_signal(2)
        stopped = wait_for(running)
    again = command.run(*arguments)

    summary, weights = again.event("summary"), len(repo.main[WEIGHTS])
    assert (stopped.code, again.code) == (130, 0)
    assert 0 < summary["bytes_resumed"] <= half
    assert summary["bytes_fetched"] < weights
    assert contents(snapshot) == repo.main
    assert unfinished(snapshot.parents[1]) == []


def test_what_can_not_fit_is_refused_before_the_first_byte(command: Command, hub: FaultHub, tmp_path: Path) -> None:
    """With both numbers, and the exit code for a full disk."""
    place = tmp_path / "small"
    place.mkdir()
    line = command.line("download", "acme/victim", "--cache-dir", place, "--json")

    done = run_there(command, [*on_small_disk(place, 65_536), *line])

    error = done.event("error")
    assert done.code == 6
    assert error["type"] == "DiskFullError"
    assert error["facts"]["needed"] > error["facts"]["free"] > 0
    assert hub.file_bytes == 0


def run_there(command: Command, line: list[str]) -> Outcome:
    """Run a command line with the command's environment; the listing that the disk adds is left out."""
    done = subprocess.run(line, capture_output=True, env=command.environment, timeout=30, check=False, text=True)
    out = "".join(each for each in done.stdout.splitlines(keepends=True) if not each.startswith('{"listing"'))
    return Outcome(done.returncode, out, done.stderr)
