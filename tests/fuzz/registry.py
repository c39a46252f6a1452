"""All targets, by name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fuzz.target import Target
from tests.fuzz.targets import (
    bundles,
    disks,
    heads,
    journals,
    listings,
    mirrors,
    notes,
    projects,
    requests,
    servers,
    texts,
)

_MODULES = (heads, listings, journals, notes, texts, projects, requests, bundles, mirrors, servers, disks)

ALL: Mapping[str, Target] = {each.name: each for module in _MODULES for each in module.TARGETS}
