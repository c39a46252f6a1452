"""Makes calls into whichever huggingface_hub it runs beside, as it is told on standard input; a script, not a module.

A line in is a call, a line out its result.  It runs alone in that client's environment, so it imports nothing of ours.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any


def main() -> None:
    """Answer each line of standard input with a line."""
    # whatever the library prints goes to standard error, so that nothing gets between the answers
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        library = importlib.import_module("huggingface_hub")
        answers.write(json.dumps({"result": library.__version__}) + "\n")
        answers.flush()
        for line in sys.stdin:
            answers.write(json.dumps(_answer(library, json.loads(line)), default=_plain) + "\n")
            answers.flush()


def _answer(library: Any, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        result = _find(library, asked["call"])(**asked["arguments"])
        return {"result": list(result) if hasattr(result, "__next__") else result}
    except Exception as error:  # noqa: BLE001 - which one it is is what the test wants to know
        response = getattr(error, "response", None)
        return {
            "error": {
                "kinds": [each.__name__ for each in type(error).__mro__],
                "message": str(error),
                "status": getattr(response, "status_code", None),
            }
        }


def _find(library: Any, name: str) -> Any:
    """Return a function of the library, or a method of its client for the JSON interface."""
    return getattr(library, name, None) or getattr(library.HfApi(), name)


def _plain(value: Any) -> Any:
    """Return what JSON can hold of a result."""
    return vars(value) if hasattr(value, "__dict__") else str(value)


if __name__ == "__main__":
    main()
