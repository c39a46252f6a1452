"""The command ``weighbridge``: takes it from the arguments to an exit code, without a traceback."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

import click

from weighbridge.cli.bundle import bundle
from weighbridge.cli.cache.group import cache
from weighbridge.cli.download import download
from weighbridge.cli.explain import explain
from weighbridge.cli.get import get
from weighbridge.cli.lock import lock
from weighbridge.cli.options import debug_option
from weighbridge.cli.serve import serve
from weighbridge.cli.sync import sync
from weighbridge.cli.verbs import Verbs
from weighbridge.version import __version__

_USAGE = 2
_EPILOG = """
Examples:

\b
  weighbridge download org/name
  weighbridge get https://host/model.safetensors --digest sha256:5f7c…
  weighbridge get https://host/models/v3/ --manifest SHA256SUMS -o models
  weighbridge serve --repo acme/demo=./model

All options and exit codes: weighbridge get --help
"""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+?(?=['\").]*(\s|$))")  # what follows is the sentence's


@click.group(
    cls=Verbs,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="%(prog)s %(version)s", help="Show the version and exit.")
@debug_option
def app(*, debug: bool) -> None:
    """Get model files onto this machine: fast, resumable, and never wrong."""
    del debug  # run reads it, to have it even where this is not reached


app.add_command(download)
app.add_command(get)
app.add_command(cache)
app.add_command(lock)
app.add_command(sync)
app.add_command(bundle)
app.add_command(serve)
app.add_command(explain)


def main() -> None:
    """Run the command with the arguments of this process, and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code; errors are told on standard error."""
    try:
        code = app.main(list(arguments) or ["--help"], prog_name="weighbridge", standalone_mode=False)
    except click.ClickException as error:
        return _tell_usage(error)
    except click.Abort as error:  # click's word for a Ctrl-C that came before the verb waited for one
        return _tell(error.__cause__ or error.__context__ or error, is_debug="--debug" in arguments)
    except BaseException as error:
        if isinstance(error, SystemExit):  # completion scripts end so
            raise
        return _tell(error, is_debug="--debug" in arguments)
    return code if isinstance(code, int) else 0


def _tell_usage(error: click.ClickException) -> int:
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
