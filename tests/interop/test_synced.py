"""What released clients make of a project that was synced on a machine that never asked for anything else."""

from __future__ import annotations

from pathlib import Path

from tests.support.hub.projecting import ProjectFolder
from tests.support.hub_clients import HubClient, started
from tests.support.hub_repos import Served, contents
from tests.support.mirror_process import MirrorProcess
from weighbridge.core.options import CacheOptions, HubOptions, Options

NOBODY = "http://127.0.0.1:9"


def test_synced_project_is_read_with_nobody_to_ask(
    clients: dict[str, HubClient], mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """By the names of its branch and its tag, which mean what was locked; that costs us no question."""
    name = served.model.name
    project = ProjectFolder(tmp_path / "project")
    project.write(f'[[repository]]\nid = "{name}"\ntag = "v1.0"\n', f'[[repository]]\nid = "{name}"\n')
    where = Options(hub=HubOptions(endpoint=mirror.endpoint), cache=CacheOptions(root=tmp_path / "hub"))
    project.lock(where)

    with mirror.recorded() as requests:
        project.sync(where, locked=True)
    with started(clients, NOBODY, tmp_path / "homes") as processes:
        found = {
            (each, revision): contents(
                process.call(
                    "snapshot_download",
                    repo_id=name,
                    revision=revision,
                    cache_dir=tmp_path / "hub",
                    local_files_only=True,
                )
            )
            for each, process in processes.items()
            for revision in ("main", "v1.0")
        }

    assert found == {(each, revision): served.model.at(revision) for each in clients for revision in ("main", "v1.0")}
    assert [each for each in requests if "/resolve/" not in each.path] == []


def test_newest_client_finds_nothing_odd_in_a_synced_cache(
    newest: HubClient, mirror: MirrorProcess, served: Served, tmp_path: Path
) -> None:
    """Pins and the like are ours, and none of its business."""
    project = ProjectFolder(tmp_path / "project")
    project.write(served.model.name)
    project.sync(Options(hub=HubOptions(endpoint=mirror.endpoint), cache=CacheOptions(root=tmp_path / "hub")))

    with newest.start(NOBODY, tmp_path / "home") as process:
        found = process.call("scan_cache_dir", cache_dir=tmp_path / "hub")

    assert (found["warnings"], served.model.name in found["repos"]) == ([], True)
