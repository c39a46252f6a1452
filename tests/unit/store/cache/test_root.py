"""The root of a cache holds its tag and nothing else that others don't know."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge.core.errors import StoreError
from weighbridge.store.cache.layout import CacheFolder
from weighbridge.store.cache.root import prepare_folder, prepare_root


def test_root_is_tagged_for_backup_programs(tmp_path: Path) -> None:
    """A cache that can be fetched again need not be backed up."""
    root = tmp_path / "home" / "hub"

    prepare_root(root)
    prepare_root(root)

    tag = (root / "CACHEDIR.TAG").read_bytes()
    assert [each.name for each in root.iterdir()] == ["CACHEDIR.TAG"]
    assert tag.startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")
    assert len(tag) == 191


def test_tag_of_another_client_is_left_alone(tmp_path: Path) -> None:
    """It need not be word for word ours."""
    tag = tmp_path / "CACHEDIR.TAG"
    tag.write_text("Signature: 8a477f597d28d172789f06886806bc55\n# mine\n")

    prepare_root(tmp_path)

    assert "# mine" in tag.read_text()


def test_tag_that_a_power_loss_has_emptied_is_filled(tmp_path: Path) -> None:
    """An empty one says nothing to anybody, and would never be looked at again."""
    (tmp_path / "CACHEDIR.TAG").touch()

    prepare_root(tmp_path)

    assert (tmp_path / "CACHEDIR.TAG").stat().st_size == 191


def test_tag_is_not_written_through_a_link(tmp_path: Path) -> None:
    """It would end up in somebody's file, and the cache works without one."""
    victim = tmp_path / "victim"
    root = tmp_path / "hub"
    root.mkdir()
    (root / "CACHEDIR.TAG").symlink_to(victim)

    prepare_root(root)

    assert not victim.exists()


def test_root_that_can_t_be_is_a_typed_error(tmp_path: Path) -> None:
    """The words name the path."""
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="file/hub"):
        prepare_root(tmp_path / "file" / "hub")


def test_folder_has_snapshots_from_the_start(folder: CacheFolder) -> None:
    """Newer clients call a folder without them corrupted."""
    prepare_folder(folder)

    assert sorted(each.name for each in folder.path.iterdir()) == ["blobs", "snapshots"]
