"""Which exit code and which words each kind of failure gets."""

from __future__ import annotations

import json
from collections.abc import Callable

import click
import pytest

from tallyp2p.cli.errors import Session, told
from tallyp2p.errors import FailureError, LocalError, SettingsError


def raising(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (SettingsError("say less"), 2, "Error: say less\n"),
        (FailureError("the port is busy"), 1, "Error: the port is busy\n"),
        (
            SettingsError("it said: \x1b[2J\x9b\ud800\nand more"),
            2,
            "Error: it said: ?[2J??\nand more\n",
        ),
        (click.UsageError("no such thing"), 2, "Error: no such thing\n"),
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
    ],
)
def test_exit_code_and_sentence(
    error: BaseException, code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(raising(error), Session()) == code
    assert capsys.readouterr().err == sentence


def test_wrong_option_is_one_sentence_that_says_where_to_look(
    capsys: pytest.CaptureFixture[str],
) -> None:
    where = click.Context(click.Command("swarm"), info_name="tallyp2p swarm")
    assert told(raising(click.UsageError("no option -x.", where)), Session()) == 2
    assert capsys.readouterr().err == "Error: no option -x.  (tallyp2p swarm --help explains)\n"


def test_who_asked_for_json_gets_an_object_where_nothing_was_begun(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A program that reads the output would else see an empty text."""
    programs = Session(as_json=True)
    for error in (click.UsageError("say less"), SettingsError("say less")):
        assert told(raising(error), programs) == 2
        assert json.loads(capsys.readouterr().out) == {"error": "say less", "exit_code": 2}
    assert told(raising(FailureError("a peer failed")), programs) == 1
    assert capsys.readouterr().out == ""  # the summary stands there already


def test_own_bug_says_so_and_how_to_see_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(raising(LocalError("oops")), Session()) == 1
    said = capsys.readouterr().err
    assert "fault of tallyp2p" in said
    assert "LocalError: oops" in said
    assert "-vv" in said
    assert said.count("\n") == 1


def test_success_is_0_and_a_number_is_kept() -> None:
    assert told(lambda: None, Session()) == 0
    assert told(lambda: 130, Session()) == 130
