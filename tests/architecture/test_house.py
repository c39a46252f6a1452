"""The rules of the house that no linter knows: sizes, docstrings, names, and pages that match the code."""

import ast
import re
from importlib import resources
from pathlib import Path

import pytest

import weighbridge

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "weighbridge"
DECISIONS = ROOT / "docs" / "adr"
API_PAGE = ROOT / "docs" / "api.md"

MODULE_LINES_MAX = 400
HOMELESS_NAMES = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}

MODULES = {str(path.relative_to(SOURCE)): path for path in sorted(SOURCE.rglob("*.py"))}


def test_the_source_tree_is_found() -> None:
    """Without it every other test here would pass by looking at nothing."""
    assert "__init__.py" in MODULES


@pytest.mark.parametrize("module", MODULES)
def test_module_is_short_enough_to_read(module: str) -> None:
    """A module that can't be read in one sitting has two jobs."""
    lines = MODULES[module].read_text(encoding="utf-8").count("\n")

    assert lines <= MODULE_LINES_MAX


@pytest.mark.parametrize("module", MODULES)
def test_module_says_its_job(module: str) -> None:
    """A reader learns what a module is for from its first line."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))

    assert ast.get_docstring(tree)


@pytest.mark.parametrize("module", MODULES)
def test_module_is_named_after_what_it_does(module: str) -> None:
    """A function without a home has not been understood yet."""
    names = set(Path(module).with_suffix("").parts)

    assert names.isdisjoint(HOMELESS_NAMES)


def test_public_names_are_the_documented_ones() -> None:
    """The lines of docs/api.md that start with "- `name`" list what may be relied upon, no more, no less."""
    documented = re.findall(r"^- `(\w+)`", API_PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(documented) == sorted(weighbridge.__all__)


def test_public_names_exist() -> None:
    """A name that is promised can be imported, however late it is loaded."""
    missing = [name for name in weighbridge.__all__ if not hasattr(weighbridge, name)]

    assert missing == []


@pytest.mark.parametrize("name", ["py.typed", "help/errors.md"])
def test_package_data_is_installed(name: str) -> None:
    """Types and help come with the package that users install, not only with the source tree."""
    assert resources.files(weighbridge).joinpath(name).is_file()


def test_index_lists_every_decision() -> None:
    """A decision nobody can find is taken again, differently."""
    indexed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (DECISIONS / "README.md").read_text(encoding="utf-8"))

    assert indexed == sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
