"""Released clients, repositories to serve, and a mirror of them; made once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.hub_clients import RECIPES, HubClient, HubProcess, make_clients, started
from tests.support.hub_repos import MINILM, Served, awkward_model, minilm, small_repo
from tests.support.mirror_process import MirrorProcess

MAKING_S = 400  # the first test waits until all clients are installed, and a package index may be slow


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests here the time to install clients first."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(MAKING_S))


@pytest.fixture(scope="session")
def made() -> tuple[dict[str, HubClient], Path]:
    """All clients, and the real repository; installed side by side."""
    with ThreadPoolExecutor(1) as threads:
        model = threads.submit(minilm)
        return make_clients(RECIPES), model.result()


@pytest.fixture(scope="session")
def clients(made: tuple[dict[str, HubClient], Path]) -> dict[str, HubClient]:
    """All clients, by name."""
    return made[0]


@pytest.fixture(scope="session", params=list(RECIPES))
def client(clients: dict[str, HubClient], request: pytest.FixtureRequest) -> HubClient:
    """Each client in turn."""
    return clients[request.param]


@pytest.fixture(scope="session")
def newest(clients: dict[str, HubClient]) -> HubClient:
    """The newest client, which alone has the command ``hf cache verify``."""
    return clients["2.x"]


@pytest.fixture(scope="session")
def served(made: tuple[dict[str, HubClient], Path], tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Repositories of all kinds, in a cache and in folders."""
    root = tmp_path_factory.mktemp("served")
    found = Served(
        model=awkward_model(),
        dataset=small_repo("dataset", "acme/numbers"),
        space=small_repo("space", "acme/show"),
        folder=awkward_model("acme/folder"),
        folder_dataset=small_repo("dataset", "acme/folder"),
        folder_space=small_repo("space", "solo"),
        minilm=made[1],
        cache=root / "cache",
    )
    for repo in found.cached:
        repo.write_cache(found.cache)
    for repo in found.folders:
        repo.write_folder(root / repo.kind)
    return found


@pytest.fixture(scope="session")
def mirror(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MirrorProcess]:
    """A mirror of all of it."""
    folders = served.cache.parent
    names = {"model": "", "dataset": "datasets/", "space": "spaces/"}
    options = [f"{names[repo.kind]}{repo.name}={folders / repo.kind}" for repo in served.folders]
    options.append(f"{MINILM}={served.minilm}")
    arguments = ["--cache-dir", served.cache, *(each for option in options for each in ("--repo", option))]
    with MirrorProcess(tmp_path_factory.mktemp("mirror"), *arguments) as running:
        yield running


@pytest.fixture(scope="session")
def processes(
    clients: dict[str, HubClient], mirror: MirrorProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, HubProcess]]:
    """A process of each client that has the mirror as its hub."""
    with started(clients, mirror.endpoint, tmp_path_factory.mktemp("home")) as processes:
        yield processes


@pytest.fixture
def process(client: HubClient, processes: dict[str, HubProcess]) -> HubProcess:
    """The process of the client in turn."""
    return processes[client.name]
