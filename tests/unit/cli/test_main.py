"""From arguments to an exit code: what click is told of each verb, and what it tells us."""

from __future__ import annotations

import inspect

import click
import pytest

from weighbridge.cli.knobbed import fetching_options
from weighbridge.cli.knobs import Knobs
from weighbridge.cli.main import app, run

READ_TOGETHER = [str(each.name) for each in fetching_options("--files")(click.Command("any")).params]


@pytest.mark.parametrize("verb", app.commands.values(), ids=app.commands)
def test_each_option_is_a_parameter_of_its_verb(verb: click.Command) -> None:
    """An option that nobody had tried would end in an internal error."""
    assert verb.callback is not None
    parameters = inspect.signature(verb.callback).parameters
    how = READ_TOGETHER if "how" in parameters else []

    assert {each.name for each in verb.params} == ({*parameters} - {"how"}) | {*how}


def test_options_about_how_to_fetch_are_all_read() -> None:
    """One of them would be taken and mean nothing."""
    Knobs.read(dict.fromkeys(READ_TOGETHER), is_offline=False)  # raises if it lacks one

    for name in READ_TOGETHER:
        with pytest.raises(KeyError, match=name):
            Knobs.read(dict.fromkeys(each for each in READ_TOGETHER if each != name), is_offline=False)


@pytest.mark.parametrize("verb", app.commands.values(), ids=app.commands)
def test_each_option_has_its_help(verb: click.Command) -> None:
    """A line of the help would be a name and nothing else."""
    assert [each.name for each in verb.params if isinstance(each, click.Option) and not each.help] == []


def test_interrupt_outside_of_a_download_is_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C while the command still starts would be reported as an error of ours."""

    def interrupt() -> dict[str, str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("weighbridge.cli.explain.read_sections", interrupt)

    assert (run(["explain"]), capsys.readouterr().err.strip()) == (130, "stopped by Ctrl-C")
