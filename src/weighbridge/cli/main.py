"""The command ``weighbridge``: takes it from the arguments to an exit code, without a traceback."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from weighbridge.cli.explain import explain
from weighbridge.cli.get import EPILOG, get
from weighbridge.version import __version__

_USAGE = 2
_EPILOG = """
Examples:

\b
  weighbridge get https://host/model.safetensors --digest sha256:5f7c…
  weighbridge get https://host/models/v3/ --manifest SHA256SUMS -o models

All options and exit codes: weighbridge get --help
"""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"]+")

app = typer.Typer(
    name="weighbridge",
    help="Get model files onto this machine: fast, resumable, and never wrong.",
    epilog=_EPILOG,
    rich_markup_mode=None,  # half of the time that --help would take
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command(epilog=EPILOG)(get)
app.command()(explain)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"weighbridge {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error was raised.")] = False,
) -> None:
    del version, debug  # done with, and read by main, to have it even where this is not reached


def main() -> None:
    """Run the command with the arguments of this process, and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code; errors are told on standard error."""
    command = typer.main.get_command(app)
    try:
        code = command.main(list(arguments) or ["--help"], prog_name="weighbridge", standalone_mode=False)
    except typer.TyperException as error:
        return _tell_usage(error)
    except BaseException as error:
        if isinstance(error, SystemExit):  # completion scripts end so
            raise
        return _tell(error, is_debug="--debug" in arguments)
    return code if isinstance(code, int) else 0


def _tell_usage(error: typer.TyperException) -> int:
    """Tell what is wrong with the arguments; a URL among them is shown without its query."""
    from weighbridge.cli.output import say
    from weighbridge.core.urls import redact

    text = _URL.sub(lambda url: redact(url[0]), error.format_message())
    context = getattr(error, "ctx", None)
    say(f"error: {' '.join(text.split())}", f"help: {getattr(context, 'command_path', 'weighbridge')} --help")
    return _USAGE


def _tell(error: BaseException, *, is_debug: bool) -> int:
    from weighbridge.cli.failures import exit_code_of, lines_of, trace_of
    from weighbridge.cli.output import say

    say(*lines_of(error))
    if is_debug:
        say(*trace_of(error))
    return exit_code_of(error)
