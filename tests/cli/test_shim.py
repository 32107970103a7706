"""`tallyp2p shim`: one line in, one line out, and nothing in the help."""

from __future__ import annotations

import json

from click.testing import CliRunner

from tallyp2p.cli.errors import Session
from tallyp2p.cli.main import cli


def test_it_answers_lines() -> None:
    asked = {"case": "x", "kind": "bits", "input": {"labels": [3], "bits": 4}}
    result = CliRunner().invoke(cli, ["shim"], json.dumps(asked), obj=Session())
    assert json.loads(result.stdout) == {"case": "x", "result": {"packed": "30"}}


def test_the_help_does_not_name_it() -> None:
    assert "shim" not in CliRunner().invoke(cli, ["--help"], obj=Session()).stdout
