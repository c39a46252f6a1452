"""A file system that takes no notice of case is recognised, and the look at it disturbs nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.fault_hub import FaultHub
from tests.support.hub_repos import Repo
from tests.support.shims import Shims
from weighbridge.core.repos import RepoId
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.root import prepare_folder

REPO = Repo(kind="model", name="acme/names", commits={"a" * 40: {"A": b"1", "a": b"2"}}, refs={"main": "a" * 40})
WORK = """
import sys
from pathlib import Path
from weighbridge.client import Client
from weighbridge.core.errors import StoreError
from weighbridge.core.options import CacheOptions, HubOptions, Options
options = Options(hub=HubOptions(endpoint=sys.argv[1]), cache=CacheOptions(root=Path(sys.argv[2])))
with Client(options) as client:
    try:
        client.snapshot("acme/names")
    except StoreError as error:
        sys.exit(3 if "can't both be" in str(error) else 4)
"""


def test_look_at_the_file_system_leaves_the_snapshots_alone(tmp_path: Path, shims: Shims) -> None:
    """Anything there but a commit makes other clients, which may be looking just now, drop the whole repository."""
    folder = CacheFolder(tmp_path / "hub", RepoId.parse(REPO.name))
    prepare_folder(folder)
    before = folder.snapshots.stat().st_mtime_ns

    with FaultHub(REPO) as hub:
        command = [sys.executable, "-c", WORK, hub.origin, str(folder.root)]
        environment = {**os.environ, **shims.without_case(folder.root)}
        done = subprocess.run(command, env=environment, check=False, timeout=30)

    assert done.returncode == 3
    assert folder.snapshots.stat().st_mtime_ns == before
