"""From arguments to an exit code: what click is told of each verb, and what it tells us."""

from __future__ import annotations

import inspect

import click
import pytest

from weighbridge.cli.main import app, run


@pytest.mark.parametrize("verb", app.commands.values(), ids=app.commands)
def test_each_option_is_a_parameter_of_its_verb(verb: click.Command) -> None:
    """An option that nobody had tried would end in an internal error."""
    assert verb.callback is not None

    assert [each.name for each in verb.params] == list(inspect.signature(verb.callback).parameters)


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
