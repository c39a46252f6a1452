"""A short run of all targets, always with the same input; ``make fuzz`` runs them for long with other input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import THOROUGH
from tests.fuzz.bounds import HangError, bounded
from tests.fuzz.hunting import Broken, try_examples
from tests.fuzz.registry import ALL
from tests.fuzz.shapes import json_like
from tests.fuzz.target import Check, Target
from tests.fuzz.targets import bundles, heads, journals, listings, notes, projects, servers, texts
from tests.fuzz.verdicts import SECRET, check_refusal
from tests.support.bundles import client_of
from weighbridge.cli.manifests import parse_manifest
from weighbridge.core.errors import WeighbridgeError
from weighbridge.core.lock_text import read_lock
from weighbridge.core.pieces import PieceManifest
from weighbridge.core.projects import read_project
from weighbridge.hub.listings import build_tree, parse_tree_page
from weighbridge.store.journal import encode, replay

pytestmark = pytest.mark.no_cover  # other tests reach the same lines, and each input would take twice as long


@pytest.mark.timeout(300)  # what is bounded, on however busy a machine, is the processor's time
@pytest.mark.parametrize("target", ALL.values(), ids=ALL)
def test_no_input_breaks(target: Target) -> None:
    """What others wrote ends in a value that is safe or in an error of ours, soon, with little memory."""
    for each in target.seeds:
        target.check(each)

    try_examples(target, target.examples * THOROUGH)


class TestSeeds:
    """Input that differs a little from what is right finds more than noise does, if the seeds are right."""

    def test_heads_are_believed(self) -> None:
        """Those that bring bytes, or say that there are none."""
        read = [each[:3] for each in heads.HEADS if heads.is_read(each)]

        assert read == [b"206", b"206", b"200", b"200", b"416", b"200", b"200"]

    def test_listing_has_files(self) -> None:
        """Folders are none."""
        assert len(build_tree(listings.COMMIT, parse_tree_page(listings.PAGE)).files) == 2

    def test_journal_is_read_to_its_end(self) -> None:
        """Its last record says that it is free."""
        state = replay(journals.WHOLE)

        assert state is not None
        assert state.is_released

    def test_projects_and_manifests_are_read(self) -> None:
        """All kinds of tables, all forms of manifests."""
        project = read_project(projects.PROJECT.decode(), "x")
        lock = read_lock(projects.LOCK.decode(), "x")

        assert (len(project.wishes), len(project.downloads)) == (2, 1)
        assert (len(lock.repositories), len(lock.downloads)) == (1, 1)
        assert [len(parse_manifest(each).entries) for each in texts.MANIFESTS] == [3, 2, 2]

    def test_pieces_are_believed(self) -> None:
        """A manifest that is refused whole shows nothing of how its parts are read."""
        assert PieceManifest.decode(ALL["piece-manifests"].seeds[0], notes.DIGEST) is not None

    def test_server_that_does_not_lie_is_believed(self) -> None:
        """Else every call would end in an error, whatever is sent."""
        assert not servers.is_refused(b"")
        assert servers.is_refused(b"\1\1HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    def test_bundle_is_taken_in(self, tmp_path: Path) -> None:
        """As it is, and put together anew as the targets do it."""
        for number, content in enumerate((bundles.packed(), bundles.rebuilt(bundles.manifest()))):
            archive = tmp_path / f"{number}.tar"
            archive.write_bytes(content)
            with client_of(tmp_path / f"{number}") as client:
                assert len(client.bundles.load(archive).snapshots) == 2


class TestThatFaultsAreFound:
    """A search that finds nothing in a broken reader would find nothing anywhere."""

    @staticmethod
    def broken_by(check: Check, document: object) -> Broken:
        target = Target(
            name="broken",
            check=check,
            seeds=(b"",),
            inputs=json_like(document),
        )
        with pytest.raises(Broken) as caught:
            try_examples(target, 200)
        return caught.value

    def test_error_that_is_not_ours_is_found(self) -> None:
        """A reader that believes a number to be one."""

        def check(data: bytes) -> None:
            try:
                found = json.loads(data)
            except (ValueError, RecursionError):
                return
            if isinstance(found, dict):
                int(found.get("limit", 0))

        assert "limit" in self.broken_by(check, notes.LIMIT).data.decode()

    def test_hang_is_found(self) -> None:
        """A reader that counts to the number it is told."""

        def spin() -> None:
            while True:
                pass

        with pytest.raises(HangError), bounded(cpu_s=0.05):
            spin()

    def test_memory_without_end_is_found(self) -> None:
        """A reader that makes room for what it is told will come."""
        with pytest.raises(MemoryError), bounded(memory=1 << 26):
            bytes(1 << 28)

    @pytest.mark.parametrize("message", [f"no {SECRET}", "x" * 100_000, "a\x1b[31m", "half \ud800"])
    def test_message_that_shows_too_much_is_found(self, message: str) -> None:
        """Messages are read by people, and kept in logs."""
        with pytest.raises(AssertionError):
            check_refusal(WeighbridgeError(message))


def test_record_that_says_nothing_ends_a_journal() -> None:
    """What follows it was never promised to anybody."""
    state = replay(journals.WHOLE + encode({"kind": "wrote", "start": 5}) + encode({"kind": "wrote", "start": 9}))

    assert state is not None
    assert state.is_released
