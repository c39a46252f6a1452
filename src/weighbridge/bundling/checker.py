"""The script that goes along with every bundle: two modules of this package in one file."""

from __future__ import annotations

from importlib import resources

_FUTURE = "from __future__ import annotations\n"
_IMPORT = "from weighbridge.bundling.carriers import"
_BELOW = "# In a bundle, what follows stands below the text of the module imported from.\n"


def checker() -> bytes:
    """Return the script, which needs Python 3.8 and nothing of ours."""
    package = resources.files("weighbridge") / "bundling"
    reading, checking = ((package / name).read_text(encoding="utf-8") for name in ("carriers.py", "check.py"))
    head, _, rest = checking.partition(_FUTURE)
    imports, own = rest.partition(_IMPORT)[0], rest.partition(_BELOW)[2]
    return f"{head}{_FUTURE}{imports.rstrip()}{reading.partition(_FUTURE)[2]}{own}".encode()
